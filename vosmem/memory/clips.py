"""Training clips: which frames, which window, mirrored or not, and an object that stops.

LVO, section 4: random crops and flips, the same for the whole clip; in a share of the clips the first or last five
frames are made to stand still, "so that the memory learns objects that stop".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STOPPED = 5  # frames that stand still in a stop-and-go clip, at most half of the clip


@dataclass(frozen=True)
class Clip:
    """A training clip. ``frames``: (n) indices, repeated where the object stands still; ``still``: (n) bool, there;
    ``without``: the stream that it is shown without, ``appearance`` or ``motion``, or none.
    """

    sequence: int
    frames: np.ndarray
    still: np.ndarray
    window: tuple[slice, slice]
    flip: bool
    without: str = ""


def choose(
    rng: np.random.Generator,
    lengths: Sequence[int],
    shapes: Sequence[tuple[int, int]],
    clip_length: int,
    clip_stride: int,
    crop: tuple[int, int] | None,
    flip: bool,
    stop_and_go: float,
    annotated: Sequence[np.ndarray] | None = None,
    stream_dropout: float = 0.0,
    shots: Sequence[Sequence[range]] | None = None,
) -> Clip:
    """Choose one clip at random.

    ``lengths``, ``shapes``: frames and (h, w) cells of each sequence; ``clip_length``: frames of a clip, neighbours are
    1 .. ``clip_stride`` frames apart; ``crop``: (h, w) cells or None for whole frames; ``stop_and_go``: share of clips
    with an object that stops; ``annotated``: (T) bool of each sequence, true somewhere: a clip then shows at least one
    frame that is; ``stream_dropout``: share of clips without appearance, or without motion; ``shots``: the frames of
    each of a sequence's, across which no clip reaches. Sequences are equally likely, however long, the shots of one by
    their length.
    """
    # All numbers are drawn whether needed or not, so that one setting does not change the clips of another.
    sequence = int(rng.integers(len(lengths)))
    u = rng.random(7)
    within = range(lengths[sequence])
    shown = np.ones(len(within), bool) if annotated is None else annotated[sequence]
    if shots is not None and len(shots[sequence]) > 1:
        within = _shot(rng.spawn(1)[0], [s for s in shots[sequence] if shown[s.start : s.stop].any()])
    shown = shown[within.start : within.stop]
    length = len(within)
    n = min(clip_length, length)
    step = min(1 + int(u[6] * clip_stride), max(1, (length - 1) // max(1, n - 1)))
    position, still = np.arange(n), np.zeros(n, bool)
    stopped = min(STOPPED, n // 2)
    if u[1] < stop_and_go:
        if u[2] < 0.5:
            position, still[:stopped] = np.maximum(position, stopped), True
        else:
            position, still[n - stopped :] = np.minimum(position, n - 1 - stopped), True
    starts = np.arange(length - (n - 1) * step)
    while not (showing := shown[starts[:, None] + step * position].any(axis=1)).any():
        if still.any():  # what stands still is repeated in the place of the annotated frame
            position, still = np.arange(n), np.zeros(n, bool)
        else:  # so few masks, so far apart: frames nearer to each other
            step -= 1
            starts = np.arange(length - (n - 1) * step)
    starts = starts[showing]
    start = within.start + int(starts[int(u[0] * len(starts))])
    h, w = shapes[sequence]
    ch, cw = (min(c, s) for c, s in zip(crop or (h, w), (h, w), strict=True))
    top, left = int(u[3] * (h - ch + 1)), int(u[4] * (w - cw + 1))
    window = slice(top, top + ch), slice(left, left + cw)
    dropped = rng.spawn(1)[0].random()  # of a generator of its own: with more numbers of the first, clips would change
    without = "" if dropped >= stream_dropout else ("appearance", "motion")[dropped < stream_dropout / 2]
    return Clip(sequence, start + step * position, still, window, bool(flip and u[5] < 0.5), without)


def _shot(rng: np.random.Generator, shots: Sequence[range]) -> range:
    """One of the shots, each as likely as it is long."""
    lengths = np.array([len(shot) for shot in shots])
    return shots[int(rng.choice(len(shots), p=lengths / lengths.sum()))]

"""The failure gallery: the worst frame of each of the worst sequences, and what is wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vosmem.report import frames
from vosmem.report.collect import Report
from vosmem.report.shown import Shown

MOST = 12
FAULTLESS = 0.9  # a frame of that J or more is no failure
SEVERAL = 2.0  # missed and false pixels are told apart where one is so many times the other


@dataclass(frozen=True)
class Failure:
    """A frame: ``t`` its index; ``missed``: share of the object, ``false``: share of the mask, 0..1, at the shown size,
    None where there is no object or no mask; ``kind``: which is the matter, in words.
    """

    sequence: str
    frame: str
    t: int
    J: float
    missed: float | None
    false: float | None
    kind: str


def failures(report: Report, shown: Sequence[Shown]) -> list[Failure]:
    """The lowest first, by J of the model and method whose masks are shown; none where frames have no J."""
    worst = []
    for one in shown:
        scores = one.clip["scores"].get(report.method, {}).get("J", [])
        known = [(J, t) for t, J in enumerate(scores) if J is not None]
        if known and one.clip["frames"] and min(known)[0] < FAULTLESS:
            worst.append((*min(known), one.name))
    return [_failure(report, name, t, J) for J, t, name in sorted(worst)[:MOST]]


def _failure(report: Report, name: str, t: int, J: float) -> Failure:
    sequence = report.sequences[name]
    shape = frames.shown_size(sequence.size)
    mask, truth = (
        frames.small_mask(path, shape) if path is not None and path.is_file() else np.zeros(shape, bool)  # (h, w)
        for path in (report.masks(name) / f"{sequence.frame_names[t]}.png", sequence.mask_paths[t])
    )
    missed, false = (truth & ~mask).sum(), (mask & ~truth).sum()
    return Failure(
        name, sequence.frame_names[t], t, J,
        missed / truth.sum() if truth.any() else None,
        false / mask.sum() if mask.any() else None,
        kind(int((mask & truth).sum()), int(missed), int(false)),
    )  # fmt: skip


def kind(hit: int, missed: int, false: int) -> str:
    """What is wrong with a mask, by its pixels: those that are right, missed, and false."""
    if not hit + false:
        return "nothing found" if missed else "rightly empty"
    if not hit:
        return "something else found" if missed else "found where nothing is"
    if missed > SEVERAL * false:
        return "too little"
    return "too much" if false > SEVERAL * missed else "too little here, too much there"

"""Frames to flow file: ``/forward`` and ``/backward``, (T, 2, h, w) each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vosmem import cache, video, weights
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.flow import STAGE_VERSION
from vosmem.grid import Grid


class Estimator(Protocol):
    """A method for the flow between two frames of a clip.

    ``scale``: its frames' size relative to the working frame; ``parameters``: all that its result depends on, for the
    file to tell.
    """

    scale: float
    parameters: Mapping[str, Any]

    def prepare(self, frame: np.ndarray) -> Any:
        """All that is computed of a frame by itself, (h, w, 3) uint8 BGR; once a frame."""

    def __call__(self, first: Any, second: Any, both: bool) -> np.ndarray:
        """Prepared frames -> the flow first to second and, if ``both``, back: (2 or 1, 2, h, w) float32.

        u right, v down, in pixels of the frames given.
        """


@dataclass(frozen=True)
class Method:
    """A row of the registry: how to make the estimator from the config's section `flow`, its weight file and a device
    (a ``torch.device``; None without weights); whether it has weights."""

    make: Callable[[Mapping[str, Any], Path | None, Any], Estimator]
    learned: bool = False


def _dis(settings: Mapping[str, Any], path: Path | None, device: Any) -> Estimator:
    from vosmem.flow.dis import DIS

    return DIS(settings["preset"])


def _raft(settings: Mapping[str, Any], path: Path | None, device: Any) -> Estimator:
    from vosmem.flow.network import Frames

    if path is None:
        raise UserError("flow.estimator: raft needs a weight file; set flow.weights")
    return Frames(path, settings["iterations"], settings["scale"], settings["precision"], device)


METHODS = {
    "dis": Method(_dis),
    "raft": Method(_raft, learned=True),
}


def fields(frames: Iterable[np.ndarray], estimate: Estimator, backward: bool) -> Iterator[tuple[np.ndarray, ...]]:
    """The flow of a clip, for each of T frames (forward, backward) or (forward,), (2, h, w) each.

    Forward is t -> t+1, backward t -> t-1. The last frame has no successor and the first no predecessor: there, the
    other direction stands in, since what moves by itself does so in either. A single frame is compared with itself.
    Two frames are held at a time.
    """
    before = previous = None  # the frames t-2 and t-1, prepared
    back = None  # t-1 -> t-2
    for frame in frames:
        now = estimate.prepare(frame)
        if previous is not None:
            pair = estimate(previous, now, backward)  # t-1 -> t and back
            yield (pair[0], pair[0] if back is None else back) if backward else (pair[0],)
            back = pair[1] if backward else None
        before, previous = previous, now
    if previous is None:
        return
    if back is None:
        back = estimate(previous, previous if before is None else before, False)[0]
    yield (back, back) if backward else (back,)


def run(
    description: Path, out: Path, name: str, settings: Mapping[str, Any], path: Path | None = None, device: Any = None
) -> int:
    """Compute the flow of one sequence by method ``name`` and write it to ``out``. Returns the number of frames.

    ``path``, ``device``: weight file and ``torch.device``, of methods that have weights.
    """
    sequence = describe.read(description)
    method, backward = METHODS[name], bool(settings["backward"])
    estimate = method.make(settings, path, device)
    working = sequence.working_size
    height, width = size = tuple(max(1, round(n * estimate.scale)) for n in working)
    to_working = np.array([working[1] / width, working[0] / height], np.float32)[:, None, None]  # of u and v
    ends = {"forward": {"last_row": "T-1 -> T-2"}, "backward": {"first_row": "0 -> 1"}}
    directions = list(ends)[: 1 + backward]
    told = {**estimate.parameters, **{k: v for d in directions for k, v in ends[d].items()}}
    sha256 = weights.sha256(path) if method.learned else ""
    with cache.write(out, sequence.clip, cache.Maker("flow", STAGE_VERSION, name, told, sha256)) as file:
        for direction in directions:
            file.create(direction, (2, *size), Grid.of_image(size, working))
        for shot in sequence.clip.shots:
            frames = video.frames(sequence.frame_paths[shot.start : shot.stop], size)
            for rows in fields(frames, estimate, backward):
                for direction, field in zip(directions, rows, strict=True):
                    file.append(direction, (field * to_working)[None])
    return len(sequence.frames)

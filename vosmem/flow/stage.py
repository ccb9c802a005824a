"""Frames to flow file: ``/forward`` (T, 2, H, W)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vosmem import cache, video
from vosmem.data import describe
from vosmem.flow import STAGE_VERSION
from vosmem.grid import Grid

Estimator = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _dis(settings: Mapping[str, Any]) -> Estimator:
    from vosmem.flow.dis import DIS

    return DIS(settings["preset"])


# name -> how to make the estimator from the config's section `flow`, and which of its keys the estimator uses
ESTIMATORS: dict[str, tuple[Callable[[Mapping[str, Any]], Estimator], tuple[str, ...]]] = {"dis": (_dis, ("preset",))}


def fields(frames: list[np.ndarray] | Iterator[np.ndarray], estimate: Estimator) -> Iterator[np.ndarray]:
    """The flow of a clip: T fields (2, H, W) for T frames; t -> t+1, and last T-1 -> T-2.

    The last frame has no successor; its motion back to its predecessor shows the same moving things. A single frame
    is compared with itself.
    """
    before = previous = None
    for frame in frames:
        if previous is not None:
            yield estimate(previous, frame)
        before, previous = previous, frame
    if previous is not None:
        yield estimate(previous, previous if before is None else before)


def run(description: Path, out: Path, estimator: str, settings: Mapping[str, Any]) -> int:
    """Compute the flow of one sequence and write it to ``out``. Returns the number of frames."""
    sequence = describe.read(description)
    make, keys = ESTIMATORS[estimator]
    size = sequence.working_size
    maker = cache.Maker("flow", STAGE_VERSION, estimator, {k: settings[k] for k in keys} | {"last_row": "T-1 -> T-2"})
    frames = (video.resize(video.read_frame(p), size) for p in sequence.frame_paths)
    with cache.write(out, sequence.clip, maker) as file:
        file.create("forward", (2, *size), Grid.of_image(size, size))
        for field in fields(frames, make(settings)):
            file.append("forward", field[None])
    return len(sequence.frames)

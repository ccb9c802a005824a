"""A video's frames, one after the other, to images at working size: all that the stages look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosmem import cache, video
from vosmem.data.shots import Detector
from vosmem.errors import UserError


@dataclass(frozen=True)
class Extracted:
    """The frames of a video in ``folder``, and what was seen on the way.

    ``names``: their files (T); ``size``: the video's (H, W); ``times``: when each is shown, in seconds (T), empty where
    that is not known; ``starts``: the first frame of each shot, 0 first.
    """

    folder: Path
    names: tuple[str, ...]
    size: tuple[int, int]
    working_size: tuple[int, int]
    times: tuple[float, ...]
    starts: tuple[int, ...]

    @property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        return cache.shots(self.starts, len(self.names))


def extract(
    frames: Iterable[tuple[float | None, np.ndarray]], folder: Path, short_side: int, cuts: bool = True
) -> Extracted:
    """Write frames to ``folder`` as 00000.png and so on, at working size. One frame is held at a time.

    ``frames``: (seconds or None, (H, W, 3) uint8 BGR), all of one size; ``cuts``: look for shots, else all is one.
    Raises UserError where there are none, or not of one size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = working_size = None
    names, times, detector = [], [], Detector()
    for time, frame in frames:
        if size is None:
            size = (int(frame.shape[0]), int(frame.shape[1]))
            working_size = video.working_size(size, short_side)
        elif frame.shape[:2] != size:
            got, expected = (f"{w}x{h}" for h, w in (frame.shape[:2], size))
            raise UserError(f"frame {len(names)}: {got} pixels, the first has {expected}; bring all to one size")
        names.append(f"{len(names):05d}.png")
        small = video.resize(frame, working_size)
        video.write_frame(folder / names[-1], small)
        if time is not None:
            times.append(float(time))
        if cuts:
            detector.add(small)
    if size is None or working_size is None:
        raise UserError("the video holds no frames; give one that has some")
    starts = detector.starts() if cuts else [0]
    return Extracted(folder, tuple(names), size, working_size, tuple(times), tuple(starts))

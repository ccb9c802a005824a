"""What `vosmem segment` is given: video files, folders of a video's images, and folders of either."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vosmem.data import files
from vosmem.errors import UserError
from vosmem.pipeline.output import recorded

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Input:
    """One video: a file, or a folder with ``images``, in order; ``broken``: why its images cannot be listed."""

    path: Path
    images: tuple[Path, ...] = ()
    broken: str = ""

    @property
    def name(self) -> str:
        """Of the folder of its results, where there are several videos."""
        # that of `.` and `..` too, but of a link its own
        return os.path.basename(os.path.abspath(self.path)) if self.images or self.broken else self.path.stem

    def check(self) -> None:
        """Raise UserError where its images cannot be listed, or two would have one mask."""
        if self.broken:
            raise UserError(self.broken)
        for same in files.namesakes(self.images):
            both = " and ".join(p.name for p in same)
            raise UserError(f"{self.path}: {both} would both have the mask {same[0].stem}.png; rename one")

    def length(self) -> int | None:
        """About how many frames it has, None where that cannot be told before they are read."""
        from vosmem import videofile

        return len(self.images) or videofile.length(self.path)

    def frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """(seconds, (H, W, 3) uint8 BGR) each. Raises UserError where they cannot be read, or differ in size."""
        from vosmem import videofile

        return self._read() if self.images else videofile.read(self.path)

    def names(self, count: int) -> list[str]:
        """Of its ``count`` masks, without suffix: those of its images, or numbers."""
        digits = max(5, len(str(count - 1)))
        return [p.stem for p in self.images] or [f"{t:0{digits}d}" for t in range(count)]

    def _read(self) -> Iterator[tuple[float, np.ndarray]]:
        from vosmem import video, videofile

        size = None
        for t, path in enumerate(self.images):
            frame = video.read_frame(path)
            size = size or frame.shape[:2]
            if frame.shape[:2] != size:
                got, expected = (f"{w}x{h}" for h, w in (frame.shape[:2], size))
                raise UserError(
                    f"{path}: {got} pixels, {self.images[0].name} has {expected}; bring all images to one size"
                )
            yield t / videofile.RATE, frame


def given(paths: Sequence[Path], out: Path) -> dict[Path, Input]:
    """Where the results of each video go: to ``out`` where ``paths`` are one video, else to folders of their names.

    Raises UserError where a path is none, holds nothing to segment, or two videos would share a folder.
    """
    found = [one for path in paths for one in _videos(path)]
    if len(paths) == 1 and found[0].path == paths[0]:
        return {out: found[0]}
    named: dict[str, list[Input]] = defaultdict(list)
    for one in found:
        named[one.name].append(one)
    for name, same in named.items():
        if len(same) > 1:
            both = " and ".join(str(one.path) for one in same)
            raise UserError(f"{both}: would both go to {out / name}; rename one, or segment it by itself")
    return {out / name: one for name, (one,) in named.items()}


def single(path: Path) -> Input:
    """The one video that a path is. Raises UserError where it is none, or a folder of several."""
    found = given([path], path)
    if path not in found:
        raise UserError(f"{path}: is a folder of videos; give one of them")
    found[path].check()
    return found[path]


def _videos(path: Path) -> list[Input]:
    """The video that a path is, or those that are in its folder."""
    if not path.exists():
        raise UserError(f"{path}: no such file; give a video file or a folder of images")
    if not path.is_dir():
        return [Input(path)]
    ours = {file.split("/")[0] for file in recorded(path)}  # of an earlier run, whose results lie beside the videos
    images, videos = files.images(path), [video for video in files.videos(path) if video.name not in ours]
    if images and videos:
        raise UserError(
            f"{path}: holds images ({images[0].name}) and videos ({videos[0].name}), of which only one can be meant; "
            "give the video files by name, or move either"
        )
    if images:
        return [Input(path, tuple(images))]
    names = [name for name in files.folders(path) if name not in ours]
    within = [_images(path / name) for name in names]
    found = [*map(Input, videos), *(one for one in within if one.images or one.broken)]
    if not found:
        raise UserError(
            f"{path}: holds no images ({', '.join(sorted(files.IMAGE_SUFFIXES))}), no videos, no folders of images; "
            "give a video file, a folder of one video's images, or a folder of them"
        )
    return sorted(found, key=lambda one: files.counted(one.name))


def _images(folder: Path) -> Input:
    """The video whose images a folder among others holds. What is wrong with one is told when it is its turn."""
    try:
        return Input(folder, tuple(files.images(folder)))
    except UserError as error:
        return Input(folder, broken=str(error))

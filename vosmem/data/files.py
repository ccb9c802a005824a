"""Files of a folder by kind, and what there is of a sequence. Cheap to import: the workflow uses it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from vosmem.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
LOSSY_SUFFIXES = frozenset({".jpg", ".jpeg", ".webp"})  # of which no pixel is sure to be 0 where it was
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".ogv", ".wmv",
    ".flv", ".gif",
})  # fmt: skip


@dataclass(frozen=True)
class Regions:
    """Objects that an annotation tells apart by colour: 65536 R + 256 G + B, or the grey level of a grey image.

    ``objects``: their colours, so that every other colour is background; None: all but ``background`` are objects.
    """

    background: int
    objects: tuple[int, ...] | None = None


@dataclass(frozen=True)
class SequenceFiles:
    """What there is of one sequence.

    ``folder``, ``mask_folder``: where frames and masks are looked for, the latter None where there can be none;
    ``frames``: in order; ``masks``: by the name of their frame, without suffix, the files of its annotation, several
    where each object has its own; ``dense``: whether every frame must be annotated; ``convert``: whether the masks are
    other than plain PNG files, in which all that is not 0 is object; ``plain``: whether those of them are plain that no
    lossy format holds, one for each frame; ``regions``: objects by colour, where that tells them apart; ``lists``:
    other files that say what the masks mean.
    """

    folder: Path
    frames: list[Path]
    mask_folder: Path | None = None
    masks: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    dense: bool = False
    convert: bool = False
    plain: bool = False
    regions: Regions | None = None
    lists: tuple[Path, ...] = ()

    @property
    def sources(self) -> list[list[Path]]:
        """All files, those of frames and those of masks apart: what a sequence's fingerprint is of."""
        masks = [path for paths in self.masks.values() for path in paths if path.is_file()]
        return [self.frames, *([[*masks, *self.lists]] if self.mask_folder else [])]

    def shortened(self, count: int) -> SequenceFiles:
        """The ``count`` frames in the middle, where there are more, with their annotations."""
        spare = len(self.frames) - count
        return self.only(self.frames[spare // 2 : spare // 2 + count]) if spare > 0 else self

    def only(self, frames: list[Path]) -> SequenceFiles:
        """``frames`` in the place of all, with their annotations."""
        names = {path.stem for path in frames}
        return replace(self, frames=frames, masks={name: m for name, m in self.masks.items() if name in names})


def images(folder: Path, suffixes: Set[str] = IMAGE_SUFFIXES) -> list[Path]:
    """The image files of a folder, by name, 2 before 10; an empty list where there is no such folder.

    Raises UserError where one is a link that leads nowhere.
    """
    return [folder / name for name in sorted(_names(folder, suffixes), key=counted)]


def masks_within(folder: Path, suffixes: Set[str] = IMAGE_SUFFIXES) -> Path:
    """Where a sequence's masks are: its folder, or ``masks`` in it, as `vosmem segment` writes those of several."""
    inside = folder / "masks"
    return inside if images(inside, suffixes) and not images(folder, suffixes) else folder


def videos(folder: Path, stem: str | None = None) -> list[Path]:
    """The video files of a folder, sorted, of all names or of one; none where there is no such folder.

    Raises UserError where one is a link that leads nowhere.
    """
    found = [folder / name for name in sorted(_names(folder, VIDEO_SUFFIXES))]
    return [path for path in found if stem is None or path.stem == stem]


def _names(folder: Path, suffixes: Set[str]) -> list[str]:
    """The names of a folder's files that end so; none where there is no such folder.

    A link that leads nowhere is one too, and told: without it its neighbours would be taken for neighbours.
    """
    found = []
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if not entry.name.startswith(".") and os.path.splitext(entry.name)[1].lower() in suffixes:
            if entry.is_file():
                found.append(entry.name)
            elif entry.is_symlink() and not os.path.exists(entry.path):
                raise UserError(
                    f"{folder / entry.name}: is a link to {os.readlink(entry.path)}, which is not there; "
                    "fetch what it stands for, or remove it"
                )
    return found


def folders(parent: Path) -> list[str]:
    """The names of a folder's folders, sorted; none where there is no such folder."""
    if not parent.is_dir():
        return []
    return sorted(e.name for e in os.scandir(parent) if e.is_dir() and not e.name.startswith("."))


def namesakes(paths: Iterable[Path]) -> list[list[Path]]:
    """The files that share a name but for the suffix, so that one result would stand for all of them."""
    named: dict[str, list[Path]] = {}
    for path in paths:
        named.setdefault(path.stem, []).append(path)
    return [same for same in named.values() if len(same) > 1]


def number(path: Path) -> int | None:
    """The number that a file's name ends in, before any ``_gt``: 1 of cars1_01.jpg, tennis001.pgm and 001_gt.png."""
    found = re.search(r"([0-9]+)(_gt)?$", path.stem)
    return int(found[1]) if found else None


def counted(name: str) -> tuple:
    """A name as something to sort by, in which digits count as numbers."""
    parts = re.split(r"([0-9]+)", name)  # text and digits in turn
    return ([int(part) if k % 2 else part for k, part in enumerate(parts)], name)


def fingerprint(paths: Iterable[Path]) -> dict[str, int]:
    """Count, bytes and newest modification time (ns) of files: tells, at a stat each, that some changed."""
    stats = [os.stat(p) for p in paths]
    return {
        "count": len(stats),
        "bytes": sum(s.st_size for s in stats),
        "newest": max((s.st_mtime_ns for s in stats), default=0),
    }

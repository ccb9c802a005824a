"""Where the frames and masks of a data set lie. Cheap to import: the workflow asks it while it is read."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vosmem.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".ogv", ".wmv",
    ".flv", ".gif",
})  # fmt: skip
LAYOUTS = ("davis", "folder", "videos")


@dataclass(frozen=True)
class Folders:
    """One sequence's folder of frames and, where the layout has annotations, of masks."""

    frames: Path
    masks: Path | None


def folders(root: Path, layout: str, resolution: str, sequence: str) -> Folders:
    """The folders of one sequence.

    ``davis``: ``root/JPEGImages/<resolution>/<sequence>`` and ``root/Annotations/<resolution>/<sequence>``;
    ``folder``: ``root/<sequence>``, no masks. (In ``videos`` a sequence is a file: see :func:`video_file`.)
    """
    if layout == "folder":
        return Folders(root / sequence, None)
    return Folders(root / "JPEGImages" / resolution / sequence, root / "Annotations" / resolution / sequence)


def sequence_names(root: Path, layout: str, resolution: str) -> list[str]:
    """Every sequence of the data set: the folders, or video files, that stand where the layout has them, sorted."""
    parent = root / "JPEGImages" / resolution if layout == "davis" else root
    if not parent.is_dir():
        wanted = {
            "davis": "the DAVIS layout (JPEGImages/, Annotations/)",
            "folder": "a folder of folders of images",
            "videos": "a folder of video files",
        }[layout]
        raise UserError(
            f"data.root: {parent} is no folder, expected {wanted}; set data.root and data.layout in the config"
        )
    if layout == "videos":
        return sorted({path.stem for path in _videos(parent)})
    return sorted(entry.name for entry in os.scandir(parent) if entry.is_dir() and not entry.name.startswith("."))


def video_file(root: Path, sequence: str) -> Path:
    """The file of one sequence of the layout ``videos``. Raises UserError where there is none, or more than one."""
    found = _videos(root, sequence)
    if len(found) > 1:
        raise UserError(f"{root / sequence}: {' and '.join(p.name for p in found)} have the same name; rename one")
    if not found:
        raise UserError(f"{root / sequence}: no such video file; put it there, or take it off the list")
    return found[0]


def sources(root: Path, layout: str, resolution: str, sequence: str) -> list[list[Path]]:
    """The files that a sequence is made of, frames and masks apart: what its fingerprint is of."""
    if layout == "videos":
        return [_videos(root, sequence)]
    where = folders(root, layout, resolution, sequence)
    return [images(where.frames), *([images(where.masks)] if where.masks else [])]


def _videos(folder: Path, stem: str | None = None) -> list[Path]:
    """The video files of a folder, sorted, of all names or of one; none where there is no such folder."""
    if not folder.is_dir():
        return []
    names = sorted(e.name for e in os.scandir(folder) if not e.name.startswith(".") and e.is_file())
    found = [folder / name for name in names if os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES]
    return [path for path in found if stem is None or path.stem == stem]


def images(folder: Path) -> list[Path]:
    """The image files of a folder, by name, 2 before 10; an empty list where there is no such folder."""
    if not folder.is_dir():
        return []
    names = (e.name for e in os.scandir(folder) if not e.name.startswith(".") and e.is_file())
    return [
        folder / name for name in sorted(names, key=_counted) if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
    ]


def _counted(name: str) -> tuple:
    """A name as something to sort by, in which digits count as numbers."""
    parts = re.split(r"([0-9]+)", name)  # text and digits in turn
    return ([int(part) if k % 2 else part for k, part in enumerate(parts)], name)


def read_list(path: Path) -> list[str]:
    """Sequence names from a text file: one a line, or DAVIS's ImageSets lines (``/JPEGImages/480p/bear/...``)."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a list of sequences ({error.__class__.__name__})") from None
    names: dict[str, None] = {}  # a set that keeps the order
    for line in lines:
        first = line.split("#")[0].split()
        if first:
            names[first[0].split("/")[-2] if first[0].count("/") >= 2 else first[0]] = None
    return list(names)


def read_folds(path: Path) -> dict[str, str]:
    """Sequence -> fold, from a table with the tab-separated columns ``sequence`` and ``fold``."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table of folds ({error.__class__.__name__})") from None
    folds: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        sequence, fold = row.get("sequence") or "", row.get("fold") or ""
        if not sequence or not fold.isalnum() or sequence in folds:
            raise UserError(
                f"{path}, line {number}: got {sequence!r} in fold {fold!r}, expected each sequence once and a fold of "
                "letters and digits, in tab-separated columns `sequence` and `fold`"
            )
        folds[sequence] = fold
    return folds


def fingerprint(paths: Iterable[Path]) -> dict[str, int]:
    """Count, bytes and newest modification time (ns) of files: tells, at a stat each, that some changed."""
    stats = [os.stat(p) for p in paths]
    return {
        "count": len(stats),
        "bytes": sum(s.st_size for s in stats),
        "newest": max((s.st_mtime_ns for s in stats), default=0),
    }

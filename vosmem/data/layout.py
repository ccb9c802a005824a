"""Where the frames and masks of a data set lie: a table of layouts. Cheap to import: the workflow uses it.

docs/datasets.md describes the data sets that the layouts are of.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from vosmem.data import fbms59, youtube_objects
from vosmem.data.files import LOSSY_SUFFIXES, SequenceFiles, counted, folders, images, masks_within, videos
from vosmem.errors import UserError


@dataclass(frozen=True)
class Place:
    """Where a data set is, by the keys of the config's section `data`.

    ``resolution``: of the layout ``davis``; ``masks``: where the masks are, of layouts whose frames come without;
    ``frames``: how many of a sequence are taken at most, 0 for all; ``cuts``: whether shots are looked for in videos.
    """

    root: Path
    layout: str = "davis"
    resolution: str = "480p"
    masks: Path | None = None
    frames: int = 0
    cuts: bool = True


@dataclass(frozen=True)
class Layout:
    """A row of the table.

    ``wanted``: what `data.root` must hold, for messages; ``parent``: the folder that must be there; ``names``: all
    sequences, or those of one of ``parts``; ``files``: what there is of a sequence. ``masks``: whether there are
    annotations: "within" the data set, where `data.masks` says ("apart"), or "either".
    """

    wanted: str
    names: Callable[[Place, str | None], list[str]]
    files: Callable[[Place, str], SequenceFiles]
    masks: str
    parts: tuple[str, ...] = ()
    parent: Callable[[Place], Path] = lambda place: place.root


def _davis(place: Place, sequence: str) -> SequenceFiles:
    """``JPEGImages/<resolution>/<sequence>/`` and, with a mask for every frame, ``Annotations/...`` likewise."""
    within = Path(place.resolution, sequence)
    return _pair(place.root / "JPEGImages" / within, place.root / "Annotations" / within, dense=True)


def _folder(place: Place, sequence: str) -> SequenceFiles:
    """``<sequence>/``, and masks of any of its frames in ``<data.masks>/<sequence>/``."""
    return _pair(place.root / sequence, place.masks and masks_within(place.masks / sequence))


def _video(place: Place, sequence: str) -> SequenceFiles:
    """``<sequence>.mp4``, and masks of any of its frames, 00000.png ..., in ``<data.masks>/<sequence>/``."""
    found = _pair(place.root, place.masks and masks_within(place.masks / sequence))
    return replace(found, frames=videos(place.root, sequence))


def _segtrack(place: Place, sequence: str) -> SequenceFiles:
    """``JPEGImages/<sequence>/``; ``GroundTruth/<sequence>/`` holds masks, or a folder of masks for each object."""
    truth = place.root / "GroundTruth" / sequence
    objects = [truth / name for name in sorted(folders(truth), key=counted)] or [truth]
    masks: dict[str, tuple[Path, ...]] = {}
    for folder in objects:
        for path in images(folder):
            masks[path.stem] = (*masks.get(path.stem, ()), path)
    frames = place.root / "JPEGImages" / sequence
    return SequenceFiles(frames, images(frames), truth, masks, convert=True)


def _pair(frames: Path, masks: Path | None, dense: bool = False) -> SequenceFiles:
    """A folder of frames and one of masks of the same names."""
    there, found = images(masks) if masks else [], {}
    for path in there:
        found[path.stem] = (*found.get(path.stem, ()), path)
    lossy = any(path.suffix.lower() in LOSSY_SUFFIXES for path in there)
    return SequenceFiles(frames, images(frames), masks, found, dense=dense, convert=lossy, plain=True)


LAYOUTS = {
    "davis": Layout(
        "the DAVIS layout (JPEGImages/, Annotations/)",
        lambda place, _: folders(place.root / "JPEGImages" / place.resolution),
        _davis,
        "within",
        parent=lambda place: place.root / "JPEGImages" / place.resolution,
    ),
    "folder": Layout("a folder of folders of images", lambda place, _: folders(place.root), _folder, "apart"),
    "videos": Layout(
        "a folder of video files", lambda place, _: sorted({p.stem for p in videos(place.root)}), _video, "apart"
    ),
    "fbms59": Layout(
        "FBMS-59's folders (Trainingset/, Testset/)",
        lambda place, part: fbms59.names(place.root, part),
        lambda place, sequence: fbms59.files(place.root, sequence),
        "within",
        parts=fbms59.PARTS,
    ),
    "segtrack-v2": Layout(
        "SegTrack-v2's folders (JPEGImages/, GroundTruth/)",
        lambda place, _: folders(place.root / "JPEGImages"),
        _segtrack,
        "within",
        parent=lambda place: place.root / "JPEGImages",
    ),
    "youtube-objects": Layout(
        "YouTube-Objects' classes (aeroplane/data/0001/shots/001/)",
        lambda place, _: youtube_objects.names(place.root, place.masks),
        lambda place, sequence: youtube_objects.files(place.root, place.masks, sequence),
        "either",
    ),
}


def sequence_names(place: Place, part: str | None = None) -> list[str]:
    """Every sequence of the data set, or of one of the layout's parts, sorted. Raises UserError where none can be."""
    check(place)
    row = LAYOUTS[place.layout]
    found = row.names(place, part)
    if not found:
        raise _not_it(place, f"holds no sequences{f' of {part}' if part else ''}")
    return found


def check(place: Place) -> None:
    """Raise UserError where the folder that the layout's sequences are in is not there, or that of their masks."""
    row = LAYOUTS[place.layout]
    parent = row.parent(place)
    if not parent.is_dir():
        there = ", ".join(folders(parent.parent)) if parent.parent != place.root.parent else ""
        raise _not_it(place, f"is no folder{f' ({parent.parent} has {there})' if there else ''}")
    if place.masks and row.masks != "within" and not place.masks.is_dir():
        raise UserError(f"data.masks: {place.masks} is no folder, expected one of a folder of masks for each sequence")


def _not_it(place: Place, what: str) -> UserError:
    row = LAYOUTS[place.layout]
    keys = "data.root, data.layout and data.resolution" if place.layout == "davis" else "data.root and data.layout"
    return UserError(f"data.root: {row.parent(place)} {what}, expected {row.wanted}; set {keys} in the config")


def files(place: Place, sequence: str) -> SequenceFiles:
    """What there is of one sequence. Raises UserError where a list that comes with the data set cannot be read."""
    found = LAYOUTS[place.layout].files(place, sequence)
    return found.shortened(place.frames) if place.frames and place.layout != "videos" else found


def sources(place: Place, sequence: str) -> list[list[Path]]:
    """The files that a sequence is made of, frames and masks apart: what its fingerprint is of."""
    try:
        return files(place, sequence).sources
    except UserError:
        return []  # the stage tells of it


def video_file(root: Path, sequence: str) -> Path:
    """The file of one sequence of the layout ``videos``. Raises UserError where there is none, or more than one."""
    found = videos(root, sequence)
    if len(found) > 1:
        raise UserError(f"{root / sequence}: {' and '.join(p.name for p in found)} have the same name; rename one")
    if not found:
        raise UserError(f"{root / sequence}: no such video file; put it there, or take it off the list")
    return found[0]


def read_list(path: Path) -> list[str]:
    """Sequence names from a text file: one a line, or DAVIS's ImageSets lines (``/JPEGImages/480p/bear/...``).

    A line that begins with ``#`` is a comment, and so is what comes behind a ``#`` between blanks.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a list of sequences ({error.__class__.__name__})") from None
    names: dict[str, None] = {}  # a set that keeps the order
    for line in lines:
        told = re.split(r"^\s*#|\s#\s", line)[0].strip()
        if told:
            first = told.split()[0]
            names[first.split("/")[-2] if first.count("/") >= 2 else told] = None  # a name may have spaces
    return list(names)


def read_folds(path: Path) -> dict[str, str]:
    """Sequence -> fold, from a table with the tab-separated columns ``sequence`` and ``fold``."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
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

"""Folders of `<sequence>/<frame>.png`: which mask belongs to which annotation, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vosmem.data import files, layout
from vosmem.errors import UserError
from vosmem.evaluate.tables import MEAN

PNG = frozenset({".png"})


@dataclass(frozen=True)
class Paired:
    """A sequence's frames, (T) each: names, annotations and masks. ``ignored``: masks that are of none of them."""

    sequence: str
    frames: list[str]
    annotations: list[Path | None]
    masks: list[Path | None]
    ignored: int


def pair(annotations: Path | None, masks: Path | None, asked: Sequence[str] | None) -> list[Paired]:
    """All sequences to score: those asked for, or all that have annotations.

    ``asked``: names of sequences, or text files that list them. Raises UserError where something does not fit.
    """
    there = _sequences(annotations, "--annotations")
    wanted = _names(asked, annotations, there) if asked else there
    if MEAN in wanted:
        raise UserError(
            f"{annotations}: has a sequence called {MEAN}, as the table's last row is; "
            "rename its folders, or leave it out"
        )
    masked = set(_sequences(masks, "--masks"))
    absent = [name for name in wanted if name not in masked]
    if absent:
        some = ", ".join(absent[:3]) + (", ..." if len(absent) > 3 else "")
        raise UserError(
            f"{masks}: has no masks of {len(absent)} of {len(wanted)} sequences ({some}); "
            "write them, or name with --sequences those to score"
        )
    return [_pair(name, annotations / name, files.masks_within(masks / name, PNG)) for name in wanted]


def _sequences(root: Path | None, option: str) -> list[str]:
    """The sequences of a folder, sorted."""
    if root is None or not root.is_dir():
        raise UserError(f"{option}: {root or 'nothing'} is no folder; give a folder of <sequence>/<frame>.png")
    names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith("."))
    if "Annotations" in names:
        inside = root / "Annotations"
        deeper = inside / "480p"
        raise UserError(
            f"{option}: {root} is a whole data set, expected a folder of <sequence>/<frame>.png; "
            f"give {deeper if deeper.is_dir() else inside}"
        )
    if not names:
        raise UserError(
            f"{option}: {root} holds no folders, expected <sequence>/<frame>.png; give the folder above the sequences, "
            "or move the files of one into a folder of its name"
        )
    return names


def _names(asked: Sequence[str], root: Path, there: Sequence[str]) -> list[str]:
    """The sequences that names and files of names mean."""
    names: dict[str, None] = {}  # a set that keeps the order
    for word in asked:
        for name in [word] if word in there or not Path(word).is_file() else layout.read_list(Path(word)):
            if name not in there:
                raise UserError(
                    f"--sequences: {name!r} is no folder of {root}, expected one of {_some(there)}; correct the name"
                )
            names[name] = None
    if not names:
        raise UserError(f"--sequences: {', '.join(asked)} names no sequence; put one name on a line")
    return list(names)


def _pair(sequence: str, annotations: Path, masks: Path) -> Paired:
    expected, got = _images(annotations), _images(masks)
    if not expected:
        raise UserError(
            f"{annotations}: holds no PNG; put the annotations there, or leave the sequence out with --sequences"
        )
    if not got:
        raise UserError(f"{masks}: holds no PNG; write the masks there, or leave the sequence out with --sequences")
    if not expected.keys() & got.keys():
        raise UserError(
            f"{masks}: no mask has the name of an annotation, got {_some(got)}, expected {_some(expected)}; "
            "name masks like the annotations"
        )
    frames = _frames(list(expected), list(got))
    ignored = len(got.keys() - {*frames})
    return Paired(sequence, frames, [expected.get(n) for n in frames], [got.get(n) for n in frames], ignored)


def _frames(annotated: list[str], masked: list[str]) -> list[str]:
    """The frames of a sequence: those that are annotated; where not all are, those of all masks too.

    So T is of frames that follow each other, and the first and the last are the video's. That some are not annotated
    shows where masks have numbers between those of annotations.
    """
    first, last = annotated[0], annotated[-1]
    if not all(name.isdecimal() for name in annotated):
        return annotated
    numbers = {*map(int, annotated)}
    others = [name for name in masked if name.isdecimal() and int(name) not in numbers]
    if not any(int(first) < int(name) < int(last) for name in others):
        return annotated
    return sorted([*annotated, *others], key=int)


def _images(folder: Path) -> dict[str, Path]:
    """The PNG files of a folder by name without suffix, sorted."""
    found = files.images(folder, PNG)
    for first, *others in files.namesakes(found):
        raise UserError(f"{first}: has the name of {others[0].name}, of which only one can be meant; remove one")
    return {path.stem: path for path in found}


def _some(names: Sequence[str] | dict[str, Path]) -> str:
    listed = [f"{name}.png" for name in names] if isinstance(names, dict) else list(names)
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")

"""The annotations of a sequence: checked against its frames, and written as plain masks where they are none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vosmem import bits, png, video
from vosmem.data import annotation, layout
from vosmem.data.defects import Defects
from vosmem.data.files import SequenceFiles, namesakes
from vosmem.errors import UserError
from vosmem.whole import replacing_folder


@dataclass(frozen=True)
class Masks:
    """The annotations of a sequence as the later stages read them.

    ``paths``: (T), None where not annotated, relative to what ``where`` names, else to the root; ``empty``: how many
    show no object; ``sources``: the files that they were made from."""

    paths: list[str | None]
    where: dict[str, str]
    empty: int
    sources: list[Path]


def look(
    files: SequenceFiles,
    names: list[str],
    size: tuple[int, int] | None,
    folder: Path,
    needs_masks: bool,
    place: layout.Place,
    root: Path,
    found: Defects,
) -> Masks:
    """Check the annotations of the frames ``names`` against their ``size``; write those that are no plain masks.

    ``folder``: where to; ``root``: that of the description.
    """
    matched = [files.masks.get(name, ()) for name in names]
    where = files.mask_folder
    if not files.masks and where is not None:
        if needs_masks:
            found.add(where, "has no annotations", "add masks, or take the sequence out of data.train")
        else:
            found.add(where, "has no annotations", "none needed: segmented, not scored", fatal=False)
    elif needs_masks and where is None and names:
        found.add(files.folder, "comes without annotations", "set data.masks, or take the sequence out of data.train")
    elif needs_masks and names and not any(matched):
        got, expected = sorted(p.name for paths in files.masks.values() for p in paths)[0], f"{names[0]}.png"
        what = f"no mask has the name of a frame, got {got}, expected {expected} or another frame's"
        found.add(where, what, "name masks as their frames, or take the sequence out of data.train")
    for name, paths in zip(names, matched, strict=True):
        if files.masks and files.dense and not paths:
            mend = "add the mask (an all-black one where the object is absent)"
            found.add(where / f"{name}.png", "missing", mend)
    used = list(dict.fromkeys(path for paths in matched for path in paths))  # each once: two frames may share a name
    for first, *others in namesakes(used) if files.plain else ():
        what = f"has the name of {', '.join(path.name for path in others)}, of which only one can be meant"
        found.add(first, what, "rename or remove one")
    for path in sorted({p for paths in files.masks.values() for p in paths} - set(used)):
        found.add(path, "a mask without a frame", "remove the mask, or add the frame", fatal=False)
    sources = [*used, *(files.lists if used else ())]
    if files.convert and used:
        return _converted(files, names, matched, size, folder, sources, found)
    own = place.masks if place.masks and where and where.is_relative_to(place.masks) else place.root
    return Masks(
        [os.path.relpath(paths[0], own) if paths else None for paths in matched],
        {} if own == root or not used else {"mask_root": os.fspath(own)},
        _plain(used, size, found),
        [path for path in sources if path.is_file()],
    )


def _plain(masks: list[Path], size: tuple[int, int] | None, found: Defects) -> int:
    """Check plain mask files against the frames' ``size``; how many show no object."""
    empty = 0
    for path in masks:
        try:
            mask, channels = video.decode_mask(path)
        except UserError:
            found.add(path, "cannot be read as a mask", "replace the file")
            continue
        if channels in (2, 4):
            found.add(path, "has an alpha channel", "none needed: the alpha channel is dropped", fatal=False)
        if channels in (3, 4):  # those of a palette's colours
            try:
                numbered = png.read_mask(path)
            except UserError as error:
                found.add_error(path, error)
                continue
            if (bits.unpack(numbered.packed, numbered.width) != mask).any():
                what = "shows another object by its palette's colours than by their numbers, which scores go by"
                found.add(path, what, "save it as grey, 0 and 255")
        if size and mask.shape != size:
            found.add(path, _other_size(mask.shape, size), "bring masks and frames to one size")
        empty += not mask.any()
    return empty


def _converted(
    files: SequenceFiles,
    names: list[str],
    matched: list[tuple[Path, ...]],
    size: tuple[int, int] | None,
    folder: Path,
    sources: list[Path],
    found: Defects,
) -> Masks:
    """Write annotations that are no plain masks as such, to ``folder``."""
    empty: dict[str, bool] = {}  # by the name of the frame
    try:
        used = [path for paths in matched for path in paths]
        regions = files.regions and annotation.objects(used, files.regions)
    except UserError as error:
        found.add_told(error)
        matched = [() for _ in names]
    with replacing_folder(folder) as fresh:
        for name, paths in zip(names, matched, strict=True):
            if not paths:
                continue
            try:
                labels = annotation.read(paths, regions, files.plain)
            except UserError as error:
                found.add_told(error)
                continue
            if size and labels.shape != size:
                fitted = annotation.fitted(labels, size)
                fits, mend = fitted is not None, "bring masks and frames to one size"
                mend = "none needed: brought to the frames' size" if fits else mend
                found.add(paths[0], _other_size(labels.shape, size), mend, fatal=not fits)
                labels = fitted if fits else labels
            video.write_frame(fresh / f"{name}.png", labels)
            empty[name] = not labels.any()
    if files.plain and empty and all(empty.values()):
        what = "its masks show no object in any frame"
        found.add(files.mask_folder, what, "none needed, unless they are not white on black: give PNG", fatal=False)
    return Masks(
        [f"{name}.png" if name in empty else None for name in names],
        {"mask_root": os.fspath(folder)},
        sum(empty.values()),
        [path for path in sources if path.is_file()],
    )


def _other_size(shape: tuple[int, int], size: tuple[int, int]) -> str:
    got, expected = (f"{w}x{h}" for h, w in (shape, size))
    return f"{got} pixels, the frames have {expected}"

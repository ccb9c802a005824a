"""Stage ``data``: look at every frame and mask of a sequence once, and write down what was found.

The description is all that later stages know of the sequence's files. There is one of the frames alone, for what is
made of frames, and one of frames and masks, for training and scores.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosmem import parse, video
from vosmem.cache import Clip, starts_of
from vosmem.data import STAGE_VERSION, layout
from vosmem.data.defects import Defect, Defects, of
from vosmem.data.files import SequenceFiles, fingerprint, namesakes
from vosmem.data.masks import look
from vosmem.errors import UserError
from vosmem.whole import replacing, replacing_folder

if TYPE_CHECKING:
    from vosmem.data.extract import Extracted

SHORTEST_SCORED = 3  # the measures leave out the first and the last frame


@dataclass(frozen=True)
class Sequence:
    """A sequence as the later stages know it.

    ``frames`` and ``masks``: (T) paths relative to ``root``, a mask None where a frame is not annotated; ``size``: the
    files' (H, W), or the video's, whose frames are kept at working size; ``working_size``: the (H, W) that every cached
    map covers; ``times``: when each frame is shown, in seconds (T), empty where that is not known; ``mask_root``: what
    ``masks`` are relative to, where that is another folder; ``starts``: the first frame of each shot, 0 first.
    """

    name: str
    root: str
    frames: tuple[str, ...]
    masks: tuple[str | None, ...]
    size: tuple[int, int]
    working_size: tuple[int, int]
    times: tuple[float, ...] = ()
    mask_root: str = ""
    starts: tuple[int, ...] = (0,)

    @cached_property
    def frame_names(self) -> tuple[str, ...]:
        """The frames' file names without suffix, (T)."""
        return tuple(Path(f).stem for f in self.frames)

    @property
    def clip(self) -> Clip:
        """What a cache file of this sequence is about."""
        return Clip(self.name, self.frame_names, self.working_size, self.starts)

    def part(self, frames: range) -> Sequence:
        """Some neighbouring frames, as one shot."""
        of = slice(frames.start, frames.stop)
        return replace(self, frames=self.frames[of], masks=self.masks[of], times=self.times[of], starts=(0,))

    @cached_property
    def frame_paths(self) -> list[Path]:
        return [Path(self.root) / f for f in self.frames]

    @cached_property
    def mask_paths(self) -> list[Path | None]:
        return [None if m is None else Path(self.mask_root or self.root) / m for m in self.masks]

    @property
    def scored(self) -> bool:
        """Whether there is anything to score: annotations, and more than the first and the last frame."""
        return len(self.frames) >= SHORTEST_SCORED and any(m is not None for m in self.masks)


def describe(place: layout.Place, name: str, short_side: int, needs_masks: bool, folder: Path) -> dict[str, Any]:
    """Look at one sequence: every frame and mask is decoded.

    ``needs_masks``: whether the sequence is trained on; ``folder``: where what is made of its files is kept, the frames
    of a video, and masks that are no plain PNG files. Returns the description as plain data, defects included; see
    docs/formats.md.
    """
    return with_masks(frames_alone(place, name, short_side, folder), place, needs_masks, folder)


def frames_alone(place: layout.Place, name: str, short_side: int, folder: Path) -> dict[str, Any]:
    """The description of a sequence that tells of no masks: so another mask makes nothing anew that is made of frames.

    ``folder``: where a video's frames go.
    """
    found = Defects(name, place.root)
    told = (_look_at_video if place.layout == "videos" else _look_at_images)(place, name, short_side, folder, found)
    return {
        "stage": "data",
        "version": STAGE_VERSION,
        "sequence": name,
        **told,
        "masks": [None] * len(told["frames"]),
        "empty_masks": 0,
        "defects": [asdict(d) for d in found.defects],
    }


def with_masks(told: Mapping[str, Any], place: layout.Place, needs_masks: bool, folder: Path) -> dict[str, Any]:
    """What :func:`frames_alone` told, and the masks: see :func:`describe`."""
    name, size = told["sequence"], told["size"] and tuple(told["size"])
    found = Defects(name, place.root)
    files = _files(place, name, Defects(name, place.root))  # a list that cannot be read was told of with the frames
    if place.layout == "videos" and place.frames:
        files = files.only([Path(n) for n in told["frames"]])
    names = [Path(f).stem for f in told["frames"]]
    masks = look(files, names, size, folder / "masks", needs_masks, place, Path(told["root"]), found)
    return {
        **told,
        "masks": masks.paths,
        **masks.where,
        "empty_masks": masks.empty,
        "fingerprint": {**told["fingerprint"], "masks": fingerprint(masks.sources)},
        "checked": f"{told['checked']}; every mask decoded; sizes, channels and pairing compared",
        "defects": [*told["defects"], *(asdict(d) for d in found.defects)],
    }


def _look_at_images(place: layout.Place, name: str, short_side: int, _: Path, found: Defects) -> dict[str, Any]:
    """What there is to tell of frames that are image files, and their defects to ``found``."""
    files = _files(place, name, found)
    frames = files.frames
    if not frames:
        found.add(files.folder, "holds no images", "put the frames there, or take the sequence off the list")
    size = _frame_sizes(frames, found)
    for first, *others in namesakes(frames):
        what = f"has the name of {', '.join(p.name for p in others)}, and would have the same mask"
        found.add(first, what, "rename or remove one")
    if 0 < len(frames) < SHORTEST_SCORED:
        what = f"{len(frames)} frames, fewer than {SHORTEST_SCORED}"
        found.add(files.folder, what, "none needed: segmented, not scored", fatal=False)
    return {
        "root": os.fspath(place.root),
        "frames": [os.path.relpath(p, place.root) for p in frames],
        "size": size,
        "working_size": size and video.working_size(size, short_side),
        "fingerprint": {"frames": fingerprint(frames)},
        "checked": "every frame decoded; sizes compared",
    }


def _look_at_video(place: layout.Place, name: str, short_side: int, folder: Path, found: Defects) -> dict[str, Any]:
    """What there is to tell of one video file, whose frames are written at working size to ``folder``, whole or not at
    all, which is then their root. Masks are of the video's own size."""
    frames = None
    try:
        path = layout.video_file(place.root, name)
    except UserError as error:
        path = place.root / name
        found.add_error(path, error)
    else:
        frames = _extract(path, folder, short_side, found, place)
    if frames and len(frames.names) < SHORTEST_SCORED:
        what = f"{len(frames.names)} frames, fewer than {SHORTEST_SCORED}"
        found.add(path, what, "none needed: segmented, not scored", fatal=False)
    for start in frames.starts[1:] if frames else ():
        mend = "none needed: each is segmented by itself; data.cuts: false takes all as one"
        found.add(path, f"another shot begins at frame {start:05d}", mend, fatal=False)
    return {
        "root": os.fspath(folder),
        "frames": list(frames.names) if frames else [],
        "size": frames and frames.size,
        "working_size": frames and frames.working_size,
        "times": [round(time, 6) for time in frames.times] if frames else [],
        "shots": list(frames.starts) if frames else [0],
        "fingerprint": {"frames": fingerprint([path] if path.is_file() else [])},
        "checked": "every frame decoded, turned upright and written at working size",
    }


def _files(place: layout.Place, name: str, found: Defects) -> SequenceFiles:
    """The sequence's files; none, with a defect, where a list that comes with them cannot be read."""
    try:
        return layout.files(place, name)
    except UserError as error:
        found.add_told(error)
        return SequenceFiles(place.root / name, [])


def _extract(path: Path, folder: Path, short_side: int, found: Defects, place: layout.Place) -> Extracted | None:
    """A video's frames in ``folder``, as many and with cuts or not as ``place`` says; None, with a defect, where it
    cannot be used."""
    from vosmem import videofile
    from vosmem.data import extract

    try:
        with replacing_folder(folder) as fresh:
            return extract.extract(islice(videofile.read(path), place.frames or None), fresh, short_side, place.cuts)
    except UserError as error:
        found.add_error(path, error)
        return None


def write(path: Path, description: Mapping[str, Any]) -> None:
    """Write a description as JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(description, indent=1) + "\n")


def read(path: str | os.PathLike) -> Sequence:
    """The sequence that a description tells of.

    Raises UserError where the file is no description, or tells of a defect that makes the sequence unusable.
    """
    _, sequence, defects = _parsed(path)
    for defect in defects:
        if defect.fatal:
            raise UserError(f"{defect.file}: {defect.what}; {defect.mend}")
    return sequence


def told_of_frames(path: str | os.PathLike, name: str) -> dict[str, Any]:
    """What a file tells that :func:`frames_alone` made for sequence ``name``. Raises UserError where it is none."""
    told, sequence, _ = _parsed(path)
    of_files = told.get("fingerprint")
    alone = isinstance(of_files, dict) and "masks" not in of_files and isinstance(of_files.get("content"), str)
    if sequence.name != name or not alone or "checked" not in told:
        raise UserError(f"{path}: does not tell of the frames of {name} alone; run `vosmem data frames` to write that")
    return told


def _parsed(path: str | os.PathLike) -> tuple[dict[str, Any], Sequence, list[Defect]]:
    """A description as it is, the sequence that it tells of, and that one's defects."""
    try:
        told = parse.json_file(path)
        sequence = Sequence(
            _text(told["sequence"]), _text(told["root"]), tuple(map(_text, told["frames"])),
            tuple(m if m is None else _text(m) for m in told["masks"]), _size(told["size"]),
            _size(told["working_size"]), tuple(map(float, told.get("times", ()))), _text(told.get("mask_root", "")),
            starts_of(told.get("shots", (0,)), len(told["frames"])),
        )  # fmt: skip
        if len(sequence.masks) != len(sequence.frames) or len(sequence.times) not in (0, len(sequence.frames)):
            raise ValueError("not one of each for every frame")
        defects = [of(told) for told in told["defects"]]
        if sequence.frames and 0 in sequence.size + sequence.working_size and not any(d.fatal for d in defects):
            raise ValueError("frames of no size")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `vosmem data` first") from None
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        raise UserError(f"{path}: not a description of a sequence; run `vosmem data` to write one") from None
    return told, sequence, defects


def _text(value: Any) -> str:
    """A name or path of a description."""
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("no text")
    os.fsencode(value)  # a ValueError of what no file can be called
    return value


def _size(value: Any) -> tuple[int, int]:
    """An (H, W) of a description; (0, 0) of a sequence of which none is known."""
    if value is None:
        return 0, 0
    height, width = value
    if not all(type(n) is int and 0 < n < 2**31 for n in (height, width)):
        raise ValueError("no size")
    return height, width


def _frame_sizes(frames: list[Path], found: Defects) -> tuple[int, int] | None:
    """The sequence's (H, W): the first readable frame's."""
    size = None
    for path in frames:
        try:
            shape = video.read_frame(path).shape[:2]
        except UserError:
            found.add(path, "cannot be read as an image", "replace the file")
            continue
        size = size or shape
        if shape != size:
            got, expected = (f"{w}x{h}" for h, w in (shape, size))
            found.add(path, f"{got} pixels, the sequence's first frame has {expected}", "bring all frames to one size")
    return size

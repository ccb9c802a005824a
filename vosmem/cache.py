"""The cache: one HDF5 file per sequence and stage, whole or absent, that says what made it.

Layout, see docs/formats.md: root attributes describe the sequence and its maker; each data set is (T, ...), one frame
per chunk, with attributes ``stride`` and ``offset`` (y, x) where it is a map of the frame. Plain h5py reads it.

A file is written under a temporary name and moved into place once complete: a file of the final name is whole. What
befalls it later is noticed when it is read: each chunk has a checksum, and the heading tells format and stage version.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field
from functools import cache as memoise
from itertools import pairwise
from pathlib import Path
from subprocess import DEVNULL, SubprocessError, run
from typing import Any

import h5py
import numpy as np

from vosmem import CACHE_FORMAT, parse, progress, room
from vosmem.errors import UserError
from vosmem.grid import Grid
from vosmem.whole import replacing

V110 = h5py.h5f.LIBVER_V110  # the oldest version of the format whose indexes have checksums
DAMAGE = (KeyError, RuntimeError, OSError)  # what h5py raises where bits of a file are other than it wrote
MEND = "delete the file (`vosmem cache verify --delete` deletes all that are spoilt) and run the workflow again"
LARGEST_ROW = 1 << 30  # bytes of one frame of a data set; the networks write a few million
ROW_INDEX = 128  # bytes that HDF5 adds to each chunk, at most: its checksum, and its place in the index


@dataclass(frozen=True)
class Maker:
    """What made a file: a stage, the method's name in that stage's registry, and all that its result depends on."""

    stage: str
    version: int
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""


@dataclass(frozen=True)
class Clip:
    """The sequence that a file is about: its name, its frames' names (T), and the working frame's (H, W) in pixels.

    ``starts``: the first frame of each shot, 0 first.
    """

    sequence: str
    frames: tuple[str, ...]
    frame_size: tuple[int, int]
    starts: tuple[int, ...] = (0,)

    @property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        return shots(self.starts, len(self.frames))

    def part(self, frames: range) -> Clip:
        """Some neighbouring frames, as one shot."""
        return Clip(self.sequence, self.frames[frames.start : frames.stop], self.frame_size)


def shots(starts: Sequence[int], length: int) -> list[range]:
    """The frames of each shot of a clip, by the first of each, 0 first."""
    return [range(a, b) for a, b in pairwise((*starts, length))]


def starts_of(told: Sequence[Any], length: int) -> tuple[int, ...]:
    """The first frames of a clip's shots as a file tells them. Raises ValueError where they cannot be."""
    starts = tuple(told)
    rising = all(type(n) is int for n in starts) and all(a < b for a, b in pairwise((*starts, max(length, 1))))
    if starts[:1] != (0,) or not rising:
        raise ValueError("no shots")
    return starts


@memoise
def git_commit() -> str:
    """The commit of the checkout that the package runs from, with '+' behind it where files differ; '' outside one."""
    here = Path(__file__).resolve().parent
    told = ""
    for command in (
        ["ls-files", "--error-unmatch", __file__],  # else an environment inside another project's checkout
        ["describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
    ):
        try:
            done = run(["git", "-C", here, *command], stdout=-1, stderr=DEVNULL, text=True, timeout=10, check=False)
        except (OSError, SubprocessError):
            return ""
        if done.returncode:
            return ""
        told = done.stdout.strip()
    return told


class Writer:
    """Fills the data sets of one file, frame by frame. Made by :func:`write`."""

    def __init__(self, file: h5py.File, length: int, title: str):
        self._file, self._length, self._title = file, length, title
        self._filled: dict[str, int] = {}
        self._declared = 0  # bytes

    def create(
        self,
        name: str,
        shape: Sequence[int],
        grid: Grid | None = None,
        dtype: str = "float16",
        odd: Sequence[int] = (),
    ) -> None:
        """Declare data set ``name`` of (T, *shape); ``grid`` says where its last two axes lie in the frame.

        ``odd``: channels whose sign turns when the frame is mirrored left to right, as that of a horizontal velocity.
        """
        row = int(np.dtype(dtype).itemsize * np.prod(shape))
        self._declared += self._length * (row + ROW_INDEX)
        room.reserve(Path(self._file.filename), self._declared, self._title)
        data = self._file.create_dataset(
            name, (self._length, *shape), dtype, chunks=(1, *shape), fletcher32=True
        )  # one frame per chunk: clips are read by frame; the checksum catches flipped bits
        if grid is not None:
            if tuple(shape[-2:]) != grid.shape:
                raise ValueError(f"/{name}: maps of {tuple(shape[-2:])} do not lie on a grid of {grid.shape}")
            data.attrs["stride"], data.attrs["offset"] = grid.stride, grid.offset
        if odd:
            data.attrs["odd"] = list(odd)
        self._filled[name] = 0

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write the next frames of data set ``name``: (n, *shape)."""
        data, start = self._file[name], self._filled[name]
        limit = np.finfo(data.dtype).max if data.dtype.kind == "f" else None
        if limit is not None:
            if not np.isfinite(rows).all():
                raise ValueError(f"/{name}: frame {start} or one soon after holds NaN or infinity")
            rows = np.clip(rows, -limit, limit)
        data[start : start + len(rows)] = rows
        self._filled[name] = start + len(rows)
        if name == next(iter(self._filled)):
            progress.advance(len(rows), self._length)

    def check_complete(self) -> None:
        """Raise ValueError where a data set has fewer or more frames than the clip."""
        for name, filled in self._filled.items():
            if filled != self._length:
                raise ValueError(f"/{name}: {filled} of {self._length} frames were written")


@contextmanager
def write(path: str | os.PathLike, clip: Clip, maker: Maker) -> Iterator[Writer]:
    """Write one cache file, whole or not at all.

    Raises ValueError where a data set was left unfilled or given other than finite values.
    """
    what = f"{maker.stage} {maker.name} of {clip.sequence}, {len(clip.frames)} frames,"
    with replacing(path) as temporary:
        room.check(temporary.parent, room.SPARE, what)
        with _create(temporary) as file:
            file.attrs["format_version"] = CACHE_FORMAT
            file.attrs["sequence"] = np.bytes_(clip.sequence.encode())
            file.attrs["frames"] = np.bytes_(json.dumps(clip.frames))
            file.attrs["frame_size"] = clip.frame_size
            if len(clip.starts) > 1:
                file.attrs["shots"] = np.bytes_(json.dumps(clip.starts))
            file.attrs["maker"] = np.bytes_(json.dumps(asdict(maker), sort_keys=True))
            file.attrs["git_commit"] = np.bytes_(git_commit())
            file.attrs["heading_sha256"] = np.bytes_(_heading(file))
            file.flush()  # its heading is on the disk before room is asked for
            writer = Writer(file, len(clip.frames), what)
            yield writer
            writer.check_complete()
        room.release(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())


def _create(path: Path) -> h5py.File:
    """A new file that keeps the order in which things are put into it, and of which all has a checksum.

    So strings must be of fixed length: those of variable length lie in a heap without checksums, and HDF5 searches a
    heap for ever in which a certain bit has flipped. With the phase change at 0 they may be longer than 64 kB.
    """
    access, creation = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5p.create(h5py.h5p.FILE_CREATE)
    access.set_libver_bounds(V110, V110)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    order = h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED
    creation.set_link_creation_order(order)
    creation.set_attr_creation_order(order)
    creation.set_attr_phase_change(0, 0)
    return h5py.File(h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, fcpl=creation, fapl=access))


class Reader:
    """One cache file, open for reading. Made by :func:`read`."""

    def __init__(self, file: h5py.File, path: Path):
        self._file, self.path = file, path
        try:
            height, width = (int(n) for n in file.attrs["frame_size"])
            names = tuple(map(_text, _told(file, "frames")))
            starts = starts_of(_told(file, "shots"), len(names)) if "shots" in file.attrs else (0,)
            self.clip = Clip(_text(file.attrs["sequence"]), names, (height, width), starts)
            self._frames, self._length = range(len(names)), len(names)  # that are told of, and that the file holds
            self.maker = Maker(**_told(file, "maker"))
            _text(self.maker.stage), _text(self.maker.name), dict(self.maker.parameters), int(self.maker.version)
            self.git_commit = _text(file.attrs["git_commit"])
            if "heading_sha256" in file.attrs and _text(file.attrs["heading_sha256"]) != _heading(file):
                raise ValueError("not as it was written")
        except (*DAMAGE, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise _unreadable(path, f"its heading cannot be read ({_line(error)})") from None

    def __len__(self) -> int:
        return len(self.clip.frames)

    def part(self, frames: range) -> Reader:
        """Some neighbouring frames, as if the file held no others."""
        part = copy(self)
        part.clip, part._frames = self.clip.part(frames), self._frames[frames.start : frames.stop]
        return part

    @property
    def names(self) -> list[str]:
        """The data sets' names, in the order in which they were written."""
        with self._reading("the list of its data sets"):
            return list(self._file.keys())

    def shape(self, name: str) -> tuple[int, ...]:
        """(T, ...) of data set ``name``."""
        return len(self), *self._data(name).shape[1:]

    def grid(self, name: str) -> Grid:
        """Where the cells of data set ``name`` lie in the working frame."""
        data = self._data(name)
        with self._reading(f"/{name}"):
            return Grid.of(data.shape[-2:], data.attrs["stride"], data.attrs["offset"])

    def odd(self, name: str) -> tuple[int, ...]:
        """The channels of data set ``name`` whose sign turns when the frame is mirrored left to right."""
        return tuple(int(c) for c in self._data(name).attrs.get("odd", ()))

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Frames ``start:stop`` of data set ``name``, (n, ...)."""
        data = self._data(name)
        wanted = self._frames[start:stop]
        with self._reading(f"/{name}"):
            return data[wanted.start : wanted.stop]

    def check_whole(self) -> None:
        """Read every frame of every data set, and with it its checksum. Raises UserError where one is spoilt."""
        if not self.names:
            raise _unreadable(self.path, "holds nothing")
        for name in self.names:
            data = self._data(name)
            with self._reading(f"/{name}"):
                rows = data.shape[0] if data.ndim else 0
                written = data.id.get_num_chunks() if data.chunks else 0
                dict(data.attrs)
            if not rows == written == len(self):  # of a chunk that was never written HDF5 reads zeros
                raise _unreadable(self.path, f"/{name} holds {min(rows, written)} of {len(self)} frames")
            for t in range(rows):
                self.rows(name, t, t + 1)

    def _data(self, name: str) -> h5py.Dataset:
        with self._reading(f"/{name}"):
            if name in self._file:
                data = self._file[name]
                self._check_kind(name, data)
                return data
        raise _unreadable(self.path, f"holds no /{name}, only {', '.join(self.names) or 'nothing'}")

    def _check_kind(self, name: str, data: Any) -> None:
        """Raise UserError unless ``data`` is what a stage writes: numbers in this very file, a chunk a frame."""
        plain = isinstance(data, h5py.Dataset) and data.dtype.kind in "fui" and data.file == self._file
        if not plain or data.external or data.is_virtual:
            raise _unreadable(self.path, f"/{name} is not of numbers that stand in this file")
        row = data.dtype.itemsize * math.prod(data.shape[1:])
        if data.ndim and data.shape[0] != self._length:
            raise _unreadable(self.path, f"/{name} holds {data.shape[0]} of {self._length} frames")
        if data.ndim < 2 or not 0 < row <= LARGEST_ROW or data.chunks is None:
            raise _unreadable(self.path, f"/{name} has the shape {data.shape}, which no stage writes")

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            raise _unreadable(self.path, f"{what} cannot be read back ({_line(error)})") from None


@contextmanager
def read(path: str | os.PathLike, stage: str | None = None) -> Iterator[Reader]:
    """Open one cache file, and check that it is one, of this format, and (if given) of ``stage`` as it is now.

    Raises UserError where it is none, or is spoilt, and OSError where the system does not let it be read, which says
    nothing of the file.
    """
    path = Path(path)
    try:
        with open(path, "rb") as opened:
            opened.read(1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such cache file; run the stage that writes it first") from None
    try:
        file = h5py.File(path, "r", track_order=True)
    except OSError as error:
        raise _unreadable(path, f"not a whole HDF5 file ({_line(error)})") from None
    with file:
        try:
            version = file.attrs.get("format_version")
        except DAMAGE as error:
            raise _unreadable(path, f"its heading cannot be read ({_line(error)})") from None
        if not isinstance(version, int | np.integer):
            raise _unreadable(path, "an HDF5 file, but not one of vosmem's caches, or its heading is spoilt")
        if version != CACHE_FORMAT:
            raise _unreadable(path, f"has format version {version}, expected {CACHE_FORMAT}")
        reader = Reader(file, path)
        if stage is not None and reader.maker.stage != stage:
            raise _unreadable(path, f"was written by stage {reader.maker.stage}, expected {stage}")
        if stage is not None and reader.maker.version != stage_version(stage):
            was, now = reader.maker.version, stage_version(stage)
            raise _unreadable(path, f"was written by version {was} of the stage {stage}, this is version {now}")
        yield reader


def stage_version(stage: str) -> int:
    """A stage's version, which is raised when what it computes changes."""
    return importlib.import_module(f"vosmem.{stage}").STAGE_VERSION


def _heading(file: h5py.File) -> str:
    """SHA-256 of what the root's attributes say."""
    names = ["sequence", "frames", "frame_size", "maker", "git_commit", *["shots"] * ("shots" in file.attrs)]
    told = [_text(file.attrs[name]) if name != "frame_size" else [int(n) for n in file.attrs[name]] for name in names]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _told(file: h5py.File, name: str) -> Any:
    """What the JSON of the heading says."""
    return parse.json(_text(file.attrs[name]))


def _text(value: Any) -> str:
    """A string: of fixed length, which h5py gives as bytes, or, as earlier files have it, of variable length."""
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text is expected")
    return value


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _unreadable(path: Path, what: str) -> UserError:
    return UserError(f"{path}: {what}; {MEND}")

"""A sequence's cached streams on the memory's grids: appearance features, motion maps, soft labels.

The memory works on one coarse grid (stride 8, as the paper's). Maps that are cached on a finer one can also be given on
the grid of the read-out, which is ``finer`` times as dense: there boundaries are found that the coarse grid blurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosmem import cache, video
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Axis, Grid, resample

STRIDE = 8  # of the memory's grid, in pixels of the working frame (LVO, section 3)
Window = tuple[slice, slice]  # rows and columns, in cells


@dataclass(frozen=True)
class Map:
    """One cached data set: (T, channels, h, w), or (T, h, w) for one. ``odd``: channels that a mirror negates."""

    file: cache.Reader
    name: str
    stream: str
    grid: Grid
    channels: int
    odd: tuple[int, ...]

    @property
    def title(self) -> str:
        """``<network>/<data set>``."""
        return f"{self.file.maker.name}/{self.name}"

    def rows(self, start: int, stop: int, grid: Grid) -> np.ndarray:
        """Frames start:stop brought to ``grid``: (n, channels, h, w) float32."""
        rows = self.file.rows(self.name, start, stop).astype(np.float32)
        rows = rows.reshape(len(rows), self.channels, *self.grid.shape)
        return resample(rows, self.grid, grid, "area" if _finer(self.grid, max(grid.stride)) else "linear")


class Streams:
    """Reads the two streams of one sequence, frame ranges at a time. Use as a context manager.

    ``appearance``, ``motion``: cache files, none where the model leaves that stream out; ``finer``: how many times as
    dense as the memory's grid the read-out's is; ``fine``: which maps it is given, as :attr:`fine` tells them, so that
    they are those that the model was trained with at any resolution; if not given those that are finer than the memory.
    ``without``: cached maps that are not given to the model, ``<stage>/<network>/<data set>`` each.
    """

    def __init__(
        self,
        appearance: Sequence[Path],
        motion: Sequence[Path],
        finer: int = 1,
        fine: Sequence[str] | None = None,
        without: Sequence[str] = (),
    ):
        if not appearance and not motion:
            raise ValueError("got neither appearance nor motion files, expected at least one")
        self.finer = finer
        self._stack = ExitStack()
        try:
            self.files = {
                stage: [self._stack.enter_context(cache.read(path, stage)) for path in paths]
                for stage, paths in (("appearance", appearance), ("motion", motion))
            }
            files = [f for stream in self.files.values() for f in stream]
            if len({f.clip for f in files}) != 1:
                told = " and ".join(
                    f"{f.path} ({f.clip.sequence}, {len(f)} frames of {f.clip.frame_size})" for f in files
                )
                raise UserError(f"{told}: not the same clip; {cache.MEND}")
            self.clip = files[0].clip
            self.maps = {stage: [_map(f, name, stage) for f in stream for name in f.names]
                         for stage, stream in self.files.items()}  # fmt: skip
            self._leave_out(without)
            both = [*self.maps["appearance"], *self.maps["motion"]]
            self.grid = _grid([m.grid for m in both], self.clip.frame_size)
            self.fine_grid = Grid(
                *(Axis(a.size * finer, a.stride / finer, a.offset) for a in (self.grid.y, self.grid.x))
            )
            if fine is None:
                fine = [m.title for m in both if finer > 1 and _finer(m.grid, STRIDE)]
            self.maps["fine"] = [m for m in both if m.title in fine]
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Streams:
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return len(self.clip.frames)

    def _leave_out(self, without: Sequence[str]) -> None:
        """Forget the maps that the model is not to see."""
        cached = [f"{stage}/{m.title}" for stage, maps in self.maps.items() for m in maps]
        unknown = [name for name in without if name not in cached]
        if unknown or {*cached} == {*without}:
            got = f"got {unknown[0]}, which is not cached" if unknown else "leaves nothing"
            raise UserError(f"memory.without: {got}; the caches hold {', '.join(cached)}")
        for stage, maps in self.maps.items():
            self.maps[stage] = [m for m in maps if f"{stage}/{m.title}" not in without]

    @property
    def fine(self) -> list[str]:
        """The maps that the read-out is given, ``<network>/<data set>`` each."""
        return [m.title for m in self.maps["fine"]]

    @property
    def channels(self) -> dict[str, int]:
        """Channels of ``appearance``, ``motion`` and ``fine`` maps, 0 where there are none."""
        return {stream: sum(m.channels for m in maps) for stream, maps in self.maps.items()}

    def odd(self, stream: str) -> list[int]:
        """The channels of ``appearance``, ``motion`` or ``fine`` that change their sign in a mirror."""
        return _channels(self.maps[stream], lambda m: m.odd)

    def mirrored(self, stream: str, rows: np.ndarray) -> np.ndarray:
        """Maps (n, C, h, w) of a stream as a mirror shows them: see :func:`mirrored`, what is :meth:`odd` negated."""
        rows = mirrored(rows, self.finer if stream == "fine" else 1)
        rows[:, self.odd(stream)] *= -1
        return rows

    def moving(self) -> list[int]:
        """The channels of ``fine`` that come from motion."""
        return _channels(self.maps["fine"], lambda m: range(m.channels) if m.stream == "motion" else ())

    @property
    def made_by(self) -> dict[str, list[dict[str, object]]]:
        """What made the streams: a model trained on some must be given the same."""
        return {stage: [_made_by(f.maker) for f in stream] for stage, stream in self.files.items()}

    def rows(self, stream: str, start: int, stop: int, window: Window | None = None) -> np.ndarray | None:
        """Maps of ``appearance``, ``motion`` or ``fine``, frames start:stop: (n, C, h, w) float32, None without any.

        ``window``: the part of the grid wanted, in cells of the stream's own grid.
        """
        grid = self.fine_grid if stream == "fine" else self.grid
        if window:
            grid = grid.window(*window)
        maps = [m.rows(start, stop, grid) for m in self.maps[stream]]
        return np.concatenate(maps, axis=1) if maps else None  # (n, C, h, w)

    def whole(self, stream: str) -> np.ndarray | None:
        """All frames of a stream: (T, C, h, w) float32, None without any.

        Read one by one, since as they are cached, and in float32, maps of motion take three times the room.
        """
        rows = self.rows(stream, 0, 1)
        if rows is None:
            return None
        every = np.empty((len(self), *rows.shape[1:]), np.float32)
        for t in range(len(self)):
            every[t] = self.rows(stream, t, t + 1)[0]
        return every


def mirrored(rows: np.ndarray, finer: int) -> np.ndarray:
    """Maps (..., w) left to right, of a grid ``finer`` times as dense as the memory's, its cells where they were.

    On the memory's cell i lies cell f i, the first of f; in the mirror it would be the last of them. So the first f - 1
    go, and as many follow the last, with its values.
    """
    rows = rows[..., ::-1]
    return np.concatenate([rows[..., finer - 1 :], np.repeat(rows[..., -1:], finer - 1, axis=-1)], axis=-1)


def _map(file: cache.Reader, name: str, stream: str) -> Map:
    shape = file.shape(name)
    channels = shape[1] if len(shape) == 4 else 1
    return Map(file, name, stream, file.grid(name), channels, file.odd(name))


def _finer(grid: Grid, stride: float) -> bool:
    """Whether a grid is clearly denser than one of ``stride``, so that going there means averaging."""
    return max(grid.stride) < 0.75 * stride


def _grid(grids: list[Grid], frame: tuple[int, int]) -> Grid:
    """The memory's grid: a cached map's own where one has the memory's stride, so that it need not be resampled."""
    own = next((g for g in grids if g.stride == (STRIDE, STRIDE)), None)
    return own or Grid(*(Axis(-(-n // STRIDE), STRIDE, 0) for n in frame))


def _channels(maps: list[Map], chosen) -> list[int]:
    starts = np.cumsum([0, *(m.channels for m in maps)])
    return [int(start) + c for start, m in zip(starts, maps, strict=False) for c in chosen(m)]


def _made_by(maker: cache.Maker) -> dict[str, object]:
    return {
        "name": maker.name,
        "version": maker.version,
        "parameters": dict(maker.parameters),
        "weights": maker.weights_sha256,
    }


def soft_labels(sequence: describe.Sequence, grid: Grid) -> np.ndarray:
    """The share of object in every cell: (T, h, w) float32 in 0..1, NaN throughout frames without annotation."""
    labels = np.full((len(sequence.frames), *grid.shape), np.nan, np.float32)
    for t, path in enumerate(sequence.mask_paths):
        if path is not None:
            mask = video.read_mask(path).astype(np.float32)
            pixels = Grid.of_image(mask.shape, sequence.working_size)
            labels[t] = resample(mask, pixels, grid, "area")
    return labels

"""A sequence's cached streams on one grid: appearance features, motion maps, soft labels."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from vosmem import cache, video
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid, resample


class Streams:
    """Reads the two streams of one sequence, frame ranges at a time. Use as a context manager.

    ``appearance``, ``motion``: cache files, either None where the model leaves that stream out. Everything is given on
    the appearance stream's grid, or on motion's where there is no appearance.
    """

    def __init__(self, appearance: Path | None, motion: Path | None):
        self._stack = ExitStack()
        try:
            self.appearance, self.motion = (
                self._stack.enter_context(cache.read(path, stage)) if path else None
                for path, stage in ((appearance, "appearance"), (motion, "motion"))
            )
            files = [f for f in (self.appearance, self.motion) if f]
            if len({f.clip for f in files}) != 1:
                told = " and ".join(
                    f"{f.path} ({f.clip.sequence}, {len(f)} frames of {f.clip.frame_size})" for f in files
                )
                raise UserError(f"{told}: not the same clip; delete both and run the workflow again")
            self.clip = files[0].clip
            grids = [files[0].grid(name) for name in files[0].names]
            self.grid: Grid = max(grids, key=lambda g: g.shape)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Streams:
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return len(self.clip.frames)

    @property
    def channels(self) -> tuple[int, int]:
        """(Ca, Cm): channels of the two streams, 0 where left out."""
        a, m = self.appearance, self.motion
        return sum(a.shape(n)[1] for n in a.names) if a else 0, 1 if m else 0

    @property
    def made_by(self) -> dict[str, object]:
        """What made the streams: a model trained on some must be given the same."""
        files = {"appearance": self.appearance, "motion": self.motion}
        return {stage: None if f is None else _made_by(f.maker) for stage, f in files.items()}

    def appearance_rows(self, start: int, stop: int, window: tuple[slice, slice] | None = None) -> np.ndarray | None:
        """Features of frames start:stop, all layers, (n, Ca, h, w) float32; only ``window`` of the grid if given."""
        f = self.appearance
        if f is None:
            return None
        grid = self.grid.window(*window) if window else self.grid
        maps = [resample(f.rows(n, start, stop).astype(np.float32), f.grid(n), grid) for n in f.names]
        return np.concatenate(maps, axis=1)  # (n, Ca, h, w)

    def motion_rows(self, start: int, stop: int) -> np.ndarray | None:
        """Motion probability of frames start:stop, (n, 1, h, w) float32."""
        f = self.motion
        if f is None:
            return None
        return resample(f.rows("probability", start, stop).astype(np.float32), f.grid("probability"), self.grid)[
            :, None
        ]


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

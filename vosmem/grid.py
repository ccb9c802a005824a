"""One grid: where the cells of a map sit in the frame, and how a map gets from one grid to another.

Every map that the stages exchange covers the *working frame*: a frame of H x W pixels whose pixel centres are at the
integers, x = 0 .. W-1. Cell ``i`` of a map has its centre at ``x = stride * i + offset`` (likewise y). Networks end on
different grids (Caffe's LargeFOV 61 x 108 at 480 x 854, MobileNets 60 x 107, pooled MP-Net 58 x 106), and half a cell
is 4 pixels where the boundary measure counts 8; so nothing is ever resized by its shape alone.

Re-sampling is separable and linear, hence two small matrices, one per axis, whose rows sum to one. The same two
matrices serve numpy and torch, and give the gradient for free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Axis:
    """The cells of one axis: ``size`` cells, cell i centred at ``stride * i + offset`` pixels of the working frame."""

    size: int
    stride: float
    offset: float

    def centres(self) -> np.ndarray:
        """Positions of the cell centres, (size,) float64, in pixels of the working frame."""
        return self.stride * np.arange(self.size) + self.offset


@dataclass(frozen=True)
class Grid:
    """A map's two axes, y (rows) then x (columns)."""

    y: Axis
    x: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) in cells."""
        return self.y.size, self.x.size

    @property
    def stride(self) -> tuple[float, float]:
        """(stride_y, stride_x) in pixels of the working frame."""
        return self.y.stride, self.x.stride

    @property
    def offset(self) -> tuple[float, float]:
        """(offset_y, offset_x) in pixels of the working frame."""
        return self.y.offset, self.x.offset

    def window(self, rows: slice, columns: slice) -> Grid:
        """The part of the grid that lies in ``rows`` and ``columns`` (slices with a start and a stop)."""
        parts = ((self.y, rows), (self.x, columns))
        return Grid(*(Axis(s.stop - s.start, a.stride, a.offset + a.stride * s.start) for a, s in parts))

    @classmethod
    def of(cls, shape: tuple[int, int], stride: tuple[float, float], offset: tuple[float, float]) -> Grid:
        """The grid with ``shape`` (h, w) cells, and stride and offset given as (y, x)."""
        return cls(*(Axis(int(n), float(s), float(o)) for n, s, o in zip(shape, stride, offset, strict=True)))

    @classmethod
    def of_image(cls, shape: tuple[int, int], frame: tuple[int, int]) -> Grid:
        """The pixels of an image of ``shape`` (h, w) that shows the whole working ``frame`` (H, W).

        Resizing keeps the image's edges, not its first pixel centres, in place: pixel i of n covers
        [i, i+1] * N/n of the frame's N pixels.
        """
        axes = []
        for n, whole in zip(shape, frame, strict=True):
            stride = whole / n
            axes.append(Axis(int(n), stride, 0.5 * stride - 0.5))
        return cls(*axes)


def linear_weights(source: Axis, target: Axis) -> np.ndarray:
    """Linear interpolation from ``source`` cells to ``target`` centres: (target.size, source.size) float64.

    Rows are non-negative and sum to 1. Positions beyond the outermost source centres take the outermost value.
    """
    position = (target.centres() - source.offset) / source.stride  # in source cells
    position = np.clip(position, 0, source.size - 1)
    left = np.minimum(np.floor(position).astype(int), max(source.size - 2, 0))
    fraction = position - left
    weights = np.zeros((target.size, source.size))
    rows = np.arange(target.size)
    weights[rows, left] = 1 - fraction
    if source.size > 1:
        weights[rows, left + 1] += fraction
    return weights


def area_weights(source: Axis, target: Axis) -> np.ndarray:
    """Area averaging from ``source`` cells to ``target`` cells: (target.size, source.size) float64.

    A cell covers half a stride to each side of its centre; a weight is the share of the target cell that the source
    cell covers, among what the source covers at all. A target cell wholly outside takes the nearest source cell.
    """
    low_s, high_s = source.centres() - source.stride / 2, source.centres() + source.stride / 2
    low_t, high_t = target.centres() - target.stride / 2, target.centres() + target.stride / 2
    overlap = np.minimum(high_t[:, None], high_s[None]) - np.maximum(low_t[:, None], low_s[None])
    overlap = np.maximum(overlap, 0)
    outside = overlap.sum(1) <= 1e-9
    overlap[outside] = linear_weights(source, target)[outside].round()
    return overlap / overlap.sum(1, keepdims=True)


def resample(maps: Any, source: Grid, target: Grid, method: str = "linear") -> Any:
    """Bring maps from one grid to another.

    ``maps``: (..., h, w) floating-point numpy array or torch tensor on ``source``; returns the same kind,
    (..., h', w') on ``target``. ``method``: ``linear`` (interpolation; for going to an equal or finer grid) or ``area``
    (averaging; for labels, and for going to a coarser grid). Where both grids are one, ``maps`` itself comes back.
    """
    if tuple(maps.shape[-2:]) != source.shape:
        raise ValueError(f"map of {tuple(maps.shape[-2:])} cells does not lie on a grid of {source.shape} cells")
    if source == target:
        return maps
    weights = {"linear": linear_weights, "area": area_weights}[method]
    rows, columns = weights(source.y, target.y), weights(source.x, target.x)
    if isinstance(maps, np.ndarray):
        return rows.astype(maps.dtype) @ maps @ columns.T.astype(maps.dtype)  # (..., h', w')
    import torch

    to = {"dtype": maps.dtype, "device": maps.device}
    return torch.as_tensor(rows, **to) @ maps @ torch.as_tensor(columns.T.copy(), **to)  # (..., h', w')

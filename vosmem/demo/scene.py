"""A scene: layers from far to near and a camera. Painting a frame, and the true flow to another moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vosmem.demo.camera import Camera
from vosmem.demo.layer import Layer
from vosmem.demo.raster import blur, sample, shrink

CANVAS_ROWS = 480  # frames are painted at a whole multiple of their size, with at least so many rows, and averaged


@dataclass(frozen=True)
class Scene:
    """Layers from far to near, the first of which covers every frame, and the camera for a moment and a frame size."""

    layers: tuple[Layer, ...]
    camera: Callable[[float, tuple[int, int]], Camera]

    @property
    def target(self) -> int:
        """Index of the layer that is the object to segment."""
        return next(k for k, layer in enumerate(self.layers) if layer.target)

    def paint(self, moment: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The frame at a moment.

        Output: (H, W, 3) float32 RGB, 0..255, without noise; (H, W) uint8, the index of the nearest layer that covers
        more than half of the pixel. The mask is where that index is ``target``.
        """
        camera, times = self.camera(moment, size), -(-CANVAS_ROWS // size[0])
        height, width = size
        canvas = np.zeros((3, height * times, width * times), np.float32)
        owner = np.zeros(size, np.uint8)
        ys = ((np.arange(height * times) + 0.5) / times - 0.5).astype(np.float32)[:, None]
        xs = ((np.arange(width * times) + 0.5) / times - 0.5).astype(np.float32)[None, :]
        for index, layer in enumerate(self.layers):
            left, top, right, bottom = _box(layer.bounds(camera, moment), size)
            if right <= left or bottom <= top:
                continue
            part = np.s_[top * times : bottom * times, left * times : right * times]
            j, i, still_j, still_i = layer.look(camera, moment, xs[:, part[1]], ys[part[0]])
            *colours, alpha = (plane.astype(np.float32) for plane in sample(layer.picture, j, i))
            if layer.outline is not None:
                (outline,) = sample(layer.outline, still_j, still_i)
                cover = outline.astype(np.float32) / 255
                *colours, alpha = (plane * cover for plane in (*colours, alpha))
            alpha = alpha / 255
            for channel, colour in zip(canvas, colours, strict=True):
                channel[part] = channel[part] * (1 - alpha) + colour
            owner[top:bottom, left:right][shrink(alpha, times) > 0.5] = index
        frame = np.stack([shrink(channel, times) for channel in canvas], axis=2)  # (H, W, 3)
        return blur(frame, 0.45 * height / 240), owner

    def flow(self, owner: np.ndarray, moment: float, later: float) -> np.ndarray:
        """True flow, (2, H, W) float64 px, u right, v down: where what each pixel shows at ``moment`` is at ``later``.

        ``owner`` (H, W) is what ``paint`` gave for ``moment``.
        """
        size = owner.shape
        before, after = self.camera(moment, size), self.camera(later, size)
        flow = np.zeros((2, *size))
        for index in np.unique(owner):
            ys, xs = np.nonzero(owner == index)  # (N,)
            j, i, *still = self.layers[index].look(before, moment, xs.astype(float), ys.astype(float))
            x, y = self.layers[index].find(after, later, j, i, tuple(still))
            flow[:, ys, xs] = x - xs, y - ys
        return flow


def _box(bounds: tuple[float, float, float, float] | None, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels (left, top, right, bottom) within the frame that hold ``bounds``; None is the whole frame."""
    height, width = size
    if bounds is None:
        return 0, 0, width, height
    left, top, right, bottom = bounds
    low, high = np.floor([left - 1, top - 1]), np.ceil([right + 2, bottom + 2])
    (left, right), (top, bottom) = (np.clip([low[k], high[k]], 0, (width, height)[k]).astype(int) for k in (0, 1))
    return int(left), int(top), int(right), int(bottom)

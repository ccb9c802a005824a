"""The guided filter: within every small window the map is a linear function of the frame's colour.

He, Sun, Tang, *Guided Image Filtering*, TPAMI 2013, with a colour guide; the coefficients are found on a smaller frame
as in He, Sun, *Fast Guided Filter*, 2015. Time does not depend on the window's size.
"""

from __future__ import annotations

import cv2
import numpy as np

from vosmem import video
from vosmem.grid import Grid
from vosmem.refine.backprojection import back_project


def refine(
    cells: np.ndarray, grid: Grid, frame: np.ndarray, radius: int, epsilon: float, subsample: int, rounds: int
) -> np.ndarray:
    """The map of ``cells`` (h, w) on ``grid`` with edges where ``frame`` (H, W, 3) uint8 has them.

    ``radius``: of the windows, in pixels; ``epsilon``: variance of colours, of 0..1, below which a window counts as
    flat; ``subsample``: by how much the frame is shrunk to find the coefficients; ``rounds``: of back-projection.
    Returns (H, W) float32, near 0..1.
    """
    pixels = Grid.of_image(frame.shape[:2], frame.shape[:2])
    return back_project(cells, grid, pixels, Guided(frame, radius, epsilon, subsample), rounds)


class Guided:
    """The filter for one frame (H, W, 3) uint8; call it with maps (H, W) float32."""

    def __init__(self, frame: np.ndarray, radius: int, epsilon: float, subsample: int = 1):
        self._guide = frame.astype(np.float32) / 255 - 0.5  # (H, W, 3); near 0, where products keep their digits
        self._size = tuple(max(1, round(n / subsample)) for n in frame.shape[:2])  # (h, w)
        self._radius = max(1, round(radius / subsample))
        self._count = self._sum(np.ones(self._size, np.float32))

        self._small = video.resize(self._guide, self._size)  # (h, w, 3)
        self._mean = self._average(self._small)
        products = self._small[..., :, None] * self._small[..., None, :]  # (h, w, 3, 3)
        covariance = self._average(products.reshape(*self._size, 9)).reshape(products.shape)
        covariance -= self._mean[..., :, None] * self._mean[..., None, :]
        self._inverse = np.linalg.inv(covariance.astype(np.float64) + epsilon * np.eye(3)).astype(np.float32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Filter ``values`` (H, W) float32; returns (H, W) float32."""
        small = video.resize(values, self._size)  # (h, w)
        mean = self._average(small)
        covariance = self._average(self._small * small[..., None]) - self._mean * mean[..., None]  # (h, w, 3)
        slope = (self._inverse @ covariance[..., None])[..., 0]  # (h, w, 3)
        offset = mean - (slope * self._mean).sum(-1)  # (h, w)
        linear = self._average(np.dstack([slope, offset]))  # (h, w, 4): of all windows around a pixel
        linear = video.resize(linear, self._guide.shape[:2])  # (H, W, 4)
        return np.einsum("yxc,yxc->yx", linear[..., :3], self._guide) + linear[..., 3]

    def _sum(self, values: np.ndarray) -> np.ndarray:
        side = 2 * self._radius + 1
        return cv2.boxFilter(values, cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)

    def _average(self, values: np.ndarray) -> np.ndarray:
        """Mean over the part of the window that lies in the frame, per channel."""
        sums = self._sum(values)
        return sums / (self._count if sums.ndim == 2 else self._count[..., None])

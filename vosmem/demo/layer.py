"""One layer of a scene: a picture on a plane in space that may bend, with its maps to and from the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vosmem.demo.camera import Camera, Plane

#: (x, y, moment) -> (dx, dy), world units on the plane: the point seen at (x, y) shows the picture at (x+dx, y+dy).
Bend = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]

OUTSIDE = -1.0e6  # a texel that no picture has


@dataclass(frozen=True)
class Layer:
    """A picture on a plane.

    ``picture`` is (h, w, 4) uint8, RGBA with the colours premultiplied by alpha; its texel (i, j) lies at plane
    position ``corner + (j, i) / texels`` (x across, y down, world units). ``place`` gives the plane at a moment of
    the story (0 = first frame, 1 = last). ``bend`` deforms the picture within its plane, at most by ``reach`` units.
    Where ``outline`` (h, w) uint8 is given, it is a second alpha in the same texels which the bend does not move: the
    shore of a water whose waves drift. ``target`` marks the object to segment.
    """

    name: str
    picture: np.ndarray
    texels: float
    corner: tuple[float, float]
    place: Callable[[float], Plane]
    bend: Bend | None = None
    reach: float = 0.0
    outline: np.ndarray | None = None
    target: bool = False

    def look(self, camera: Camera, moment: float, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """Frame pixels to texels, exactly.

        Inputs: ``x`` and ``y`` broadcast to (H, W), pixels. Output: (x, y) of the picture and (x, y) of the outline,
        each (H, W), texels; ``OUTSIDE`` where the plane is behind the camera.
        """
        # Lists, because Python's floats leave a float32 frame in float32. The third row gives 1 / depth.
        row_a, row_b, row_depth = np.linalg.inv(camera.homography(self.place(moment))).tolist()
        inverse_depth = row_depth[0] * x + (row_depth[1] * y + row_depth[2])
        seen = inverse_depth > 1e-4
        depth = 1 / np.where(seen, inverse_depth, 1)
        a = (row_a[0] * x + (row_a[1] * y + row_a[2])) * depth
        b = (row_b[0] * x + (row_b[1] * y + row_b[2])) * depth
        still = self._texels(a, b, seen)
        if self.bend is None:
            return *still, *still
        da, db = self.bend(a, b, moment)
        return *self._texels(a + da, b + db, seen), *still

    def find(
        self,
        camera: Camera,
        moment: float,
        j: np.ndarray,
        i: np.ndarray,
        near: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Texels (x, y) of the picture to frame pixels (x, y): the inverse of ``look``, to 0.001 px.

        ``near``: texels of the outline from which to start looking, such as those at the moment before.
        """
        p, q = j / self.texels + self.corner[0], i / self.texels + self.corner[1]
        start_j, start_i = near or (j, i)
        a, b = start_j / self.texels + self.corner[0], start_i / self.texels + self.corner[1]
        if self.bend is None:
            a, b = p, q
        else:
            for _ in range(60):  # a fixed point, for bends contract
                da, db = self.bend(a, b, moment)
                moved = max(np.abs(p - da - a).max(), np.abs(q - db - b).max())
                a, b = p - da, q - db
                if moved < 1e-6:
                    break
        ahead = camera.homography(self.place(moment))
        x, y, depth = (row[0] * a + row[1] * b + row[2] for row in ahead)
        return x / depth, y / depth

    def bounds(self, camera: Camera, moment: float) -> tuple[float, float, float, float] | None:
        """Box (left, top, right, bottom) in pixels that holds the layer; None where part of it is behind the camera."""
        h, w = self.picture.shape[:2]
        a = np.array([-self.reach, w / self.texels + self.reach])[[0, 1, 1, 0]] + self.corner[0]
        b = np.array([-self.reach, h / self.texels + self.reach])[[0, 0, 1, 1]] + self.corner[1]
        x, y, depth = camera.homography(self.place(moment)) @ np.stack([a, b, np.ones(4)])
        if depth.min() < 0.05:
            return None
        x, y = x / depth, y / depth
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def _texels(self, a: np.ndarray, b: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        j, i = (a - self.corner[0]) * self.texels, (b - self.corner[1]) * self.texels
        if seen.all():
            return j, i
        return np.where(seen, j, OUTSIDE), np.where(seen, i, OUTSIDE)

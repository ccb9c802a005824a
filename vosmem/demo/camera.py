"""A pinhole camera and the planes it looks at. World: X right, Y down, Z ahead; angles in radians, lengths in units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """Where the camera is and how it looks.

    ``yaw`` turns it right, ``pitch`` down, ``roll`` clockwise; ``focal`` is in pixels. The principal point is the
    middle of the ``size`` = (H, W) frame, whose pixel centres are at the integers.
    """

    position: tuple[float, float, float]
    yaw: float
    pitch: float
    roll: float
    focal: float
    size: tuple[int, int]

    def projection(self) -> np.ndarray:
        """K R^T, (3, 3) float64: takes X - position to homogeneous pixels whose third entry is the depth."""
        height, width = self.size
        calibration = np.array([[self.focal, 0, (width - 1) / 2], [0, self.focal, (height - 1) / 2], [0, 0, 1]])
        (cy, cp, cr), (sy, sp, sr) = (f([self.yaw, self.pitch, self.roll]) for f in (np.cos, np.sin))
        turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])  # yaw, about Y
        nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])  # pitch, about X
        lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])  # roll, about Z
        return calibration @ (turn @ nod @ lean).T

    def homography(self, plane: Plane) -> np.ndarray:
        """(3, 3) float64: (a, b, 1) on the plane to homogeneous pixels whose third entry is the depth."""
        offset = np.subtract(plane.origin, self.position)
        return self.projection() @ np.stack([plane.across, plane.down, offset], axis=1)


@dataclass(frozen=True)
class Plane:
    """The points ``origin + a * across + b * down``, each a triple in world units."""

    origin: tuple[float, float, float]
    across: tuple[float, float, float] = (1.0, 0.0, 0.0)
    down: tuple[float, float, float] = (0.0, 1.0, 0.0)


def upright(x: float, z: float, foot: float = 1.0, turn: float = 0.0, tilt: float = 0.0) -> Plane:
    """A billboard standing at height ``foot``: turned by ``turn`` about the vertical, tilted by ``tilt`` in itself."""
    ahead, side = np.array([np.cos(turn), 0.0, np.sin(turn)]), np.array([0.0, 1.0, 0.0])
    across = np.cos(tilt) * ahead + np.sin(tilt) * side
    down = -np.sin(tilt) * ahead + np.cos(tilt) * side
    return Plane((x, foot, z), tuple(across.tolist()), tuple(down.tolist()))


def level(x: float = 0.0, z: float = 0.0, height: float = 1.0) -> Plane:
    """A horizontal plane whose b runs towards the camera (b = -Z)."""
    return Plane((x, height, z), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0))

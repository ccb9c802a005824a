"""The family of the target and its still twins: animals of irregular build with a patterned pelt.

An animal is drawn in its own frame, 1 unit long or so, from a few round limbs that melt into each other; a random warp
makes the outline irregular. The pelt is a two-colour pattern cut out of noise of one wavelength.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vosmem.demo import noise
from vosmem.demo.raster import blur, depth_inside, enlarge, paint_ellipses

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Build:
    """Proportions, in units of the body's length: what makes a giraffe of one and a tortoise of another."""

    body: float = 0.21  # half-height of the trunk
    legs: int = 4
    leg_length: float = 0.30
    leg_width: float = 0.075
    neck: float = 0.22
    neck_angle: float = 0.9  # radians above the horizontal
    head: float = 0.12
    tail: float = 0.3
    hump: float = 0.0


@dataclass(frozen=True)
class Pelt:
    """Pattern (``spots``, ``stripes``, ``patches``, ``rings``, ``maze``), colours, and wavelength in body lengths."""

    pattern: str
    ground: Colour
    mark: Colour
    wavelength: float = 0.16


def paint_beast(
    rng: np.random.Generator, build: Build, pelt: Pelt, texels: int
) -> tuple[np.ndarray, tuple[float, float]]:
    """One animal, looking right, its feet on y = 0.

    Output: (h, w, 4) uint8 premultiplied RGBA with ``texels`` to the body length; the position (x, y) of texel (0, 0)
    in body lengths, x from the middle of the trunk.
    """
    limbs, eye = _limbs(rng, build)
    reach = limbs[:, 4].max() + 0.06
    left, right = limbs[:, [0, 2]].min() - reach, limbs[:, [0, 2]].max() + reach
    top = limbs[:, [1, 3]].min() - reach
    shape = int((0.06 - top) * texels), int((right - left) * texels)
    x = left + np.arange(shape[1], dtype=np.float32)[None, :] / texels
    y = float(top) + np.arange(shape[0], dtype=np.float32)[:, None] / texels
    warp = [0.022 * enlarge(noise.band(rng, (32, 32), 7.0, 0.5), shape) for _ in range(2)]
    distance = _outline(limbs, x + warp[0], y + warp[1])
    alpha = np.clip(0.5 - distance * texels / 1.5, 0, 1)
    colour = _pattern(rng, pelt, shape, texels) * _light(rng, alpha, y, top, texels)[..., None]
    picture = np.dstack([np.clip(colour, 0, 255), np.full(shape, 255, np.float32)]) * alpha[..., None]
    picture = np.round(picture).astype(np.uint8)
    centre = (np.array(eye) - (left, top)) * texels
    size = 0.2 * build.head * texels
    glint = centre + 0.3 * size * np.array([1, -1])
    paint_ellipses(
        picture,
        np.stack([centre, centre, glint]),
        np.array([[1.35 * size] * 2, [size] * 2, [0.35 * size] * 2]),
        np.zeros(3),
        np.array([[235, 228, 210], [22, 18, 16], [250, 250, 250]]),
    )
    return picture, (float(left), float(top))


def _limbs(rng: np.random.Generator, build: Build) -> tuple[np.ndarray, tuple[float, float]]:
    """Capsules (N, 6): x0, y0, x1, y1 and the radii at both ends; and where the eye is."""

    def about(value: float) -> float:
        return float(value * rng.uniform(0.88, 1.12))

    belly = -about(build.leg_length) - build.body * 0.8
    limbs = [(-0.33, belly, 0.30, belly - 0.02, about(build.body), about(build.body) * 0.95)]
    if build.hump:
        limbs.append((-0.12, belly - build.hump, 0.1, belly - build.hump * 0.9, build.body * 0.8, build.body * 0.7))
    for k in range(build.legs):
        hip = -0.36 + 0.68 * k / (build.legs - 1) + rng.uniform(-0.03, 0.03)
        foot = hip + rng.uniform(-0.06, 0.06)
        limbs.append((hip, belly + 0.05, foot, -build.leg_width, about(build.leg_width) * 1.35, build.leg_width))
    lift, reach = np.sin(build.neck_angle), np.cos(build.neck_angle)
    length = about(build.neck)
    start = np.array([0.36, belly - build.body * 0.35])
    crown = start + (length + build.head) * np.array([reach, -lift])
    limbs.append((*start, *crown, build.head * 1.0, build.head * 0.72))
    muzzle = crown + build.head * np.array([1.25, 0.35])
    limbs.append((*crown, *muzzle, build.head, build.head * 0.62))
    ear = crown + build.head * np.array([-0.55, -1.25])
    limbs.append((*crown, *ear, build.head * 0.4, build.head * 0.22))
    rump = np.array([-0.48, belly - 0.06])
    tip = rump + about(build.tail) * np.array([-0.75, rng.uniform(-0.6, 0.5)])
    limbs.append((*rump, *tip, 0.055, 0.04))
    eye = crown + build.head * np.array([0.35, -0.22])
    return np.array(limbs, np.float64), (float(eye[0]), float(eye[1]))


def _outline(limbs: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance to the limbs melted together, negative inside; a soft minimum over tapered capsules."""
    total = 0.0
    for x0, y0, x1, y1, r0, r1 in limbs.tolist():
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        away = np.hypot(x - x0 - along * dx, y - y0 - along * dy) - (r0 + (r1 - r0) * along)
        total = total + np.exp(-away * 42)
    return -np.log(total) / 42


def _pattern(rng: np.random.Generator, pelt: Pelt, shape: tuple[int, int], texels: int) -> np.ndarray:
    """The flat pelt, (h, w, 3) float32: the pattern in two colours, uneven tone, and fine hair."""
    even = tuple(-(-side // 32) * 32 for side in shape)  # a quick size for the Fourier transform
    length = pelt.wavelength * texels
    if pelt.pattern == "stripes":
        mark = noise.edge(noise.band(rng, even, length, 0.16, angle=0.25, spread=0.3), 0.1, 0.07)
    else:
        field = noise.band(rng, even, length * (1.5 if pelt.pattern in ("patches", "rings") else 1.0), 0.2)
        mark = {
            "spots": lambda: noise.edge(field, 0.55, 0.07),
            "patches": lambda: noise.edge(np.abs(field), 0.32, 0.05),
            "rings": lambda: noise.edge(field, 0.25, 0.06) * (1 - 0.85 * noise.edge(field, 1.15, 0.1)),
            "maze": lambda: noise.edge(field, 0.0, 0.09),
        }[pelt.pattern]()
    mark = mark[: shape[0], : shape[1], None]
    colour = mark * np.array(pelt.mark, np.float32) + (1 - mark) * np.array(pelt.ground, np.float32)
    tone = 1 + 0.07 * noise.fractal(rng, even, 1.3) + 0.05 * noise.fractal(rng, even, 0.4, stretch=3)
    return colour * tone[: shape[0], : shape[1], None]


def _light(rng: np.random.Generator, alpha: np.ndarray, y: np.ndarray, top: float, texels: int) -> np.ndarray:
    """Shading of a rounded body lit from the upper left, (h, w) float32, about 0.4..1.3."""
    depth = depth_inside(alpha > 0.5) / (0.17 * texels)
    height = blur(np.sqrt(np.clip(depth * (2 - np.minimum(depth, 1)), 0, 1)), 0.012 * texels) * (0.14 * texels)
    slope_y, slope_x = np.gradient(height)
    facing = (0.45 * slope_x + 0.75 * slope_y + 0.62) / np.sqrt(1 + slope_x**2 + slope_y**2)
    return (0.48 + 0.72 * np.clip(facing, 0, 1.1)) * (1.06 - 0.22 * (y - top) / -top)

"""The families of the background: grass, sand, paving, brick, bark, rock, water, sky, foliage, cloth, twigs.

Every function takes a generator and a shape (h, w) in texels and returns (h, w, 3) float32 RGB, 0..255, or, where the
thing has an outline, (h, w, 4) uint8 with premultiplied colours. All fields are periodic, so pictures can be tiled.
"""

from __future__ import annotations

import numpy as np

from vosmem.demo.noise import band, edge, fractal, ramp
from vosmem.demo.raster import blur, paint_ellipses, paint_lines

Colour = tuple[int, int, int]
Palette = list[Colour]

GRASS: Palette = [(38, 58, 24), (66, 92, 36), (98, 122, 50), (140, 150, 74)]
DRY_GRASS: Palette = [(84, 72, 36), (130, 112, 58), (168, 148, 84), (202, 184, 120)]
SAND: Palette = [(128, 104, 76), (168, 142, 106), (196, 172, 134), (220, 202, 168)]
LITTER: Palette = [(46, 32, 22), (84, 58, 36), (122, 84, 48), (160, 118, 70)]
STONE: Palette = [(70, 70, 72), (108, 106, 104), (142, 138, 132), (176, 172, 164)]
LEAVES: Palette = [(22, 44, 20), (44, 78, 30), (76, 112, 42), (122, 150, 66)]
AUTUMN: Palette = [(76, 32, 16), (136, 66, 24), (186, 108, 34), (214, 156, 62)]
NEEDLES: Palette = [(14, 34, 30), (26, 56, 44), (44, 82, 58), (78, 112, 78)]
BARK: Palette = [(34, 26, 20), (66, 52, 40), (98, 80, 62), (136, 116, 94)]
BIRCH: Palette = [(60, 56, 52), (168, 162, 152), (202, 198, 188), (224, 222, 214)]
RIVER: Palette = [(22, 50, 62), (40, 82, 92), (76, 122, 128), (176, 206, 204)]
POND: Palette = [(28, 46, 34), (48, 76, 56), (84, 112, 86), (176, 194, 168)]
SEA: Palette = [(18, 44, 84), (34, 78, 126), (74, 124, 164), (196, 220, 230)]
TWIGS: Palette = [(62, 44, 28), (104, 78, 48), (148, 116, 74), (186, 156, 108)]


def turf(rng: np.random.Generator, shape: tuple[int, int], palette: Palette) -> np.ndarray:
    """Grass or litter: clumps, and blades that stand up."""
    field = 0.55 * fractal(rng, shape, 1.1) + 0.6 * fractal(rng, shape, 0.55, stretch=0.35)
    return ramp(field, palette, -1.7, 1.9)


def grit(rng: np.random.Generator, shape: tuple[int, int], palette: Palette) -> np.ndarray:
    """Sand or gravel: soft dunes with grain and scattered pebbles."""
    field = 0.7 * fractal(rng, shape, 1.3) + 0.45 * fractal(rng, shape, 0.2)
    pebbles = edge(band(rng, shape, 16.0, 0.35), 2.0, 0.12)[..., None]
    return ramp(field, palette) * (1 - 0.35 * pebbles) + 12 * pebbles


def paving(rng: np.random.Generator, shape: tuple[int, int], palette: Palette, slab: tuple[int, int]) -> np.ndarray:
    """Slabs or bricks of ``slab`` (h, w) texels in running bond, each in its own tone, with worn joints."""
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    course = rows // slab[0]
    moved = columns + (course % 2) * (slab[1] // 2)
    tones = rng.normal(0, 0.55, (int(course.max()) + 1, shape[1] // slab[1] + 2)).astype(np.float32)
    tone = tones[course, moved // slab[1]]
    joint = np.minimum(
        np.minimum(rows % slab[0], slab[0] - 1 - rows % slab[0]),
        np.minimum(moved % slab[1], slab[1] - 1 - moved % slab[1]),
    )
    gap = edge(blur(fractal(rng, shape, 0.8), 1.0) * 0.7 - joint, -2.2, 0.5)[..., None]
    face = ramp(tone + 0.55 * fractal(rng, shape, 1.0), palette)
    return face * (1 - 0.55 * gap)


def bark(rng: np.random.Generator, shape: tuple[int, int], palette: Palette) -> np.ndarray:
    """A trunk lit from the left: furrows that run upwards, darker towards both edges; (h, w, 4) uint8."""
    furrows = 0.7 * fractal(rng, shape, 1.0, stretch=0.16) + 0.25 * fractal(rng, shape, 0.6)
    furrows = furrows + 0.45 * np.minimum(fractal(rng, shape, 0.9, stretch=6), 0.8)
    across = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    round_ = np.sqrt(np.clip(1 - across**2, 0, 1)) * (0.8 - 0.35 * across) + 0.22
    wobble = 0.10 * fractal(rng, (shape[0], 2), 1.3)[:, :1]
    alpha = np.clip((0.9 - np.abs(across + wobble)) * shape[1] / 3, 0, 1)
    return _cut_out(ramp(furrows, palette) * round_[..., None], alpha)


def rock(rng: np.random.Generator, shape: tuple[int, int], palette: Palette) -> np.ndarray:
    """A boulder that stands on its lower edge, lit from the left; (h, w, 4) uint8."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    radius = np.hypot(x, np.where(y > 0, y * 0.9, y)) + 0.09 * fractal(rng, shape, 1.7)
    alpha = np.clip((0.82 - radius) * shape[1] / 3, 0, 1) * np.clip((0.86 - y) * shape[0] / 3, 0, 1)
    relief = fractal(rng, shape, 1.4)
    light = 0.85 - 0.25 * x - 0.35 * y + 1.5 * np.gradient(blur(relief, 2.0))[1]
    return _cut_out(ramp(relief, palette) * np.clip(light, 0.3, 1.4)[..., None], alpha)


def water(rng: np.random.Generator, shape: tuple[int, int], palette: Palette) -> np.ndarray:
    """Long waves with glints on their crests."""
    waves = 0.75 * fractal(rng, shape, 1.15, stretch=4.0) + 0.45 * band(rng, shape, 26.0, 0.5, angle=1.5, spread=0.35)
    return ramp(waves, palette, -1.9, 2.3)


def sky(rng: np.random.Generator, shape: tuple[int, int], low: Colour, high: Colour) -> np.ndarray:
    """A gradient from ``high`` above to ``low`` below, with clouds."""
    up = np.linspace(1, 0, shape[0], dtype=np.float32)[:, None, None]
    clear = up * np.array(high, np.float32) + (1 - up) * np.array(low, np.float32)
    cloud = edge(fractal(rng, shape, 1.6, stretch=2.2), 0.5, 0.35)[..., None] * (0.25 + 0.6 * up)
    return clear * (1 - cloud) + 246 * cloud


def cloth(rng: np.random.Generator, shape: tuple[int, int], colours: Palette) -> np.ndarray:
    """A banner of broad plain fields, one below the other, with folds and a weave; (h, w, 4) uint8."""
    field = np.minimum(np.arange(shape[0]) * len(colours) // shape[0], len(colours) - 1)
    flat = np.asarray(colours, np.float32)[field][:, None, :].repeat(shape[1], axis=1)
    folds = 1 + 0.13 * np.sin(np.arange(shape[1]) / shape[1] * 15 + 1)[None, :] + 0.05 * fractal(rng, shape, 1.2)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    weave = 1 + 0.05 * ((rows // 2 + columns // 2) % 2) + 0.04 * fractal(rng, shape, 0.1)
    return _cut_out(flat * (folds * weave)[..., None], np.ones(shape, np.float32))


def foliage(rng: np.random.Generator, shape: tuple[int, int], palette: Palette, leaf: float, mound: bool) -> np.ndarray:
    """Leaves upon leaves, dark below and bright above; (h, w, 4) uint8. ``leaf`` is their half-length in texels.

    As a ``mound`` they fill a bush that stands on the lower edge; otherwise a hedge across the whole width.
    """
    number = int(2.6 * shape[0] * shape[1] / (leaf * leaf * 1.6))
    x, y, phase = rng.random(number), rng.random(number), rng.uniform(0, 6, 2)
    if mound:
        angle = np.arctan2(1 - y, 2 * x - 1)  # seen from the middle of the foot, the crown has lobes
        crown = 0.86 + 0.07 * np.sin(5 * angle + phase[0]) + 0.05 * np.sin(11 * angle + phase[1])
        inside = np.hypot(2 * x - 1, 1 - y) < crown
    else:
        inside = y > 0.22 + 0.10 * np.sin(x * 19 + phase[0]) + 0.07 * np.sin(x * 47 + phase[1])
    x, y = x[inside] * 0.96 + 0.02, y[inside] * 0.96 + 0.02
    # Painter's order: the dark leaves of the inside first, then the lit ones.
    layer = np.sort(rng.random(len(x)))
    tone = np.clip(layer * 0.75 + 0.35 * (1 - y) + rng.normal(0, 0.13, len(x)) - 0.1, 0, 1)
    colours = ramp(tone[None, :], palette, 0.0, 1.0)[0]
    size = leaf * rng.uniform(0.55, 1.1, (len(x), 1)) * np.array([1.0, 0.5])
    centres, canvas = np.stack([x * shape[1], y * shape[0]], 1), np.zeros((*shape, 4), np.uint8)
    under = np.s_[::6]  # a dark thicket that closes the gaps
    paint_ellipses(
        canvas, centres[under], 1.9 * size[under], np.zeros(len(x))[under], np.full_like(colours[under], palette[0])
    )
    paint_ellipses(canvas, centres, size, rng.uniform(0, 180, len(x)), colours)
    return canvas


def twigs(rng: np.random.Generator, size: int, palette: Palette) -> np.ndarray:
    """A ball of dry twigs, (size, size, 4) uint8."""
    number, lines, steps = 240, [], np.linspace(-1, 1, 9)[:, None]
    for _ in range(number):
        # A bent chord: through a point of the disk, in any direction, as long as the disk lets it be.
        heading, aside = rng.uniform(0, 2 * np.pi), 0.42 * rng.uniform(-1, 1)
        ahead, side = (np.array([np.cos(heading + t), np.sin(heading + t)]) for t in (0, np.pi / 2))
        reach = np.sqrt(0.45**2 - aside**2) * rng.uniform(0.75, 1.08)
        bow = rng.uniform(-0.12, 0.12)
        lines.append(size * (0.5 + ahead * reach * steps + side * (aside + bow * (1 - steps**2))))
    tone = np.clip(np.linspace(0, 1, number) + rng.normal(0, 0.2, number), 0, 1)
    canvas = np.zeros((size, size, 4), np.uint8)
    paint_lines(canvas, lines, np.full(number, max(2, size // 60)), ramp(tone[None, :], palette, 0.0, 1.0)[0])
    return canvas


def _cut_out(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    picture = np.dstack([np.clip(colour, 0, 255), np.full(alpha.shape, 255, np.float32)]) * alpha[..., None]
    return np.round(picture).astype(np.uint8)

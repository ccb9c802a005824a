"""Random fields, the stuff that textures are made of: Gaussian noise with a shaped spectrum, and colour ramps."""

from __future__ import annotations

import numpy as np


def _frequencies(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]  # cycles per texel


def _shaped(rng: np.random.Generator, shape: tuple[int, int], gain: np.ndarray) -> np.ndarray:
    white = rng.standard_normal(shape, dtype=np.float32)
    gain[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(white) * gain.astype(np.float32), shape)
    return (field / field.std()).astype(np.float32)


def fractal(rng: np.random.Generator, shape: tuple[int, int], slope: float = 1.5, stretch: float = 1.0) -> np.ndarray:
    """Noise whose amplitude falls as frequency ** -slope, (h, w) float32, mean 0, variance 1, periodic.

    ``stretch`` > 1 draws it out along the rows (left-right), < 1 down the columns.
    """
    fy, fx = _frequencies(shape)
    radius = np.hypot(fy, fx * stretch)
    radius[0, 0] = 1
    return _shaped(rng, shape, radius**-slope)


def band(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wavelength: float,
    width: float = 0.2,
    angle: float | None = None,
    spread: float = 0.35,
) -> np.ndarray:
    """Noise of one wavelength (texels), relative band ``width``, (h, w) float32, mean 0, variance 1, periodic.

    With ``angle`` (radians), only waves that run that way, give or take ``spread``: stripes; without, spots and mazes.
    """
    fy, fx = _frequencies(shape)
    centre = 1 / wavelength
    gain = np.exp(-(((np.hypot(fy, fx) - centre) / (width * centre)) ** 2) / 2)
    if angle is not None:
        turned = np.arctan2(fy, fx) - angle
        gain = gain * np.exp(-((np.sin(turned) / spread) ** 2) / 2)
    return _shaped(rng, shape, gain)


def ramp(field: np.ndarray, colours: list[tuple[int, int, int]], low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Colours along a field: (h, w) float to (h, w, 3) float32, 0..255; the stops are spread evenly over low..high."""
    stops = np.asarray(colours, np.float32)
    steps = np.linspace(0, len(stops) - 1, 256)
    table = np.stack([np.interp(steps, np.arange(len(stops)), stops[:, c]) for c in range(3)], axis=1)
    index = np.clip((field - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return table.astype(np.float32)[index]


def edge(field: np.ndarray, threshold: float, softness: float) -> np.ndarray:
    """A soft step, 0..1: the share of ``field`` above ``threshold``, rising over about 4 * softness."""
    return 1 / (1 + np.exp(np.clip((threshold - field) / softness, -30, 30)))

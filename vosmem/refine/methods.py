"""The methods that turn a probability map into a full-size mask."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vosmem.grid import Grid, resample


def raw(probability: np.ndarray, grid: Grid, pixels: Grid, threshold: float) -> np.ndarray:
    """Up-sample bilinearly, then threshold.

    ``probability``: (h, w) float32 in 0..1 on ``grid``; ``pixels``: the full-size frame's pixels in the working frame.
    Returns (H, W) bool, true where the probability exceeds ``threshold``.
    """
    return resample(probability, grid, pixels) > threshold


METHODS: dict[str, Callable[[np.ndarray, Grid, Grid, float], np.ndarray]] = {"raw": raw}

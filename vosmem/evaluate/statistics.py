"""What the values of a sequence's frames are summed up to (Perazzi et al., CVPR 2016, section 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def mean(values: ArrayLike) -> float:
    """The mean over frames (T). NaN, for frames without a value, is left out here and below; NaN where none is left."""
    values = _known(values)
    return float(values.mean()) if values.size else float("nan")


def recall(values: ArrayLike, threshold: float = 0.5) -> float:
    """The share of frames (T) whose value is above the threshold, 0..1."""
    values = _known(values)
    return float((values > threshold).mean()) if values.size else float("nan")


def decay(values: ArrayLike) -> float:
    """How much worse the end of a sequence (T) is than its beginning: mean of the first quarter minus that of the last.

    Neighbouring quarters share the frame at which they meet.
    """
    values = _known(values)
    if not values.size:
        return float("nan")
    edges = np.round(np.linspace(1, values.size, 5) + 1e-10).astype(int) - 1  # not as 8-bit numbers, which end at 255
    return float(values[edges[0] : edges[1] + 1].mean() - values[edges[3] : edges[4] + 1].mean())


def _known(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, float)
    return values[~np.isnan(values)]

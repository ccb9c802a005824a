"""How sure a difference is: the paired bootstrap over sequences (Efron and Tibshirani, 1993, chapter 13).

Thirty sequences differ far more from each other than two systems do on one of them; a difference is judged by its mean
over sequences, each system being scored on the same ones.
"""

from __future__ import annotations

import numpy as np

DRAWS = 10_000


def interval(differences: np.ndarray, share: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The bootstrap interval of a mean: (n,) float, one difference a sequence -> its lower and upper end.

    ``share``: of the means of re-drawn sequences that the interval holds. Raises ValueError for no differences or NaN.
    """
    if not len(differences) or np.isnan(differences).any():
        raise ValueError(f"differences of {len(differences)} sequences, some of them NaN: expected at least one number")
    rng = np.random.default_rng(seed)
    means = differences[rng.integers(0, len(differences), (DRAWS, len(differences)))].mean(1)  # (DRAWS,)
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def told(differences: np.ndarray) -> str:
    """The mean of differences (n,) in percent, one a sequence, and its interval: ``+1.1 [+0.6, +1.5]``."""
    low, high = interval(differences)
    return f"{differences.mean():+.1f} [{low:+.1f}, {high:+.1f}]"

"""The logit of a probability, bounded, since what is sure must not outweigh all else."""

from __future__ import annotations

import numpy as np

SURE = 0.01  # probabilities nearer to 0 or 1 are taken as this near


def logit(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of probabilities of any shape, of their dtype."""
    probability = np.clip(probability, SURE, 1 - SURE)
    return np.log(probability / (1 - probability))

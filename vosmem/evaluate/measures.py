"""Region similarity J and contour accuracy F of one frame, and the statistics over a sequence.

Perazzi et al., *A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation*, CVPR 2016, sections 4
and 5, with the conventions of its official tool.
"""

from __future__ import annotations

import cv2
import numpy as np

TOLERANCE = 0.008  # of the frame's diagonal


def region_similarity(mask: np.ndarray, annotation: np.ndarray) -> float:
    """J: intersection over union of two (H, W) bool masks; 1 where both are empty."""
    union = np.count_nonzero(mask | annotation)
    return np.count_nonzero(mask & annotation) / union if union else 1.0


def boundary(mask: np.ndarray) -> np.ndarray:
    """The boundary of a (H, W) bool mask: pixels that differ from their right, lower or lower-right neighbour.

    The last row looks right only, the last column down only, the last corner nowhere.
    """
    differs = np.zeros_like(mask)
    differs[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    differs[:-1] |= mask[:-1] ^ mask[1:]
    differs[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return differs


def contour_accuracy(mask: np.ndarray, annotation: np.ndarray, tolerance: float = TOLERANCE) -> float:
    """F: the boundaries' F-measure, a pixel being matched within ``tolerance`` of the diagonal, rounded up to pixels.

    0 where one boundary is empty, 1 where both are.
    """
    ours, theirs = boundary(mask), boundary(annotation)
    counts = np.count_nonzero(ours), np.count_nonzero(theirs)
    if not all(counts):
        return float(counts == (0, 0))
    radius = int(np.ceil(tolerance * np.hypot(*mask.shape)))
    precision = np.count_nonzero(ours & _near(theirs, radius)) / counts[0]
    recall = np.count_nonzero(theirs & _near(ours, radius)) / counts[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _near(pixels: np.ndarray, radius: int) -> np.ndarray:
    """Where some true pixel lies within ``radius``: x^2 + y^2 <= radius^2."""
    # Distances are square roots of integers: those of radius^2 and of the next integer are further apart than the
    # transform's error.
    distance = cv2.distanceTransform((~pixels).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= np.sqrt(radius**2 + 0.5)


def mean(values: np.ndarray) -> float:
    """Mean over the scored frames, NaN left out; NaN where there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def recall(values: np.ndarray, threshold: float = 0.5) -> float:
    """Share of the scored frames whose value exceeds ``threshold``."""
    known = values[~np.isnan(values)]
    return float((known > threshold).mean()) if known.size else float("nan")


def decay(values: np.ndarray) -> float:
    """Mean of the first quarter of the scored frames minus mean of the last; quarters overlap by their ends."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan")
    ids = np.round(np.linspace(1, known.size, 5) + 1e-10).astype(int) - 1
    return float(known[ids[0] : ids[1] + 1].mean() - known[ids[3] : ids[4] + 1].mean())

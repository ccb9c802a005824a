"""The three DAVIS measures (Perazzi et al., CVPR 2016, section 4), per frame.

On arrays of masks for those who have them; on packed masks for the stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from vosmem import bits

TOLERANCE = 0.008  # of the image's diagonal: how far apart contours may be


def region_similarity(masks: np.ndarray, annotations: np.ndarray) -> np.ndarray | float:
    """J: intersection over union of mask and annotation, 1 where both are empty.

    ``masks``, ``annotations``: (T, H, W) bool, or any type in which foreground is not zero. Returns (T) float64, 0..1;
    for single masks (H, W) a float.
    """
    return _each(masks, annotations, region)


def contour_accuracy(masks: np.ndarray, annotations: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray | float:
    """F: the F-measure of the contours' pixels that lie within a tolerance of the other contour.

    Arguments and result as of :func:`region_similarity`; ``tolerance`` is a share of the image's diagonal, or pixels
    where it is 1 or more.
    """
    width, reach = np.shape(masks)[-1], radius(np.shape(masks)[-2:], tolerance)
    return _each(masks, annotations, lambda mask, annotation: contour(mask, annotation, width, reach))


def temporal_stability(masks: np.ndarray) -> np.ndarray:
    """T: how much the outline of a mask changes its shape to the next mask's, lower is better.

    ``masks``: (T, H, W) bool. Returns (T-1) float64, NaN where one of two neighbours has no outline. To have the value
    of a DAVIS sequence, replace the first mask by its annotation, leave out the last, and take the mean.
    """
    from vosmem.evaluate import stability

    masks = np.asarray(masks)
    if masks.ndim != 3:
        raise ValueError(f"temporal_stability: got masks of shape {masks.shape}, expected (T, H, W)")
    if not len(masks):
        return np.empty(0)
    return np.array(stability.instabilities([stability.describe(mask != 0) for mask in masks]), float)


def region(mask: np.ndarray, annotation: np.ndarray) -> float:
    """J of two packed masks."""
    common = bits.count(mask & annotation)
    either = bits.count(mask) + bits.count(annotation) - common
    return common / either if either else 1.0


def radius(size: tuple[int, int], tolerance: float = TOLERANCE) -> int:
    """How far apart, in pixels, contours may be in an image of ``size`` (H, W)."""
    return math.ceil(tolerance if tolerance >= 1 else tolerance * float(np.linalg.norm(size)))


def contour(mask: np.ndarray, annotation: np.ndarray, width: int, reach: int) -> float:
    """F of two packed masks of a ``width``, contours up to ``reach`` pixels apart. One contour empty: 0; both: 1."""
    edges = np.stack([bits.boundary(mask, width), bits.boundary(annotation, width)])  # (2, H, words)
    ours, theirs = (bits.count(edge) for edge in edges)
    if not ours or not theirs:
        return float(ours == theirs)
    either = edges[0] | edges[1]  # beyond the box of both contours there is nothing to compare
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    edges = np.ascontiguousarray(edges[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    matched = edges & bits.dilate(edges, reach)[::-1]
    precision, recall = bits.count(matched[0]) / ours, bits.count(matched[1]) / theirs
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _each(
    masks: np.ndarray, annotations: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], float]
) -> np.ndarray | float:
    """A measure of packed masks, on arrays."""
    masks, annotations = np.asarray(masks), np.asarray(annotations)
    if masks.shape != annotations.shape or masks.ndim not in (2, 3):
        raise ValueError(
            f"got masks of shape {masks.shape} and annotations of shape {annotations.shape}, expected (T, H, W) twice"
        )
    if masks.ndim == 2:
        return measure(bits.pack(masks), bits.pack(annotations))
    pairs = zip(masks, annotations, strict=True)
    return np.array([measure(bits.pack(mask), bits.pack(annotation)) for mask, annotation in pairs], float)

"""Annotations that are no plain masks, as labels: 0 background, 1 .. 255 the objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from vosmem import video
from vosmem.data.files import LOSSY_SUFFIXES, Regions
from vosmem.errors import UserError

HALF = 127  # above it is object: in a JPEG, or where edges are smoothed, neither 0 nor 255 is pure
MOST = 255  # objects that 8 bits tell apart


def objects(paths: Iterable[Path], regions: Regions) -> Regions:
    """``regions`` with its objects named: where they are not known, every colour of the files but the background's.

    Files that cannot be read are passed over. Raises UserError for more colours than 8 bits number, as in a photograph.
    """
    if regions.objects is not None:
        return regions
    found: set[int] = set()
    for path in paths:
        image = video.decode(path, cv2.IMREAD_UNCHANGED)
        found |= set() if image is None else set(np.unique(_numbers(image)).tolist())
        if len(found) > MOST + 1:
            raise UserError(f"{path}: more than {MOST} colours, which are no labels; give label images")
    return Regions(regions.background, tuple(sorted(found - {regions.background})))


def read(paths: Sequence[Path], regions: Regions | None, plain: bool = False) -> np.ndarray:
    """The annotation of one frame, (H, W) uint8: 0 background, k the k-th object.

    Without ``regions`` every file is of one object, white on black, and of overlapping ones the last is seen; with
    ``plain`` all that is not 0 is object in files whose format keeps what was written. With ``regions`` the one file
    shows each object in its colour. Raises UserError where a file cannot be read or sizes differ.
    """
    if regions is not None:
        numbers = _numbers(_read(paths[0], cv2.IMREAD_UNCHANGED))  # (H, W)
        labels = np.zeros(numbers.shape, np.uint8)
        for k, colour in enumerate(regions.objects or (), 1):
            labels[numbers == colour] = k
        return labels
    labels = None
    for k, path in enumerate(paths, 1):
        kept = plain and path.suffix.lower() not in LOSSY_SUFFIXES
        mask = video.read_mask(path) if kept else _read(path, cv2.IMREAD_GRAYSCALE) > HALF  # (H, W)
        labels = np.zeros(mask.shape, np.uint8) if labels is None else labels
        if mask.shape != labels.shape:
            raise UserError(f"{path}: not of the size of {paths[0].name}; bring the masks of a frame to one size")
        labels[mask] = k
    return labels


def fitted(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """Labels (H, W) at ``size`` (H', W'), by the nearest; None where that would change their aspect by more than 2%."""
    (h, w), (height, width) = labels.shape, size
    if abs(h * width / (w * height) - 1) > 0.02:
        return None
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def _read(path: Path, how: int) -> np.ndarray:
    image = video.decode(path, how)
    if image is None:
        raise UserError(f"{path}: cannot be read as a mask; replace the file")
    return image


def _numbers(image: np.ndarray) -> np.ndarray:
    """An image's colours as numbers, (H, W): 65536 R + 256 G + B, or the grey level as it stands."""
    if image.ndim == 2:
        return image.astype(np.int64)
    return image[..., 2::-1].astype(np.int64) @ np.array([65536, 256, 1])  # BGR to RGB; an alpha channel is left out

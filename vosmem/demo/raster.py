"""Everything that the renderer asks of OpenCV: sampling a picture, shrinking, blurring, leaves, image files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np


@contextmanager
def repeatably() -> Iterator[None]:
    """OpenCV on one thread and without IPP: with either, single values come out one grey level off in some runs.

    A picture is split among threads; IPP's cubic resizing gave one frame of a demo set otherwise in one run of several.
    """
    threads, ipp = cv2.getNumThreads(), cv2.ipp.useIPP()
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        cv2.ipp.setUseIPP(ipp)


def sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Bilinear look-up; whatever lies outside the picture is 0 in every channel.

    Inputs: ``picture`` (h, w) or (h, w, C) uint8; ``x``, ``y`` (H, W), texels, centres at the integers.
    Output: one (H, W) uint8 per channel.
    """
    x, y = x.astype(np.float32), y.astype(np.float32)
    return cv2.split(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0))


def shrink(plane: np.ndarray, times: int) -> np.ndarray:
    """Mean over blocks of times x times: (h * times, w * times) float32 to (h, w)."""
    shape = plane.shape[1] // times, plane.shape[0] // times
    return cv2.resize(plane, shape, interpolation=cv2.INTER_AREA)


def enlarge(field: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A smooth (h, w) float32 field brought to ``shape`` (H, W) by cubic interpolation."""
    return cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def blur(picture: np.ndarray, sigma_x: float, sigma_y: float | None = None) -> np.ndarray:
    """Gaussian blur, sigma in pixels, the border reflected."""
    return cv2.GaussianBlur(picture, (0, 0), sigma_x, sigmaY=sigma_x if sigma_y is None else sigma_y)


def blur_rows(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur down the columns only."""
    reach = 2 * int(3 * sigma) + 1
    return cv2.GaussianBlur(picture, (1, reach), 0.001, sigmaY=sigma)


def depth_inside(inside: np.ndarray) -> np.ndarray:
    """Distance to the outline, (H, W) float32 px, 0 outside; ``inside`` is (H, W) bool."""
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def paint_ellipses(canvas: np.ndarray, centres: np.ndarray, axes: np.ndarray, angles: np.ndarray, colours: np.ndarray):
    """Filled, anti-aliased ellipses drawn in order into ``canvas`` (H, W, 4) uint8, premultiplied RGBA, in place.

    Inputs: ``centres`` (N, 2) x, y and ``axes`` (N, 2) half-axes in px; ``angles`` (N,) degrees; ``colours`` (N, 3).
    """
    fixed = np.round(np.asarray(centres) * 16).astype(int)  # four fractional bits
    radii = np.maximum(np.round(np.asarray(axes) * 16), 1).astype(int)
    for centre, axis, angle, colour in zip(fixed, radii, angles, colours, strict=True):
        fill = (*(int(c) for c in colour), 255)
        cv2.ellipse(canvas, centre.tolist(), axis.tolist(), float(angle), 0, 360, fill, -1, cv2.LINE_AA, 4)


def paint_lines(canvas: np.ndarray, lines: list[np.ndarray], widths: np.ndarray, colours: np.ndarray):
    """Anti-aliased polylines drawn in order into ``canvas`` (H, W, 4) uint8, in place; each of ``lines`` is (N, 2)."""
    for line, width, colour in zip(lines, widths, colours, strict=True):
        points = np.round(np.asarray(line) * 16).astype(np.int32)
        fill = (*(int(c) for c in colour), 255)
        cv2.polylines(canvas, [points], False, fill, int(width), cv2.LINE_AA, 4)


def write_jpeg(path: Path, image: np.ndarray, quality: int = 93) -> None:
    """Write an (H, W, 3) uint8 RGB picture."""
    _write(path, ".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an (H, W) uint8 picture."""
    _write(path, ".png", image, [])


def _write(path: Path, kind: str, image: np.ndarray, options: list[int]) -> None:
    done, data = cv2.imencode(kind, np.ascontiguousarray(image), options)
    if not done:
        raise OSError(f"cannot encode {path}")
    path.write_bytes(data.tobytes())

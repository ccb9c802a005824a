"""Frames with what was predicted on them: small JPEGs for pictures, vector outlines for masks, which stay crisp.

A picture is in the page once; prediction and annotation are paths drawn over it by the browser.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vosmem import cache, video
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid, resample

WIDTH = 400  # of a shown frame, in pixels
QUALITY = 70  # of its JPEG
LENGTH = 2  # of the residual's maps: how long it is, forward in time (docs/formats.md)
TOLERANCE = 0.6  # pixels of the shown frame by which an outline may be off


@dataclass(frozen=True)
class Picture:
    """One frame, ready to be shown, ``width`` x ``height`` pixels.

    ``image``, ``motion``: data URLs, motion None where there is no cache of it. ``prediction``, ``annotation``: SVG
    paths, None where there is no such mask, empty where it shows nothing.
    """

    frame: str
    width: int
    height: int
    image: str
    prediction: str | None
    annotation: str | None
    motion: str | None


def pictures(sequence: describe.Sequence, chosen: Sequence[int], masks: Path, motion: Path | None) -> list[Picture]:
    """The frames of the given indices with their masks (a folder) and motion map (a cache file, where there is one).

    Raises UserError where a frame can no longer be read.
    """
    height, width = shown_size(sequence.size)
    shown = []
    for t in chosen:
        name = sequence.frame_names[t]
        annotation = sequence.mask_paths[t]
        image = video.resize(video.read_frame(sequence.frame_paths[t]), (height, width))  # (h, w, 3) BGR
        shown.append(
            Picture(
                frame=name,
                width=width,
                height=height,
                image=jpeg(image),
                prediction=_mask_path(masks / f"{name}.png", (height, width)),
                annotation=annotation and _mask_path(annotation, (height, width)),
                motion=jpeg(motion_map(motion, t, sequence, (height, width))) if motion and motion.is_file() else None,
            )
        )
    return shown


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """(h, w) at which frames of ``size`` (H, W) are shown: WIDTH wide, or as high where they stand upright."""
    scale = min(1.0, WIDTH / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def motion_map(path: Path, t: int, sequence: describe.Sequence, shape: tuple[int, int]) -> np.ndarray:
    """How far each point of frame ``t`` moves by itself, as a grey picture of ``shape``: (h, w) uint8, 255 moving."""
    with cache.read(path, "motion") as file:
        if file.clip.frames != sequence.frame_names:
            raise UserError(f"{path}: is of other frames than the data set; delete it and run the workflow again")
        (name,) = file.names
        rows = file.rows(name, t, t + 1)[0].astype(np.float32)  # (h', w'), or (8, h', w') of the network `residual`
        rows = rows if rows.ndim == 2 else rows[LENGTH]
        shown = resample(rows, file.grid(name), Grid.of_image(shape, file.clip.frame_size))  # (h, w)
    return np.clip(np.rint(255 * shown), 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray) -> str:
    """A picture (h, w[, 3]) uint8, BGR, as a data URL."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def outline(mask: np.ndarray) -> str:
    """A mask (h, w) bool as an SVG path in pixels of the picture, to be filled by the even-odd rule.

    It runs through the centres of the mask's outermost pixels: drawn with a stroke one pixel wide, it covers them.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    parts = []
    for contour in found:
        points = cv2.approxPolyDP(contour, TOLERANCE, True)[:, 0]  # (n, 2) x, y
        steps = np.diff(points, axis=0)
        x, y = points[0] + 0.5  # a pixel's centre
        parts.append(f"M{x:g} {y:g}" + "".join(f"l{dx} {dy}" for dx, dy in steps) + "z")
    return "".join(parts)


def _mask_path(path: Path, shape: tuple[int, int]) -> str | None:
    """The outline of a mask file at the shown size; None where there is no file."""
    if not path.is_file():
        return None
    share = video.resize(video.read_mask(path).astype(np.float32), shape)  # (h, w): how much of each pixel is object
    return outline(share > 0.5)

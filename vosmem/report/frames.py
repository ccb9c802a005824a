"""The frames of a sequence for the page: a small JPEG each, the masks as run lengths, motion as a smaller JPEG.

A picture is in the page once; what is drawn over it, the browser draws.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vosmem import cache, video
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid, resample
from vosmem.report import runs

WIDTH = 360  # of a shown frame, in pixels
QUALITIES = range(70, 9, -6)  # of its JPEG: the first that keeps within
COLOUR_QUALITY = 40  # at least while that is not twice the rest, or grey walls turn into blocks of colour
BYTES = 7_400  # a JPEG, so that with its masks and base64's third a frame stays within 13 KB of the page
MOTION_WIDTH, MOTION_QUALITY = 120, 50  # motion is cached on a grid of about that size
LENGTH, FUSED = 2, 0  # of the maps of `residual`: how long it is, forward; of `sides`: the fused one (docs/formats.md)


def pictures(
    sequence: describe.Sequence, chosen: Sequence[int], masks: Mapping[str, Path], motion: Path | None
) -> list[dict[str, Any]]:
    """The frames of the given indices. ``masks``: by method, a folder of what was predicted; ``motion``: a cache file.

    Returns for each ``t``, ``name``, ``image`` and ``motion`` (base64 of JPEGs, motion None where there is no cache),
    ``annotation`` and, under ``masks``, a mask a method: run lengths at the shown size, None where there is no file.
    Raises UserError where a frame can no longer be read.
    """
    shape = shown_size(sequence.size)
    moving = motion_maps(motion, chosen, sequence) if motion and motion.is_file() else [None] * len(chosen)
    shown, quality = [], QUALITIES[0]
    for t, still in zip(chosen, moving, strict=True):
        name = sequence.frame_names[t]
        image = video.resize(video.read_frame(sequence.frame_paths[t]), shape)  # (h, w, 3) BGR
        # neighbours need about the same quality, so the search goes on from there
        data, quality = jpeg(image, [q for q in QUALITIES if q <= quality + 6])
        shown.append(
            {
                "t": t,
                "name": name,
                "image": _text(data),
                "motion": None if still is None else _text(jpeg(still, [MOTION_QUALITY])[0]),
                "annotation": _mask(sequence.mask_paths[t], shape),
                "masks": {method: _mask(folder / f"{name}.png", shape) for method, folder in masks.items()},
            }
        )
    return shown


def shown_size(size: tuple[int, int], width: int = WIDTH) -> tuple[int, int]:
    """(h, w) at which frames of ``size`` (H, W) are shown: ``width`` wide, or as high where they stand upright."""
    scale = min(1.0, width / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def motion_maps(path: Path, chosen: Sequence[int], sequence: describe.Sequence) -> list[np.ndarray]:
    """How far each point of some frames moves by itself, as grey pictures: (h, w) uint8, 255 moving."""
    shape = shown_size(sequence.size, MOTION_WIDTH)
    with cache.read(path, "motion") as file:
        if file.clip.frames != sequence.frame_names:
            raise UserError(f"{path}: is of other frames than the data set; delete it and run the workflow again")
        (name,) = file.names
        source, target = file.grid(name), Grid.of_image(shape, file.clip.frame_size)
        found = []
        for t in chosen:
            rows = file.rows(name, t, t + 1)[0].astype(np.float32)  # (h', w'), or (C, h', w') of several maps
            found.append(resample(_probability(name, rows), source, target))  # (h, w)
    return [np.clip(np.rint(255 * still), 0, 255).astype(np.uint8) for still in found]


def _probability(name: str, rows: np.ndarray) -> np.ndarray:
    """What a motion cache's data set ``name`` says of a frame, (h', w') 0..1, from its maps."""
    if name == "sides":
        return 1 / (1 + np.exp(-rows[FUSED]))  # logits
    return rows[LENGTH] if name == "residual" else rows


def jpeg(image: np.ndarray, qualities: Sequence[int] = QUALITIES) -> tuple[bytes, int]:
    """A picture (h, w[, 3]) uint8, BGR, as a JPEG of the first quality that takes BYTES at most, else of the last; and
    that quality.
    """
    for quality in qualities:
        options = {
            cv2.IMWRITE_JPEG_LUMA_QUALITY: quality,
            cv2.IMWRITE_JPEG_CHROMA_QUALITY: max(quality, min(2 * quality, COLOUR_QUALITY)),
            cv2.IMWRITE_JPEG_OPTIMIZE: 1,
            cv2.IMWRITE_JPEG_PROGRESSIVE: 1,
        }
        data = cv2.imencode(".jpg", image, [number for pair in options.items() for number in pair])[1].tobytes()
        if len(data) <= BYTES:
            break
    return data, quality


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def small_mask(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A mask file at the shown size: (h, w) bool, the pixels that are object for the most part."""
    return video.resize(video.read_mask(path).astype(np.float32), shape) > 0.5


def _mask(path: Path | None, shape: tuple[int, int]) -> str | None:
    """The run lengths of a mask file at the shown size; None where there is no file."""
    return runs.encode(small_mask(path, shape)) if path is not None and path.is_file() else None

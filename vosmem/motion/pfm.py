"""Portable float maps (PFM): what optical flow and disparity of synthetic data sets come in.

Three lines of text (``PF`` for three channels or ``Pf`` for one; width and height; a scale whose sign tells the order
of bytes, negative for little endian), then float32 rows, the lowest first
(http://www.pauldebevec.com/Research/HDR/PFM/).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from vosmem.errors import UserError

HEADER = re.compile(rb"(PF|Pf)\s+(\d{1,6})\s+(\d{1,6})\s+([-+]?[0-9.eE+-]{1,30})[ \t]*\r?\n")


def read(path: str | os.PathLike) -> np.ndarray:
    """The map (H, W) or (H, W, 3), float32, the top row first. Raises UserError where there is none."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    head = HEADER.match(content)
    try:
        scale = float(head[4]) if head else 0.0
    except ValueError:
        scale = 0.0
    if not scale:
        raise UserError(f"{path}: begins with {content[:8]!r}, expected the header of a PFM file: PF, size, scale")
    width, height, channels = int(head[2]), int(head[3]), 3 if head[1] == b"PF" else 1
    expected, got = 4 * width * height * channels, len(content) - head.end()
    if got != expected or not expected:
        raise UserError(
            f"{path}: {got} bytes of values, expected {expected} for {width}x{height}x{channels}; fetch it anew"
        )
    rows = np.frombuffer(content, "<f4" if scale < 0 else ">f4", offset=head.end())
    shape = (height, width, 3) if channels == 3 else (height, width)
    return rows.reshape(shape)[::-1].astype(np.float32)

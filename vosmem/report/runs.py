"""Masks as run lengths in a few letters, to be drawn by the browser (``frames.js`` reads them back).

Row by row, the lengths of the runs of background, object, background, ...; from the third on each minus the one two
before, since an outline moves little from row to row. A number is made unsigned (0, -1, 1, -2, ... become 0, 1, 2, 3)
and cut into groups of five bits, the lowest first, a letter each; in all but the last the sixth bit is set.
"""

from __future__ import annotations

import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encode(mask: np.ndarray) -> str:
    """A mask (h, w) bool as letters; empty where it shows nothing."""
    flat = mask.ravel()  # (h w)
    if not flat.any():
        return ""
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
    if flat[0]:
        runs = np.concatenate([[0], runs])  # background comes first, be there none
    steps = runs.copy()
    steps[2:] -= runs[:-2]
    return "".join(_letters(2 * n if n >= 0 else -2 * n - 1) for n in steps.tolist())


def _letters(number: int) -> str:
    text = ""
    while number >= 32:
        text += LETTERS[32 | number & 31]
        number >>= 5
    return text + LETTERS[number]

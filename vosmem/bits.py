"""Masks as bits, 64 pixels to a word: what makes region and contour measures cheap.

A packed mask is (H, ceil(W / 64)) uint64, the leftmost pixel in a word's highest bit; bits beyond W are 0.
"""

from __future__ import annotations

import math

import numpy as np

WORD = 64
TOP = np.uint64(1 << 63)


def pack(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool to bits. Any type counts as true where it is not zero."""
    return from_bytes(np.packbits(mask != 0 if mask.dtype != bool else mask, axis=1), mask.shape[1])


def from_bytes(rows: np.ndarray, width: int) -> np.ndarray:
    """(H, ceil(W / 8)) uint8, as ``np.packbits`` gives it, bits beyond W zero, to bits."""
    height, used = rows.shape
    padded = np.zeros((height, 8 * -(-width // WORD)), np.uint8)
    padded[:, :used] = rows
    return padded.view(">u8").astype(np.uint64)


def unpack(bits: np.ndarray, width: int) -> np.ndarray:
    """Bits to (H, W) bool."""
    rows = bits.astype(">u8").view(np.uint8)
    return np.unpackbits(rows, axis=1, count=width).view(bool)


def count(bits: np.ndarray) -> int:
    """How many pixels are set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def boundary(bits: np.ndarray, width: int) -> np.ndarray:
    """The pixels that differ from their right, lower or lower right neighbour.

    The last row has right neighbours only, the last column lower ones only, the corner none.
    """
    right = bits << np.uint64(1)
    right[:, :-1] |= bits[:, 1:] >> np.uint64(WORD - 1)
    right[:, -1] |= bits[:, -1] & TOP >> np.uint64((width - 1) % WORD)  # the last column is its own right neighbour
    found = bits ^ right
    found[:-1] |= bits[:-1] ^ bits[1:]
    found[:-1] |= bits[:-1] ^ right[1:]
    return found


def dilate(bits: np.ndarray, radius: int) -> np.ndarray:
    """Every pixel that has a set one at most ``radius`` away, in x^2 + y^2; bits beyond W may be set.

    ``bits``: (..., H, words), several masks at once.
    """
    spread = bits.copy()  # the set pixels, widened to both sides
    near = np.zeros_like(bits)
    height, reached = bits.shape[-2], 0
    for dy in range(radius, -1, -1):  # towards the disk's middle its rows get wider
        half = math.isqrt(radius * radius - dy * dy)
        for pixels in range(reached + 1, half + 1):
            _widen(spread, bits, *divmod(pixels, WORD))
        reached = half
        if dy < height:
            near[..., dy:, :] |= spread[..., : height - dy, :]
            near[..., : height - dy, :] |= spread[..., dy:, :]
    return near


def _widen(spread: np.ndarray, bits: np.ndarray, words: int, pixels: int) -> None:
    """Add to ``spread`` the bits moved to the left and to the right by some words and pixels."""
    stay = bits.shape[-1] - words
    if stay <= 0:
        return
    left, right = bits[..., words:], bits[..., :stay]
    to_left, to_right = spread[..., :stay], spread[..., words:]
    to_left |= left << np.uint64(pixels)
    to_right |= right >> np.uint64(pixels)
    if pixels:
        to_left[..., :-1] |= left[..., 1:] >> np.uint64(WORD - pixels)
        to_right[..., 1:] |= right[..., :-1] << np.uint64(WORD - pixels)

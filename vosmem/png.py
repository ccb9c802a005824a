"""Reading mask files fast: PNG straight to bits.

Masks are written with few of PNG's features: one channel of 1 or 8 bits, rows stored as they are or as differences to
the left pixel. Such files, which are all that OpenCV and the DAVIS tools write, are decoded here; any other goes
through OpenCV.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosmem import bits
from vosmem.errors import UserError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3  # colour types of one channel
MOST_LABELS = 1000  # of one image: each is compared with each of the other
AS_IT_IS, TO_THE_LEFT = 0, 1  # row filters
VOID = bytes((224, 224, 192))  # RGB of index 255 in DAVIS's palette: neither object nor background, taken as the latter


@dataclass(frozen=True)
class Mask:
    """The foreground of a file, every pixel that is not zero.

    ``labelled``: it holds more than 0 and 1, or 0 and 255.
    """

    packed: np.ndarray
    width: int
    labelled: bool

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return len(self.packed), self.width


def read_mask(path: str | os.PathLike) -> Mask:
    """The foreground of a mask file. Raises UserError where the file is absent, damaged or no image."""
    data = _bytes(path)
    image = _parse(path, data) if data.startswith(SIGNATURE) else None
    if image and image.plain:
        rows = np.frombuffer(image.content(path), np.uint8).reshape(image.height, -1)  # (H, 1 + bytes of a row)
        filters, values = rows[:, 0], rows[:, 1:]
        if image.depth == 1 and not filters.any():
            return Mask(bits.from_bytes(_clipped(values, image.width), image.width), image.width, labelled=False)
        if image.depth == 8 and not filters.any():
            return _of_values(image.known(values))
        if image.depth == 8 and (filters == TO_THE_LEFT).all():
            found = None if image.void else _two_valued(values)
            return found or _of_values(image.known(np.cumsum(values, axis=1, dtype=np.uint8)))
    return _of_values(_decode(path, data, image))


def read_labels(path: str | os.PathLike) -> np.ndarray:
    """The labels of a mask file, (H, W) integers: of a palette the indices, of a colour image a number per colour."""
    data = _bytes(path)
    labels = _decode(path, data, _parse(path, data) if data.startswith(SIGNATURE) else None)
    if labels.max() > MOST_LABELS and (count := len(np.unique(labels))) > MOST_LABELS:
        raise UserError(f"{path}: {count} colours or grey levels, which are no objects; give label images")
    return labels


@dataclass(frozen=True)
class _Image:
    """A PNG file's header and its compressed rows."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    rows: bytes
    void: bool = False  # whether index 255 is VOID

    @property
    def plain(self) -> bool:
        return self.colour in (GREY, PALETTE) and self.depth in (1, 8) and not self.interlaced

    def content(self, path: str | os.PathLike) -> bytes:
        """The rows, each behind its filter byte."""
        length = self.height * (1 + -(-self.width * self.depth // 8))
        rows = zlib.decompressobj()
        try:
            content = rows.decompress(self.rows, length + 1)  # no more than the heading promises, however much there is
        except (zlib.error, OverflowError):
            raise _damaged(path) from None
        if len(content) != length or not rows.eof:
            raise _damaged(path)
        return content

    def known(self, values: np.ndarray) -> np.ndarray:
        """Indices (H, W) with those that are void as background."""
        return np.where(values == 255, 0, values) if self.void else values

    def as_grey(self) -> bytes:
        """The file with its palette taken away, which leaves the indices as grey values."""
        header = struct.pack(">IIBBBBB", self.width, self.height, self.depth, GREY, 0, 0, self.interlaced)
        chunks = ((b"IHDR", header), (b"IDAT", self.rows), (b"IEND", b""))
        return SIGNATURE + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )


def _bytes(path: str | os.PathLike) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check that the file is there") from None


def _damaged(path: str | os.PathLike) -> UserError:
    return UserError(f"{path}: a damaged PNG, it ends early or holds other bytes than were written; write it again")


def _parse(path: str | os.PathLike, data: bytes) -> _Image:
    header, parts, palette, at = None, [], b"", len(SIGNATURE)
    while True:
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if len(data) < at + 12 + length:
            raise _damaged(path)
        body = data[at + 8 : at + 8 + length]
        if name == b"IHDR" and length == 13:
            header = struct.unpack(">IIBBBBB", body)
        elif name == b"IDAT":
            parts.append(body)
        elif name == b"PLTE":
            palette = body
        elif name == b"IEND":
            break
        at += 12 + length
    if header is None or not parts or 0 in header[:2]:
        raise _damaged(path)
    width, height, depth, colour, _, _, interlaced = header
    void = colour == PALETTE and palette[3 * 255 :] == VOID
    return _Image(width, height, depth, colour, bool(interlaced), b"".join(parts), void)


def _clipped(rows: np.ndarray, width: int) -> np.ndarray:
    """Rows of packed bits (H, ceil(W / 8)) with the bits beyond W cleared."""
    if width % 8:
        rows = rows.copy()
        rows[:, -1] &= 0xFF << (8 - width % 8) & 0xFF
    return rows


def _two_valued(differences: np.ndarray) -> Mask | None:
    """A mask (H, W) uint8 stored as differences to the left pixel; None where it has other values than 0 and one more.

    With two values the differences alternate between up and down, and a pixel is foreground where the number of changes
    up to it is odd.
    """
    height, width = differences.shape
    packed = np.zeros((height, -(-width // bits.WORD)), np.uint64)
    changes = bits.pack(differences)
    rows = np.flatnonzero(changes.any(axis=1))
    if not rows.size:
        return Mask(packed, width, labelled=False)
    used = slice(rows[0], rows[-1] + 1)
    differences, changes = differences[used], changes[used]
    value = int(differences[0][differences[0] != 0][0])
    if value == 128:
        return None  # up and down look the same

    inside = changes.copy()
    for step in (1, 2, 4, 8, 16, 32):
        inside ^= inside >> np.uint64(step)
    odd = inside & np.uint64(1)  # whether a word ends in the other state than it began in
    before = np.bitwise_xor.accumulate(odd, axis=1) ^ odd
    inside ^= np.uint64(0) - before
    if width % bits.WORD:
        inside[:, -1] &= ~(~np.uint64(0) >> np.uint64(width % bits.WORD))
    if (bits.pack(differences == value) != changes & inside).any():
        return None
    if (bits.pack(differences == 256 - value) != changes & ~inside).any():
        return None
    packed[used] = inside
    return Mask(packed, width, labelled=value not in (1, 255))


def _of_values(values: np.ndarray) -> Mask:
    """The foreground of (H, W) integers."""
    foreground, highest = values != 0, int(values.max())
    several = np.count_nonzero(foreground) != (np.count_nonzero(values == highest) if highest else 0)
    return Mask(bits.pack(foreground), values.shape[1], labelled=several or highest not in (0, 1, 255))


def _decode(path: str | os.PathLike, data: bytes, image: _Image | None) -> np.ndarray:
    """Any image file, as (H, W) integers."""
    if image and image.colour in (GREY, PALETTE):
        image.content(path) if not image.interlaced else None  # OpenCV would fill up a damaged file without a word
        data = image.as_grey()
    import cv2  # slow to import, and rarely needed

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:  # of more pixels than it may have
        pixels = None
    if pixels is None:
        raise _damaged(path) if image else UserError(f"{path}: not an image; give masks as PNG")
    if image and image.colour == PALETTE and image.depth < 8:
        pixels //= 255 // (2**image.depth - 1)  # OpenCV spreads grey over 0..255, as is right, but not for indices
    if pixels.ndim == 2:
        return image.known(pixels) if image else pixels
    channels = pixels.shape[2] - (pixels.shape[2] in (2, 4))  # the last of 2 or 4 is alpha
    colours = pixels[..., :channels].astype(np.int64)
    if (colours == colours[..., :1]).all():
        return colours[..., 0]
    colours[(colours == tuple(reversed(VOID))).all(axis=2)] = 0  # BGR
    return colours @ (np.int64(65536) ** np.arange(channels))

"""Frames and masks: image files to arrays and back. Video files are the module `videofile`'s."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from vosmem import progress
from vosmem.ahead import ahead
from vosmem.errors import UserError

LONGEST = 4  # the working frame's long side is at most this many short sides
LEAST = 64  # pixels of its short side at least: below 32 OpenCV's DIS reads beyond its arrays

VOID = (
    192,
    224,
    224,
)  # BGR, index 255 of DAVIS's and VOC's palette: neither object nor background, taken as the latter

OF_SEVERAL = (".tif", ".tiff", ".webp")  # suffixes of image files that may hold more than one
DARK = 1 << 12  # 16-bit images all of whose values are below may be of 12 bits
_NOTED: list[int] = []

MARK = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # of a JPEG's segment

cv2.setNumThreads(1)  # Snakemake counts threads; OpenCV would take every core on top of them
cv2.ipp.setUseIPP(False)  # what its resizing gives is not the same in every run, see `vosmem.demo.raster.repeatably`


def decode(path: str | os.PathLike, how: int) -> np.ndarray | None:
    """An image file as OpenCV reads it, ``how`` one of its IMREAD_ flags; None where it cannot, or the file is cut."""
    try:
        with open(path, "rb") as file:  # not by OpenCV, which a name that is no Unicode makes crash
            data = file.read()
        if data.startswith(b"\xff\xd8") and _breaks_off(data):
            return None
        return cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except (cv2.error, OSError, ValueError):  # the first, of more pixels than it may have, or of none
        return None


def _breaks_off(jpeg: bytes) -> bool:
    """Whether a JPEG's data end before its end is marked: OpenCV would fill what is missing with grey, and not tell.

    A segment tells its length behind its mark (FF and one byte), but not a scan (FF DA), in whose data FF is followed
    by 00, or by D0 to D7. What follows the end (FF D9) is no part of the image: phones put a film there.
    """
    at = 2  # behind the mark of the beginning
    while mark := MARK.search(jpeg, at):
        kind, at = mark[1][0], mark.end()
        if kind == 0xD9:
            return False
        if kind != 0x01:  # of the marks that are found, the one that has no length
            at += int.from_bytes(jpeg[at : at + 2], "big")
    return True


def read_frame(path: str | os.PathLike) -> np.ndarray:
    """One frame, (H, W, 3) uint8, BGR. Grey is repeated, an alpha channel dropped, EXIF orientation applied.

    Of 16 bits the upper eight are taken. Raises UserError where the file cannot be read, or holds several images.
    """
    image = decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if image is None:
        raise UserError(f"{path}: cannot be read as an image; replace or remove the file")
    if Path(path).suffix.lower() in OF_SEVERAL and (count := _images_in(path)) > 1:
        raise UserError(f"{path}: holds {count} images, expected one; write them as a folder, a file each")
    if image.dtype == np.uint16:
        _note_dark(path, int(image.max()))
        return (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        raise UserError(f"{path}: got {image.dtype} values, expected 8 or 16 bits; convert the image")
    return image


def _images_in(path: str | os.PathLike) -> int:
    """How many images a file holds; 1 where that cannot be told."""
    try:
        return cv2.imcount(os.fspath(path))
    except (cv2.error, UnicodeError):
        return 1


def _note_dark(path: str | os.PathLike, largest: int) -> None:
    """Say once that 16-bit images look as if fewer bits were in use: such an image is nearly black."""
    if 0 < largest < DARK and not _NOTED:
        _NOTED.append(largest)
        print(
            f"note: {path}: a 16-bit image whose largest value is {largest} of 65535, so nearly black; where it has 10 "
            "or 12 bits, scale the images to 16",
            file=sys.stderr,
        )


def frames(paths: Iterable[str | os.PathLike], size: tuple[int, int]) -> Iterator[np.ndarray]:
    """The frames of ``paths`` in order, each (H', W', 3) uint8 BGR at ``size`` (H', W'), read ahead.

    Raises UserError at the one that cannot be read.
    """
    yield from ahead(resize(read_frame(path), size) for path in paths)


def decode_mask(path: str | os.PathLike) -> tuple[np.ndarray, int]:
    """One mask file: (H, W) bool, true where any colour channel is not zero, and how many channels the file has.

    The last of 2 or 4 channels is alpha and does not count; the colour VOID is background.
    """
    image = decode(path, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise UserError(f"{path}: cannot be read as a mask; replace or remove the file")
    if image.ndim == 2:
        return image > 0, 1
    colours = image.shape[2] - (image.shape[2] in (2, 4))
    mask = image[..., :colours].any(axis=2)  # (H, W)
    if colours == 3:
        mask &= (image[..., :3] != VOID).any(axis=2)
    return mask, image.shape[2]


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """One mask, (H, W) bool: true where the object is. See :func:`decode_mask`."""
    return decode_mask(path)[0]


def write_frame(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write an image, (H, W) or (H, W, 3) BGR, uint8, as PNG, to a folder that as a whole appears or does not."""
    _, data = cv2.imencode(".png", image, (cv2.IMWRITE_PNG_COMPRESSION, 3))
    Path(path).write_bytes(data)  # not imwrite, which does not tell of a full disk
    progress.advance(1)


def write_mask(path: str | os.PathLike, mask: np.ndarray) -> None:
    """Write a (H, W) bool mask as an 8-bit PNG of 0 and 255, see :func:`write_frame`."""
    write_frame(path, mask.astype(np.uint8) * 255)


def working_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """The working frame's (H, W) for frames of ``size`` (H, W): the short side becomes ``short_side``.

    Smaller frames are enlarged: the networks know objects at the size that they have in such a frame. Where the long
    side would exceed four short sides, it is the long side that is set.
    """
    scale = min(short_side / min(size), LONGEST * short_side / max(size))
    height, width = (max(LEAST, round(n * scale)) for n in size)
    return height, width


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W[, 3]) at ``size`` (H', W'), edges kept in place: area averaging down, bilinear up."""
    if image.shape[:2] == tuple(size):
        return image
    shrinks = size[0] < image.shape[0]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def to_grey(frame: np.ndarray) -> np.ndarray:
    """A BGR frame (H, W, 3) uint8 as grey (H, W) uint8."""
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def to_lab(frame: np.ndarray) -> np.ndarray:
    """A BGR frame (H, W, 3) uint8 as CIE L*a*b* (H, W, 3) uint8, each channel scaled to 0..255."""
    return cv2.cvtColor(frame, cv2.COLOR_BGR2LAB)


def overlay(frame: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int] = (40, 160, 255)) -> np.ndarray:
    """The mask (H, W) bool tinted over the frame (H, W, 3) uint8 BGR, with its outline drawn."""
    shown = frame.copy()
    shown[mask] = (0.55 * frame[mask] + 0.45 * np.asarray(colour)).astype(np.uint8)
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(shown, outlines, -1, colour, max(1, round(min(mask.shape) / 240)))

"""Video files: frames upright and with their times, and back. Needs the extra ``video`` (PyAV)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from vosmem import video
from vosmem.errors import UserError
from vosmem.whole import replacing

RATE = 25.0  # frames a second where nothing says otherwise
TICKS = 90_000  # a second, of the times in files that are written
LONGEST_SIDE = 4096  # of a video that is written: what the H.264 decoders of browsers can show
SHORT = 0.05  # the share of what a file says it lasts that may be missing at its end


def read(path: str | os.PathLike) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of a video file: (seconds, (H, W, 3) uint8 BGR), turned and mirrored upright as a player does.

    Pixels that are not square stay as they are stored.

    Raises UserError where the file cannot be opened, is damaged, ends before it should, or holds no frames.
    """
    av = _library(f"reading {path}")
    step, end, count = 1 / RATE, 0.0, 0
    try:
        with av.open(_place(path), metadata_errors="replace") as container:
            stream = container.streams.best("video")
            if stream is None:
                raise UserError(f"{path}: holds sound or text, but no pictures; give a video file")
            step = float(1 / stream.average_rate) if stream.average_rate else step
            announced = _announced(stream)
            for frame in container.decode(stream):
                time = count * step if frame.time is None else frame.time
                end = max(end, time + float((frame.duration or 0) * (frame.time_base or 0)))
                count += 1
                yield time, upright(frame.to_ndarray(format="bgr24"), _matrix(frame))
    except av.error.FFmpegError as error:
        raise _unreadable(path, count, error) from None
    if not count:
        raise UserError(f"{path}: holds no frames; give a video that has some")
    if announced and end < announced * (1 - SHORT) - 3 * step:
        raise UserError(
            f"{path}: ends after {end:.1f} of {announced:.1f} seconds; copy the file anew, or cut it there first, e.g. "
            f"with ffmpeg"
        )


def length(path: str | os.PathLike) -> int | None:
    """About how many frames a video file says that it holds, None where it does not say or cannot be opened."""
    av = _library(f"reading {path}")
    try:
        with av.open(_place(path), metadata_errors="replace") as container:
            stream = container.streams.best("video")
            if stream is None:
                return None
            seconds = _announced(stream)
            estimate = seconds and stream.average_rate and round(seconds * stream.average_rate)
            return stream.frames or estimate or None
    except av.error.FFmpegError:
        return None


def _place(path: str | os.PathLike) -> str:
    """A path as FFmpeg takes it for one: of 12:30.mp4 it would take 12 for a protocol."""
    return os.path.join(os.getcwd(), os.fspath(path))  # not abspath, by which .. behind a link leads elsewhere


def _matrix(frame) -> np.ndarray | None:
    """A frame's display matrix, see :func:`upright`."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # it carries something for which PyAV has no name, as EXIF; its rotation is told all the same
        turn = np.deg2rad(frame.rotation)  # counter-clockwise
        cos, sin = round(np.cos(turn)), round(np.sin(turn))
        return np.array([cos, -sin, 0, sin, cos, 0, 0, 0, 1], np.int32)
    return matrix and np.frombuffer(bytes(matrix), np.int32)


def upright(image: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """An image as its file's display matrix has it shown, by quarter turns and mirroring.

    ``matrix``: nine int32, (a, b, u, c, d, v, x, y, w): pixel (x, y) is shown at (a x + c y, b x + d y) and shifted
    into view (ISO/IEC 14496-12, 8.3.2). None: as it is.
    """
    if matrix is None:
        return image
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, a, d = image.swapaxes(0, 1), c, b
    image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image)


def write(path: str | os.PathLike, frames: Iterable[np.ndarray], times: Sequence[float]) -> None:
    """Write BGR frames (H, W, 3) uint8, each shown from its time in ``times`` on, as H.264, yuv420p, for browsers.

    Frames larger than browsers can show are shrunk; an odd last row or column is left out.
    """
    av = _library(f"writing {path}")
    ticks = _increasing(times)
    steps = np.diff([*ticks, ticks[-1] + (round(np.mean(np.diff(ticks))) if len(ticks) > 1 else int(TICKS / RATE))])
    with replacing(Path(path)) as temporary, av.open(_place(temporary), "w") as container:
        stream = None
        for frame, tick, duration in zip(frames, ticks, steps.tolist(), strict=True):
            image = _even(frame)
            if stream is None:
                rate = Fraction(TICKS, max(1, round(float(steps.mean())))).limit_denominator(1001)
                stream = container.add_stream("libx264", rate=rate)
                stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
                stream.options = {"crf": "20", "preset": "veryfast"}
                stream.codec_context.time_base = Fraction(1, TICKS)
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.duration, picture.time_base = tick, duration, Fraction(1, TICKS)
            container.mux(stream.encode(picture))
        if stream:
            container.mux(stream.encode())


def _increasing(times: Sequence[float]) -> list[int]:
    """Times as ticks from 0, in order: files without proper times have some that repeat or lie out of order."""
    ticks = np.round((np.sort(np.asarray(times, float)) - min(times)) * TICKS).astype(np.int64)
    each = np.arange(len(ticks))
    return (np.maximum.accumulate(ticks - each) + each).tolist()  # at least one tick apart


def _even(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) with even sides of at most LONGEST_SIDE, since yuv420p halves the planes of colour."""
    scale = min(1.0, LONGEST_SIDE / max(frame.shape[:2]))
    size = tuple(max(1, round(n * scale)) for n in frame.shape[:2])
    frame = video.resize(frame, size)
    down, right = (int(n == 1) for n in size)
    frame = cv2.copyMakeBorder(frame, 0, down, 0, right, cv2.BORDER_REPLICATE)  # of a single row, two
    height, width = (n - n % 2 for n in frame.shape[:2])
    return np.ascontiguousarray(frame[:height, :width])


def _announced(stream) -> float | None:
    """How many seconds the pictures last, by what the file says of them itself; None where it does not."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    parts = stream.metadata.get("DURATION", "").split(":")  # Matroska
    try:
        return float(parts[0]) * 3600 + float(parts[1]) * 60 + float(parts[2])
    except (IndexError, ValueError):
        return None


def _unreadable(path: str | os.PathLike, count: int, error: Exception) -> UserError:
    if count:
        return UserError(
            f"{path}: breaks off or is damaged after {count} frames; copy the file anew, or write what plays of it to "
            "another file first, e.g. with ffmpeg"
        )
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path}: no such file; give a video file or a folder of images")
    if isinstance(error, PermissionError):
        return UserError(f"{path}: may not be read by this user; change its permissions")
    return UserError(f"{path}: cannot be opened as a video; give a video file or a folder of images")


def check_writing(path: str | os.PathLike) -> None:
    """Raise UserError unless :func:`write` can write there: to be asked before work whose result is to be written."""
    if Path(path).suffix.lower() != ".mp4":
        raise UserError(f"{path}: expected the name of a video to write, which ends in .mp4")
    if "libx264" not in _library(f"writing {path}").codecs_available:
        raise UserError(
            f"writing {path} needs PyAV with libx264, which is not in this one; run: pip install --upgrade av"
        )


def _library(what: str) -> ModuleType:
    try:
        import av
    except ImportError:
        raise UserError(f"{what} needs PyAV, which is not installed; run: pip install av") from None
    return av

"""One video to masks, with weights that ship with the project: shot by shot, so that no shot knows of another."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vosmem import config, room, video
from vosmem.arguments import timed
from vosmem.cache import read as read_cache
from vosmem.data import describe, extract
from vosmem.data.extract import Extracted
from vosmem.errors import UserError
from vosmem.grid import Grid, resample
from vosmem.pipeline import inputs

if TYPE_CHECKING:
    from vosmem.pipeline.stages import Stages  # which needs torch

TRIED = 32  # frames of a shot beyond which one frame is tried first, to tell how much disk the shot takes
MARGIN = 1.1  # on what was found so


@dataclass(frozen=True)
class Segmentation:
    """A segmented video inside a working folder that lives as long as the caller keeps it.

    ``size``, ``working_size``: (H, W); ``times``: when each frame is shown, in seconds (T), or nothing; ``shots``: the
    frames of each.
    """

    folder: Path
    size: tuple[int, int]
    working_size: tuple[int, int]
    times: tuple[float, ...]
    shots: tuple[range, ...]

    def __len__(self) -> int:
        return self.shots[-1].stop

    def mask_path(self, t: int) -> Path:
        """The mask of frame ``t``: a PNG file of 0 and 255."""
        return self.folder / "masks" / f"{t:05d}.png"

    def masks(self) -> Iterator[np.ndarray]:
        """The masks in order, (H, W) bool each, at the input's size."""
        for t in range(len(self)):
            yield video.read_mask(self.mask_path(t))

    def probabilities(self) -> Iterator[np.ndarray]:
        """The probability of object in order, (H, W) float32 each, at the input's size."""
        pixels = Grid.of_image(self.size, self.working_size)
        for shot in self.shots:
            with read_cache(_probability(self.folder, shot), "memory") as file:
                grid = file.grid("probability")
                for t in range(len(shot)):
                    yield resample(file.rows("probability", t, t + 1)[0].astype(np.float32), grid, pixels)


def segment(
    frames: Iterable[np.ndarray] | str | os.PathLike,
    device: str = "auto",
    short_side: int = 480,
    cuts: bool = True,
    work: str | os.PathLike | None = None,
    method: str | None = None,
    weights: str | os.PathLike = "shipped",
    threads: int | None = None,
) -> np.ndarray:
    """Segment the moving object of a video.

    ``frames``: (H, W, 3) uint8 RGB arrays of one size, in order; a generator will do, since they are looked at once and
    kept on disk. Or the path of a video file, or of a folder of its images. ``device``: auto, cpu, cuda, cuda:N;
    ``short_side``: the working resolution, in pixels; ``cuts``: find the video's shots, and segment each by itself;
    ``work``: a folder for temporary files, which take some 3 MB a frame of the longest shot at the default resolution;
    by default the system's, which TMPDIR sets; ``method``: one of the config's `refine.methods`, by default the last of
    its default; ``weights``: of the memory, as `memory.weights` of the config: shipped, shipped-isnet, or the path of a
    weights.safetensors; ``threads``: how many to take, None for OMP_NUM_THREADS, or where that is not set all cores
    that the process may use. PyTorch has as many as before when this returns.

    Returns (T, H, W) bool, true where the object is. Raises UserError for what cannot be used.
    """
    if isinstance(frames, str | os.PathLike):
        if not os.fspath(frames):
            raise UserError("frames: got an empty path, expected a video file or a folder of images")
        given = inputs.single(Path(frames)).frames()
    else:
        given = ((None, frame[..., ::-1]) for frame in _checked(frames))
    with _pytorch_kept(), _folder(work) as folder:
        stages = ready(device, threads, short_side, method, weights)
        done = run(given, Path(folder), stages, short_side, cuts)
        masks = np.empty((len(done), *done.size), bool)  # (T, H, W)
        for t, mask in enumerate(done.masks()):
            masks[t] = mask
        return masks


def ready(
    device: str, threads: int | None = None, short_side: int = 480, method: str | None = None,
    weights: str | os.PathLike = "shipped",
) -> Stages:  # fmt: skip
    """What :func:`run` takes, for as many videos as there are; weights that are not here yet are fetched.

    For these see :func:`segment`. Raises UserError where one of them cannot be.
    """
    from vosmem.device import choose
    from vosmem.pipeline.stages import Stages
    from vosmem.weights import MEMORIES, memory_name
    from vosmem.weights.fetch import fetch

    config.check_short_side(short_side)
    if not isinstance(weights, str | os.PathLike):
        raise UserError(f"weights: got {weights!r}, expected {', '.join(MEMORIES)}, or the path of a file")
    name = memory_name(os.fspath(weights))
    memory = fetch(name) if name else Path(weights)
    if not memory.is_file() and not name:
        raise UserError(f"{weights}: no such weight file; expected {', '.join(MEMORIES)}, or the path of one")
    stages = Stages.of(memory, choose(device, threads), {} if method is None else {"methods": [method]})
    stages.fetch()
    return stages


def run(
    frames: Iterable[tuple[float | None, np.ndarray]], folder: Path, stages: Stages, short_side: int = 480,
    cuts: bool = True, expected: int | None = None,
) -> Segmentation:  # fmt: skip
    """Run every stage on frames, (seconds or None, (H, W, 3) uint8 BGR); all files go to ``folder``.

    The memory's weights say which networks they were trained on, and how those were run. ``stages``: of :func:`ready`
    for the same ``short_side``; ``expected``: how many frames there are, about, where that is known. Raises UserError,
    before anything takes long, where the disk has not enough room.
    """
    with timed("frames", total=expected) as count:
        film = extract.extract(frames, folder / "frames", short_side, cuts)
        count.append(len(film.names))
    if len(film.shots) > 1:
        told = ", ".join(str(shot.start) for shot in film.shots[1:9])
        more = ", ..." if len(film.shots) > 9 else ""
        print(f"{len(film.shots)} shots, cut before frame {told}{more}", file=sys.stderr)
    _check_room(stages, film, folder)
    for k, shot in enumerate(film.shots, 1):
        title = f"shot {k} of {len(film.shots)}, " if len(film.shots) > 1 else ""
        inside = folder / "shot"
        stages.run(_describe(film, shot, inside), inside, title)
        (folder / "masks").mkdir(exist_ok=True)
        (folder / "probability").mkdir(exist_ok=True)
        for t in shot:
            os.replace(inside / "masks" / f"{t:05d}.png", folder / "masks" / f"{t:05d}.png")
            (film.folder / film.names[t]).unlink()
        os.replace(inside / "memory.h5", _probability(folder, shot))
        shutil.rmtree(inside)
    return Segmentation(folder, film.size, film.working_size, film.times, tuple(film.shots))


def _check_room(stages: Stages, extracted: Extracted, folder: Path) -> None:
    """Raise UserError where the longest shot's files would not fit on the disk, by what one frame of it takes."""
    longest = max(extracted.shots, key=len)
    if len(longest) <= TRIED:
        return
    inside = folder / "trial"
    a_frame = stages.run(_describe(extracted, longest[:1], inside), inside, None)
    a_frame += stages.states(extracted.working_size)
    mask = (inside / "masks" / f"{longest.start:05d}.png").stat().st_size
    shutil.rmtree(inside)
    needed = int(MARGIN * (a_frame * len(longest) + mask * len(extracted.names)))
    what = f"segmenting {len(extracted.names)} frames, of which the longest shot has {len(longest)},"
    room.check(
        folder, needed, what, "make room there, name another folder for temporary files, or work at a smaller size"
    )


def _describe(extracted: Extracted, shot: range, inside: Path) -> Path:
    """The description of one shot, as a sequence of its own."""
    names = [extracted.names[t] for t in shot]
    path = inside / "description.json"
    describe.write(path, {
        "sequence": "video", "root": str(extracted.folder), "frames": names, "masks": [None] * len(names),
        "size": extracted.size, "working_size": extracted.working_size, "defects": [],
    })  # fmt: skip
    return path


def _probability(folder: Path, shot: range) -> Path:
    return folder / "probability" / f"{shot.start:05d}.h5"


@contextmanager
def _folder(work: str | os.PathLike | None) -> Iterator[str]:
    """A folder for temporary files, gone in the end. Raises UserError where there can be none."""
    if work is not None and not isinstance(work, str | os.PathLike):
        raise UserError(f"work: got {work!r}, expected a folder")
    try:
        folder = tempfile.TemporaryDirectory(prefix="vosmem-", dir=work)
    except OSError as error:
        raise UserError(
            f"{work or tempfile.gettempdir()}: no folder for temporary files can be made there ({error.strerror}); "
            "name another"
        ) from None
    with folder as path:
        yield path


@contextmanager
def _pytorch_kept() -> Iterator[None]:
    """PyTorch's settings, which are of the whole process, as they were before the block."""
    import torch

    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.allow_tf32 = tf32


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    if not isinstance(frames, Iterable):
        raise UserError(f"frames: got {type(frames).__name__}, expected frames (H, W, 3), in order, or a path")
    for t, frame in enumerate(frames):
        frame = np.asarray(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
            raise UserError(
                f"frames[{t}]: got {frame.dtype} of shape {frame.shape}, expected uint8 of shape (H, W, 3), RGB"
            )
        yield frame

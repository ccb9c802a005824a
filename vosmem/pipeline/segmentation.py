"""All stages in one call, for one video, with weights that ship with the project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosmem import config, device, video
from vosmem.arguments import timed
from vosmem.cache import read as read_cache
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid, resample

NAME = "video"  # the one sequence's name inside the working folder


@dataclass(frozen=True)
class Segmentation:
    """A segmented video inside a working folder that lives as long as the caller keeps it."""

    folder: Path
    size: tuple[int, int]
    working_size: tuple[int, int]
    length: int

    def masks(self) -> Iterator[np.ndarray]:
        """The masks in order, (H, W) bool each, at the input's size."""
        for t in range(self.length):
            yield video.read_mask(self.folder / "masks" / NAME / f"{t:05d}.png")

    def probabilities(self) -> Iterator[np.ndarray]:
        """The probability of object in order, (H, W) float32 each, at the input's size."""
        pixels = Grid.of_image(self.size, self.working_size)
        with read_cache(self.folder / "memory.h5", "memory") as file:
            grid = file.grid("probability")
            for t in range(self.length):
                yield resample(file.rows("probability", t, t + 1)[0].astype(np.float32), grid, pixels)


def segment(frames: Iterable[np.ndarray], device: str = "auto", short_side: int = 480) -> np.ndarray:
    """Segment the moving object of a video.

    ``frames``: (H, W, 3) uint8 RGB arrays of one size, in order. ``device``: auto, cpu, cuda, cuda:N; ``short_side``:
    the working resolution. Returns (T, H, W) bool, true where the object is. Raises UserError for frames that cannot be
    used.
    """
    with tempfile.TemporaryDirectory(prefix="vosmem-") as folder:
        done = run((f[..., ::-1] for f in _checked(frames)), Path(folder), device, short_side=short_side)
        return np.stack(list(done.masks()))  # (T, H, W)


def run(
    frames: Iterable[np.ndarray], folder: Path, where: str, threads: int | None = None, short_side: int = 480
) -> Segmentation:
    """Run every stage on BGR frames, (H, W, 3) uint8, with the shipped weights; all files go to ``folder``."""
    from vosmem.appearance import stage as appearance
    from vosmem.flow import stage as flow
    from vosmem.memory import predict
    from vosmem.motion import stage as motion
    from vosmem.refine import stage as refine
    from vosmem.weights.fetch import fetch

    settings = {s: config.section_defaults(s) for s in ("flow", "appearance", "motion", "refine")}
    networks = {s: settings[s]["network"] for s in ("appearance", "motion")}
    files = {s: fetch(n) for s, n in networks.items()}
    estimator = settings["flow"]["estimator"]
    files["flow"] = fetch(estimator) if flow.METHODS[estimator].learned else None
    chosen = device.choose(where, threads)
    description, caches = (
        folder / f"{NAME}.json",
        {s: folder / f"{s}.h5" for s in ("flow", "appearance", "motion", "memory")},
    )

    with timed("frames") as count:
        size, working_size, length = _store(frames, folder, description, short_side)
        count.append(length)
    with timed("flow") as count:
        count.append(flow.run(description, caches["flow"], estimator, settings["flow"], files["flow"], chosen))
    with timed("motion") as count:
        count.append(
            motion.run(
                caches["flow"], caches["motion"], networks["motion"], settings["motion"], files["motion"], chosen
            )
        )
    with timed("appearance") as count:
        count.append(
            appearance.run(
                description,
                caches["appearance"],
                networks["appearance"],
                settings["appearance"],
                files["appearance"],
                chosen,
            )
        )
    with timed("memory") as count:
        count.append(predict.run(caches["appearance"], caches["motion"], fetch("lvo"), caches["memory"], chosen))
    with timed("refine") as count:
        out = folder / "masks" / f"{NAME}.json"
        count.append(
            refine.run(
                description, caches["memory"], out, settings["refine"]["methods"][0], settings["refine"]["threshold"]
            )
        )
    return Segmentation(folder, size, working_size, length)


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for t, frame in enumerate(frames):
        frame = np.asarray(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise UserError(
                f"frames[{t}]: got {frame.dtype} of shape {frame.shape}, expected uint8 of shape (H, W, 3), RGB"
            )
        yield frame


def _store(
    frames: Iterable[np.ndarray], folder: Path, description: Path, short_side: int
) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Write the frames at working size, which is all that the stages look at, and their description."""
    size = working_size = None
    names = []
    for frame in frames:
        if size is None:
            size = frame.shape[:2]
            working_size = video.working_size(size, short_side)
        elif frame.shape[:2] != size:
            got, expected = (f"{w}x{h}" for h, w in (frame.shape[:2], size))
            raise UserError(f"frame {len(names)}: {got} pixels, the first has {expected}; bring all to one size")
        names.append(f"{len(names):05d}.png")
        video.write_frame(folder / names[-1], video.resize(frame, working_size))
    if not names:
        raise UserError("the video holds no frames; give one that has some")
    describe.write(description, {
        "sequence": NAME, "root": str(folder), "frames": names, "masks": [None] * len(names),
        "size": size, "working_size": working_size, "defects": [],
    })  # fmt: skip
    return size, working_size, len(names)

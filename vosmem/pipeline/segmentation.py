"""All stages in one call, for one video, with weights that ship with the project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """Run every stage on BGR frames, (H, W, 3) uint8; all files go to ``folder``.

    The memory's weights, those that come with vosmem, say which networks they were trained on, and how those were run.
    """
    from vosmem.appearance import stage as appearance
    from vosmem.flow import stage as flow
    from vosmem.memory import predict
    from vosmem.motion import stage as motion
    from vosmem.refine import stage as refine
    from vosmem.weights.fetch import fetch

    memory = fetch("lvo")
    _, made_of = predict.load(memory)
    chosen = device.choose(where, threads)
    description, probability = folder / f"{NAME}.json", folder / "memory.h5"
    files: dict[str, list[Path]] = {"flow": [], "appearance": [], "motion": []}

    def add(stage: str, name: str) -> Path:
        files[stage].append(folder / stage / f"{name}.h5")
        return files[stage][-1]

    with timed("frames") as count:
        size, working_size, length = _store(frames, folder, description, short_side)
        count.append(length)
    for made in made_of["streams"]["motion"]:
        above = made["parameters"]["flow"]
        if not files["flow"]:
            with timed(f"flow {above['name']}") as count:
                settings, path = _as_made("flow", above), _weights(above)
                count.append(flow.run(description, add("flow", above["name"]), above["name"], settings, path, chosen))
        with timed(f"motion {made['name']}") as count:
            out, settings = add("motion", made["name"]), _as_made("motion", made)
            count.append(motion.run(files["flow"][0], out, made["name"], settings, _weights(made), chosen))
    for made in made_of["streams"]["appearance"]:
        with timed(f"appearance {made['name']}") as count:
            out, settings = add("appearance", made["name"]), _as_made("appearance", made)
            count.append(appearance.run(description, out, made["name"], settings, _weights(made), chosen))
    with timed("memory") as count:
        count.append(predict.run(files["appearance"], files["motion"], memory, probability, chosen))
    with timed("refine") as count:
        out, settings = folder / "masks" / f"{NAME}.json", config.section_defaults("refine")
        count.append(refine.run(description, probability, out, settings["methods"][-1], settings))
    return Segmentation(folder, size, working_size, length)


def _as_made(section: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """A section of the config that has a cache made as the one that ``made`` tells of."""
    known = config.schema()["properties"][section]["properties"]
    own = {key: value for key, value in made["parameters"].items() if key in known}
    return config.section_defaults(section, {**own, config.NAMED_CACHES[section]: made["name"]})


def _weights(made: Mapping[str, Any]) -> Path | None:
    """The registry's file that a cache was made with, fetched; None where it was made without weights."""
    from vosmem import weights
    from vosmem.weights.fetch import fetch

    sha256 = made.get("weights")
    if not sha256:
        return None
    name = next((e.name for e in weights.registry().values() if e.sha256 == sha256), None)
    if name is None:
        raise UserError(
            f"the memory was trained with weights of {made['name']} (SHA-256 {sha256[:16]}...) that vosmem does not "
            "know; run the workflow with memory.weights set to them"
        )
    return fetch(name)


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

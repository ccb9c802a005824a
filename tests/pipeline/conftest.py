"""Videos, and stages in the place of those with networks: the bright is the object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from vosmem import cache, video
from vosmem.data import describe
from vosmem.grid import Grid
from vosmem.memory import STAGE_VERSION
from vosmem.pipeline import stages
from vosmem.refine import stage as refine


def moving(length=4, size=(60, 90), background=0) -> np.ndarray:
    """(T, H, W, 3) uint8: a bright square that moves to the right over dark tiles.

    ``background``: 0, 1 or 2, which tiles there are, and how far down the square is.
    """
    height, width = size
    rng = np.random.default_rng(background)
    coarse = rng.integers(0, 126, (3, 4)).astype(np.float32)
    tiles = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    colour = np.roll((1.0, 0.4, 0.2), background)
    frames = np.stack([(tiles[..., None] * colour).astype(np.uint8)] * length)
    top = height // 6 + background * height // 5
    for t in range(length):
        left = width // 8 + t * max(1, width // 20)
        frames[t, top : top + height // 3, left : left + width // 4] = 200
    return frames


def bright(frames: Sequence[np.ndarray]) -> np.ndarray:
    """The object of :func:`moving`."""
    return np.stack([frame.min(axis=2) > 128 for frame in frames])


class BrightStages:
    """Takes what is bright for the object; keeps the descriptions that it was given."""

    def __init__(self) -> None:
        self.shots: list[tuple[str, ...]] = []
        self.memory: Path | None = None

    def run(self, description: Path, folder: Path, title: str = "") -> int:
        sequence = describe.read(description)
        self.shots.append(sequence.frames)
        with cache.write(folder / "memory.h5", sequence.clip, cache.Maker("memory", STAGE_VERSION, "bright")) as file:
            file.create(
                "probability", sequence.working_size, Grid.of_image(sequence.working_size, sequence.working_size)
            )
            for path in sequence.frame_paths:
                file.append("probability", video.read_frame(path).min(axis=2)[None] / 255)
        refine.run(description, folder / "memory.h5", folder / "masks.json", "raw", {"threshold": 0.5})
        return 10_000 * len(sequence.frames)

    def fetch(self) -> None:
        pass

    def states(self, working_size: tuple[int, int]) -> int:
        return 1000


@pytest.fixture
def bright_stages(monkeypatch) -> BrightStages:
    """Stages without networks, and no weights to be fetched."""
    made = BrightStages()

    def of(cls, memory: Path, device: object, refine: object) -> BrightStages:
        made.memory = memory
        return made

    monkeypatch.setattr(stages.Stages, "of", classmethod(of))
    monkeypatch.setattr("vosmem.weights.fetch.fetch", lambda name, folder=None: Path(name))
    return made


@pytest.fixture
def folder_of(tmp_path) -> Callable[..., Path]:
    """``folder_of(frames)``: a folder of images frame-0.png, frame-1.png, ..."""

    def write(frames: Sequence[np.ndarray], name: str = "in") -> Path:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        for t, frame in enumerate(frames):
            video.write_frame(tmp_path / name / f"frame-{t}.png", frame)
        return tmp_path / name

    return write

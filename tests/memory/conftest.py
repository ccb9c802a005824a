"""Cached streams of small made-up sequences."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vosmem import cache, config
from vosmem.grid import Axis, Grid

FEATURES = Grid(Axis(8, 8, 0), Axis(12, 8, 0))
COARSE = Grid(Axis(4, 16, 0), Axis(6, 16, 0))
FINE = Grid(Axis(16, 4, 0), Axis(24, 4, 0))
MOTION = Grid.of_image((8, 12), (64, 96))


@pytest.fixture
def write_streams(tmp_path):
    """``write(name, length, seed, parameters)`` -> (description, features, motion) of a sequence of 64 x 96 pixels.

    Features and motion lie in a folder of their network, as the workflow's do: ``appearance/<name>.h5``.
    """

    def write(name: str, length: int = 6, seed: int = 0, parameters=None) -> tuple[Path, Path, Path]:
        rng = np.random.default_rng(seed)
        frames = [f"{t:05d}" for t in range(length)]
        masks = np.zeros((length, 64, 96), np.uint8)
        for t, mask in enumerate(masks):
            mask[16:48, 8 + 6 * t : 40 + 6 * t] = 255
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{frames[t]}.png"), mask)
        paths = [tmp_path / f"{name}.json", tmp_path / f"appearance/{name}.h5", tmp_path / f"motion/{name}.h5"]
        described = {
            "sequence": name, "root": str(tmp_path), "frames": [f"{name}/{f}.jpg" for f in frames],
            "masks": [f"{name}/{f}.png" for f in frames], "size": [64, 96], "working_size": [64, 96], "defects": [],
        }  # fmt: skip
        paths[0].write_text(json.dumps(described))
        clip = cache.Clip(name, tuple(frames), (64, 96))
        small = np.stack([cv2.resize(m, (12, 8), interpolation=cv2.INTER_AREA) / 255.0 for m in masks])
        with cache.write(
            paths[1], clip, cache.Maker("appearance", cache.stage_version("appearance"), "toy", parameters or {})
        ) as file:
            file.create("fine", (3, *FEATURES.shape), FEATURES)
            file.create("coarse", (2, *COARSE.shape), COARSE)
            file.append("fine", small[:, None] + 5 * rng.standard_normal((length, 3, *FEATURES.shape)))
            file.append("coarse", rng.standard_normal((length, 2, *COARSE.shape)))
        with cache.write(paths[2], clip, cache.Maker("motion", cache.stage_version("motion"), "toy")) as file:
            file.create("probability", MOTION.shape, MOTION)
            file.append("probability", np.clip(small + 0.2 * rng.standard_normal(small.shape), 0, 1))
            file.create("velocity", (2, *FINE.shape), FINE, odd=[0])
            file.append("velocity", rng.standard_normal((length, 2, *FINE.shape)))
        return tuple(paths)

    return write


@pytest.fixture
def settings() -> dict:
    """The section `memory`, small, and with the finer read-out, so that all parts are there."""
    small = {"projection": 4, "state": 4, "steps": 12, "clip_length": 4, "crop": [6, 8], "learning_rate": 0.02}
    return config.section_defaults("memory", {**small, "finer": 2})

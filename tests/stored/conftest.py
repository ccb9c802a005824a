"""Results of a made-up data set, as the workflow would have left them, with caches of every stage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from vosmem import cache, config, weights
from vosmem.grid import Grid

FRAMES = tuple(f"{t:05d}" for t in range(3))
SIZE = (8, 12)
FLOW = {"name": "dis", "version": cache.stage_version("flow"), "parameters": {"preset": "medium"}}
CONFIG = {
    "data": {"name": "tiny", "root": "tiny", "train": ["a"], "test": ["b"]},
    "flow": {"estimator": "dis"},
    "appearance": {"network": "mobilenet_v2", "weights": "random.pth", "layers": ["block5"]},
    "motion": {"network": ["camera_residual", "mpnet"]},
}


def put(path: Path, stage: str, name: str, parameters=None, sha256: str = "", frames=FRAMES, version=None) -> Path:
    """A cache file of random values."""
    clip = cache.Clip(path.stem, frames, SIZE)
    version = version or cache.stage_version(stage)
    with cache.write(path, clip, cache.Maker(stage, version, name, parameters or {}, sha256)) as file:
        file.create("map", (2, *SIZE), Grid.of_image(SIZE, SIZE))
        file.append("map", np.random.default_rng(0).random((len(frames), 2, *SIZE)))
    return path


@pytest.fixture
def results(tmp_path) -> Path:
    """`results/` of the data set `tiny`: sequences a and b, flow, appearance, two of motion, and one model's memory."""
    tiny = tmp_path / "results/tiny"
    (tiny / "frames").mkdir(parents=True)
    (tiny / "config.yaml").write_text(yaml.safe_dump(config.resolve(CONFIG)))
    (tmp_path / "random.pth").write_bytes(b"random")
    trained = tiny / "memory/lvo/weights.safetensors"
    trained.parent.mkdir(parents=True)
    trained.write_bytes(b"trained")
    for name in "ab":
        told = {"frames": [f"{name}/{f}.jpg" for f in FRAMES], "working_size": SIZE, "defects": []}
        (tiny / f"frames/{name}.json").write_text(json.dumps(told))
        put(tiny / f"flow/dis/{name}.h5", "flow", "dis", FLOW["parameters"])
        appearance = weights.sha256(tmp_path / "random.pth")
        put(tiny / f"appearance/mobilenet_v2/{name}.h5", "appearance", "mobilenet_v2", {}, appearance)
        put(tiny / f"motion/camera_residual-dis/{name}.h5", "motion", "camera_residual", {"flow": FLOW})
        put(tiny / f"motion/mpnet-dis/{name}.h5", "motion", "mpnet", {"flow": FLOW}, weights.entry("mpnet").sha256)
        put(tiny / f"memory/lvo/{name}.h5", "memory", "visual-memory", {}, weights.sha256(trained))
    return tmp_path / "results"

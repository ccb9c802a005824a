"""A tiny data set, a config that goes with it, and Snakemake run over both."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from tests.workflow import dry
from vosmem import video, videofile
from vosmem.appearance import mobile
from vosmem.data import layout

# Small enough that the whole workflow takes seconds; random features, since what is tested is the workflow.
CONFIG = {
    "data": {"name": "tiny", "root": "tiny", "train": ["a", "train"], "test": ["b", "c"], "short_side": 64},
    "flow": {"estimator": "dis"},
    "appearance": {"network": "mobilenet_v2", "weights": "random.pth", "layers": ["block5"]},
    "motion": {"network": "camera_residual"},
    "memory": {"projection": 4, "state": 4, "steps": 3, "clip_length": 3, "crop": [4, 4]},
    "refine": {"methods": ["raw"]},
    "device": "cpu",
}


@dataclass(frozen=True)
class Workflow:
    """Snakemake in a folder of its own."""

    folder: Path
    snakefile: Path

    def write(self, config) -> None:
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def command(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "snakemake", "--snakefile", self.snakefile, "--directory", self.folder,
                   "--configfile", self.folder / "tiny.yaml", "--cores", "2", *arguments]  # fmt: skip
        return list(map(str, command))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        command, environment = self.command(*arguments), {**os.environ, "OMP_NUM_THREADS": "1"}
        if "--dry-run" in arguments:
            done = dry.run(command[3:], environment)
        else:
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if check and done.returncode:
            raise AssertionError(f"snakemake failed:\n{done.stdout}\n{done.stderr}")
        return done

    def planned(self, config=None, *arguments: str) -> dict[str, int]:
        """The jobs of a dry run: rule -> how many."""
        if config is not None:
            self.write(config)
        return jobs(self.run("--dry-run", *arguments).stdout)


def jobs(told: str) -> dict[str, int]:
    """The table of jobs that Snakemake tells: rule -> how many."""
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", told, re.M | re.S)
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table[1], re.M)} if table else {}


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory) -> Path:
    """Random weights of MobileNetV2, as a file."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(mobile.mobilenet_v2(["block5"], 8).state_dict(), path)
    return path


def write_sequences(root: Path, names: str, length: int = 4) -> None:
    """Sequences of 64 x 96 pixels, in DAVIS layout: a square that moves over noise."""
    rng = np.random.default_rng(0)
    for name in names.split():
        background = cv2.GaussianBlur(rng.integers(0, 255, (64, 96, 3), np.uint8), (0, 0), 1.5)
        for t in range(length):
            mask = np.zeros((64, 96), np.uint8)
            mask[16:48, 8 + 6 * t : 40 + 6 * t] = 255
            for kind, suffix, image in (
                ("JPEGImages", "jpg", np.where(mask[..., None] > 0, 230, background)),
                ("Annotations", "png", mask),
            ):
                folder = root / kind / "480p" / name
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f"{t:05d}.{suffix}"), image.astype(np.uint8))


def write_videos(root: Path, names: str, length: int = 4) -> None:
    """Video files of the frames of :func:`write_sequences`."""
    write_sequences(root, names, length)
    for name in names.split():
        frames = [video.read_frame(path) for path in layout.images(root / "JPEGImages/480p" / name)]
        videofile.write(root / f"{name}.mp4", frames, [t / 10 for t in range(length)])
    shutil.rmtree(root / "JPEGImages")
    shutil.rmtree(root / "Annotations")


def make(folder: Path, repository: Path, random_weights: Path) -> Workflow:
    folder.mkdir(parents=True, exist_ok=True)
    write_sequences(folder / "tiny", "a b c train")  # DAVIS-2016 has a sequence called train
    (folder / "random.pth").write_bytes(random_weights.read_bytes())
    workflow = Workflow(folder, repository / "workflow/Snakefile")
    workflow.write(CONFIG)
    return workflow


@pytest.fixture
def workflow(tmp_path, repository, random_weights) -> Workflow:
    """A data set on which nothing has run yet."""
    return make(tmp_path / "run", repository, random_weights)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, repository, random_weights) -> Workflow:
    """A data set on which everything has run, for dry runs only."""
    done = make(tmp_path_factory.mktemp("finished"), repository, random_weights)
    done.run()
    return done


@pytest.fixture
def broken(finished, tmp_path) -> Workflow:
    """A copy of the finished run, to be changed and run again."""
    shutil.copytree(finished.folder, tmp_path / "run")
    copied = Workflow(tmp_path / "run", finished.snakefile)
    copied.write(CONFIG)
    return copied


@pytest.fixture
def config() -> dict:
    """The tiny configuration, to change."""
    return copy.deepcopy(CONFIG)

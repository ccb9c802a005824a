"""What every test may use: where the reference data is, and a tiny data set."""

from __future__ import annotations

import os
from pathlib import Path

# A thread a test: several that wait for each other on cores that other tests use can take ten times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and PyTorch, which read it when they are loaded

import vosmem  # noqa: F401  # isort: skip  # before OpenCV, which it tells how large an image may be
import cv2
import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("vosmem", deadline=None)  # a machine may be busy: no test asserts a time
settings.load_profile("vosmem")

ROOT = Path(__file__).resolve().parent.parent


def _needs(what: str, there: bool, hint: str) -> None:
    """Skip, saying so, where something is missing; fail instead where VOSMEM_REQUIRE names it."""
    if not there:
        if what in os.environ.get("VOSMEM_REQUIRE", "").split(","):
            pytest.fail(f"VOSMEM_REQUIRE names {what}, but it is not there: {hint}")
        pytest.skip(f"needs {what}: {hint}")


@pytest.fixture(scope="session")
def needs():
    """``needs(what, there, hint)``: skip the test unless ``there``."""
    return _needs


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def davis2016() -> Path:
    """DAVIS-2016's training sequences, below $VOSMEM_DATA."""
    folder = Path(os.environ.get("VOSMEM_DATA", ROOT.parent / "shared")) / "davis2016"
    _needs("davis2016", folder.is_dir(), f"no folder {folder}; set VOSMEM_DATA")
    return folder


@pytest.fixture(scope="session")
def fseg(davis2016) -> Path:
    """FSEG's published masks of DAVIS-2016's training sequences, below $VOSMEM_DATA."""
    folder = davis2016.parent / "davis2016-results"
    _needs("davis2016-results", folder.is_dir(), f"no folder {folder}; set VOSMEM_DATA")
    return folder


@pytest.fixture
def tiny_davis(tmp_path) -> Path:
    """A DAVIS folder of two sequences, 5 frames of 64 x 96: a bright square that moves right over noise."""
    return write_davis(tmp_path / "tiny", {"left": 5, "right": 5})


def write_davis(root: Path, sequences: dict[str, int], size: tuple[int, int] = (64, 96), seed: int = 0) -> Path:
    """Write a small data set in DAVIS layout: name -> number of frames."""
    rng = np.random.default_rng(seed)
    height, width = size
    for name, length in sequences.items():
        background = rng.integers(0, 120, (height, width, 3), np.uint8)
        frames, masks = root / "JPEGImages/480p" / name, root / "Annotations/480p" / name
        frames.mkdir(parents=True)
        masks.mkdir(parents=True)
        for t in range(length):
            mask = np.zeros(size, np.uint8)
            mask[height // 4 : height * 3 // 4, 8 + 4 * t : 8 + 4 * t + width // 4] = 255
            frame = np.where(mask[..., None] > 0, np.uint8(220), background)
            cv2.imwrite(str(frames / f"{t:05d}.jpg"), frame)
            cv2.imwrite(str(masks / f"{t:05d}.png"), mask)
    return root

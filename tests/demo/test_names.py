"""The names that configs, docs and reports rely on, and that they cost nothing to import."""

from __future__ import annotations

import subprocess
import sys

from vosmem.demo import SEQUENCES
from vosmem.demo.sequences import _STORIES

TRAIN = ["stop-and-go", "leaves-and-returns", "twin-still", "parallax", "water", "occlusion"]
VAL = ["stops-by-water", "returns-past-twins", "zoom-behind-trunks", "roll-in-wind"]


def test_names_and_splits_are_fixed():
    assert [name for name, split in SEQUENCES.items() if split == "train"] == TRAIN
    assert [name for name, split in SEQUENCES.items() if split == "val"] == VAL
    assert len(SEQUENCES) == len(TRAIN) + len(VAL)


def test_every_name_has_a_story():
    assert list(_STORIES) == list(SEQUENCES)


def test_names_come_without_numpy_and_opencv():
    code = "import sys, vosmem.demo, vosmem.demo.command as c; print({'numpy', 'cv2', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""The weights that come with vosmem: whole, honest about their origin, and what they compute stays the same."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from vosmem import weights
from vosmem.grid import Grid
from vosmem.motion import STAGE_VERSION, stage
from vosmem.motion.synthetic import batch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shipped():
    return weights.file_for("mpnet", "registry")


def clip():
    """The flow of one frame by formula: a camera that turns and zooms, a box and a disk that move otherwise."""
    y, x = np.mgrid[:240, :427].astype(np.float64)
    x, y = (x - 213) / 213, (y - 119.5) / 213
    flow = np.stack([3 + 2 * x - 0.5 * y + x * x, -1 + 0.5 * x + 2 * y + x * y])
    flow[:, 70:150, 90:170] += np.array([4.0, -1.0])[:, None, None]
    disk = (x - 0.5) ** 2 + (y - 0.1) ** 2 < 0.03
    flow[:, disk] += np.array([-1.5, 2.0])[:, None]
    return flow[None].astype(np.float32)


def test_the_file_is_the_registered_one(shipped):
    weights.verify(shipped, weights.entry("mpnet"))
    assert shipped.stat().st_size < 2_000_000
    assert shipped.with_suffix(".md").is_file()


def test_it_is_loaded_without_pytorchs_compiler_whose_import_takes_longer_than_a_short_clip(shipped):
    code = "import sys, vosmem.motion.checkpoint as c; c.load(sys.argv[1]); print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, shipped], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_it_saw_no_video(shipped):
    told = weights.metadata(shipped)
    assert told["trained_on"] == [] and weights.entry("mpnet").saw_davis == ()
    assert {"width", "encoding", "settings", "version"} <= told.keys()


def test_it_finds_what_moves(shipped):
    flow = clip()
    estimate = stage.ESTIMATORS["mpnet"](shipped, CPU)
    p = stage.probabilities(flow, estimate, (116, 212), False, CPU)[0]  # (58, 106)
    grid = Grid.of_image(p.shape, (240, 427))
    y, x = grid.y.centres(), grid.x.centres()
    box = np.outer((y > 75) & (y < 145), (x > 95) & (x < 165))
    assert p[box].mean() > 0.7
    assert p[y < 40].mean() < 0.1 and p[y > 200].mean() < 0.1


def test_it_does_what_it_was_trained_for(shipped):
    """Synthetic fields that no training step saw (their seeds count from the training seed times 2^32)."""
    flow, label = batch(16, 116, 212, seed=2**40 + 1, exact=True)
    estimate = stage.ESTIMATORS["mpnet"](shipped, CPU)
    with torch.no_grad():
        found = estimate(flow)[:, 0] > 0.5
    true = torch.nn.functional.avg_pool2d(label, 2)[:, 0] > 0.5
    assert ((found & true).sum() / (found | true).sum()).item() > 0.5


# What each network computes for `clip()` at a few cells. Raise STAGE_VERSION when a change of code changes these.
CELLS = [(2, 3), (20, 30), (27, 32), (31, 79), (40, 60), (55, 104)]
GOLDEN = {
    1: {
        "mpnet": [0.0053, 0.9022, 0.9125, 0.8185, 0.0027, 0.0076],
        "camera_residual": [0.0001, 0.8923, 0.8923, 0.8318, 0.0001, 0.0],
        "flow_magnitude": [0.551, 0.7811, 0.7762, 0.7124, 0.3993, 0.767],
    }
}


@pytest.mark.parametrize("network", stage.ESTIMATORS)
def test_golden(network, shipped):
    flow = clip()
    estimate = stage.ESTIMATORS[network](shipped if network == "mpnet" else None, CPU)
    p = stage.probabilities(flow, estimate, (116, 212), False, CPU)[0]
    assert STAGE_VERSION in GOLDEN, "a new version of the stage needs its golden values"
    np.testing.assert_allclose([p[c] for c in CELLS], GOLDEN[STAGE_VERSION][network], atol=0.02)

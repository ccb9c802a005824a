"""What holds for every method: sizes, constants, edges, settings."""

import inspect

import numpy as np
import pytest

from vosmem import config
from vosmem.grid import Axis, Grid
from vosmem.refine import zoom
from vosmem.refine.methods import METHODS, probability

DEFAULTS = config.section_defaults("refine")
LOOKING = [name for name, refine in METHODS.items() if refine]  # those that look at the frame


def grid_of(working, stride):
    return Grid(*(Axis(-(-n // stride), stride, 0) for n in working))


def run(method, cells, stride, working, size, frame):
    pixels = Grid.of_image(size, working)
    keys = DEFAULTS.get(method, {})
    keys = {key: keys[key] for key in zoom.FINISH} if method == "zoom" else keys
    return probability(method, cells, grid_of(working, stride), pixels, lambda: frame, keys)


def test_the_schema_knows_every_method_and_its_keys():
    rules = config.schema()["properties"]["refine"]["properties"]
    assert rules["methods"]["items"]["enum"] == list(METHODS)
    for name in LOOKING:
        keys = list(inspect.signature(METHODS[name]).parameters)[3:]  # behind cells, grid, frame
        before = ["network", *zoom.KEYS, "correction", "mirrored", "steady"] if name == "zoom" else []
        assert before + keys == list(rules[name]["properties"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("working", [(37, 53), (1, 1), (1, 40), (16, 64)])
@pytest.mark.parametrize("stride", [8, 4])
def test_sizes(method, working, stride):
    rng = np.random.default_rng(0)
    cells = rng.random(grid_of(working, stride).shape).astype(np.float32)
    frame = rng.integers(0, 256, (*working, 3), np.uint8)
    for size in (working, (2 * working[0] + 1, 2 * working[1]), tuple(max(1, n // 2) for n in working)):
        out = run(method, cells, stride, working, size, frame)
        assert out.shape == size
        assert np.isfinite(out).all()
        assert out.min() > -0.5
        assert out.max() < 1.5


@pytest.mark.parametrize("method", ["raw", "guided", "bilateral"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_constant_stays_constant(method, value):
    frame = np.random.default_rng(0).integers(0, 256, (48, 72, 3), np.uint8)
    out = run(method, np.full((6, 9), value, np.float32), 8, (48, 72), (96, 144), frame)
    np.testing.assert_allclose(out, value, atol=2e-4)


@pytest.mark.parametrize("value", [0.02, 0.3, 0.6])
def test_the_crf_keeps_the_label_of_a_constant(value):
    """It makes the field surer of the label, and the same everywhere in a flat frame but near its edges."""
    out = run("crf", np.full((6, 9), value, np.float32), 8, (48, 72), (48, 72), np.full((48, 72, 3), 90, np.uint8))
    assert ((out > 0.5) == (value > 0.5)).all()
    assert (np.abs(out - 0.5) >= abs(value - 0.5) - 1e-6).all()


@pytest.mark.parametrize("method", LOOKING)
def test_an_edge_goes_where_the_frame_has_it(method):
    """The map's edge lies 4 pixels beside the frame's, which is 1 % of its range steeper than the noise."""
    rng = np.random.default_rng(0)
    x = np.arange(160)
    frame = np.where(x[:, None] < 84, (60, 90, 120), (150, 130, 80)) + rng.normal(0, 3, (96, 160, 3))
    cells = np.broadcast_to(np.clip((np.arange(20) * 8 - 68) / 24, 0, 1), (12, 20)).astype(np.float32)  # 0.5 at 80
    frame = np.clip(frame, 0, 255).astype(np.uint8)
    raw, out = (run(name, cells, 8, (96, 160), (96, 160), frame) > 0.5 for name in ("raw", method))
    truth = np.broadcast_to(x >= 84, (96, 160))
    assert (raw ^ truth).sum() == 96 * 4 - 96  # 0.5 itself, at 80, is not above the threshold
    assert (out ^ truth).sum() < 96 / 2


def test_raw_looks_at_no_frame():
    pixels = Grid.of_image((16, 16), (16, 16))
    out = probability("raw", np.ones((2, 2), np.float32), grid_of((16, 16), 8), pixels, lambda: 1 / 0, {})
    np.testing.assert_array_equal(out, 1)

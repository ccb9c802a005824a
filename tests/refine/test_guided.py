"""The guided filter beside its definition in loops, float64."""

import numpy as np
import pytest

from vosmem import video
from vosmem.grid import Axis, Grid
from vosmem.refine import guided
from vosmem.refine.guided import Guided


def naive_coefficients(guide, values, radius, epsilon):
    """(H, W, 4): slope and offset, averaged over the windows that a pixel lies in; windows end at the frame's edge."""
    height, width = values.shape
    fitted = np.zeros((height, width, 4))
    for y in range(height):
        for x in range(width):
            window = (slice(max(y - radius, 0), y + radius + 1), slice(max(x - radius, 0), x + radius + 1))
            colours, v = guide[window].reshape(-1, 3), values[window].ravel()
            centred = colours - colours.mean(0)
            covariance = centred.T @ centred / len(v) + epsilon * np.eye(3)
            slope = np.linalg.solve(covariance, centred.T @ (v - v.mean()) / len(v))
            fitted[y, x] = [*slope, v.mean() - slope @ colours.mean(0)]
    averaged = np.zeros_like(fitted)
    for y in range(height):
        for x in range(width):
            averaged[y, x] = fitted[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].mean(
                (0, 1)
            )
    return averaged


def naive(frame, values, radius, epsilon):
    guide = frame.astype(np.float64) / 255
    linear = naive_coefficients(guide, values.astype(np.float64), radius, epsilon)
    return (linear[..., :3] * guide).sum(-1) + linear[..., 3]


@pytest.mark.parametrize(("size", "radius"), [((13, 18), 2), ((9, 7), 3), ((5, 4), 9), ((1, 1), 4), ((1, 12), 2)])
@pytest.mark.parametrize("epsilon", [1e-4, 1e-2])
def test_as_defined(size, radius, epsilon):
    rng = np.random.default_rng(0)
    frame, values = rng.integers(0, 256, (*size, 3), np.uint8), rng.random(size).astype(np.float32)
    ours = Guided(frame, radius, epsilon)(values)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, naive(frame, values, radius, epsilon), atol=2e-4)


def test_coefficients_of_the_smaller_frame():
    """Sub-sampled: fitted on the shrunk frame and map, applied to the frame itself."""
    rng = np.random.default_rng(1)
    frame = video.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (24, 32))
    values = video.resize(rng.random((6, 8)).astype(np.float32), (24, 32))
    guide = frame.astype(np.float32) / 255
    small, shrunk = video.resize(guide, (12, 16)), video.resize(values, (12, 16))
    linear = naive_coefficients(small.astype(np.float64), shrunk.astype(np.float64), 3, 1e-3)
    linear = video.resize(linear.astype(np.float32), (24, 32))
    expected = (linear[..., :3] * guide).sum(-1) + linear[..., 3]
    np.testing.assert_allclose(Guided(frame, 6, 1e-3, 2)(values), expected, atol=2e-3)


def test_a_flat_frame_leaves_twice_the_mean():
    """Where there is no colour to follow, it is the box filter applied twice."""
    values = np.random.default_rng(2).random((11, 15)).astype(np.float32)
    frame = np.full((11, 15, 3), 77, np.uint8)
    filter_ = Guided(frame, 2, 1e-3)
    np.testing.assert_allclose(filter_(values), filter_._average(filter_._average(values)), atol=1e-5)


def test_refine_moves_an_edge_to_the_frames_edge():
    """The map's edge is 5 pixels beside the frame's; with the default settings it goes there."""
    frame = np.full((96, 160, 3), 60, np.uint8)
    frame[:, 83:] = 190
    grid = Grid(Axis(12, 8, 0), Axis(20, 8, 0))
    cells = np.broadcast_to(np.clip((grid.x.centres() - 70) / 16, 0, 1), grid.shape)  # 0.5 at x = 78
    out = guided.refine(cells, grid, frame, radius=24, epsilon=1e-5, subsample=4, rounds=0)
    assert out.shape == (96, 160)
    assert abs((out[48] > 0.5).argmax() - 83) <= 1

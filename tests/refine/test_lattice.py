"""The permutohedral lattice: its geometry is exact, its filter near to the exact Gaussian sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem.errors import UserError
from vosmem.refine import lattice
from vosmem.refine.lattice import Lattice


def exact(features, values):
    """sum_j exp(-|f_i - f_j|^2 / 2) v_j, all pairs."""
    f = features.astype(np.float64)
    return np.exp(-0.5 * ((f[:, :, None] - f[:, None]) ** 2).sum(0)) @ values


@settings(deadline=None, max_examples=30)
@given(d=st.integers(1, 6), seed=st.integers(0, 2**32 - 1), spread=st.floats(0.01, 30))
def test_every_point_is_the_weighted_mean_of_its_simplex(d, seed, spread):
    points = np.random.default_rng(seed).normal(size=(d, 50)) * spread
    elevated = lattice._elevate(points.astype(np.float32))  # (d + 1, N)
    np.testing.assert_allclose(elevated.sum(0), 0, atol=1e-4 * spread * (d + 1))
    base, rank, weights = lattice._simplices(elevated)
    assert (base.sum(0) == 0).all()
    assert (np.sort(rank, axis=0) == np.arange(d + 1)[:, None]).all()
    assert weights.min() >= -1e-5 * max(spread, 1)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    corner = base * (d + 1)
    vertices = np.stack([corner + m - (d + 1) * (rank > d - m) for m in range(d + 1)])  # (d + 1, d + 1, N)
    np.testing.assert_allclose((weights[:, None] * vertices).sum(0), elevated, atol=1e-4 * max(spread, 1))


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_distances_are_kept(d):
    """The embedding is a rotation and one scale."""
    points = np.random.default_rng(d).normal(size=(d, 20))
    elevated = lattice._elevate(points.astype(np.float32))
    ratio = np.linalg.norm(elevated[:, 1:] - elevated[:, :1], axis=0) / np.linalg.norm(
        points[:, 1:] - points[:, :1], axis=0
    )
    np.testing.assert_allclose(ratio, np.sqrt(2 / 3) * (d + 1), rtol=1e-5)


@pytest.mark.parametrize(("d", "error"), [(1, 0.02), (2, 0.03), (3, 0.04), (5, 0.08)])
def test_near_to_the_exact_gaussian(d, error):
    """Normalised sums over points that lie densely, of values that vary over a few deviations."""
    rng = np.random.default_rng(d)
    points = rng.uniform(-1.5, 1.5, size=(d, 4000))
    values = 0.5 + 0.5 * np.sin(2 * points[0])
    filter_ = Lattice(points)
    ours = filter_(values) / filter_(np.ones(4000))
    theirs = exact(points, values) / exact(points, np.ones(4000))
    assert theirs.std() > 0.1
    assert np.abs(ours - theirs).mean() < error
    assert np.abs(ours - values).mean() > 2 * error  # it does smooth


def test_far_points_do_not_meet():
    points = np.array([[0.0, 0.1, 40.0], [0.0, 0.1, 40.0]])
    out = Lattice(points)(np.array([1.0, 1.0, 0.0]))
    assert out[0] > 0.5
    assert out[2] == 0


def test_it_is_linear_and_forgets_order():
    rng = np.random.default_rng(0)
    points, a, b = rng.normal(size=(5, 300)), rng.random(300), rng.random(300)
    filter_ = Lattice(points)
    np.testing.assert_allclose(filter_(2 * a - b), 2 * filter_(a) - filter_(b), atol=1e-5)
    order = rng.permutation(300)
    np.testing.assert_allclose(Lattice(points[:, order])(a[order]), filter_(a)[order], atol=1e-5)


def test_one_point():
    out = Lattice(np.zeros((5, 1)))(np.ones(1))
    assert out.shape == (1,)
    assert out[0] > 0


def test_points_too_far_apart_are_told():
    with pytest.raises(UserError, match="no more than 64 bits number; raise"):
        Lattice(np.array([[0.0, 1e6]] * 5))


def test_positions():
    frame = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    found = lattice.positions(frame, 2, 10)
    assert found.shape == (5, 6)
    np.testing.assert_allclose(found[:, 4], [1 / 2, 1 / 2, 1.2, 1.3, 1.4], rtol=1e-6)  # y = 1, x = 1

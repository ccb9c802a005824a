"""Bends: within their reach, undone exactly, and still where the story stands still."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem.demo import bend

BENDS = {
    "gait": bend.gait(0.8, 0.95, lambda moment: 3 * moment),
    "sway": bend.sway(1.2, 0.19, 2.6),
    "flutter": bend.flutter(1.1, 0.1, 3.5),
    "ripple": bend.ripple((1.8, 0.3), 0.065, 0.9, 2.5),
}
Y, X = np.mgrid[-1.2:0:60j, -0.6:0.9:80j]


@pytest.mark.parametrize("name", BENDS)
@settings(max_examples=30)
@given(moment=st.floats(0, 1))
def test_bends_contract(name, moment):
    """So that p -> q is one to one and its fixed point iteration converges: eigenvalues of the numerical Jacobian."""
    step, bent = 1e-5, BENDS[name]
    here, right, below = (np.array(bent(x, y, moment)) for x, y in ((X, Y), (X + step, Y), (X, Y + step)))
    jacobian = np.moveaxis(np.array([right - here, below - here]) / step, (0, 1), (-1, -2))  # (h, w, 2, 2)
    assert np.abs(np.linalg.eigvals(jacobian)).max() < 0.95


def test_an_animal_that_stands_does_not_bend_further():
    walk = bend.gait(0.8, 0.95, lambda moment: min(moment, 0.5))
    assert np.array_equal(walk(X, Y, 0.6), walk(X, Y, 0.9))
    assert not np.allclose(walk(X, Y, 0.1)[0], walk(X, Y, 0.3)[0], atol=1e-3)


def test_foliage_is_rooted_and_cloth_hangs_on_its_pole():
    x = np.linspace(-1, 1, 50)
    assert np.abs(BENDS["sway"](x, np.zeros(50), 0.3)).max() == 0
    assert np.abs(BENDS["flutter"](np.zeros(50), x, 0.3)).max() == 0


def test_water_drifts_by_what_it_says():
    still = bend.ripple((1.8, 0.3), 0.0, 0.9, 2.5)
    dx, dy = still(X, Y, 0.5)
    assert np.allclose(dx, -0.9)
    assert np.allclose(dy, -0.15)

"""The paired bootstrap: known cases, and bad input."""

import numpy as np
import pytest

from vosmem.evaluate.bootstrap import interval, told


def test_equal_differences_leave_no_doubt():
    assert interval(np.full(30, 0.25)) == (0.25, 0.25)


def test_it_is_near_the_normal_interval_for_many_sequences():
    differences = np.random.default_rng(0).normal(1.0, 2.0, 2000)
    low, high = interval(differences)
    error = 1.96 * differences.std() / np.sqrt(2000)
    assert low == pytest.approx(differences.mean() - error, abs=0.15 * error)
    assert high == pytest.approx(differences.mean() + error, abs=0.15 * error)


def test_a_smaller_share_is_a_narrower_interval():
    differences = np.random.default_rng(1).normal(0, 1, 30)
    (a, d), (b, c) = interval(differences), interval(differences, share=0.5)
    assert a < b < c < d
    assert interval(differences) == (a, d)


@pytest.mark.parametrize("differences", [[], [0.1, np.nan]])
def test_what_has_no_mean_is_refused(differences):
    with pytest.raises(ValueError, match="expected at least one number"):
        interval(np.array(differences))


def test_it_is_told_as_mean_and_interval():
    assert told(np.full(30, 0.25)) == "+0.2 [+0.2, +0.2]"
    low, high = interval(differences := np.arange(-10.0, 13.0))
    assert told(differences) == f"+1.0 [{low:+.1f}, {high:+.1f}]"

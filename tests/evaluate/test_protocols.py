"""FBMS-59 and SegTrack-v2 on cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem.evaluate import protocols


def frame(text, number="0"):
    """Overlaps of one frame, written as annotation/mask pairs of digits: '1 12 2' is object 1, label 1, ..."""
    pairs = np.array([[int(c) for c in word] for word in text.split()])
    return protocols.overlaps(number, pairs[:, :1], pairs[:, 1:])


def test_overlaps_count_pixels_of_every_pair():
    rows = frame("00 00 10 11 11 22")
    assert rows == [
        protocols.Overlap("0", 0, 0, 2),
        protocols.Overlap("0", 1, 0, 1),
        protocols.Overlap("0", 1, 1, 2),
        protocols.Overlap("0", 2, 2, 1),
    ]


def test_fbms_by_hand():
    """Ten pixels: background 4, object 1 of 4, object 2 of 2. Label 5 covers 3 of object 1 and 1 of the background,
    label 6 nothing but 1 of object 2; the rest is label 0."""
    rows = frame("00 00 00 05 15 15 15 10 26 20")
    # background and label 0: P 3/5, R 3/4; object 1 and label 5: P 3/4, R 3/4; object 2 and label 6: P 1, R 1/2
    p, r = (3 / 5 + 3 / 4 + 1) / 3, (3 / 4 + 3 / 4 + 1 / 2) / 3
    expected = {"precision": p, "recall": r, "F": 2 * p * r / (p + r), "objects": 2, "found": 0}  # 3/4 is not above 3/4
    assert protocols.fbms(rows) == pytest.approx(expected)


def test_fbms_counts_frames_together_and_a_region_without_label_has_precision_one():
    """In one frame label 1 is all of object 1, in the other all of object 2: as a whole it is half of each."""
    rows = frame("00 00 11 11", "0") + frame("00 00 21 21", "1")
    # two labels for three regions: the background takes 0, one object takes 1 with P 1/2 and R 1, the other none
    p, r = (1 + 1 / 2 + 1) / 3, (1 + 1 + 0) / 3
    assert protocols.fbms(rows) == pytest.approx(
        {"precision": p, "recall": r, "F": 2 * p * r / (p + r), "objects": 2, "found": 0}
    )


def test_fbms_of_a_perfect_result_whatever_its_numbers():
    rows = frame("00 00 17 17 23")
    assert protocols.fbms(rows) == {"precision": 1, "recall": 1, "F": 1, "objects": 2, "found": 2}


def test_segtrack_by_hand():
    """Object 1: IoU 2/4 with label 3, then 1/1; object 2: 1/2 with label 4, then 0."""
    rows = frame("00 13 13 10 03 24 20", "0") + frame("00 13 20", "1")
    assert protocols.segtrack(rows) == pytest.approx({"J_mean": ((2 / 4 + 1) / 2 + (1 / 2 + 0) / 2) / 2, "objects": 2})


def test_segtrack_takes_one_label_for_an_object_and_none_where_that_is_better():
    """One label over both objects serves one of them; an object that is hardly ever there is best left without."""
    assert protocols.segtrack(frame("00 11 11 21 21"))["J_mean"] == pytest.approx((1 / 2 + 0) / 2)
    rows = frame("00 11 21", "0") + [row for n in range(1, 4) for row in frame("00 01", str(n))]
    # label 1 for object 1: 1/2 in the first frame, 0 in the three others; without a label 0, 1, 1, 1
    assert protocols.segtrack(rows)["J_mean"] == pytest.approx(3 / 4)


def test_segtrack_without_objects_has_no_value():
    assert np.isnan(protocols.segtrack(frame("00 01"))["J_mean"])


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7))
def test_assignment_is_the_best(seed, rows, columns):
    optimize = pytest.importorskip("scipy.optimize")
    values = np.random.default_rng(seed).random((rows, columns)).round(1)
    assigned = protocols.assign(values)
    taken = [j for j in assigned if j is not None]
    assert len(taken) == len(set(taken)) == min(rows, columns)
    best = values[optimize.linear_sum_assignment(-values)].sum()
    assert sum(values[i, j] for i, j in enumerate(assigned) if j is not None) == pytest.approx(best)

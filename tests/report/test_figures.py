"""Charts: where points land, gaps, escaping."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosmem.report import charts, figures
from vosmem.report.figures import Line, line_chart, thin


def path_of(points, x_range=(0, 10), y_range=(0, 1)):
    svg = line_chart([Line("a", points, 0)], x_range, y_range, [], [], "label")
    return next(p.get("d") for p in ElementTree.fromstring(svg).iter("path") if "line" in p.get("class"))


def test_corners():
    left, right = figures.LEFT, figures.WIDTH - figures.RIGHT
    top, bottom = figures.TOP, figures.HEIGHT - figures.BOTTOM
    assert path_of([(0, 0), (10, 1)]) == f"M{left}.0 {bottom}.0L{right}.0 {top}.0"
    # one frame; a value beyond the axis
    assert path_of([(0, 0), (0, 7)], x_range=(0, 0)) == f"M{left}.0 {bottom}.0L{left}.0 {top}.0"


def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dash():
    d = path_of([(0, None), (1, 0.5), (2, None), (3, 0.5), (4, 0.5), (5, None)])
    assert re.sub(r"[\d.]+ [\d.]+", "p", d) == "Mph5MpLp"


def test_names_are_escaped():
    svg = line_chart([Line("<script>", [(0, 0)], 0)], (0, 1), (0, 1), [(0, "<i>")], [(0, "&")], '"><script>')
    assert "<script" not in svg and "<i>" not in svg
    ElementTree.fromstring(svg)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=120), st.integers(1, 40))
def test_thinning_keeps_the_mean_of_whole_blocks_and_the_end(values, most):
    points = list(enumerate(values))
    kept = thin(points, most)
    assert len(kept) <= most
    assert kept[-1][0] == points[-1][0]
    assert min(values) - 1e-9 <= min(y for _, y in kept) and max(y for _, y in kept) <= max(values) + 1e-9
    if len(points) <= most:
        assert kept == points


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (99.9, "99.9 s"), (99.96, "1 min 40 s"), (3599.6, "1 h 00 min"), (7501, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert charts.duration(seconds) == text

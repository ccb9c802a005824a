"""FSEG's published masks against their official scores: every frame's J and F, and the means of J, F and T."""

import json

import pytest

from vosmem import bits, cores, davis2016, png
from vosmem.data import layout
from vosmem.evaluate import parallel, tables
from vosmem.evaluate.folders import pair


@pytest.fixture(scope="module")
def scores(fseg):
    pairs = pair(fseg.parent / "davis2016" / "Annotations/480p", fseg / "fseg", None)
    return parallel.score(pairs, parallel.How("JFT", "davis", False, False), cores.count(), lambda s: None)


def test_j_and_f_of_every_frame(scores, fseg):
    official = json.loads((fseg / "fseg_per_frame.json").read_text())
    assert sum(s.frames for s in scores) == 2019 and {s.sequence for s in scores} == set(official)
    for s in scores:
        for measure in ("J", "F"):
            assert [f"{getattr(row, measure):.3f}" for row in s.rows] == official[s.sequence][measure], s.sequence


def test_means(scores):
    mean = tables.summarise(scores)[-1]
    got = [round(100 * mean[column], 1) for column in tables.SUMMARY["davis"]]
    assert got == [72.2, 90.4, 1.9, 66.2, 82.4, 6.0, 27.5]


def test_t_is_of_the_sequences_that_davis_scores(scores):
    scored = {s.sequence for s in scores if any(row.T is not None for row in s.rows)}
    assert scored == {s.sequence for s in scores if davis2016.facts()[s.sequence].scored_for_t}
    assert len(scored) == 17


def test_frames_without_object_are_in_the_annotations(fseg):
    """What the means above rest on: frames in which nothing is annotated are scored like any other."""
    files = layout.images(fseg.parent / "davis2016/Annotations/480p/bmx-bumps")
    assert sum(bits.count(png.read_mask(path).packed) == 0 for path in files) == 14

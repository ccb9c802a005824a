"""Reading of the tables that evaluate writes."""

import pytest

from tests.report.conftest import COLUMNS
from vosmem.errors import UserError
from vosmem.report.scores import Spread, mean_over, read_frames, read_summary


def test_a_summary_is_read_with_its_mean_and_its_gaps(tmp_path):
    path = tmp_path / "summary.csv"
    lines = [
        "sequence,J_mean,J_recall,J_decay,F_mean,F_recall,F_decay,T",
        "a,0.5,1,-0.25,0.25,0,0.5,",
        "mean,0.4,1,0,0,0,0,0.125",
    ]
    path.write_text("\n".join(lines))
    summary = read_summary(path)
    assert list(summary.rows) == ["a"]
    assert [summary.rows["a"][column] for column in COLUMNS] == [0.5, 1, -0.25, 0.25, 0, 0.5, None]
    assert summary.mean["J_mean"] == 0.4  # what the file states, not what its rows would give
    assert summary.mean["T"] == 0.125


@pytest.mark.parametrize(
    "text", [None, "", "sequence,J_mean\n", "sequence,J_mean\nmean,\n", "sequence,J_mean\na,\nmean,\n"]
)
def test_a_summary_that_scores_nothing_is_none(tmp_path, text):
    path = tmp_path / "summary.csv"
    if text is not None:
        path.write_text(text)
    assert read_summary(path) is None


def test_a_file_that_is_no_summary_is_refused(tmp_path):
    path = tmp_path / "summary.csv"
    path.write_text("name,score\na,1\n")
    with pytest.raises(UserError, match="column `sequence`"):
        read_summary(path)


def test_a_summary_may_begin_as_notepad_has_it_and_name_any_file(tmp_path):
    path = tmp_path / "summary.csv"
    path.write_bytes(b"\xef\xbb\xbfsequence,J_mean\ncaf\xe9,0.5\n")
    assert [*read_summary(path).rows] == ["caf\udce9"]


def test_without_a_mean_row_the_mean_leaves_out_what_does_not_apply(tmp_path):
    path = tmp_path / "summary.csv"
    path.write_text("sequence,J_mean,T\na,0.25,0.5\nb,0.75,\n")
    summary = read_summary(path)
    assert (summary.mean["J_mean"], summary.mean["T"], summary.mean["F_mean"]) == (0.5, 0.5, None)
    assert mean_over([]) == dict.fromkeys(summary.mean)


def test_frames_without_a_score_stay_as_gaps(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sequence,frame,J,F,T\na,00001,0.5,nan,0.1\na,00002,,0.25,\n")
    assert [(f.frame, f.J, f.F) for f in read_frames(path)] == [("00001", 0.5, None), ("00002", None, 0.25)]


def test_spread():
    assert Spread.of([0.5, None, 0.25]) == Spread(0.375, 0.25, 0.5, 2)
    assert Spread.of([None]) is None

"""The line with which a run ends."""

import pytest

from vosmem.evaluate import summed_up

HEADER = "sequence,J_mean,J_recall,J_decay,F_mean,F_recall,F_decay,T\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEADER + "a,0.5,,,0.4,,,\nmean,0.8251,1,0,0.8,1,0,0.203\n", "; lvo, raw masks: J 82.5, F 80.0, T 20.3"),
        (HEADER + "mean,0.8251,1,0,0.8,1,0,\n", "; lvo, raw masks: J 82.5, F 80.0"),
        ("sequence,precision,recall,F,objects,found\nmean,0.9,0.8,0.85,3,2\n",
         "; lvo, raw masks: precision 90.0, recall 80.0, F 85.0"),
        (HEADER, ""),
        (HEADER + "mean,x,1,0,0.8,1,0,\n", ""),
        ("\x00", ""),
        (None, ""),
    ],
)  # fmt: skip
def test_a_run_ends_with_where_it_all_is_and_what_it_says(tmp_path, content, told):
    assert summed_up.line(tmp_path, "lvo", "raw") == f"done, results are in {tmp_path}/"
    (tmp_path / "report.html").write_text("")
    if content is not None:
        (tmp_path / "evaluate/lvo/raw").mkdir(parents=True)
        (tmp_path / "evaluate/lvo/raw/summary.csv").write_text(content)
    assert summed_up.line(tmp_path, "lvo", "raw") == f"done, see {tmp_path}/report.html{told}"


def test_what_the_run_was_not_about_is_not_told(tmp_path):
    """A page and scores may be of an earlier run, and of other masks."""
    (tmp_path / "report.html").write_text("")
    (tmp_path / "evaluate/lvo/raw").mkdir(parents=True)
    (tmp_path / "evaluate/lvo/raw/summary.csv").write_text(HEADER + "mean,0.8,1,0,0.8,1,0,\n")
    results = f"done, results are in {tmp_path}/"
    assert summed_up.line(tmp_path, "lvo", "raw", {"masks", "refine"}) == results
    scores = "; lvo, raw masks: J 80.0, F 80.0"
    assert summed_up.line(tmp_path, "lvo", "raw", {"evaluate_summary"}) == results + scores

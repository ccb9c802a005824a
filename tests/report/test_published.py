"""Which published rows stand beside ours."""

from vosmem import davis2016
from vosmem.report import published


def test_parts():
    val = {name: facts.frames for name, facts in davis2016.facts().items() if facts.part == "val"}
    assert published.part_of(val) == "val"
    assert published.part_of({k: v for k, v in val.items() if k != "dog"}) is None
    assert published.part_of({"bus": 80, "train": 80}) == "train"
    assert published.part_of({"bus": 80, "dog": 60}) is None
    assert published.part_of({"bus": 12}) is None
    assert published.part_of({"bus": 80, "cat": 80}) is None
    assert published.part_of({}) is None


def test_rows():
    heading, rows = published.rows_for("val")
    lvo = next(row for row in rows if row.name == "LVO")
    assert lvo.figures == (75.9, 89.1, 0.0, 72.1, 83.4, 1.3, 26.5)
    assert "val" in heading
    heading, rows = published.rows_for("train")
    assert [row.figures for row in rows] == [(72.2, 90.4, 1.9, 66.2, 82.4, 6.0, 27.5)]
    assert "all 30 train sequences" in heading
    assert published.rows_for(None) == ("", ())

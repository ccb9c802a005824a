"""DAVIS-2016's parts, and which published rows stand beside ours."""

import csv

from vosmem.report import published


def test_the_sequences_are_davis_s(davis2016):
    with open(davis2016 / "sequences.tsv") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for part, table in (("train", published.TRAIN), ("val", published.VAL)):
        assert table == {row["sequence"]: int(row["frames"]) for row in rows if row["set"] == part}


def test_parts():
    assert (len(published.TRAIN), len(published.VAL)) == (30, 20)
    assert published.part_of(published.VAL) == "val"
    assert published.part_of({k: v for k, v in published.VAL.items() if k != "dog"}) is None
    assert published.part_of({"bus": 80, "train": 80}) == "train"
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

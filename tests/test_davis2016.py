"""Facts of DAVIS-2016 that come with the package, and scores by attribute."""

import csv

import pytest

from vosmem import davis2016


def test_the_table_is_that_of_the_data_set(fseg):
    with open(fseg.parent / "davis2016/sequences.tsv", newline="") as file:
        rows = {row["sequence"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert davis2016.facts().keys() == rows.keys()
    for name, facts in davis2016.facts().items():
        assert facts.part == rows[name]["set"] and facts.frames == int(rows[name]["frames"])
        assert facts.scored_for_t == (rows[name]["scored_for_T"] == "yes")
        assert ",".join(facts.attributes) == rows[name]["attributes"]


def test_the_table_is_whole():
    facts = davis2016.facts()
    assert sum(f.part == "train" for f in facts.values()) == 30 and sum(f.part == "val" for f in facts.values()) == 20
    assert sum(f.scored_for_t for f in facts.values() if f.part == "train") == 17
    assert {a for f in facts.values() for a in f.attributes} == set(davis2016.ATTRIBUTES)
    assert len(davis2016.ATTRIBUTES) == 16


def test_another_sequence_of_the_same_name_is_not_taken_for_davis_s():
    assert davis2016.is_davis("bus", 80) and not davis2016.is_davis("bus", 12)
    assert davis2016.scored_for_t("bear", 82) and not davis2016.scored_for_t("dog-agility", 25)
    assert davis2016.scored_for_t("dog-agility", 26) and davis2016.scored_for_t("my-dog", 25)


def test_scores_by_attribute():
    scores = {
        "a": {"J_mean": 0.8, "F_mean": 0.6, "T": None},
        "b": {"J_mean": 0.4, "F_mean": 0.6, "T": 0.2},
        "unknown": {"J_mean": 0.1, "F_mean": 0.1, "T": 0.1},
    }
    fast, occluded = davis2016.by_attribute(scores, {"a": ["FM"], "b": ["FM", "OCC"]})
    assert (fast.attribute, fast.name, fast.sequences) == ("FM", "fast motion", 2)
    assert fast.means == pytest.approx({"J": 0.6, "F": 0.6, "T": 0.2})
    assert fast.differences == {"J": None, "F": None, "T": None}  # none is without it
    assert occluded.differences["J"] == pytest.approx(-0.4) and occluded.differences["F"] == pytest.approx(0)
    assert occluded.means["T"] == pytest.approx(0.2) and occluded.differences["T"] is None

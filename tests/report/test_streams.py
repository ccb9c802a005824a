"""Which stream fails: who is whose sibling, what is marked, and what the sentences say."""

import csv

import pytest

from tests.report.test_page import page, save_config  # noqa: F401
from vosmem.report import streams
from vosmem.report.collect import collect

NONE = {"network": "none"}
ROWS = {"lvo": {}, "look": {"motion": NONE}, "move": {"appearance": NONE}}
SCORES = {  # lvo, look, move
    "cat": (0.40, 0.70, 0.30),
    "dog": (0.80, 0.60, 0.76),
    "eel": (0.20, 0.10, 0.14),
}


def score(results, scores, models=tuple(ROWS)):
    """Put J into the summaries: sequence -> one of each model."""
    for i, model in enumerate(models):
        path = results.folder / "evaluate" / model / "raw/summary.csv"
        with open(path, newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["sequence"] in scores]
        with open(path, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys())
            table.writeheader()
            table.writerows({**row, "J_mean": scores[row["sequence"]][i]} for row in rows)


def families(results):
    return streams.families(collect(results.folder, results.config, {}))


def test_the_section_shows_the_models_side_by_side_lowest_first(build, page):  # noqa: F811
    results = build(models=ROWS)
    score(results, SCORES)
    told = page(results)
    cells = [[" ".join(c.split()) for c in row] for row in told.rows["streams"]]
    assert cells[0] == ["Sequence", "both lvo", "appearance alone look", "− both", "motion alone move", "− both",
                        "weaker stream"]  # fmt: skip
    assert cells[1:] == [
        ["eel", "20.0", "10.0", "−10.0", "14.0", "−6.0", "alike"],
        ["cat", "40.0", "70.0", "+30.0", "▼ 30.0", "−10.0", "motion"],
        ["dog", "80.0", "▼ 60.0", "−20.0", "76.0", "−4.0", "appearance"],
        ["mean", "46.7", "46.7", "+0.0", "▼ 40.0", "−6.7", "motion"],
    ]
    text = " ".join(told.text["streams"].split())
    assert "differences of up to 5 points count as none" in text and "masks by raw" in text
    assert "Appearance alone is better than both on 1 of 3 sequences: cat (+30.0); there motion misleads." in text
    assert ("href", "#streams") in [(name, value) for _, name, value in told.attributes]


def test_sentences_hold_beyond_the_margin_only():
    scores = {
        "a": {"both": 0.50, "appearance": 0.5499, "motion": 0.60},
        "b": {"both": 0.90, "appearance": 0.7, "motion": 0.84},
        "c": {"both": 0.30, "appearance": 0.2, "motion": 0.45},
    }
    assert streams.findings(scores, "J") == [
        "Motion alone is better than both on 2 of 3 sequences: c (+15.0), a (+10.0); there appearance misleads.",
        "Both are better than either stream alone on 1 of 3 sequences: b (+6.0).",
        "Appearance alone is worse than motion alone on 3 of 3 sequences: c (−25.0), b (−14.0), a (−5.0).",
        "None of them gets above J 50 on 1 of 3 sequences: c (45.0 at best).",
    ]
    close = {"a": {"both": 0.70, "appearance": 0.72, "motion": 0.68}}
    assert streams.findings(close, "J") == []


def test_of_many_sequences_the_first_are_named():
    scores = {f"s{i:02d}": {"both": 0.6, "motion": 0.7 + i / 100} for i in range(11)}
    (sentence,) = streams.findings(scores, "J")
    assert "on 11 of 11 sequences: s10 (+20.0), s09" in sentence
    assert "s03 (+13.0) and 3 more; there appearance misleads." in sentence


def test_one_sibling_is_enough_and_none_is_the_weaker(build, page):  # noqa: F811
    results = build(models={"lvo": {}, "move": {"appearance": NONE}})
    score(results, {"cat": (0.7, 0.3), "dog": (0.8, 0.79), "eel": (0.9, 0.9)}, ("lvo", "move"))
    told = page(results)
    assert [" ".join(c.split()) for c in told.row("streams", "cat")] == ["cat", "70.0", "30.0", "−40.0"]
    text = " ".join(told.text["streams"].split())
    assert "Both are better than motion alone on 1 of 3 sequences: cat (+40.0); there appearance is needed." in text
    assert "▼" not in "".join("".join(row) for row in told.rows["streams"])


def test_where_nothing_differs_the_section_says_so(build, page):  # noqa: F811
    results = build(models=ROWS)
    score(results, {name: (0.7, 0.72, 0.71) for name in SCORES})
    assert "No two of them are more than 5 points apart" in page(results).text["streams"]


@pytest.mark.parametrize("models", [{"lvo": {}}, {"lvo": {}, "small": {"motion": NONE, "memory": {"state": 8}}}])
def test_without_a_sibling_a_line_says_how_to_get_one(build, page, models):  # noqa: F811
    told = page(build(models=models))
    assert "streams" not in told.text
    assert "appearance: {motion: {network: none}}" in told.text["sequences"]


@pytest.mark.parametrize("models", [{"move": {"appearance": NONE}}, {"lvo": {"memory": {"weights": "else.pt"}}}])
def test_where_rows_would_tell_nothing_no_line_asks_for_them(build, page, models):  # noqa: F811
    assert "network: none" not in page(build(models=models)).text["sequences"]


def test_seeds_are_averaged_and_siblings_are_found_by_settings(build):
    rows = {
        **{f"both-{seed}": {"memory": {"seed": seed}} for seed in range(2)},
        "elsewhere": {"motion": NONE, "memory": {"state": 8}},
        "look": {"motion": NONE, "memory": {"seed": 5}},
    }
    results = build(models=rows)
    score(results, {"cat": (0.4, 0.6, 0.9, 0.1), "dog": (0.1,) * 4, "eel": (0.1,) * 4}, tuple(rows))
    (family,) = families(results)
    assert (family.both.name, {s: g.name for s, g in family.alone.items()}) == ("both", {"appearance": "look"})
    cat = family.rows[-1]
    assert (cat.name, cat.both.text, cat.both.range) == ("cat", "50.0", "40.0 – 60.0")
    assert cat.alone[0].difference.text == "−40.0"
    assert family.mean.both.range == ""


def test_every_model_of_both_streams_has_its_own_siblings(build):
    small = {"memory": {"state": 8}}
    rows = {"lvo": {}, "small": small, "look": {"motion": NONE}, "small-move": {"appearance": NONE, **small}}
    told = [(f.both.name, {s: g.name for s, g in f.alone.items()}) for f in families(build(models=rows))]
    assert told == [("lvo", {"appearance": "look"}), ("small", {"motion": "small-move"})]


def test_a_sequence_that_one_of_them_lacks_is_left_out(build):
    results = build(models=ROWS)
    score(results, SCORES)
    score(results, {name: SCORES[name][2:] for name in ("cat", "dog")}, ("move",))
    (family,) = families(results)
    assert [row.name for row in family.rows] == ["cat", "dog"]
    assert family.mean.both.text == "60.0"


def test_scores_on_training_sequences_are_flagged(build):
    results = build(models=ROWS, trained_on=("ant", "dog"))
    score(results, SCORES)
    results.train("look", ["ant"])
    save_config(results)
    (family,) = families(results)
    dog = next(row for row in family.rows if row.name == "dog")
    assert (dog.both.seen, [one.score.seen for one in dog.alone]) == (True, [False, True])

"""The ablation's page: differences and intervals are those of the files, and what is not known is a dash."""

import copy
import csv
import re

import numpy as np
import pytest
import torch

from tests.report.conftest import write_csv
from vosmem import ablation, config, weights
from vosmem.errors import UserError
from vosmem.evaluate import bootstrap
from vosmem.report import ablation as page
from vosmem.report import intervals

NAMES = ["a", "b", "c", "d <i>"]
SETTINGS = config.resolve(
    {
        "data": {"name": "toy", "root": "toy", "train": ["t"], "test": NAMES},
        "models": {"other": {"memory": {"state": 5}}},
        "ablation": {"seeds": [0, 1], "rows": ["motion", "memory"]},
        "refine": {"methods": ["raw", "bilateral"]},
    }
)


@pytest.fixture
def results(tmp_path):
    """Scores of every model: rng(model) J's, no T anywhere; weights and benchmarks of the first row alone."""
    rng = np.random.default_rng(0)
    for row in ablation.rows(SETTINGS):
        for model in row.models:
            scores = rng.random((len(NAMES), 2)).round(3)
            rows = [(n, J, F, "") for n, (J, F) in zip(NAMES, scores, strict=True)]
            path = tmp_path / "evaluate" / model / row.method / "summary.csv"
            write_csv(path, ("sequence", "J_mean", "F_mean", "T"), [*rows, ("mean", *scores.mean(0), "")])
    for seed, model in enumerate(ablation.rows(SETTINGS)[0].models):
        tensors = {"memory.gates.weight": torch.zeros(2, 3), "output.bias": torch.zeros(4),
                   "standardise.motion.mean": torch.zeros(9)}  # fmt: skip
        (tmp_path / "memory" / model).mkdir(parents=True)
        weights.save(tmp_path / "memory" / model / "weights.safetensors", tensors, {})
        history = [(1, 0.7, 0.001, 9), (2, 0.6, 0.001, 100 + 20 * seed)]
        write_csv(tmp_path / "memory" / model / "history.csv", ("step", "loss", "learning_rate", "seconds"), history)
        for path, seconds in ((f"memory_train/{model}/train.tsv", 7), (f"memory/{model}/a.tsv", 2)):  # 7: gone on with
            write_csv(tmp_path / "benchmarks" / path, ("s", "max_rss"), [(seconds, 500 + seed)], "\t")
    return tmp_path


def scores(results, model, column):
    with open(results / "evaluate" / model / "raw/summary.csv") as file:
        return np.array([float(row[column]) for row in csv.DictReader(file)])


def test_the_table_holds_means_over_seeds_and_paired_differences(results):
    page.run(results, SETTINGS, results / "page.html", results / "table.csv")
    with open(results / "table.csv") as file:
        rows = {(row["group"], row["row"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(ablation.rows(SETTINGS))
    of = {
        (row.group, row.name): np.stack([scores(results, m, "J_mean") for m in row.models])
        for row in ablation.rows(SETTINGS)
    }
    whole = (ablation.WHOLE, "all")
    for name, got in rows.items():
        assert float(got["J"]) == pytest.approx(of[name][:, -1].mean())
        assert float(got["J_sd"]) == pytest.approx(abs(of[name][0, -1] - of[name][1, -1]) / 2**0.5)
        assert "T" not in got
        if name == whole:
            assert got["J_difference"] == ""
            continue
        differences = of[name][:, :-1].mean(0) - of[whole][:, :-1].mean(0)
        assert float(got["J_difference"]) == pytest.approx(differences.mean())
        ends = bootstrap.interval(differences)
        assert (float(got["J_low"]), float(got["J_high"])) == pytest.approx(ends)
    cost = {"parameters": 10, "training_seconds": 110, "training_peak_mb": 501, "prediction_seconds": 2}
    assert {key: float(rows[whole][key]) for key in cost} == cost
    assert rows["memory", "convrnn"]["training_seconds"] == ""


def test_the_page_escapes_and_marks_what_leaves_nothing_out(results):
    page.run(results, SETTINGS, results / "page.html")
    text = (results / "page.html").read_text()
    assert "d &lt;i&gt;" in text and "d <i>" not in text.replace("<i>↑</i>", "")
    assert text.count('class="interval') == len(ablation.rows(SETTINGS)) - 1
    (row,) = re.findall(r'<th scope="row" data-v="ConvRNN">.*?</tr>', text.partition('id="sequences"')[0], re.S)
    assert row.count("–") == 4  # of the cost nothing is known
    assert not re.search(r'(src|href)="(?!#)', text)


def test_a_row_without_a_figure_shows_a_dash(results):
    """As T of masks with no outline that is long enough, in one seed of one row."""
    (row,) = [row for row in ablation.rows(SETTINGS) if row.name == "convlstm"]
    for model in {m for r in ablation.rows(SETTINGS) for m in r.models} - {row.models[1]}:
        path = results / "evaluate" / model / "raw/summary.csv"
        path.write_text("\n".join(line + "0.2" * line.endswith(",") for line in path.read_text().split()) + "\n")
    page.run(results, SETTINGS, results / "page.html", results / "table.csv")
    with open(results / "table.csv") as file:
        told = {r["row"]: (r["T"], r["T_difference"]) for r in csv.DictReader(file)}
    assert told.pop("convlstm") == ("", "")
    assert {float(T) for T, _ in told.values()} == {0.2}
    (line,) = re.findall(r'<th scope="row" data-v="ConvLSTM">.*?</tr>', (results / "page.html").read_text(), re.S)[:1]
    assert line.count("–") == 6


def test_what_is_not_there_is_told(results):
    (row,) = [row for row in ablation.rows(SETTINGS) if row.name == "convlstm"]
    (results / "evaluate" / row.models[1] / "raw/summary.csv").unlink()
    with pytest.raises(UserError, match=r"convlstm-s1/raw/summary\.csv: no scores; run"):
        page.collect(results, SETTINGS)
    none = copy.deepcopy(SETTINGS) | {"ablation": {**SETTINGS["ablation"], "seeds": []}}
    with pytest.raises(UserError, match=r"ablation\.seeds: is empty"):
        page.collect(results, none)


def test_intervals_are_drawn_where_they_are():
    svg = intervals.chart(
        [("G", [intervals.Interval("one", -2, -4, 0.5), intervals.Interval("two", 6, 5, 8)])], "l", "a"
    )
    ends = [tuple(map(float, e)) for e in re.findall(r'line s0" d="M([\d.]+) [\d.]+H([\d.]+)"', svg)]
    middles = [float(c) for c in re.findall(r'circle cx="([\d.]+)"', svg)]
    zero = float(re.search(r'class="zero" d="M([\d.]+) ', svg)[1])
    scale = (middles[1] - middles[0]) / 8  # a point
    for (low, high), middle, told in zip(ends, middles, ((-4, -2, 0.5), (5, 6, 8)), strict=True):
        assert [zero + scale * v for v in told] == pytest.approx([low, middle, high], abs=0.2)
    assert re.findall(r'<g class="([^"]+)"', svg) == ["interval open", "interval"]

"""The ablation: asked for by its page alone, from the caches that are there, rerun by what its rows depend on."""

import csv

import pytest

from tests.workflow.test_plan import ALL

PAGE = {"ablation": 1, "ablation_latest": 1, "config_resolved": 1}
SCORED = {"memory_predict": 2, "refine": 2, "evaluate": 2, "evaluate_summary": 1}  # of each model


def of_models(n):
    return {"memory_train": n, **{rule: n * count for rule, count in SCORED.items()}}


@pytest.fixture
def asked(config):
    config["ablation"] = {
        "seeds": [0, 1],
        "rows": ["motion", "appearance"],
        "more": {"lstm": {"memory": {"cell": "convlstm"}}},
    }
    return config


def test_nothing_else_makes_it(workflow, asked):
    assert workflow.planned(asked) == ALL


def test_rows_are_trained_from_the_caches_that_are_there(finished, asked, config):
    """Of 6 rows with 2 seeds the whole model's first one is there; colours are the only cache that is not."""
    planned = finished.planned(asked, "results/ablation.html")
    assert planned == {**PAGE, "appearance": 4, **of_models(6 * 2 - 1)}
    asked["ablation"]["rows"] = ["motion"]
    assert finished.planned(asked, "results/ablation.html") == {**PAGE, **of_models(3 * 2 - 1)}
    assert finished.planned(asked) == {"all": 1, "config_resolved": 1, "report": 1, "report_latest": 1}
    asked["ablation"]["seeds"] = []
    finished.write(asked)
    done = finished.run("--dry-run", "results/ablation.html", check=False)
    assert done.returncode == 1
    assert "config: ablation.seeds: is empty, so there is nothing to compare" in done.stdout + done.stderr


@pytest.mark.slow
def test_from_the_caches_to_the_page(broken, asked):
    asked["ablation"] |= {"seeds": [0], "rows": ["motion"]}
    broken.write(asked)
    broken.run("results/ablation.html")
    folder = broken.folder / "results/tiny"
    with open(folder / "ablation.csv") as file:
        rows = {row["what"]: row for row in csv.DictReader(file)}
    assert {*rows} == {"the configured model", "no motion", "lstm"}
    assert all(float(row["training_seconds"]) > 0 and int(row["parameters"]) > 0 for row in rows.values())
    assert (broken.folder / "results/ablation.html").read_bytes() == (folder / "ablation.html").read_bytes()
    assert broken.planned(asked, "results/ablation.html") == {}
    asked["ablation"]["more"]["lstm"]["memory"]["state"] = 3
    assert broken.planned(asked, "results/ablation.html") == {**PAGE, **of_models(1)}
    asked["ablation"]["memory"] = {"steps": 2}
    assert broken.planned(asked, "results/ablation.html") == {**PAGE, **of_models(3)}

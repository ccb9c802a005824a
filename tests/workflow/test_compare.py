"""The comparison: asked for by its page alone, of what is there, and of rows that exist."""

import shutil

import pytest

PAGE = {"compare": 1, "compare_latest": 1, "config_resolved": 1}


def test_it_takes_what_is_there(finished, config):
    config["compare"] = {"rows": ["lvo"]}
    assert finished.planned(config, "results/compare.html") == PAGE


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("lov", "compare.rows: got 'lov'; the models are"),
        ("lvo/guided", "compare.rows: got 'lvo/guided'; refine.methods has"),
        ("results/none:lvo/raw", "results/none/evaluate/lvo/raw/summary.csv: no such file; run that workflow first"),
    ],
)
def test_a_row_that_is_none_stops_it(finished, config, row, told):
    config["compare"] = {"rows": ["lvo", row]}
    finished.write(config)
    done = finished.run("--dry-run", "results/compare.html", check=False)
    assert done.returncode == 1 and told in done.stdout + done.stderr


def test_this_run_and_another(broken, config):
    shutil.copytree(broken.folder / "results/tiny", broken.folder / "results/other")
    config["compare"] = {"rows": ["lvo", "results/other:lvo/raw"]}
    broken.write(config)
    broken.run("results/compare.html")
    page = (broken.folder / "results/compare.html").read_text()
    assert "2 rows on" in page and "results/other:lvo/raw" in page
    assert broken.planned(config, "results/compare.html") == {}
    with open(broken.folder / "results/other/evaluate/lvo/raw/summary.csv", "a") as file:
        file.write("\n")
    assert broken.planned(config, "results/compare.html") == {"compare": 1, "compare_latest": 1}

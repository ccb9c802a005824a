"""The page and Snakemake's own report of a finished run."""

import html
import re
import zipfile


def test_a_page_that_is_gone_is_made_again(broken):
    (broken.folder / "results/tiny/report.html").unlink()
    assert broken.planned() == {"all": 1, "report": 1, "report_latest": 1}


def test_snakemakes_own_report_has_captions_and_categories(finished, tmp_path, config):
    """As a folder of files in a ZIP: the page, the scores and the training, each with what it is."""
    finished.write(config)
    finished.run("--report", str(tmp_path / "told.zip"))
    with zipfile.ZipFile(tmp_path / "told.zip") as told:
        names = told.namelist()
        text = "".join(told.read(name).decode() for name in names if name.endswith((".html", ".js")))
    assert any(name.endswith("report.html") for name in names)
    assert any(name.endswith("summary.csv") for name in names) and any(name.endswith("history.csv") for name in names)
    for category in ("Report", "Scores", "Training"):
        assert re.search(rf'"{category}"', text)
    for caption in ("every sequence frame by frame", "the unweighted mean over them", "mean loss since the row before"):
        assert caption in html.unescape(text)

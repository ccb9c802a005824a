"""What a run came to, in a line. Cheap to import: the workflow asks it when it ends."""

from __future__ import annotations

import csv
from collections.abc import Container
from pathlib import Path

MEAN = "mean"  # the summary's last row
FIGURES = {"J_mean": "J", "F_mean": "F", "T": "T", "precision": "precision", "recall": "recall", "F": "F"}


def line(results: Path, model: str, method: str, asked: Container[str] = ("report", "evaluate_summary")) -> str:
    """Where the results of a data set are, and the mean scores of a model's masks by a method, in percent.

    ``asked``: the rules that the run was about: a page or scores that it was not are perhaps those of an earlier one,
    of other masks. They are left out, and so is what is not there.
    """
    page, summary = results / "report.html", results / "evaluate" / model / method / "summary.csv"
    told = f"done, see {page}" if "report" in asked and page.is_file() else f"done, results are in {results}/"
    if "evaluate_summary" not in asked:
        return told
    try:
        with open(summary, newline="", encoding="utf-8", errors="surrogateescape") as file:
            mean = next((row for row in csv.DictReader(file) if row.get("sequence") == MEAN), {})
        figures = [f"{name} {100 * float(mean[key]):.1f}" for key, name in FIGURES.items() if mean.get(key)]
    except (OSError, ValueError, csv.Error):
        figures = []
    return f"{told}; {model}, {method} masks: {', '.join(figures)}" if figures else told

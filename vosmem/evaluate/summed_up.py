"""What a run came to, in a line. Cheap to import: the workflow asks it when it ends."""

from __future__ import annotations

import csv
from pathlib import Path

MEAN = "mean"  # the summary's last row
FIGURES = {"J_mean": "J", "F_mean": "F", "T": "T", "precision": "precision", "recall": "recall", "F": "F"}


def line(results: Path, model: str, method: str) -> str:
    """Where the results of a data set are, and the mean scores of a model's masks by a method, in percent.

    What is not there, as where only some targets were asked for, is left out.
    """
    page, summary = results / "report.html", results / "evaluate" / model / method / "summary.csv"
    told = f"done, see {page}" if page.is_file() else f"done, results are in {results}/"
    try:
        with open(summary, newline="", encoding="utf-8") as file:
            mean = next((row for row in csv.DictReader(file) if row.get("sequence") == MEAN), {})
        figures = [f"{name} {100 * float(mean[key]):.1f}" for key, name in FIGURES.items() if mean.get(key)]
    except (OSError, ValueError, csv.Error):
        figures = []
    return f"{told}; {model}, {method} masks: {', '.join(figures)}" if figures else told

"""What each step from one model to the next is worth: J, F, T of models of one run, with paired differences.

    python -m benchmarks.ladder results/davis2016-train start no-saliency coarse lvo --reference FSEG=FILE.csv

Each row is a model's summary.csv, as the workflow wrote it; the difference is to the row above, its interval the 95 %
paired bootstrap over the sequences that both score. Percent throughout; T where it is scored.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from vosmem.evaluate import bootstrap

COLUMNS = {"J": "J_mean", "F": "F_mean", "T": "T"}


def read(path: Path) -> dict[str, dict[str, float]]:
    """Sequence -> measure -> percent, of a summary.csv; measures that do not apply are left out."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = {row["sequence"]: row for row in csv.DictReader(file)}
    rows.pop("mean", None)
    return {
        name: {measure: 100 * float(row[column]) for measure, column in COLUMNS.items() if row.get(column)}
        for name, row in rows.items()
    }


def difference(scores: dict, base: dict, measure: str) -> str:
    """The mean paired difference to ``base`` with its interval."""
    both = [n for n in scores if measure in scores[n] and measure in base.get(n, {})]
    if not both:
        return ""
    return bootstrap.told(np.array([scores[n][measure] - base[n][measure] for n in both]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<data set>")
    parser.add_argument("models", nargs="+", metavar="MODEL[/METHOD]", help="in order; method: raw if not given")
    parser.add_argument("--reference", action="append", default=[], metavar="NAME=CSV", help="scores of others' masks")
    args = parser.parse_args()
    rows = {}
    for told in args.models:
        model, _, method = told.partition("/")
        rows[told] = read(args.results / "evaluate" / model / (method or "raw") / "summary.csv")
    others = {name: read(Path(path)) for name, _, path in (r.partition("=") for r in args.reference)}
    scored = {n for row in rows.values() for n in row}
    print(
        "| model | sequences | J | F | T | J, to the row above | F, to the row above |\n|---|---|---|---|---|---|---|"
    )
    above = None
    for name, row in [*others.items(), *rows.items()]:
        row = {n: s for n, s in row.items() if n in scored}
        means = []
        for measure in COLUMNS:
            values = [s[measure] for s in row.values() if measure in s]
            means.append(f"{np.mean(values):.1f}" if values else "")
        steps = ["", ""] if above is None or name in others else [difference(row, above, m) for m in ("J", "F")]
        print(f"| {name} | {len(row)} | {' | '.join(means)} | {' | '.join(steps)} |")
        above = None if name in others else row


if __name__ == "__main__":
    main()

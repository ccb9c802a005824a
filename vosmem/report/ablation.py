"""The page of the ablation: what each part of the model is worth, and what it costs.

Every row is the model with one thing changed; its difference to the whole model is paired over the sequences, each
being the mean over the seeds of both.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors import safe_open

from vosmem import ablation
from vosmem.cache import git_commit
from vosmem.errors import UserError
from vosmem.evaluate import bootstrap
from vosmem.report import html, intervals, provenance
from vosmem.report.cost import read_benchmark
from vosmem.report.protocols import PROTOCOLS, Figure
from vosmem.report.scores import Summary, number, read_rows, read_summary
from vosmem.whole import replacing

HEADINGS = {
    ablation.WHOLE: "The whole model", "appearance": "Appearance", "motion": "Motion", "memory": "Memory",
    "training": "Training", "size": "Size", "beyond": "Beyond the paper, left out", "refinement": "Refinement",
    "more": "Rows of your own",
}  # fmt: skip
MOMENTS = ("mean", "deviation")  # of the channels, beside the weights; not learned


@dataclass(frozen=True)
class Difference:
    """A mean over sequences and its 95 % bootstrap interval, None of one sequence, which says nothing of others."""

    mean: float
    interval: tuple[float, float] | None

    @property
    def sure(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True)
class Score:
    """A figure over seeds, 0..1: ``deviation`` None of one seed. ``difference``: to the whole model, None of itself."""

    mean: float
    deviation: float | None
    difference: Difference | None


@dataclass(frozen=True)
class Result:
    """A row of the table. ``scores`` by column, without those that a seed does not have (T, where no outline is long
    enough); seconds are means over the seeds, of all folds and sequences together; None where no benchmark table tells.
    """

    row: ablation.Row
    scores: Mapping[str, Score]
    by_sequence: Mapping[str, float]
    parameters: int | None
    training_seconds: float | None
    training_mb: float | None
    prediction_seconds: float | None


def run(results: Path, config: Mapping[str, Any], out: Path, table: Path | None = None) -> int:
    """Write the page, and the table as CSV. Returns the number of rows."""
    found = collect(results, config)
    columns = figures(config, found)
    with replacing(out) as temporary:
        temporary.write_text(render(config, found, columns), encoding="utf-8")
    if table is not None:
        with replacing(table) as temporary:
            temporary.write_text(as_csv(found, columns), encoding="utf-8")
    return len(found)


def figures(config: Mapping[str, Any], found: Sequence[Result]) -> list[Figure]:
    """The brief columns of the protocol that any row has."""
    return [f for f in PROTOCOLS[config["evaluate"]["protocol"]].brief if any(f.column in r.scores for r in found)]


def collect(results: Path, config: Mapping[str, Any]) -> list[Result]:
    """The results of all rows, the whole model first. Raises UserError where one was not scored."""
    rows = ablation.rows(config)
    if not rows:
        raise UserError("ablation.seeds: is empty, so there is nothing to compare; give some, e.g. [0, 1, 2]")
    summaries = {row: [_summary(results, model, row.method) for model in row.models] for row in rows}
    columns = [f.column for f in PROTOCOLS[config["evaluate"]["protocol"]].brief]
    rank = PROTOCOLS[config["evaluate"]["protocol"]].rank
    base = {column: _by_sequence(summaries[rows[0]], column) for column in columns}
    found = []
    for row in rows:
        scores = {}
        for column in columns:
            seeds = [s.mean.get(column) for s in summaries[row]]
            if any(value is None for value in seeds):
                continue
            mean = math.fsum(seeds) / len(seeds)
            deviation = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else None
            own = None if row is rows[0] else difference(_by_sequence(summaries[row], column), base[column])
            scores[column] = Score(mean, deviation, own)
        found.append(Result(row, scores, _by_sequence(summaries[row], rank), *_cost(results, row)))
    return found


def difference(ours: Mapping[str, float], base: Mapping[str, float]) -> Difference | None:
    """The mean difference over the sequences that both score, 0..1; None where there are none of these."""
    both = [name for name in ours if name in base]
    if not both:
        return None
    differences = np.array([ours[name] - base[name] for name in both])
    return Difference(float(differences.mean()), bootstrap.interval(differences) if len(both) > 1 else None)


def _summary(results: Path, model: str, method: str) -> Summary:
    path = results / "evaluate" / model / method / "summary.csv"
    if (summary := read_summary(path)) is None:
        raise UserError(f"{path}: no scores; run `snakemake results/ablation.html`")
    return summary


def _by_sequence(summaries: Sequence[Summary], column: str) -> dict[str, float]:
    """Sequence -> mean over the seeds, of the sequences that all of them score."""
    values = {name: [s.rows.get(name, {}).get(column) for s in summaries] for name in summaries[0].rows}
    return {name: math.fsum(of) / len(of) for name, of in values.items() if all(v is not None for v in of)}


def _cost(results: Path, row: ablation.Row) -> tuple[int | None, float | None, float | None, float | None]:
    """Parameters, seconds and peak MB of training, seconds of prediction, of one seed.

    Training has a clock of its own, which a training that was cut short takes up where it was.
    """
    trained, predicted, peaks, parameters = [], [], [], []
    for model in row.models:
        memory, tables = results / "memory" / model, results / "benchmarks"
        ends = [rows[-1] for path in sorted(memory.rglob("history.csv")) if (rows := read_rows(path))]
        trained.append(sum(number(end.get("seconds")) or 0 for end in ends))
        jobs = {
            stage: [t for path in sorted((tables / stage / model).rglob("*.tsv")) if (t := read_benchmark(path))]
            for stage in ("memory_train", "memory")
        }
        predicted.append(sum(seconds for seconds, _ in jobs["memory"]))
        peaks += [mb for _, mb in jobs["memory_train"] if mb is not None]
        parameters += [learned(p) for p in sorted(memory.rglob("weights.safetensors"))[:1]]
    means = [sum(known) / len(known) if (known := [s for s in of if s]) else None for of in (trained, predicted)]
    return parameters[0] if parameters else None, means[0], max(peaks, default=None), means[1]


def learned(path: Path) -> int:
    """How many numbers of a weight file were learned."""
    with safe_open(path, "np") as file:
        names = [name for name in file.keys() if name.rpartition(".")[2] not in MOMENTS]  # noqa: SIM118
        return sum(math.prod(file.get_slice(name).get_shape()) for name in names)


def as_csv(found: Sequence[Result], columns: Sequence[Figure]) -> str:
    """The table with all its digits: scores and differences 0..1, seconds, MB."""
    head = ["group", "row", "what", "method", "seeds"]
    for f in columns:
        head += [f.name, f"{f.name}_sd", f"{f.name}_difference", f"{f.name}_low", f"{f.name}_high"]
    head += ["parameters", "training_seconds", "training_peak_mb", "prediction_seconds"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for r in found:
        line = [r.row.group, r.row.name, r.row.what, r.row.method, len(r.row.models)]
        for f in columns:
            score = r.scores.get(f.column)
            gap = score and score.difference
            line += [score.mean, score.deviation] if score else [None] * 2
            line += [gap.mean, *(gap.interval or [None] * 2)] if gap else [None] * 3
        writer.writerow([*line, r.parameters, r.training_seconds, r.training_mb, r.prediction_seconds])
    return text.getvalue()


def render(config: Mapping[str, Any], found: Sequence[Result], columns: Sequence[Figure]) -> str:
    """The page as HTML."""
    rank = columns[0]
    groups = list(dict.fromkeys(r.row.group for r in found[1:]))
    drawn = [
        (
            HEADINGS[group],
            [
                intervals.Interval(r.row.what, 100 * gap.mean, *(100 * end for end in gap.interval or (gap.mean,) * 2))
                for r in found
                if r.row.group == group and (gap := r.scores[rank.column].difference)
            ],
        )
        for group in groups
    ]
    return html.page(
        "ablation.html.j2",
        ("page.css", "tables.css", "ablation.css"),
        ("data.js", "tables.js"),
        title=config["report"]["title"] or config["data"]["name"],
        dataset=config["data"]["name"],
        rendered=config["data"]["source"] == "demo",
        found=found,
        whole=found[0],
        columns=columns,
        rank=rank,
        sequences=sorted(found[0].by_sequence),
        headings=HEADINGS,
        chart=intervals.chart(
            drawn, f"Differences of {rank.name} to the whole model", f"points of {rank.name}, against the whole model"
        ),
        seeds=config["ablation"]["seeds"],
        versions=provenance.versions(),
        git_commit=git_commit(),
        config_text=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
    )

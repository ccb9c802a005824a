"""What a run cost: Snakemake's ``benchmark:`` tables, summed by rule, and what its files take on the disk."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from vosmem.report.scores import number

STAGES = ("frames", "data", "flow", "appearance", "motion", "memory", "correction", "refine", "evaluate", "config")


@dataclass(frozen=True)
class Cost:
    """The jobs of one rule: how many, seconds in all, the largest resident set of any in MB (None: not known), and how
    many MB its files take (10^6 bytes).
    """

    rule: str
    jobs: int
    seconds: float
    peak_mb: float | None
    disk_mb: float = 0.0

    @property
    def seconds_per_job(self) -> float:
        return self.seconds / self.jobs if self.jobs else 0.0


def read_benchmark(path: Path) -> tuple[float, float | None] | None:
    """(seconds, peak MB) of a job's table, the mean where it was repeated; None where it cannot be read."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (UnicodeDecodeError, csv.Error):
        return None
    seconds = [s for row in rows if (s := number(row.get("s"))) is not None]
    peaks = [m for row in rows if (m := number(row.get("max_rss"))) is not None]  # short jobs have none
    return (sum(seconds) / len(seconds), max(peaks, default=None)) if seconds else None


def rule_of(path: tuple[str, ...]) -> str:
    """The rule that a table belongs to, from its path under benchmarks/: the stage's name, and what it did there."""
    stage, stem = path[0].removesuffix(".tsv"), path[-1].removesuffix(".tsv")
    if stage == "memory":
        return f"memory {stem}" if stem in ("train", "adopt") else "memory predict"
    return stage.replace("_", " ")


def disk(results: Path, current: Mapping[str, Collection[str]]) -> tuple[dict[str, float], float]:
    """MB by rule of the files under a data set's results, and of those that earlier configurations left behind.

    ``current`` as for :func:`read`.
    """
    sizes: dict[str, float] = {}
    left = 0.0
    for stage in (s for s in STAGES if (results / s).is_dir()):
        for folder, _, files in os.walk(results / stage):
            parts = Path(folder).relative_to(results / stage).parts
            megabytes = {name: os.lstat(os.path.join(folder, name)).st_size / 1e6 for name in files}
            if stage in current and parts and parts[0] not in current[stage]:
                left += sum(megabytes.values())
                continue
            for name, size in megabytes.items():
                rule = stage
                if stage == "memory":
                    rule = "memory predict" if name.endswith(".h5") else "memory train"
                sizes[rule] = sizes.get(rule, 0.0) + size
    return sizes, left


def read(folder: Path, current: Mapping[str, Collection[str]], sizes: Mapping[str, float] | None = None) -> list[Cost]:
    """Every rule's cost, in the order of the stages.

    ``current``: stage -> names of the second folder that the config still asks for; tables of others are left over from
    earlier configurations and do not count. ``sizes``: rule -> MB of its files.
    """
    jobs: dict[str, list[tuple[float, float | None]]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        parts = path.relative_to(folder).parts
        if parts[0] in ("report.tsv", "ablation.tsv", "compare.tsv"):
            continue  # an earlier page's own
        names = current.get(parts[0].split("_")[0])
        if names is not None and len(parts) > 1 and parts[1].removesuffix(".tsv") not in names:
            continue
        if told := read_benchmark(path):
            jobs.setdefault(rule_of(parts), []).append(told)
    sizes = dict(sizes or {})
    if "memory adopt" in jobs and "memory train" not in jobs and "memory train" in sizes:
        sizes["memory adopt"] = sizes.pop("memory train")
    costs = [
        Cost(
            rule, len(told), sum(s for s, _ in told), max((m for _, m in told if m is not None), default=None),
            sizes.get(rule, 0.0),
        )
        for rule in {**jobs, **sizes}
        for told in [jobs.get(rule, [])]
    ]  # fmt: skip
    return sorted(costs, key=lambda cost: (_place(cost.rule), cost.rule == "memory predict", cost.rule))


def _place(rule: str) -> int:
    stage = rule.split()[0]
    return STAGES.index(stage) if stage in STAGES else len(STAGES)

"""The files of results/<dataset>/ as plain data: all that the page tells, before any of it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosmem import davis2016, parse
from vosmem.cache import git_commit
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.report import cost, provenance, published
from vosmem.report.models import Group, Model, group, read_model
from vosmem.report.protocols import PROTOCOLS, Protocol
from vosmem.report.scores import FrameScore, Score, Summary, mean_over, read_frames, read_rows, read_summary


@dataclass(frozen=True)
class Reference:
    """Scores of other masks for the sequences scored here.

    ``missing``: those that are scored here and not there; where there are any, ``mean`` is empty.
    """

    name: str
    rows: Mapping[str, Score]
    mean: Score
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All that the page tells.

    ``sequences``: those segmented, by name; ``scored``: names of those with scores. The answer is that of the first
    group and of ``method``. ``frame_scores``: (model, sequence) -> scores of ``method``. ``left_mb``: what files of
    earlier configurations take on the disk, in MB.
    """

    results: Path
    config: Mapping[str, Any]
    sequences: Mapping[str, describe.Sequence]
    models: tuple[Model, ...]
    groups: tuple[Group, ...]
    methods: tuple[str, ...]
    method: str
    scored: tuple[str, ...]
    seen: Mapping[str, frozenset[str]]
    frame_scores: Mapping[tuple[str, str], list[FrameScore]]
    references: tuple[Reference, ...]
    part: str | None
    defects: list[dict[str, str]]
    costs: list[cost.Cost]
    left_mb: float
    weights: list[provenance.WeightsUsed]
    versions: Mapping[str, str]
    git_commit: str

    @property
    def dataset(self) -> str:
        return self.config["data"]["name"]

    @property
    def title(self) -> str:
        return self.config["report"]["title"] or self.dataset

    @property
    def protocol(self) -> Protocol:
        """What is shown of the protocol that the data set is scored by."""
        return PROTOCOLS[self.config["evaluate"]["protocol"]]

    @property
    def attributes(self) -> Mapping[str, tuple[str, ...]]:
        """The attributes of those scored sequences that are DAVIS's; none where another protocol scored them."""
        if self.config["evaluate"]["protocol"] != "davis":
            return {}
        known = [name for name in self.scored if davis2016.is_davis(name, len(self.sequences[name].frames))]
        return {name: davis2016.facts()[name].attributes for name in known}

    @property
    def rendered(self) -> bool:
        """Whether the workflow rendered the data set itself."""
        return self.config["data"]["source"] == "demo"

    @property
    def first(self) -> Model:
        """The model whose masks are shown."""
        return self.groups[0].models[0]

    def masks(self, sequence: str) -> Path:
        """Folder of the masks that are shown."""
        return self.results / "refine" / self.first.name / self.method / sequence


def read_config(path: Path) -> dict[str, Any]:
    """The resolved configuration that the workflow saved beside the results."""
    from vosmem import config

    try:
        told = parse.yaml_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the resolved configuration with --config") from None
    except (OSError, ValueError):
        told = None
    if not isinstance(told, dict):
        raise UserError(f"{path}: cannot be read as YAML, expected a resolved configuration; run the workflow again")
    return config.resolve(told)


def collect(results: Path, config: Mapping[str, Any], references: Mapping[str, Path]) -> Report:
    """Read what there is under ``results``. ``references``: name -> a CSV with summary.csv's columns.

    Nothing but the sequences' descriptions must be there: what a run did not score, train or cache is not shown.
    """
    methods = tuple(config["refine"]["methods"])
    method = methods[-1]  # as everywhere, the answer
    models = tuple(read_model(results, name, settings, methods) for name, settings in config["models"].items())
    sequences = read_sequences(results, config, models[0].name, method)
    scored = tuple(s for s in sequences if any(s in summary.rows for m in models for summary in m.scores.values()))
    frames = {name: len(s.frames) for name, s in sequences.items()}
    davis = config["evaluate"]["protocol"] == "davis"  # published figures are of that protocol
    current = caches_in_use(models, methods)
    sizes, left = cost.disk(results, current)
    refined_by = provenance.weights_of_refinement(config["refine"])
    trained = {m.name: provenance.trained_corrections(results, m, config["refine"]) for m in models}

    def is_davis(name: str) -> bool:
        return davis2016.is_davis(name, frames.get(name, 0))

    return Report(
        results=results,
        config=config,
        sequences=sequences,
        models=models,
        groups=tuple(group(models)),
        methods=methods,
        method=method,
        scored=scored,
        seen={
            m.name: m.seen(is_davis)
            | provenance.seen_by(refined_by, is_davis)
            | m.not_held_out({fold: row.sequences for fold, row in trained[m.name].items()})
            for m in models
        },
        frame_scores={
            (m.name, s): read_frames(results / "evaluate" / m.name / method / f"{s}.csv")
            for m in models
            for s in scored
        },
        references=tuple(read_reference(name, path, scored) for name, path in references.items()),
        part=published.part_of({name: frames[name] for name in scored}) if davis else None,
        defects=read_defects(results / "data" / "defects.tsv"),
        costs=cost.read(results / "benchmarks", current, sizes),
        left_mb=left,
        weights=[
            *provenance.weights_used(models),
            *refined_by,
            *(row for rows in trained.values() for row in rows.values()),
        ],
        versions=provenance.versions(),
        git_commit=git_commit(),
    )


def read_sequences(results: Path, config: Mapping[str, Any], model: str, method: str) -> dict[str, describe.Sequence]:
    """The segmented sequences' descriptions by name: those that data.test lists, else all that have masks."""
    asked = config["data"]["test"]
    masks = results / "refine" / model / method
    names = asked if isinstance(asked, list) else [p.stem for p in masks.glob("*.json")]
    if not names:
        where = masks.relative_to(results)
        raise UserError(f"{results}: no masks under {where}, so there is nothing to report; run the workflow first")
    return {name: describe.read(results / "data" / f"{name}.json") for name in sorted(names)}


def read_reference(name: str, path: Path, scored: tuple[str, ...]) -> Reference:
    """The rows of a reference that are scored here, and their mean: a mean over other sequences would not compare."""
    if not path.is_file():
        raise UserError(f"report.reference.{name}: {path}: no such file; give a CSV with the columns of summary.csv")
    summary = read_summary(path) or Summary({}, {})
    for sequence, row in summary.rows.items():
        for column, value in row.items():
            if column[0] in "JF" and value is not None and abs(value) > 1:
                raise UserError(
                    f"report.reference.{name}: {path}: got {column} {value:g} of {sequence}, expected a share, 0 to 1; "
                    "divide percent by 100"
                )
    rows = {s: summary.rows[s] for s in scored if s in summary.rows}
    missing = tuple(s for s in scored if s not in rows)
    return Reference(name, rows, {} if missing else mean_over(rows.values()), missing)


def read_defects(path: Path) -> list[dict[str, str]]:
    """The data remarks: dicts with fatal, sequence, file, what, mend."""
    return read_rows(path, "\t")


def caches_in_use(models: tuple[Model, ...], methods: tuple[str, ...]) -> dict[str, set[str]]:
    """Stage -> the names under which the current configuration caches, to leave out what older ones left behind."""
    names = {model.name for model in models}
    return {
        "flow": {m.settings["flow"]["estimator"] for m in models},
        "appearance": {name for m in models for name in m.networks("appearance")},
        "motion": {folder for m in models for folder in m.motion_folders},
        **{stage: names for stage in ("memory", "correction", "refine", "evaluate")},
    }

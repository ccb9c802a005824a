"""The page's tables of scores, as rows of cells that are ready to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vosmem import davis2016
from vosmem.report import published
from vosmem.report.collect import Reference, Report
from vosmem.report.models import Group, Model
from vosmem.report.scores import MEAN, Spread


@dataclass(frozen=True)
class Cell:
    """One figure: its text in percent, what to sort it by, its range over seeds, and whether it is of training data."""

    text: str
    value: str = ""
    range: str = ""
    seen: bool = False


@dataclass(frozen=True)
class Row:
    """One row of the headline: a cell for each column of the protocol. ``of``: the rows whose mean this one is."""

    name: str
    note: str
    cells: tuple[Cell, ...]
    of: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Column:
    """The protocol's brief columns of a model and method, or of a reference, under one heading."""

    name: str
    method: str
    group: Group | None
    reference: Reference | None = None

    def spread(self, column: str, sequence: str = MEAN) -> Spread | None:
        """A figure of one sequence, or of the mean row."""
        if self.group:
            return self.group.spread(self.method, column, sequence)
        row = self.reference.mean if sequence == MEAN else self.reference.rows.get(sequence, {})
        return Spread.of([row.get(column)])


@dataclass(frozen=True)
class SequenceRow:
    """One sequence: ``frames`` it has, ``seen`` by how many of the models in training, and its cells."""

    name: str
    frames: int
    seen: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class AttributeRow:
    """One attribute, how many scored sequences have it, and cells whose ``range`` is the difference to the others."""

    attribute: str
    name: str
    sequences: int
    cells: tuple[Cell, ...]


def percent(value: float | None) -> str:
    """0.7594 is 75.9; a dash where a measure does not apply."""
    if value is None:
        return "–"
    return f"{100 * value + 0.0:.1f}".replace("-0.0", "0.0").replace("-", "−")


def signed(value: float | None) -> str:
    """A difference in percent with its sign; nothing where there is none."""
    text = "" if value is None else percent(value)
    return f"+{text}" if text and not text.startswith("−") else text


def cell(spread: Spread | None, seen: bool = False) -> Cell:
    """A figure with its range over seeds, where there are several."""
    if spread is None:
        return Cell("–")
    span = f"{percent(spread.low)} – {percent(spread.high)}" if spread.count > 1 else ""
    return Cell(percent(spread.mean), repr(spread.mean), span, seen)


def plural(count: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} {noun}" + "s" * (count != 1)


def headline(report: Report) -> list[tuple[str, list[Row]]]:
    """Blocks of rows with a heading each: ours, the references on the same sequences, and published figures."""
    ours = [row for method in report.methods for group in report.groups if (row := _group_row(report, group, method))]
    ours.sort(key=lambda row: [g.name for g in report.groups].index(row.name))  # the methods of a model stand together
    blocks = [("This run", ours)] if ours else []
    if report.references and report.scored:
        heading = f"For reference, on the same {plural(len(report.scored), 'sequence')}"
        blocks.append((heading, [_reference_row(report, reference) for reference in report.references]))
    heading, rows = published.rows_for(report.part)
    if rows:
        blocks.append((heading, [_published_row(row) for row in rows]))
    return blocks


def _group_row(report: Report, group: Group, method: str) -> Row | None:
    models = [m for m in group.models if method in m.scores]
    if not models:
        return None
    cells = tuple(cell(group.spread(method, column)) for column in report.protocol.columns)
    one_by_one = tuple(_model_row(report, m, method) for m in models) if len(models) > 1 else ()
    seeds = plural(len(models), "seed") if one_by_one else ""
    seen = _seen_note(report, models, method)
    return Row(group.name, ", ".join(filter(None, [method, seeds, seen])), cells, one_by_one)


def _model_row(report: Report, model: Model, method: str) -> Row:
    mean = model.scores[method].mean
    notes = method, f"seed {model.settings['memory']['seed']}", _seen_note(report, [model], method)
    return Row(
        model.name,
        ", ".join(filter(None, notes)),
        tuple(cell(Spread.of([mean.get(column)])) for column in report.protocol.columns),
    )


def _seen_note(report: Report, models: Sequence[Model], method: str) -> str:
    scored = {sequence for m in models for sequence in m.scores[method].rows}
    seen = scored & {sequence for m in models for sequence in report.seen[m.name]}
    return f"† {len(seen)} of {len(scored)} sequences seen in training" if seen else ""


def _reference_row(report: Report, reference: Reference) -> Row:
    columns = report.protocol.columns
    if reference.missing:
        note = f"not shown: has no scores for {', '.join(reference.missing)}"
        return Row(reference.name, note, tuple(Cell("–") for _ in columns))
    return Row(reference.name, "", tuple(cell(Spread.of([reference.mean.get(column)])) for column in columns))


def _published_row(row: published.Published) -> Row:
    cells = (Cell("–") if v is None else Cell(f"{v:.1f}", repr(round(v / 100, 4))) for v in row.figures)
    return Row(row.name, row.note, tuple(cells))


def by_sequence(report: Report) -> tuple[list[Column], list[SequenceRow]]:
    """The table by sequence: the brief columns of every group and method, and of the references."""
    columns = _columns(report)
    rows = []
    for name in report.scored:
        cells: list[Cell] = []
        for column in columns:
            seen = bool(column.group) and any(name in report.seen[m.name] for m in column.group.models)
            cells += [cell(column.spread(f.column, name), seen) for f in report.protocol.brief]
        rows.append(SequenceRow(name, len(report.sequences[name].frames), _seen_by(report, name), tuple(cells)))
    return columns, rows


def _columns(report: Report) -> list[Column]:
    ours = [(g, m) for g in report.groups for m in report.methods if any(m in model.scores for model in g.models)]
    of_references = [Column(r.name, "reference", None, r) for r in report.references if r.rows]
    return [Column(g.name, m, g) for g, m in ours] + of_references


def _seen_by(report: Report, sequence: str) -> str:
    """Which models saw a sequence in training: nothing, all, or their number."""
    saw = [m for m in report.models if sequence in report.seen[m.name]]
    if not saw:
        return ""
    return "seen in training" if len(saw) == len(report.models) else f"seen in training by {plural(len(saw), 'model')}"


def means(report: Report, columns: Sequence[Column]) -> list[Cell]:
    """The last row of the table by sequence: the summaries' means."""
    return [cell(column.spread(figure.column)) for column in columns for figure in report.protocol.brief]


def by_attribute(report: Report, columns: Sequence[Column]) -> list[AttributeRow]:
    """DAVIS's attributes of the scored sequences: under each column the mean over those that have it, and how much that
    is above the mean over those that have not. None where no sequence is DAVIS's, or another protocol scored them.
    """
    attributes = report.attributes
    tables = []
    for column in columns:
        spreads = {
            name: {f.column: column.spread(f.column, name) for f in report.protocol.brief} for name in attributes
        }
        scores = {name: {key: s and s.mean for key, s in row.items()} for name, row in spreads.items()}
        tables.append(davis2016.by_attribute(scores, attributes))
    rows = []
    for entries in zip(*tables, strict=True):
        cells = [
            Cell(percent(e.means[m]), "" if e.means[m] is None else repr(e.means[m]), signed(e.differences[m]))
            for e in entries
            for m in davis2016.MEASURES
        ]
        first = entries[0]
        rows.append(AttributeRow(first.attribute, first.name, first.sequences, tuple(cells)))
    return rows

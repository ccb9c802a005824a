"""The scores as stage ``evaluate`` wrote them: a summary per model and method, and a table per sequence."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vosmem.errors import UserError
from vosmem.report.protocols import PROTOCOLS

COLUMNS = tuple(dict.fromkeys(column for p in PROTOCOLS.values() for column in p.columns))  # each once
MEAN = "mean"  # the summary's last row

Score = Mapping[str, float | None]  # by column, 0..1; None where a measure does not apply


@dataclass(frozen=True)
class Summary:
    """One summary.csv: the sequences' scores by name, and their mean as the file states it."""

    rows: Mapping[str, Score]
    mean: Score


@dataclass(frozen=True)
class FrameScore:
    """One scored frame; ``J`` and ``F`` in 0..1, None where not scored."""

    frame: str
    J: float | None
    F: float | None


@dataclass(frozen=True)
class Spread:
    """A figure over the seeds of a group: mean, lowest, highest, and how many seeds have it."""

    mean: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """None where no value is known."""
        known = [v for v in values if v is not None]
        return cls(math.fsum(known) / len(known), min(known), max(known), len(known)) if known else None


def number(text: str | None) -> float | None:
    """A CSV field as a number; None where it is empty or not a finite one."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def mean_over(rows: Iterable[Score]) -> Score:
    """The unweighted mean over sequences, column by column, of those to which the measure applies."""
    rows = list(rows)
    spreads = {column: Spread.of(row.get(column) for row in rows) for column in COLUMNS}
    return {column: spread and spread.mean for column, spread in spreads.items()}


def read_rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table with a header; none where there is no file. Raises UserError where it is no such file."""
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:  # names as they are
            return list(csv.DictReader(file, delimiter=delimiter))
    except csv.Error as error:
        raise UserError(f"{path}: not a table of values with {delimiter!r} between ({error})") from None


def read_summary(path: Path) -> Summary | None:
    """A summary.csv; None where it is absent or scores nothing. Where it has no row `mean`, that is worked out."""
    rows = {}
    for row in read_rows(path):
        if "sequence" not in row:
            raise UserError(
                f"{path}: has no column `sequence`, expected a summary.csv of vosmem evaluate; give such a file"
            )
        rows[row["sequence"]] = {column: number(row.get(column)) for column in COLUMNS}
    mean = rows.pop(MEAN, None)
    rows = {name: row for name, row in rows.items() if any(v is not None for v in row.values())}
    return Summary(rows, mean or mean_over(rows.values())) if rows else None


def read_frames(path: Path) -> list[FrameScore]:
    """The scores of one sequence, frame by frame."""
    rows = [row for row in read_rows(path) if row.get("frame")]
    return [FrameScore(row["frame"], number(row.get("J")), number(row.get("F"))) for row in rows]

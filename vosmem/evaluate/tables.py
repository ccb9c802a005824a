"""What was measured on sequences: its files, and what it is summed up to."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vosmem.errors import UserError
from vosmem.evaluate import protocols, statistics

MEASURES = "JFT"
SUMMARY = {  # by protocol, the columns of a summary
    "davis": ("J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay", "T"),
    "fbms": ("precision", "recall", "F", "objects", "found"),
    "segtrack": ("J_mean", "objects"),
}
OVERLAP = ("frame", "object", "label", "pixels")
MEAN = "mean"  # the name of a summary's last row

Value = float | None  # None: the measure does not apply


@dataclass(frozen=True)
class FrameScore:
    """The values of one frame, 0..1; ``T`` tells how much the outline changed since the frame before."""

    frame: str
    J: Value = None
    F: Value = None
    T: Value = None


@dataclass
class SequenceScores:
    """What was measured on a sequence: a :class:`FrameScore` per scored frame, or overlaps of all annotated frames."""

    sequence: str
    rows: list[FrameScore] | list[protocols.Overlap] = field(default_factory=list)
    missing: int = 0  # frames without a mask, counted as empty
    labelled: int = 0  # masks and annotations with other values than 0 and 1, or 0 and 255

    @property
    def frames(self) -> int:
        """How many frames were scored."""
        return len({row.frame for row in self.rows})


def summarise(scored: Iterable[SequenceScores | Path], protocol: str = "davis") -> list[dict[str, str | Value]]:
    """A row per sequence: its name, ``sequence``, and the protocol's columns; last the row ``mean``.

    ``scored``: the scores, or the files that :func:`write_frames` wrote.
    The mean is over sequences, each counting once, of those to which the measure applies. FBMS-59's F is that of the
    mean precision and recall, and its objects are summed up.
    """
    rows: list[dict[str, str | Value]] = []
    for scores in scored:
        scores = scores if isinstance(scores, SequenceScores) else read_frames(scores)
        if not all(isinstance(row, FrameScore if protocol == "davis" else protocols.Overlap) for row in scores.rows):
            raise UserError(
                f"{scores.sequence}: was scored by another protocol than {protocol}; say which, or score anew"
            )
        if scores.rows:  # a sequence without annotations has none
            rows.append({"sequence": scores.sequence, **_summary(scores, protocol)})
    if not rows:
        return []
    last: dict[str, str | Value] = {"sequence": MEAN}
    for column in SUMMARY[protocol]:
        known = [row[column] for row in rows if row[column] is not None]
        if column in ("objects", "found"):
            last[column] = sum(known)
        else:
            last[column] = math.fsum(known) / len(known) if known else None
    if protocol == "fbms":
        last["F"] = protocols.harmonic(last["precision"], last["recall"])
    return [*rows, last]


def write_frames(scored: Iterable[SequenceScores], path: Path, protocol: str = "davis", with_t: bool = True) -> None:
    """Write every frame's values as CSV, six decimals, whole or not at all. One sequence's: :func:`read_frames`."""
    columns = ("frame", *("JFT" if with_t else "JF")) if protocol == "davis" else OVERLAP
    rows = [[s.sequence, *(_field(getattr(row, c)) for c in columns)] for s in scored for row in s.rows]
    _write_csv(path, ("sequence", *columns), rows)


def read_frames(path: Path) -> SequenceScores:
    """The values that :func:`write_frames` wrote of one sequence."""
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            table = csv.DictReader(file)
            if "pixels" in (table.fieldnames or ()):
                rows = [
                    (r["sequence"], protocols.Overlap(r["frame"], *(int(r[c]) for c in OVERLAP[1:]))) for r in table
                ]
            else:
                rows = [(r["sequence"], FrameScore(r["frame"], *(_number(r[c]) for c in MEASURES))) for r in table]
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path}: not a file of frames' scores; run `vosmem evaluate` to write it") from None
    return SequenceScores(rows[0][0] if rows else Path(path).stem, [row for _, row in rows])


def write_summary(rows: Sequence[dict[str, str | Value]], path: Path, protocol: str = "davis") -> None:
    """Write what :func:`summarise` gave as CSV, whole or not at all; empty where a measure does not apply."""
    columns = ("sequence", *SUMMARY[protocol])
    _write_csv(path, columns, [[_field(row[column]) for column in columns] for row in rows])


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a table, whole or not at all; None is an empty field."""
    from vosmem.whole import replacing

    how = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}  # the last: names of files as they are
    with replacing(path) as temporary, open(temporary, "w", **how) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _summary(scores: SequenceScores, protocol: str) -> dict[str, Value]:
    if protocol != "davis":
        values = getattr(protocols, protocol)(scores.rows)
    else:
        values = {}
        for measure in "JF":
            known = [getattr(row, measure) for row in scores.rows if getattr(row, measure) is not None]
            for name in ("mean", "recall", "decay"):
                values[f"{measure}_{name}"] = getattr(statistics, name)(known)
        values["T"] = statistics.mean([row.T for row in scores.rows if row.T is not None])
    return {column: None if math.isnan(values[column]) else values[column] for column in SUMMARY[protocol]}


def _number(text: str) -> Value:
    return float(text) if text else None


def _field(value: str | Value) -> str | int | None:
    return f"{value:.6f}" if isinstance(value, float) else value

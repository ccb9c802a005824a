"""What the table by sequence can be narrowed to by a click."""

from __future__ import annotations

from dataclasses import dataclass

from vosmem import davis2016
from vosmem.report.collect import Report

LOW = 0.5  # the score up to which the object counts as missed


@dataclass(frozen=True)
class Filter:
    """``key``: what marks its rows; ``label``: what the button says; ``sequences``: those that stay."""

    key: str
    label: str
    sequences: frozenset[str]


def filters(report: Report) -> list[Filter]:
    """By score, by a reference, by what was seen in training, by attribute; those that would leave none or all are
    left out.
    """
    column = report.protocol.rank
    name = next(f.name for f in report.protocol.brief if f.column == column)
    ours = {s: spread.mean for s in report.scored if (spread := report.groups[0].spread(report.method, column, s))}
    found = [Filter("low", f"{name} up to {100 * LOW:.0f}", frozenset(s for s, v in ours.items() if v <= LOW))]
    for i, reference in enumerate(report.references):
        theirs = {s: row[column] for s, row in reference.rows.items() if row.get(column) is not None}
        behind = frozenset(s for s in ours if s in theirs and ours[s] < theirs[s])
        found.append(Filter(f"behind{i}", f"{name} below {reference.name}", behind))
    seen = frozenset(s for m in report.groups[0].models for s in report.seen[m.name] if s in report.scored)
    found.append(Filter("seen", "seen in training", seen))
    for key, label in davis2016.ATTRIBUTES.items():
        found.append(Filter(key, label, frozenset(s for s, has in report.attributes.items() if key in has)))
    return [f for f in found if 0 < len(f.sequences) < len(report.scored)]


def marks(found: list[Filter], sequence: str) -> str:
    """The keys of the filters under which a sequence stays, with a space between."""
    return " ".join(f.key for f in found if sequence in f.sequences)

"""The page's first sentences and the figures under them: what was reached, and how that stands to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vosmem.report import published, tables
from vosmem.report.collect import Reference, Report
from vosmem.report.models import Group
from vosmem.report.protocols import UP

SIDE_BY_SIDE = ("FSEG", "LVO")  # of the published rows, those that stand in the tiles too


def answer(report: Report) -> Mapping[str, Any]:
    """The first sentences and the figures under them."""
    group = report.groups[0]
    summaries = [m.scores[report.method] for m in group.models if report.method in m.scores]
    seen = sorted({s for m in group.models for s in report.seen[m.name]} & set(report.scored))
    tiles = []
    for figure, meaning in report.protocol.tiles:
        if spread := group.spread(report.method, figure.column):
            beside = [(name, tables.percent(value), note) for name, value, note in _beside(report, figure.column)]
            tiles.append({"name": figure.name, "cell": tables.cell(spread), "meaning": meaning, "beside": beside})
    return {
        "model": group.name,
        "seeds": len(summaries),
        "method": report.method,
        "tiles": tiles,
        "training": training(report, group),
        "seen": seen,
        "text": [f"{t['name']} {t['cell'].text}" for t in tiles],
        "comparisons": [sentence for r in report.references if (sentence := comparison(report, group, r))],
    }


def _beside(report: Report, column: str) -> Iterator[tuple[str, float, str]]:
    """What a figure of the answer is to be held against: the other methods' masks, references, published figures."""
    for method in report.methods:
        if method != report.method and (spread := report.groups[0].spread(method, column)):
            yield method, spread.mean, "not refined" if method == "raw" else "refined otherwise"
    for reference in report.references:
        if (value := reference.mean.get(column)) is not None:
            yield reference.name, value, "on the same sequences"
    _, rows = published.rows_for(report.part)
    for row in rows:
        value = dict(zip(report.protocol.columns, row.figures, strict=True)).get(column)
        known = row.name in SIDE_BY_SIDE and row.name not in {r.name for r in report.references}
        if known and value is not None:
            yield row.name, value / 100, "published"


def comparison(report: Report, group: Group, reference: Reference) -> str:
    """How the answer stands to a reference, in a sentence; empty where that does not cover the sequences."""
    if reference.missing or not report.scored:
        return ""
    better, parts = [], []
    ranked = {figure.column for figure, _ in report.protocol.tiles}
    for figure in (f for f in report.protocol.brief if f.column in ranked):
        sign = 1 if figure.better == UP else -1
        ours, theirs = group.spread(report.method, figure.column), reference.mean.get(figure.column)
        if ours is None or theirs is None:
            continue
        difference = 100 * (ours.mean - theirs)
        parts.append(f"{abs(difference):.1f} points of {figure.name} {'more' if difference >= 0 else 'less'}")
        rows = [
            (mine.mean, row[figure.column])
            for name, row in reference.rows.items()
            if (mine := group.spread(report.method, figure.column, name)) and row.get(figure.column) is not None
        ]
        better.append(f"by {figure.name} on {sum(sign * (a - b) > 0 for a, b in rows)} of {len(rows)} sequences")
    if not parts:
        return ""
    return f"Against {reference.name} that is {_list(parts)}; it is the better one {_list(better)}."


def _list(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " * (len(parts) > 1) + parts[-1]


def training(report: Report, group: Group) -> str:
    """What the weights were trained on, as a part of the first sentence."""
    trained_on = {s for m in group.models for s in m.trained_on}
    if not trained_on:
        return "whose training data are not stated"
    folds = group.models[0].folds  # the same of all: they differ in the seed alone
    segmented = report.scored or tuple(report.sequences)
    held_out = [s for s in segmented if folds.get(s) in group.models[0].parts]
    if not held_out:
        on = f"on {tables.plural(len(trained_on), 'sequence')}"
        if not all(m.trained_here for m in group.models):
            return f"taken over, having been trained {on}"
        begun = group.models[0].settings["memory"]["init"]
        return f"trained here from {begun} on, {on} with those of its start" if begun else f"trained here {on}"
    parts = tables.plural(len({folds[s] for s in held_out}), "part")
    others = _others(group, held_out, folds)
    if len(held_out) == len(segmented):
        which = f"each {'scored ' * bool(report.scored)}sequence was segmented by weights trained on {others} others"
    else:
        rest = [s for s in segmented if s not in held_out]
        which = (
            f"{len(held_out)} of the {len(segmented)} sequences were segmented by weights trained on {others} others, "
        )
        which += f"the rest by weights trained on {_others(group, rest, folds)} others"
    return f"cross-validated here in {parts} ({which})"


def _others(group: Group, sequences: Sequence[str], folds: Mapping[str, str]) -> str:
    """How many other sequences the weights were trained on that segment each of some: `20`, or `18 to 22`."""
    parts = [(s, m.parts[folds.get(s, "")]) for m in group.models for s in sequences if folds.get(s, "") in m.parts]
    counts = {len({*weights.trained_on} - {s}) for s, weights in parts}
    if not counts:
        return "an unknown number of"
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"

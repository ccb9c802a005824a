"""The page: what was collected, put into one HTML file that needs nothing else.

Names come from files and configs, so the template escapes everything; what it does not is made by figures.py and
frames.py, which escape themselves. The page's policy lets it load nothing and run its own script alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vosmem.report import charts, figures, shown, streams, tables
from vosmem.report.collect import Report
from vosmem.report.models import Group

HERE = Path(__file__).resolve().parent


def render(report: Report) -> str:
    """The whole page as HTML."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=FileSystemLoader(HERE), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": tables.percent, "plural": tables.plural, "duration": charts.duration}
    return environment.get_template("page.html.j2").render(context(report))


def context(report: Report) -> dict[str, Any]:
    """All that the template prints."""
    style, script = ((HERE / name).read_text(encoding="utf-8").strip() for name in ("page.css", "page.js"))
    columns, rows = tables.by_sequence(report)
    curves, more_curves = charts.over_time(report)
    total = sum(c.seconds for c in report.costs)
    return {
        "report": report,
        "style": Markup(style),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        "protocol": protocol(report),
        "answer": answer(report),
        "blocks": tables.headline(report),
        "columns": columns,
        "rows": rows,
        "means": tables.means(report, columns),
        "attributes": tables.by_attribute(report, columns),
        "families": streams.families(report),
        "streams_possible": streams.possible(report),
        "margin": f"{100 * streams.MARGIN:.0f}",
        "measure": streams.measure(report),
        "any_seen": any(row.seen for row in rows),
        "legend": [(group.name, Markup(figures.series_class(i))) for i, group in enumerate(report.groups)],
        "curves": curves,
        "more_curves": more_curves,
        "shown": shown.shown(report),
        "motion_source": shown.motion_source(report),
        "training": charts.training(report),
        "untrained": [m for m in report.models if not m.history],
        "total_seconds": total,
        "config_text": yaml.safe_dump(dict(report.config), sort_keys=False, allow_unicode=True),
        "commits": commits(report),
    }


def answer(report: Report) -> Mapping[str, Any]:
    """The first sentence and the figures under it."""
    group = report.groups[0]
    summaries = [m.scores[report.method] for m in group.models if report.method in m.scores]
    seen = sorted({s for m in group.models for s in report.seen[m.name]} & set(report.scored))
    tiles = []
    for figure, meaning in report.protocol.tiles:
        spread = group.spread(report.method, figure.column)
        theirs = [(r.name, r.mean.get(figure.column)) for r in report.references]
        beside = [(name, tables.percent(value)) for name, value in theirs if value is not None]
        if spread:
            tiles.append({"name": figure.name, "cell": tables.cell(spread), "meaning": meaning, "beside": beside})
    return {
        "model": group.name,
        "seeds": len(summaries),
        "method": report.method,
        "tiles": tiles,
        "training": training(report, group),
        "seen": seen,
        "text": [f"{t['name']} {t['cell'].text}" for t in tiles],
    }


def training(report: Report, group: Group) -> str:
    """What the weights were trained on, as a part of the first sentence."""
    trained_on = {s for m in group.models for s in m.trained_on}
    if not trained_on:
        return "whose training data are not stated"
    folds = group.models[0].folds  # the same of all: they differ in the seed alone
    segmented = report.scored or tuple(report.sequences)
    held_out = [s for s in segmented if folds.get(s) in group.models[0].parts]
    if not held_out:
        here = "trained here" if all(m.trained_here for m in group.models) else "taken over, having been trained"
        return f"{here} on {tables.plural(len(trained_on), 'sequence')}"
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


def protocol(report: Report) -> str:
    """One line: how the scores were made, and on what."""
    if not report.scored:
        return "No scores: no sequence of this data set has annotations."
    parts = {
        "val": "DAVIS-2016 val, all 20 sequences. ",
        "train": f"{len(report.scored)} of the 30 train sequences of DAVIS-2016. ",
    }
    return parts.get(report.part or "", "") + report.protocol.sentence


def commits(report: Report) -> list[str]:
    """The commits that trained the models, where they are not the one that made the page."""
    trained = {w.git_commit for m in report.models for w in m.parts.values() if w.git_commit}
    return sorted(c for c in trained if c.rstrip("+") != report.git_commit.rstrip("+"))

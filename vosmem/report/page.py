"""The page: what was collected, put into one HTML file that needs nothing else."""

from __future__ import annotations

from typing import Any

import yaml
from markupsafe import Markup

from vosmem.report import charts, figures, filters, html, shown, streams, tables
from vosmem.report.answer import answer
from vosmem.report.collect import Report
from vosmem.report.failures import failures

STYLES = ("page.css", "tables.css", "viewer.css")
SCRIPTS = ("data.js", "tables.js", "frames.js", "curve.js", "viewer.js", "gallery.js")


def render(report: Report) -> str:
    """The whole page as HTML."""
    return html.page("page.html.j2", STYLES, SCRIPTS, **context(report))


def context(report: Report) -> dict[str, Any]:
    """All that the template prints."""
    columns, rows = tables.by_sequence(report)
    curves, more_curves = charts.over_time(report)
    training = charts.training(report)
    clips = shown.shown(report)
    found = filters.filters(report)
    total = sum(c.seconds for c in report.costs)
    return {
        "report": report,
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
        "filters": found,
        "marks": {name: filters.marks(found, name) for name in report.scored},
        "clips": clips,
        "places": {one.name: i for i, one in enumerate(clips) if one.clip["frames"]},
        "start": shown.start(report),
        "frames_shown": sum(len(one.clip["frames"]) for one in clips),
        "frames_there": sum(len(s.frames) for s in report.sequences.values()),
        "failures": failures(report, clips),
        "drawn": {
            "time": {"header": charts.over_time_header(report), "rows": [row for c in curves for row in c.rows]},
            "training": {"header": charts.TRAINING_HEADER, "rows": [row for c in training for row in c.rows]},
        },
        "motion_source": shown.motion_source(report),
        "training": training,
        "untrained": [m for m in report.models if not m.history],
        "total_seconds": total,
        "config_text": yaml.safe_dump(dict(report.config), sort_keys=False, allow_unicode=True),
        "commits": commits(report),
    }


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

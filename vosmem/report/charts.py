"""Which lines the page's charts show: J and F over time, charts of a sequence; the loss, a chart a group of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vosmem.report.collect import Report
from vosmem.report.figures import Line, line_chart, thin
from vosmem.report.models import Group
from vosmem.report.scores import Spread
from vosmem.report.tables import percent, plural

MOST = 60  # sequences with charts; where there are more, those of the lowest score
LOSS_POINTS = 120  # of a training curve
PANEL = 105  # height of a chart that stands above another


@dataclass(frozen=True)
class Chart:
    """A chart, or several one below the other, with a heading and a line of text.

    ``rows``: what is drawn, as a table under the section's header; None where there is no value.
    """

    name: str
    note: str
    svg: Markup
    rows: Sequence[Sequence[str | float | None]]


def over_time(report: Report) -> tuple[list[Chart], int]:
    """The measures that frames have, by frame, of the answer's method, seeds averaged; and how many sequences were left
    out.
    """
    if not report.protocol.frames:
        return [], 0
    names = list(report.scored)
    if len(names) > MOST:
        lowest = sorted(names, key=lambda s: _score(report, s))[:MOST]
        names = [s for s in names if s in lowest]
    charts = [_over_time(report, name) for name in names]
    return charts, len(report.scored) - len(names)


def _score(report: Report, sequence: str) -> float:
    spread = report.groups[0].spread(report.method, report.protocol.rank, sequence)
    return spread.mean if spread else 2.0  # unscored by the first model: last


def _over_time(report: Report, name: str) -> Chart:
    frames = report.sequences[name].frame_names
    ends = [(0, frames[0]), (len(frames) - 1, frames[-1])]
    panels, notes = [], []
    drawn = [[Line(g.name, _by_frame(report, g, name, m), i) for i, g in enumerate(report.groups)]
             for m in report.protocol.frames]  # fmt: skip
    for measure, lines in zip(report.protocol.frames, drawn, strict=True):
        if not any(y is not None for line in lines for _, y in line.points):
            continue  # not computed in this run
        ticks = [(0, "0"), (0.5, "50"), (1, "100")]
        label = f"{measure} over the frames of {name}"
        panels.append(line_chart(lines, (0, len(frames) - 1), (0, 1), ends, ticks, label, PANEL, measure))
        spread = report.groups[0].spread(report.method, f"{measure}_mean", name)
        notes.append(f"{measure} {percent(spread and spread.mean)}")
    rows = [
        (name, frame, *(None if (y := line.points[t][1]) is None else round(y, 6) for lines in drawn for line in lines))
        for t, frame in enumerate(frames)
    ]
    return Chart(name, ", ".join(notes), Markup("").join(panels), rows)


def over_time_header(report: Report) -> list[str]:
    """The columns of ``rows`` of :func:`over_time`."""
    return ["sequence", "frame", *(f"{m} {g.name}" for m in report.protocol.frames for g in report.groups)]


TRAINING_HEADER = ("group", "model", "step", "loss", "seconds")


def _by_frame(report: Report, group: Group, name: str, measure: str) -> list[tuple[float, float | None]]:
    values: dict[str, list[float | None]] = {}
    for model in group.models:
        for score in report.frame_scores[model.name, name]:
            values.setdefault(score.frame, []).append(getattr(score, measure))
    spreads = [Spread.of(values.get(frame, [])) for frame in report.sequences[name].frame_names]
    return [(t, s and s.mean) for t, s in enumerate(spreads)]


def training(report: Report) -> list[Chart]:
    """The loss by step of every group that has a history, a line a seed; all charts share the axis of the loss."""
    curves = {
        g.name: [thin([(step, loss) for step, loss, _ in m.history], LOSS_POINTS) for m in g.models if m.history]
        for g in report.groups
    }
    highest = max((y for lines in curves.values() for points in lines for _, y in points), default=1.0)
    top, ticks = _axis(highest)
    charts = []
    for i, group in enumerate(report.groups):
        lines = curves[group.name]
        if not lines:
            continue
        last = max(points[-1][0] for points in lines)
        trained = [m for m in group.models if m.history]
        seeds = [f"seed {m.settings['memory']['seed']}" for m in trained]
        svg = line_chart(
            [Line(seed, points, i) for seed, points in zip(seeds, lines, strict=True)],
            (0, last), (0, top), [(0, "0"), (last, f"{last:.0f} steps")], ticks, f"Training loss of {group.name}",
        )  # fmt: skip
        seconds = sum(m.history[-1][2] for m in trained)
        end = Spread.of(m.history[-1][1] for m in trained)
        count = f"{plural(len(lines), 'seed')}, " if len(lines) > 1 else ""
        fold = next(iter(trained[0].parts), "")  # whose history it is
        count += f"fold {fold}, the first of {len(trained[0].parts)}, " if fold else ""
        rows = [(group.name, m.name, *row) for m in trained for row in m.history]
        charts.append(Chart(group.name, f"{count}loss at the end {end.mean:.3f}, {duration(seconds)}", svg, rows))
    return charts


def _axis(highest: float) -> tuple[float, list[tuple[float, str]]]:
    """The axis' end and its ticks: the least of 1, 2, 5 x 10^n that takes ``highest`` in, in halves."""
    for exponent in range(-6, 7):
        for lead in (1, 2, 5):
            top = lead * 10.0**exponent
            if highest <= top:
                return top, [(0, "0"), (top / 2, f"{top / 2:g}"), (top, f"{top:g}")]
    return highest, [(0, "0"), (highest, f"{highest:.0e}")]


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"

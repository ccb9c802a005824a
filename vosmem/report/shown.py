"""Which sequences and frames the page shows: the best, the median and the worst, and what could not be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vosmem.errors import UserError
from vosmem.report import frames
from vosmem.report.collect import Report
from vosmem.report.scores import FrameScore
from vosmem.report.tables import percent

FRAMES = 4  # of a shown sequence
MOST_UNSCORED = 12  # shown sequences without annotations


@dataclass(frozen=True)
class Shown:
    """A sequence's pictures, each with a caption. ``missing`` says why there are none."""

    name: str
    rank: str
    note: str
    pictures: tuple[tuple[frames.Picture, str], ...]
    missing: str = ""


def choose_sequences(report: Report) -> list[tuple[str, str]]:
    """(sequence, why it is shown), by the first model's scores."""
    summary = report.first.scores.get(report.method)
    rows = summary.rows if summary else {}
    score = {name: rows[name].get(report.protocol.rank) for name in report.sequences if name in rows}
    ranked = sorted((name for name in score if score[name] is not None), key=score.__getitem__, reverse=True)
    chosen: dict[str, str] = {}
    if len(ranked) == 1:
        chosen[ranked[0]] = "the one that is scored"
    elif ranked:
        for place, why in ((0, "best"), (-1, "worst"), ((len(ranked) - 1) // 2, "median")):
            chosen.setdefault(ranked[place], why)
    order = sorted(chosen, key=ranked.index)
    unscored = [name for name in report.sequences if name not in report.scored][:MOST_UNSCORED]
    return [(name, chosen[name]) for name in order] + [(name, "not scored") for name in unscored]


def choose_frames(count: int, scores: Sequence[FrameScore], names: Sequence[str]) -> list[int]:
    """Indices of frames spread over a sequence of ``count``; one of them is the frame of the lowest J, where known."""
    scored = [(score.J, names.index(score.frame)) for score in scores if score.J is not None and score.frame in names]
    if count <= FRAMES:
        return list(range(count))
    even = [(2 * i + 1) * count // (2 * FRAMES) for i in range(FRAMES)]
    if not scored:
        return even
    worst = min(scored)[1]
    nearest = min(even, key=lambda t: abs(t - worst))
    return sorted([*(t for t in even if t != nearest), worst])


def shown(report: Report) -> list[Shown]:
    """The pictures of all chosen sequences."""
    return [_show(report, name, why) for name, why in choose_sequences(report)]


def motion_source(report: Report) -> str | None:
    """Name of the motion cache that is shown: the first model's, or the first one's that uses motion."""
    return next((folder for m in (report.first, *report.models) for folder in m.motion_folders), None)


def _show(report: Report, name: str, why: str) -> Shown:
    sequence = report.sequences[name]
    scores = report.frame_scores.get((report.first.name, name), [])
    J = {score.frame: score.J for score in scores}
    chosen = choose_frames(len(sequence.frames), scores, sequence.frame_names)
    source = motion_source(report)
    motion = report.results / "motion" / source / f"{name}.h5" if source else None
    summary = report.first.scores.get(report.method)
    row = summary.rows.get(name, {}) if summary else {}
    known = [(f.name, row[f.column]) for f in report.protocol.brief if row.get(f.column) is not None]
    note = ", ".join(f"{name} {percent(value)}" for name, value in known)
    try:
        found = frames.pictures(sequence, chosen, report.masks(name), motion)
    except UserError as error:
        return Shown(name, why, note, (), str(error))
    lowest = min((v for v in J.values() if v is not None), default=None)
    return Shown(name, why, note, tuple((p, _caption(p.frame, J.get(p.frame), lowest)) for p in found))


def _caption(frame: str, J: float | None, lowest: float | None) -> str:
    if J is None:
        return frame
    return f"{frame} · J {percent(J)}" + (" · lowest" if lowest is not None and lowest == J else "")

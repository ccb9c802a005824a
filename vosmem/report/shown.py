"""Which sequences and frames the page shows, and all that it knows of each, as plain data for the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vosmem.errors import UserError
from vosmem.report import frames
from vosmem.report.collect import Report
from vosmem.report.scores import FrameScore, read_frames
from vosmem.report.tables import percent

MOST = 300  # sequences with pictures; where there are more, those of the lowest score


@dataclass(frozen=True)
class Shown:
    """A sequence with pictures.

    ``note``: its scores; ``clip``: its size, length, frames (see ``frames.pictures``) and, by method and measure, the
    score of every frame, None where it has none; ``missing`` says why there are no pictures.
    """

    name: str
    note: str
    attributes: tuple[str, ...]
    clip: Mapping[str, Any]
    missing: str = ""


def choose_sequences(scores: Mapping[str, float | None]) -> list[str]:
    """Those with pictures of sequences with a score or None: all, or where there are too many, scored ones first, the
    lowest score of them first.
    """
    lowest = sorted(scores, key=lambda name: ((score := scores[name]) is None, score))
    kept = {*lowest[:MOST]}
    return [name for name in scores if name in kept]


def _chosen(report: Report) -> list[str]:
    return choose_sequences({name: _score(report, name) for name in report.sequences})


def _score(report: Report, sequence: str) -> float | None:
    """A sequence's score, of the model and method whose masks are shown."""
    summary = report.first.scores.get(report.method)
    return summary.rows.get(sequence, {}).get(report.protocol.rank) if summary else None


def start(report: Report) -> str:
    """The sequence that is shown first: the one of the median score, which flatters nobody."""
    names = _chosen(report)
    scored = sorted((s, name) for name in names if (s := _score(report, name)) is not None)
    return scored[(len(scored) - 1) // 2][1] if scored else names[0]


def choose_frames(count: int, step: int, scores: Sequence[FrameScore], names: Sequence[str]) -> list[int]:
    """Indices of every ``step``-th frame of a sequence of ``count``, and of the frame of the lowest J, where known."""
    known = [(score.J, names.index(score.frame)) for score in scores if score.J is not None and score.frame in names]
    return sorted({*range((step - 1) // 2, count, step), *([min(known)[1]] if known else []), *([0] * (count < step))})


def shown(report: Report) -> list[Shown]:
    """The sequences' pictures: at most about ``report.frames`` of the config together."""
    names, most = _chosen(report), report.config["report"]["frames"]
    if not most:
        return []
    step = -(-sum(len(report.sequences[name].frames) for name in names) // most)
    return [_show(report, name, step) for name in names]


def motion_source(report: Report) -> str | None:
    """Name of the motion cache that is shown: the first model's, or the first one's that uses motion."""
    return next((folder for m in (report.first, *report.models) for folder in m.motion_folders), None)


def _show(report: Report, name: str, step: int) -> Shown:
    sequence, first = report.sequences[name], report.first
    of_frames = {
        method: read_frames(report.results / "evaluate" / first.name / method / f"{name}.csv")
        for method in report.methods
        if report.protocol.frames and name in report.scored
    }
    chosen = choose_frames(len(sequence.frames), step, of_frames.get(report.method, []), sequence.frame_names)
    source = motion_source(report)
    motion = report.results / "motion" / source / f"{name}.h5" if source else None
    masks = {method: report.results / "refine" / first.name / method / name for method in report.methods}
    clip = {
        "name": name,
        "size": frames.shown_size(sequence.size),
        "names": sequence.frame_names,
        "scores": {
            method: {m: aligned(told, m, sequence.frame_names) for m in report.protocol.frames}
            for method, told in of_frames.items()
            if told
        },
    }
    try:
        clip["frames"] = frames.pictures(sequence, chosen, masks, motion)
        missing = ""
    except UserError as error:
        clip["frames"], missing = [], str(error)
    return Shown(name, _note(report, name), report.attributes.get(name, ()), clip, missing)


def aligned(scores: Sequence[FrameScore], measure: str, names: Sequence[str]) -> list[float | None]:
    """A measure of every frame, None where it is not scored."""
    by_frame = {score.frame: getattr(score, measure) for score in scores}
    return [by_frame.get(name) for name in names]


def _note(report: Report, name: str) -> str:
    summary = report.first.scores.get(report.method)
    row = summary.rows.get(name, {}) if summary else {}
    known = [(f.name, row[f.column]) for f in report.protocol.brief if row.get(f.column) is not None]
    return ", ".join(f"{name} {percent(value)}" for name, value in known) or "not scored"

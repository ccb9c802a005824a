"""The page of a comparison: rows side by side, by their means, sequence by sequence and frame by frame.

The first row is what the others are compared with. Frames are of the sequences that this run segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosmem import compare
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.report import frames, html, shown
from vosmem.report.ablation import Difference, difference
from vosmem.report.collect import read_sequences
from vosmem.report.protocols import PROTOCOLS
from vosmem.report.scores import Score, Summary, read_frames, read_summary
from vosmem.whole import replacing

STYLES = ("page.css", "tables.css", "viewer.css", "ablation.css", "compare.css")
SCRIPTS = ("data.js", "tables.js", "frames.js", "curve.js", "compare.js")


@dataclass(frozen=True)
class Compared:
    """A row, its scores (by sequence, and their mean), and by column its difference to the first row over the sequences
    that both have, None where they have none in common.
    """

    row: compare.Row
    scores: Mapping[str, Score]
    mean: Score
    differences: Mapping[str, Difference | None]


def run(results: Path, config: Mapping[str, Any], rows: Sequence[compare.Row], out: Path) -> int:
    """Write the page. Returns the number of rows."""
    text = render(results, config, collect(results, config, rows))
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return len(rows)


def collect(results: Path, config: Mapping[str, Any], rows: Sequence[compare.Row]) -> list[Compared]:
    """The scores of all rows. Raises UserError where some rows have scores and this one has none."""
    columns = [f.column for f in PROTOCOLS[config["evaluate"]["protocol"]].brief]
    summaries = [read_summary(row.summary(results)) for row in rows]
    if any(summaries) and not all(summaries):
        row = next(row for row, summary in zip(rows, summaries, strict=True) if summary is None)
        raise UserError(
            f"{row.summary(results)}: no scores, which other rows have; run the workflow there, "
            f"or take {row.name!r} out of compare.rows"
        )
    told = [summary or Summary({}, {}) for summary in summaries]
    first = {column: _column(told[0].rows, column) for column in columns}
    return [
        Compared(row, s.rows, s.mean, {c: difference(_column(s.rows, c), first[c]) for c in columns})
        for row, s in zip(rows, told, strict=True)
    ]


def _column(scores: Mapping[str, Score], column: str) -> dict[str, float]:
    return {name: value for name, score in scores.items() if (value := score.get(column)) is not None}


def render(results: Path, config: Mapping[str, Any], found: Sequence[Compared]) -> str:
    """The page as HTML."""
    protocol = PROTOCOLS[config["evaluate"]["protocol"]]
    first = found[0].row
    sequences = read_sequences(results, config, first.model, first.method)
    chosen = shown.choose_sequences({name: found[0].scores.get(name, {}).get(protocol.rank) for name in sequences})
    most, pictured = config["report"]["frames"], {name: sequences[name] for name in chosen}
    drawn = clips(results, found, pictured, most, protocol.frames)
    return html.page(
        "compare.html.j2",
        STYLES,
        SCRIPTS,
        title=config["report"]["title"] or config["data"]["name"],
        dataset=config["data"]["name"],
        rendered=config["data"]["source"] == "demo",
        found=found,
        columns=[f for f in protocol.brief if any(c.mean.get(f.column) is not None for c in found)],
        sequences=list(sequences),
        clips=drawn,
        places={clip["name"]: i for i, clip in enumerate(drawn)},
    )


def clips(
    results: Path,
    found: Sequence[Compared],
    sequences: Mapping[str, describe.Sequence],
    most: int,
    measures: Sequence[str],
) -> list[dict[str, Any]]:
    """What the browser draws of each sequence: its frames with the masks of all rows, and by row and measure the score
    of each frame. ``most``: frames, of all sequences together; the frame in which a row is worst is always among them.
    """
    if not most:
        return []
    step = -(-sum(len(s.frames) for s in sequences.values()) // most)
    made = []
    for name, sequence in sequences.items():
        names = sequence.frame_names
        scores = {c.row.name: read_frames(c.row.summary(results).with_name(f"{name}.csv")) for c in found}
        chosen = {t for told in scores.values() for t in shown.choose_frames(len(names), step, told, names)}
        clip = {
            "name": name,
            "size": frames.shown_size(sequence.size),
            "names": names,
            "scores": {row: {m: shown.aligned(told, m, names) for m in measures} for row, told in scores.items()},
            "frames": frames.pictures(
                sequence, sorted(chosen), {c.row.name: c.row.masks(results, name) for c in found}, None
            ),
        }
        made.append(clip)
    return made

"""What is known of DAVIS-2016's sequences, and scores by attribute.

`davis2016.tsv` holds facts of the data set: the 50 sequences with their set, number of frames, whether T is scored, and
attributes (Perazzi et al., CVPR 2016; supplemental material).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosmem.errors import UserError

if TYPE_CHECKING:
    from vosmem.evaluate.stage import SequenceScores

BUILT_IN = "davis2016"
NAMES = {
    "AC": "appearance change",
    "BC": "background clutter",
    "CS": "camera shake",
    "DB": "dynamic background",
    "DEF": "deformation",
    "EA": "edge ambiguity",
    "FM": "fast motion",
    "HO": "heterogeneous object",
    "IO": "interacting objects",
    "LR": "low resolution",
    "MB": "motion blur",
    "OCC": "occlusion",
    "OV": "out of view",
    "ROT": "rotation",
    "SC": "shape complexity",
    "SV": "scale variation",
}
COMPARED = {"J": "J_mean", "F": "F_mean", "T": "T"}  # measures by attribute, and their columns in a summary


@dataclass(frozen=True)
class SequenceFacts:
    """A row of the table; ``frames`` and ``scored_for_t`` None where the table does not say."""

    sequence: str
    attributes: tuple[str, ...]
    frames: int | None = None
    scored_for_t: bool | None = None
    set: str = ""


@cache
def davis2016() -> dict[str, SequenceFacts]:
    """DAVIS-2016's sequences by name."""
    return _rows(resources.files(__package__).joinpath(f"{BUILT_IN}.tsv").read_text().splitlines(), BUILT_IN)


def read(source: str | Path) -> dict[str, SequenceFacts]:
    """Attributes by sequence: ``davis2016``, or a TSV or CSV file with the columns sequence and attributes (a,b,c)."""
    if str(source) == BUILT_IN:
        return davis2016()
    try:
        return _rows(Path(source).read_text(encoding="utf-8").splitlines(), source)
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"--attributes: {source} cannot be read; give a table with columns sequence and attributes, or {BUILT_IN}"
        ) from None


def scored_for_t(sequence: str, frames: int) -> bool:
    """Whether T of a sequence is scored: of DAVIS-2016's, told by name and length, as DAVIS does; of others always."""
    facts = davis2016().get(sequence)
    return facts is None or facts.frames != frames or bool(facts.scored_for_t)


def attribute_table(
    summary: Iterable[Mapping[str, Any]], facts: Mapping[str, SequenceFacts] | None = None
) -> list[dict[str, Any]]:
    """Scores by attribute.

    ``summary``: rows of a summary (the row `mean` is left out). Returns a row per attribute that occurs: ``attribute``,
    ``name``, ``sequences`` (how many have it), and for each of J, F and T ``J``, the mean over the sequences with the
    attribute, and ``J_difference``, that mean minus the mean over those without; None where there are none.
    """
    facts = davis2016() if facts is None else facts
    rows = [row for row in summary if row["sequence"] in facts]
    table = []
    for attribute in sorted({a for row in rows for a in facts[row["sequence"]].attributes}):
        having = [row for row in rows if attribute in facts[row["sequence"]].attributes]
        others = [row for row in rows if attribute not in facts[row["sequence"]].attributes]
        entry = {"attribute": attribute, "name": NAMES.get(attribute, ""), "sequences": len(having)}
        for measure, column in COMPARED.items():
            inside, outside = (_mean(row.get(column) for row in group) for group in (having, others))
            entry[measure] = inside
            entry[f"{measure}_difference"] = None if inside is None or outside is None else inside - outside
        table.append(entry)
    return table


def frame_curves(scored: Iterable[SequenceScores | Path]) -> list[dict[str, Any]]:
    """J, F and T frame by frame, for drawing.

    ``scored``: sequences' scores of protocol davis, or their files. Returns rows of ``sequence``, ``frame`` (its name),
    ``position`` (0 at the first scored frame to 1 at the last), ``J``, ``F``, ``T`` (0..1, or None).
    """
    from vosmem.evaluate import stage

    table = []
    for scores in scored:
        scores = scores if isinstance(scores, stage.SequenceScores) else stage.read_frames(scores)
        last = max(len(scores.rows) - 1, 1)
        for number, row in enumerate(scores.rows):
            values = {"J": row.J, "F": row.F, "T": row.T}
            table.append({"sequence": scores.sequence, "frame": row.frame, "position": number / last, **values})
    return table


def seen_in_training(sequences: Iterable[str], trained_on: Iterable[str]) -> list[str]:
    """Which of the sequences the weights were trained on: their scores say little about others."""
    seen = set(trained_on)
    return [name for name in sequences if name in seen]


def _rows(lines: Sequence[str], source: str | Path) -> dict[str, SequenceFacts]:
    delimiter = "\t" if lines and "\t" in lines[0] else ","
    table = {}
    for row in csv.DictReader(lines, delimiter=delimiter):
        if row.get("sequence") is None or "attributes" not in row:
            raise UserError(f"--attributes: {source} has no columns sequence and attributes; add them")
        given = (row["attributes"] or "").replace(";", ",").replace(" ", ",")
        table[row["sequence"]] = SequenceFacts(
            row["sequence"],
            tuple(a for a in given.split(",") if a),
            int(row["frames"]) if row.get("frames") else None,
            row["scored_for_T"] == "yes" if row.get("scored_for_T") else None,
            row.get("set") or "",
        )
    if not table:
        raise UserError(
            f"--attributes: {source} names no sequence; give a table with the columns sequence and attributes"
        )
    return table


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(v) for v in values if v is not None]
    return sum(known) / len(known) if known else None

"""What is known of DAVIS-2016's sequences, and scores by their attributes.

`davis2016.tsv` holds facts of the data set: the 50 sequences with their part, number of frames at 480p, whether T is
scored, and attributes (Perazzi et al., CVPR 2016, and its supplemental material).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

ATTRIBUTES = {
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
MEASURES = {"J": "J_mean", "F": "F_mean", "T": "T"}  # what is told by attribute, and its column in a summary


@dataclass(frozen=True)
class Facts:
    """A sequence of the table; ``part``: train or val; ``scored_for_t``: whether DAVIS scores T of it."""

    part: str
    frames: int
    scored_for_t: bool
    attributes: tuple[str, ...]


@cache
def facts() -> Mapping[str, Facts]:
    """DAVIS-2016's sequences by name."""
    lines = resources.files(__package__).joinpath("davis2016.tsv").read_text(encoding="utf-8").splitlines()
    table = {}
    for row in csv.DictReader(lines, delimiter="\t"):
        attributes = tuple(a for a in row["attributes"].split(",") if a)  # a sequence may have none
        table[row["sequence"]] = Facts(row["set"], int(row["frames"]), row["scored_for_T"] == "yes", attributes)
    return table


def is_davis(sequence: str, frames: int) -> bool:
    """Whether a sequence is one of DAVIS-2016's, told by name and length: other data sets have a `bus` too."""
    known = facts().get(sequence)
    return known is not None and known.frames == frames


def scored_for_t(sequence: str, frames: int) -> bool:
    """Whether T of a sequence is scored: of DAVIS-2016's as DAVIS does, of others always."""
    return not is_davis(sequence, frames) or facts()[sequence].scored_for_t


@dataclass(frozen=True)
class ByAttribute:
    """Scores of the sequences that have an attribute.

    ``sequences``: how many do. ``means``: by measure (J, F, T) the mean over them; ``differences``: that mean minus the
    mean over those without the attribute. None where there are none.
    """

    attribute: str
    name: str
    sequences: int
    means: Mapping[str, float | None]
    differences: Mapping[str, float | None]


def by_attribute(
    scores: Mapping[str, Mapping[str, float | None]], attributes: Mapping[str, Sequence[str]]
) -> list[ByAttribute]:
    """Scores by attribute, of the attributes that occur.

    ``scores``: sequence -> the columns of its row in a summary. ``attributes``: sequence -> its attributes; a sequence
    without an entry does not count.
    """
    known = [name for name in scores if name in attributes]
    table = []
    for attribute in sorted({a for name in known for a in attributes[name]}):
        having = [scores[name] for name in known if attribute in attributes[name]]
        others = [scores[name] for name in known if attribute not in attributes[name]]
        means, differences = {}, {}
        for measure, column in MEASURES.items():
            inside, outside = (_mean(row.get(column) for row in rows) for rows in (having, others))
            means[measure] = inside
            differences[measure] = None if inside is None or outside is None else inside - outside
        table.append(ByAttribute(attribute, ATTRIBUTES.get(attribute, ""), len(having), means, differences))
    return table


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known else None

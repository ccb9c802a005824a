"""From masks and annotations to the table of a sequence, and from those to the summary."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vosmem import video
from vosmem.cache import replacing
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.evaluate import measures as m
from vosmem.evaluate import stability

FRAME_COLUMNS = ("sequence", "frame", "J", "F", "T")
SUMMARY_COLUMNS = ("sequence", "J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay", "T")


def run(description: Path, masks: Path, out: Path, settings: Mapping[str, Any]) -> int:
    """Score one sequence's masks, in the folder ``masks``, and write its table. Returns the number of scored frames."""
    sequence = describe.read(description)
    predicted = [masks / f"{name}.png" for name in sequence.frame_names]
    annotations = sequence.mask_paths if sequence.scored else [None] * len(predicted)
    rows = score_sequence(sequence.name, sequence.frame_names, annotations, predicted, settings["measures"])
    write_table(out, FRAME_COLUMNS, rows)
    return len(rows)


def score_sequence(
    sequence: str,
    names: Sequence[str],
    annotations: Sequence[Path | None],
    masks: Sequence[Path],
    measures: Sequence[str],
) -> list[dict[str, Any]]:
    """J, F of every annotated frame but the first and the last, and T of it and the next scored one.

    ``annotations``, ``masks``: files, one a frame, an annotation None where there is none. Values are 0..1 (T is not
    bounded), NaN where a measure was not asked for or does not apply. A sequence without annotations gives no rows.
    """
    if not any(annotations):
        return []
    rows, before = [], None
    for t in range(1, len(names) - 1):
        mask = video.read_mask(masks[t])
        row = {"sequence": sequence, "frame": names[t], "J": math.nan, "F": math.nan, "T": math.nan}
        if annotations[t] is not None:
            annotation = video.read_mask(annotations[t])
            if annotation.shape != mask.shape:
                got, expected = (f"{w}x{h}" for h, w in (mask.shape, annotation.shape))
                raise UserError(f"{masks[t]}: {got} pixels, the annotation has {expected}; bring both to one size")
            if "J" in measures:
                row["J"] = m.region_similarity(mask, annotation)
            if "F" in measures:
                row["F"] = m.contour_accuracy(mask, annotation)
        if "T" in measures:
            now = stability.describe(mask)
            if rows:
                rows[-1]["T"] = stability.instability(before, now)
            before = now
        rows.append(row)
    return rows


def summarise(tables: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """One row a sequence, then the unweighted mean over sequences, NaN left out."""
    rows = []
    for table in tables:
        if table:
            values = {key: np.array([float(row[key]) for row in table]) for key in "JFT"}
            row: dict[str, Any] = {"sequence": table[0]["sequence"]}
            for key in "JF":
                statistics = (("mean", m.mean), ("recall", m.recall), ("decay", m.decay))
                row |= {f"{key}_{name}": statistic(values[key]) for name, statistic in statistics}
            rows.append(row | {"T": m.mean(values["T"])})
    if rows:
        means = {key: m.mean(np.array([row[key] for row in rows])) for key in SUMMARY_COLUMNS[1:]}
        rows.append({"sequence": "mean", **means})
    return rows


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, six decimals, an empty field for NaN, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(_field(row[column]) for column in columns)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue())


def _field(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6f}"


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a sequence's table, numbers as floats, NaN for empty fields."""
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        return [{k: v if k in ("sequence", "frame") else float(v or "nan") for k, v in row.items()} for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a table of scores ({error}); run `vosmem evaluate` to write it") from None

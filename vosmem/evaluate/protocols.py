"""Scores of data sets with several objects, from overlap counts: FBMS-59 and SegTrack-v2.

Both count, in every annotated frame, the pixels that an annotated object and a predicted label share; label 0 is the
background of either. What the files hold are these counts, and the scores follow from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

FOUND = 0.75  # the F-measure above which FBMS-59 counts an object as found


@dataclass(frozen=True)
class Overlap:
    """How many pixels of a frame are both ``object`` in the annotation and ``label`` in the mask."""

    frame: str
    object: int
    label: int
    pixels: int


def overlaps(frame: str, annotation: np.ndarray, mask: np.ndarray) -> list[Overlap]:
    """The overlaps of one frame, of labels (H, W) twice; pairs that share nothing are left out."""
    objects, object_of = np.unique(annotation, return_inverse=True)
    labels, label_of = np.unique(mask, return_inverse=True)
    counts = np.bincount(object_of.ravel() * len(labels) + label_of.ravel(), minlength=len(objects) * len(labels))
    return [
        Overlap(frame, int(objects[i // len(labels)]), int(labels[i % len(labels)]), int(counts[i]))
        for i in np.flatnonzero(counts)
    ]


def fbms(rows: Iterable[Overlap]) -> dict[str, float]:
    """Precision, recall, F-measure and objects found of one sequence of FBMS-59.

    Ochs, Malik, Brox, *Segmentation of Moving Objects by Long Term Video Analysis*, PAMI 2014, section 6, and their
    evaluation code. Pixels are counted over all annotated frames together. Every region, the background too, is
    assigned at most one predicted label, and every label to at most one region, so that the sum of F-measures is
    largest; precision and recall are means over the annotated regions, a region without a label having precision 1 and
    recall 0; F is that of the means. ``objects``: how many are annotated; ``found``: how many have an F above 0.75;
    neither counts the background.
    """
    table, objects, _ = _table(rows)
    shared = table / np.maximum(table.sum(axis=0), 1)  # (objects, labels): of each label's pixels
    covered = table / np.maximum(table.sum(axis=1, keepdims=True), 1)  # of each region's pixels
    both = shared + covered
    f = np.divide(2 * shared * covered, both, out=np.zeros_like(both), where=both > 0)
    assigned = assign(f)
    precision = [shared[i, j] if j is not None else 1.0 for i, j in enumerate(assigned)]
    recall = [covered[i, j] if j is not None else 0.0 for i, j in enumerate(assigned)]
    found = sum(j is not None and f[i, j] > FOUND for i, j in enumerate(assigned) if objects[i] != 0)
    p, r = float(np.mean(precision)), float(np.mean(recall))
    return {"precision": p, "recall": r, "F": harmonic(p, r), "objects": int((objects != 0).sum()), "found": int(found)}


def segtrack(rows: Iterable[Overlap]) -> dict[str, float]:
    """Mean intersection over union of one sequence of SegTrack-v2.

    Li, Kim, Humayun, Tsai, Rehg, *Video Segmentation by Tracking Many Figure-Ground Segments*, ICCV 2013: IoU of each
    object in each frame, mean over frames, then over the objects; 1 where object and mask are both empty. Each object
    takes one predicted label, so that the mean is highest. ``objects``: how many are annotated.
    """
    rows = list(rows)
    frames = list(dict.fromkeys(row.frame for row in rows))
    _, objects, labels = _table(rows)
    objects, labels = objects[objects != 0], labels[labels != 0]
    scores = np.zeros((len(objects), len(labels) + 1))  # the last: no label, for an object that is often not there
    for frame in frames:
        table, *_ = _table([row for row in rows if row.frame == frame], np.r_[0, objects], np.r_[0, labels])
        common = np.hstack([table[1:, 1:], np.zeros((len(objects), 1))])
        sizes = np.r_[table[:, 1:].sum(axis=0), 0]
        either = table[1:].sum(axis=1, keepdims=True) + sizes - common
        scores += np.divide(common, either, out=np.ones_like(common), where=either > 0)
    scores /= max(len(frames), 1)
    nothing = np.repeat(scores[:, -1:], len(objects), axis=1)  # as many objects as want to may go without a label
    choices = np.hstack([scores[:, :-1], nothing])
    assigned = assign(choices)
    value = float(np.mean([choices[i, j] for i, j in enumerate(assigned)])) if len(objects) else float("nan")
    return {"J_mean": value, "objects": len(objects)}


def harmonic(precision: float, recall: float) -> float:
    """The F-measure, 0 where both are."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def assign(values: np.ndarray) -> list[int | None]:
    """For each row the column it is assigned, None for none, so that the sum of values is largest.

    ``values``: (N, M), not negative. Rows and columns are assigned once at most. The Hungarian method, by shortest
    augmenting paths (Jonker, Volgenant 1987), in O(n^2 m) with n the lesser of N and M, m the greater.
    """
    if len(values) > len(values.T):
        row_of = assign(values.T)
        return [row_of.index(row) if row in row_of else None for row in range(len(values))]
    n, m = values.shape
    cost = np.zeros((n + 1, m + 1))  # row and column 0 are aids
    cost[1:, 1:] = -values
    of_row, of_column = np.zeros(n + 1), np.zeros(m + 1)  # what a row or column may charge
    row_of_column = np.zeros(m + 1, int)
    for row in range(1, n + 1):
        row_of_column[0], column = row, 0
        slack, way, tried = np.full(m + 1, np.inf), np.zeros(m + 1, int), np.zeros(m + 1, bool)
        while row_of_column[column]:
            tried[column] = True
            current = row_of_column[column]
            reduced = cost[current] - of_row[current] - of_column
            better = ~tried & (reduced < slack)
            slack[better], way[better] = reduced[better], column
            following = int(np.where(tried, np.inf, slack).argmin())
            step = slack[following]
            of_row[row_of_column[tried]] += step
            of_column[tried] -= step
            slack[~tried] -= step
            column = following
        while column:
            row_of_column[column] = row_of_column[way[column]]
            column = way[column]
    assigned: list[int | None] = [None] * n
    for column in range(1, m + 1):
        if row_of_column[column]:
            assigned[row_of_column[column] - 1] = column - 1
    return assigned


def _table(
    rows: Iterable[Overlap], objects: np.ndarray | None = None, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shared pixels (objects, labels), and whose its rows and columns are."""
    rows = list(rows)
    objects = np.unique([row.object for row in rows]) if objects is None else objects
    labels = np.unique([row.label for row in rows]) if labels is None else labels
    table = np.zeros((len(objects), len(labels)))
    for row in rows:
        table[np.searchsorted(objects, row.object), np.searchsorted(labels, row.label)] += row.pixels
    return table, objects, labels

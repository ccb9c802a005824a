"""Scoring one sequence, frame by frame.

Memory does not grow with a sequence: of the frames before, no more than a few outlines are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vosmem import bits, davis2016, png
from vosmem.errors import UserError
from vosmem.evaluate import measures, protocols, stability
from vosmem.evaluate.tables import MEASURES, SUMMARY, FrameScore, SequenceScores, Value, write_frames

T = TypeVar("T")
Numbered = Sequence[T] | Mapping[int, T]  # of a sequence's frames: all, or those that are needed
TOGETHER = 24  # frames whose T is worked out at once
FEWEST = 3  # frames of a sequence, of which the first and the last are not scored


def run(description: Path, masks: Path, out: Path, settings: Mapping[str, Any]) -> int:
    """Score a described sequence's masks, in the folder ``masks``, and write its frames' values to ``out``.

    ``settings``: the config's section. A sequence without annotations gets a table without rows. Returns the number of
    scored frames.
    """
    from vosmem.data import describe  # it imports OpenCV, which scoring folders does without

    sequence = describe.read(description)
    protocol = settings["protocol"]
    scores = SequenceScores(sequence.name)
    masked = sequence.mask_paths
    if sequence.scored and any(masked[1:-1] if protocol == "davis" else masked):
        scores = score_sequence(
            masked,
            [masks / f"{name}.png" for name in sequence.frame_names],
            sequence=sequence.name,
            frames=sequence.frame_names,
            measures=settings["measures"],
            protocol=protocol,
            merge_objects=settings["merge_objects"],
        )
    write_frames([scores], out, protocol)
    return scores.frames


def score_sequence(
    annotations: Sequence[Path | None],
    masks: Sequence[Path | None],
    *,
    sequence: str,
    frames: Sequence[str] | None = None,
    measures: str | Iterable[str] = MEASURES,
    protocol: str = "davis",
    merge_objects: bool = False,
    allow_missing: bool = False,
) -> SequenceScores:
    """Score the masks of a sequence.

    ``annotations``, ``masks``: (T) paths, frame by frame. An annotation None is a frame that is not scored; a mask None
    is a UserError, or counts as empty where ``allow_missing``. ``frames``: (T) names, those of the files by default.

    ``davis``: J and F of every annotated frame but the first and the last, and T since the frame before, which for the
    second frame is the first one's annotation; without T for those of DAVIS-2016's sequences that DAVIS leaves out.
    ``fbms`` and ``segtrack``: the overlaps of all annotated frames, all objects taken as one where ``merge_objects``.

    Raises UserError where a file cannot be used, or where there is nothing to score.
    """
    names = list(frames) if frames is not None else [_name(pair) for pair in zip(annotations, masks, strict=True)]
    wanted = to_score(annotations, masks, names, sequence, protocol, allow_missing)
    if protocol != "davis":
        return score_overlaps(annotations, masks, names, wanted, sequence, merge_objects)
    with_t = "T" in measures and davis2016.scored_for_t(sequence, len(names))
    return score_span(annotations, masks, names, wanted, sequence, "".join(measures), with_t)


def to_score(
    annotations: Sequence[Path | None],
    masks: Sequence[Path | None],
    names: Sequence[str],
    sequence: str,
    protocol: str,
    allow_missing: bool,
) -> list[int]:
    """The numbers of the frames that a protocol scores; what the arguments are is told at :func:`score_sequence`."""
    if protocol not in SUMMARY:
        raise UserError(f"protocol: got {protocol!r}, expected one of {', '.join(SUMMARY)}; choose one of these")
    if protocol == "davis" and len(names) < FEWEST:
        raise UserError(
            f"{sequence}: has {len(names)} frames, of which the first and the last are not scored; "
            f"give {FEWEST} or more, or leave the sequence out"
        )
    numbers = range(1, len(names) - 1) if protocol == "davis" else range(len(names))
    wanted = [number for number in numbers if annotations[number]]
    if not wanted:
        raise UserError(f"{sequence}: no frame to score has an annotation; add annotations, or leave the sequence out")
    absent = [names[number] for number in wanted if not masks[number]]
    if absent and not allow_missing:
        listed = ", ".join(absent[:3]) + (", ..." if len(absent) > 3 else "")
        raise UserError(
            f"{sequence}: {len(absent)} of {len(wanted)} frames to score have no mask ({listed}); "
            "write them, or say --allow-missing to count them as empty"
        )
    return wanted


def score_span(
    annotations: Numbered[Path | None],
    masks: Numbered[Path | None],
    names: Numbered[str],
    wanted: Sequence[int],
    sequence: str,
    measured: str,
    with_t: bool,
) -> SequenceScores:
    """The values of the frames ``wanted``, rising numbers, none the first: what one process does of a sequence."""
    scores = SequenceScores(sequence)
    changes = _Changes()
    for number in wanted:
        annotation = png.read_mask(annotations[number])
        mask = _read_like(masks[number], annotation, annotations[number], scores)
        scores.labelled += annotation.labelled + mask.labelled
        if with_t:
            if changes.last != number - 1:
                earlier = annotations[0] if number == 1 else masks[number - 1]
                changes.restart(number - 1, png.read_mask(earlier) if earlier else None)
            changes.add(number, mask)
        j = measures.region(mask.packed, annotation.packed) if "J" in measured else None
        f = _contour(mask, annotation) if "F" in measured else None
        scores.rows.append(FrameScore(names[number], j, f))
    if with_t:
        values = changes.values()
        scores.rows = [replace(row, T=values[number]) for row, number in zip(scores.rows, wanted, strict=True)]
    return scores


class _Changes:
    """T of frames that come one after the other, worked out several at a time."""

    def __init__(self) -> None:
        self.last = -1  # the number of the last frame
        self._described: list[np.ndarray | None] = []
        self._values: dict[int, Value] = {}

    def restart(self, number: int, mask: png.Mask | None) -> None:
        """Go on from a frame that is not itself asked for."""
        self._work_out()
        self.last, self._described = number, [mask and _describe(mask)]

    def add(self, number: int, mask: png.Mask) -> None:
        self._described.append(_describe(mask))
        self.last = number
        if len(self._described) > TOGETHER:
            self._work_out()

    def values(self) -> dict[int, Value]:
        """By number of frame, the change since the frame before; None where one of the two has no outline."""
        self._work_out()
        return self._values

    def _work_out(self) -> None:
        found = stability.instabilities(self._described) if self._described else []
        for number, value in enumerate(found, self.last - len(found) + 1):
            self._values[number] = None if math.isnan(value) else value
        self._described = self._described[-1:]


def _name(pair: tuple[Path | None, Path | None]) -> str:
    path = pair[1] or pair[0]
    return Path(path).stem if path else ""


def _read_like(path: Path | None, annotation: png.Mask, annotation_path: Path, scores: SequenceScores) -> png.Mask:
    """A mask of the annotation's size; an empty one where there is no file."""
    if path is None:
        scores.missing += 1
        return png.Mask(np.zeros_like(annotation.packed), annotation.width, labelled=False)
    mask = png.read_mask(path)
    if mask.size != annotation.size:
        raise _other_size(path, mask.size, annotation_path, annotation.size)
    return mask


def _other_size(path: Path, got: Sequence[int], annotation: Path, expected: Sequence[int]) -> UserError:
    return UserError(
        f"{path}: {got[1]}x{got[0]} pixels, its annotation {annotation} has {expected[1]}x{expected[0]}; "
        "write masks at the annotations' size"
    )


def _describe(mask: png.Mask) -> np.ndarray | None:
    return stability.describe(bits.unpack(mask.packed, mask.width))


def _contour(mask: png.Mask, annotation: png.Mask) -> float:
    return measures.contour(mask.packed, annotation.packed, mask.width, measures.radius(mask.size))


def score_overlaps(
    annotations: Numbered[Path | None],
    masks: Numbered[Path | None],
    names: Numbered[str],
    wanted: Sequence[int],
    sequence: str,
    merge_objects: bool,
) -> SequenceScores:
    """The overlaps of the frames ``wanted``, with the colours or numbers of objects as labels."""
    scores = SequenceScores(sequence)
    for number in wanted:
        annotation = png.read_labels(annotations[number])
        mask = np.zeros_like(annotation) if masks[number] is None else png.read_labels(masks[number])
        scores.missing += masks[number] is None
        if mask.shape != annotation.shape:
            raise _other_size(masks[number], mask.shape, annotations[number], annotation.shape)
        if merge_objects:
            annotation, mask = (annotation != 0).astype(np.uint8), (mask != 0).astype(np.uint8)
        scores.rows += protocols.overlaps(names[number], annotation, mask)
    return scores

"""Scoring on several cores: sequences are cut into spans of frames, and the spans' values put together again."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from vosmem import davis2016
from vosmem.errors import UserError
from vosmem.evaluate import stage
from vosmem.evaluate.folders import Paired
from vosmem.evaluate.tables import SequenceScores

SPAN = 24  # frames; short enough that all cores end together


@dataclass(frozen=True)
class How:
    """What is measured: see :func:`vosmem.evaluate.stage.score_sequence`."""

    measures: str
    protocol: str
    merge_objects: bool
    allow_missing: bool


def score(pairs: Sequence[Paired], how: How, jobs: int, done: Callable[[SequenceScores], None]) -> list[SequenceScores]:
    """The scores of all sequences in order; ``done`` is called with each as it is complete."""
    spans = [span for pair in pairs for span in _spans(pair, how)]
    whole: list[SequenceScores] = []
    for span, part in zip(spans, _results(spans, how, min(jobs, len(spans))), strict=True):
        if whole and whole[-1].sequence == span.sequence:
            whole[-1].rows += part.rows
            whole[-1].missing += part.missing
            whole[-1].labelled += part.labelled
            continue
        if whole:
            done(whole[-1])
        whole.append(part)
    done(whole[-1])
    return whole


@dataclass(frozen=True)
class Span:
    """Frames of a sequence to score, by number; of the files only those that they take, since it is sent to a process.

    ``with_t``: whether their T is scored.
    """

    sequence: str
    wanted: list[int]
    annotations: dict[int, Path]
    masks: dict[int, Path | None]
    names: dict[int, str]
    with_t: bool


def _spans(pair: Paired, how: How) -> list[Span]:
    """A sequence in spans."""
    wanted = stage.to_score(pair.annotations, pair.masks, pair.frames, pair.sequence, how.protocol, how.allow_missing)
    with_t = "T" in how.measures and davis2016.scored_for_t(pair.sequence, len(pair.frames))
    return [_span(pair, wanted[i : i + SPAN], with_t) for i in range(0, len(wanted), SPAN)]


def _span(pair: Paired, wanted: list[int], with_t: bool) -> Span:
    before = {number - 1 for number in wanted if number}  # T is of a frame and the one before, or the first annotation
    taken = {0, *before, *wanted}
    lists = (pair.annotations, pair.masks, pair.frames)
    return Span(pair.sequence, wanted, *({n: of[n] for n in taken} for of in lists), with_t)


def _results(spans: Sequence[Span], how: How, jobs: int) -> Iterator[SequenceScores]:
    work = [(span, how) for span in spans]
    if jobs == 1:
        yield from map(_score, work)
        return
    # Fresh processes, not copies: a copy of one whose other threads hold a lock waits for it for ever. And an executor,
    # not a pool, which waits for ever for what a worker was at that was killed.
    executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        yield from executor.map(_score, work)
    except BrokenProcessPool:
        raise UserError(
            f"a process of {jobs} was killed, perhaps for want of memory; run again with --jobs {max(1, jobs // 2)}"
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)


def _score(work: tuple[Span, How]) -> SequenceScores:
    span, how = work
    of = (span.annotations, span.masks, span.names, span.wanted, span.sequence)
    if how.protocol == "davis":
        return stage.score_span(*of, how.measures, span.with_t)
    return stage.score_overlaps(*of, how.merge_objects)

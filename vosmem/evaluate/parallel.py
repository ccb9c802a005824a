"""Scoring on several cores: sequences are cut into spans of frames, and the spans' values put together again."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

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
    for (pair, *_), part in zip(spans, _results(spans, how, min(jobs, len(spans))), strict=True):
        if whole and whole[-1].sequence == pair.sequence:
            whole[-1].rows += part.rows
            whole[-1].missing += part.missing
            whole[-1].labelled += part.labelled
            continue
        if whole:
            done(whole[-1])
        whole.append(part)
    done(whole[-1])
    return whole


Span = tuple[Paired, list[int], bool]


def _spans(pair: Paired, how: How) -> list[Span]:
    """A sequence in spans: the frames to score, and whether their T is."""
    wanted = stage.to_score(pair.annotations, pair.masks, pair.frames, pair.sequence, how.protocol, how.allow_missing)
    with_t = "T" in how.measures and davis2016.scored_for_t(pair.sequence, len(pair.frames))
    return [(pair, wanted[i : i + SPAN], with_t) for i in range(0, len(wanted), SPAN)]


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
    (pair, wanted, with_t), how = work
    of = (pair.annotations, pair.masks, pair.frames, wanted, pair.sequence)
    if how.protocol == "davis":
        return stage.score_span(*of, how.measures, with_t)
    return stage.score_overlaps(*of, how.merge_objects)

"""Scoring on several cores: the same values, also where threads are at work, and an end where a process is killed."""

import os
import threading

import pytest

from tests.conftest import write_davis
from vosmem.errors import UserError
from vosmem.evaluate import folders, parallel

HOW = parallel.How("JF", "davis", merge_objects=False, allow_missing=False)


class Kills:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (3,)


def test_two_processes_give_what_one_does_whatever_threads_do(tmp_path):
    truth = write_davis(tmp_path, {"a": 4, "b": 5}) / "Annotations/480p"
    pairs = folders.pair(truth, truth, None)
    lock, stop = threading.Lock(), threading.Event()

    def busy():
        while not stop.is_set():
            with lock:
                bytearray(1 << 16)

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        told = []
        scores = parallel.score(pairs, HOW, 2, lambda done: told.append(done.sequence))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert scores == parallel.score(pairs, HOW, 1, lambda done: None)
    assert told == ["a", "b"]


def test_a_process_that_is_killed_ends_it_with_a_line():
    with pytest.raises(UserError, match=r"a process of 2 was killed, perhaps for want of memory; run again.*--jobs 1"):
        list(parallel._results([Kills()] * 3, HOW, 2))


def test_a_span_takes_of_the_files_what_it_scores(tmp_path, monkeypatch):
    """And the frames before, from which T starts: what is sent to processes grows with a video's length, no faster."""
    monkeypatch.setattr(parallel, "SPAN", 2)
    truth = write_davis(tmp_path, {"a": 9}) / "Annotations/480p"
    (pair,) = folders.pair(truth, truth, None)
    spans = parallel._spans(pair, parallel.How("JFT", "davis", False, False))
    assert [span.wanted for span in spans] == [[1, 2], [3, 4], [5, 6], [7]]
    assert [sorted(span.masks) for span in spans] == [[0, 1, 2], [0, 2, 3, 4], [0, 4, 5, 6], [0, 6, 7]]
    assert spans[1].masks[3] == truth / "a/00003.png" and spans[1].names[3] == "00003"

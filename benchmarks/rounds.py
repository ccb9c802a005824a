"""Timings that can be compared on a shared machine: what is compared takes turns, and each keeps its best round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def fastest(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of the fastest of ``rounds`` runs of each, after one that does not count."""
    best = dict.fromkeys(work, float("inf"))
    for turn in range(rounds + 1):
        for name, run in work.items():
            begin = time.perf_counter()
            run()
            if turn:
                best[name] = min(best[name], time.perf_counter() - begin)
    return best

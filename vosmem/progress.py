"""How far a piece of work is: told by what writes frames, shown by whoever waits for them.

A stage knows nothing of it. The writers of caches and masks tell each frame that they write; whoever watches shows it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

ON_A_TERMINAL, IN_A_LOG = 0.2, 30.0  # seconds between two lines at least

_watching: ContextVar[Progress | None] = ContextVar("watching", default=None)


class Progress:
    """A line on ``stream`` about some work: redrawn in place on a terminal, elsewhere a line now and then.

    ``total``: how many frames there are to be, None where that is not known yet.
    """

    def __init__(
        self,
        what: str,
        unit: str = "frames",
        total: int | None = None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.what, self.unit, self.total, self.done = what, unit, total, 0
        self._stream, self._clock = stream or sys.stderr, clock
        self._on_a_terminal = self._stream.isatty()
        self._shown = clock()  # when a line was last written
        self._first: tuple[float, int] | None = None  # when the first frames were done, and how many

    def advance(self, count: int, total: int | None = None) -> None:
        """``count`` more are done, of ``total`` where the one who tells knows it."""
        self.done += count
        self.total = self.total or total
        now = self._clock()
        self._first = self._first or (now, self.done)
        if now - self._shown >= (ON_A_TERMINAL if self._on_a_terminal else IN_A_LOG):
            self._shown = now
            self._write(self.line(now))

    def line(self, now: float) -> str:
        """What is done, how fast it goes, and how long it will take still."""
        parts = [f"{self.what}: {self.done} of {self.total}" if self.total else f"{self.what}: {self.done}"]
        parts[0] += f" {self.unit}"
        begin, before = self._first or (now, 0)
        if now > begin and self.done > before:  # not from the start: the first frame waits for networks to be loaded
            rate = (self.done - before) / (now - begin)
            parts.append(f"{rate:.1f} a second")
            if self.total and self.total > self.done:
                parts.append(f"{duration((self.total - self.done) / rate)} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Clear the line that stands on a terminal."""
        if self._on_a_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _write(self, line: str) -> None:
        self._stream.write(f"\r{line}\x1b[K" if self._on_a_terminal else f"{line}\n")
        self._stream.flush()


def advance(count: int, total: int | None = None) -> None:
    """Tell whoever watches, if anyone does, that ``count`` more frames are done, of ``total``."""
    watching = _watching.get()
    if watching is not None:
        watching.advance(count, total)


@contextmanager
def watched(progress: Progress) -> Iterator[Progress]:
    """Show on ``progress`` what is told while the block runs."""
    token = _watching.set(progress)
    try:
        yield progress
    finally:
        _watching.reset(token)
        progress.close()


def duration(seconds: float) -> str:
    """A time to wait, as coarsely as one would say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"

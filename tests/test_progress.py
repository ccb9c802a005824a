"""Progress: one line, redrawn on a terminal, now and then in a log."""

import io

import numpy as np
import pytest

from vosmem import cache, progress, video
from vosmem.arguments import timed
from vosmem.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def run(stream, steps, seconds, total=10):
    clock = Clock()
    shown = Progress("flow", "frames", total, stream, clock)
    for _ in range(steps):
        clock.now += seconds
        shown.advance(1)
    shown.close()
    return stream.getvalue()


def test_a_terminal_sees_one_line_redrawn():
    told = run(Terminal(), 4, 2.0)
    assert "\n" not in told
    lines = [line.removesuffix("\x1b[K") for line in told.split("\r")[1:]]
    assert lines[0] == "flow: 1 of 10 frames"
    assert lines[1] == "flow: 2 of 10 frames, 0.5 a second, 16 s left"
    assert lines[3] == "flow: 4 of 10 frames, 0.5 a second, 12 s left"
    assert lines[-1] == ""


def test_a_terminal_is_not_flooded():
    assert len(run(Terminal(), 100, 0.01, total=100).split("\r")) <= 1 + 1 + 5


def test_a_log_is_told_now_and_then():
    lines = run(io.StringIO(), 100, 1.0, total=200).splitlines()
    assert lines == [
        "flow: 30 of 200 frames, 1.0 a second, 3 min left",
        "flow: 60 of 200 frames, 1.0 a second, 2 min left",
        "flow: 90 of 200 frames, 1.0 a second, 2 min left",
    ]
    assert run(io.StringIO(), 3, 1.0) == ""


def test_a_total_that_nobody_knows():
    told = run(Terminal(), 3, 1.0, total=None)
    assert "flow: 3 frames, 1.0 a second" in told
    assert "left" not in told


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.2, "1 s"), (89, "89 s"), (95, "2 min"), (5340, "89 min"), (7500, "2 h 05 min")]
)
def test_times_to_wait(seconds, expected):
    assert progress.duration(seconds) == expected


def test_written_frames_are_told(tmp_path):
    """Of a cache file its first data set, with its length; each mask or frame that is written as an image."""
    with progress.watched(Progress("x", stream=io.StringIO())) as shown:
        maker = cache.Maker("flow", 1, "dis")
        with cache.write(tmp_path / "a.h5", cache.Clip("a", ("0", "1", "2"), (4, 4)), maker) as file:
            for name in ("first", "second"):
                file.create(name, (4, 4))
                file.append(name, np.zeros((3, 4, 4)))
        assert (shown.done, shown.total) == (3, 3)
        video.write_mask(tmp_path / "m.png", np.zeros((3, 3), bool))
        assert shown.done == 4
    progress.advance(1)
    assert shown.done == 4


def test_how_long_it_took_is_told_in_the_end(capsys):
    with timed("flow a", total=2) as count:
        progress.advance(2)
        count.append(2)
    told = capsys.readouterr().err
    assert told.startswith("flow a: 0.0 s, 2 frames, ")
    assert told.count("\n") == 1

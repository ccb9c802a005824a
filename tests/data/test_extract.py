"""Frames to images at working size, one at a time."""

import numpy as np
import pytest

from tests.data.test_shots import scene
from vosmem import video
from vosmem.data import extract
from vosmem.errors import UserError


def timed(*clips, rate=10.0):
    return [(t / rate, frame) for t, frame in enumerate(frame for clip in clips for frame in clip)]


def test_frames_times_and_shots(tmp_path):
    clips = scene(0, 10, 5), scene(1, 90, 4)
    done = extract.extract(timed(*clips), tmp_path / "x", 64)
    assert done.names == tuple(f"{t:05d}.png" for t in range(9))
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == sorted(done.names)
    assert (done.size, done.working_size) == ((72, 128), (64, 114))
    assert done.times == tuple(t / 10 for t in range(9))
    assert done.shots == [range(5), range(5, 9)]
    shown = video.read_frame(tmp_path / "x" / done.names[7])
    np.testing.assert_array_equal(shown, video.resize(clips[1][2], (64, 114)))


def test_shots_need_not_be_looked_for(tmp_path):
    done = extract.extract(timed(scene(0, 10, 5), scene(1, 90, 4)), tmp_path, 64, cuts=False)
    assert done.shots == [range(9)]


def test_times_that_nobody_knows(tmp_path):
    done = extract.extract([(None, frame) for frame in scene(0, 10, 3)], tmp_path, 64)
    assert done.times == ()


def test_frames_are_taken_one_by_one(tmp_path):
    """Of a generator no more is alive than the frame that is written and those that cuts are looked for in."""
    import weakref

    alive = []

    def frames():
        for t in range(20):
            frame = np.full((40, 60, 3), t, np.uint8)
            alive.append(weakref.ref(frame))
            yield float(t), frame
            assert sum(ref() is not None for ref in alive) <= 6

    assert len(extract.extract(frames(), tmp_path, 64).names) == 20


@pytest.mark.parametrize(
    ("sizes", "message"),
    [([], "the video holds no frames"), ([(9, 8), (9, 8), (8, 9)], "frame 2: 9x8 pixels, the first has 8x9; bring")],
)
def test_what_cannot_be_used(tmp_path, sizes, message):
    with pytest.raises(UserError, match=message):
        extract.extract([(0.0, np.zeros((*size, 3), np.uint8)) for size in sizes], tmp_path, 64)

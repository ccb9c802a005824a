"""The choice of training clips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosmem.memory import clips


def choose(
    seed=0, lengths=(20, 6), shapes=((30, 54), (30, 54)), clip_length=14, stride=1, crop=(16, 24), flip=True, stop=0.2
):
    return clips.choose(np.random.default_rng(seed), lengths, shapes, clip_length, stride, crop, flip, stop)


@given(
    st.integers(0, 10**6),
    st.integers(1, 40),
    st.integers(1, 20),
    st.integers(1, 6),
    st.tuples(st.integers(4, 60), st.integers(4, 60)),
    st.floats(0, 1),
)
def test_every_clip_lies_inside_its_sequence(seed, length, clip_length, stride, crop, stop_and_go):
    clip = choose(seed, (length,), ((30, 54),), clip_length, stride, crop, True, stop_and_go)
    assert len(clip.frames) == len(clip.still) == min(clip_length, length)
    assert clip.frames.min() >= 0
    assert clip.frames.max() < length
    rows, columns = clip.window
    assert 0 <= rows.start < rows.stop <= 30
    assert rows.stop - rows.start == min(crop[0], 30)
    assert 0 <= columns.start < columns.stop <= 54
    assert columns.stop - columns.start == min(crop[1], 54)


def test_a_stopped_object_stands_on_one_frame_at_one_end():
    ends = set()
    for seed in range(50):
        clip = choose(seed, (20,), ((30, 54),), stop=1.0)
        assert clip.still.sum() == clips.STOPPED
        still = clip.frames[clip.still]
        moving = clip.frames[~clip.still]
        assert (np.diff(moving) == 1).all()
        at_start = bool(clip.still[0])
        ends.add(at_start)
        assert (still == (moving[0] if at_start else moving[-1])).all()
    assert ends == {True, False}


def test_shares_are_those_asked_for():
    drawn = [choose(seed) for seed in range(2000)]
    assert np.mean([c.still.any() for c in drawn]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([c.flip for c in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([c.sequence for c in drawn]) == pytest.approx(0.5, abs=0.04)


def test_one_setting_does_not_change_the_clips_of_another():
    for seed in range(20):
        with_flip, without = choose(seed), choose(seed, flip=False, stop=0)
        assert with_flip.sequence == without.sequence
        assert with_flip.window == without.window


def test_streams_are_left_out_of_a_share_of_the_clips_and_nothing_else_changes():
    def drawn(seed, dropout):
        rng = np.random.default_rng(seed)
        return [clips.choose(rng, (20, 6), ((30, 54),) * 2, 5, 3, (16, 24), True, 0.2, None, dropout) for _ in "12"]

    without = []
    for seed in range(1000):
        for one, other in zip(drawn(seed, 0), drawn(seed, 0.4), strict=True):
            assert one.without == ""
            assert (one.sequence, one.window, one.flip) == (other.sequence, other.window, other.flip)
            assert (one.frames == other.frames).all()
            without.append(other.without)
    for stream in ("appearance", "motion"):
        assert np.mean([w == stream for w in without]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([a == b for a, b in zip(without[::2], without[1::2], strict=True)]) < 0.6  # 0.44 by chance


def test_neighbours_are_equally_far_apart_as_far_as_the_sequence_allows():
    apart = {int(d) for seed in range(100) for d in np.diff(choose(seed, (20,), ((30, 54),), 5, 3, stop=0).frames)}
    assert apart == {1, 2, 3}
    assert (np.diff(choose(0, (6,), ((30, 54),), 5, 3, stop=0).frames) == 1).all()
    for seed in range(20):
        assert len(set(np.diff(choose(seed, (20,), ((30, 54),), 5, 4, stop=0).frames))) == 1


def test_no_crop_takes_the_whole_frame():
    assert choose(crop=None).window == (slice(0, 30), slice(0, 54))


@given(
    st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 8), st.integers(1, 4),
    st.lists(st.integers(0, 39), min_size=1, max_size=3), st.floats(0, 1),
)  # fmt: skip
def test_a_clip_shows_an_annotated_frame(seed, length, clip_length, stride, marked, stop_and_go):
    annotated = np.zeros(length, bool)
    annotated[[m % length for m in marked]] = True
    args = (np.random.default_rng(seed), (length,), ((30, 54),), clip_length, stride, None, False, stop_and_go)
    clip = clips.choose(*args, [annotated])
    assert clip.frames.min() >= 0 and clip.frames.max() < length
    assert annotated[clip.frames].any()


def test_every_annotated_frame_is_shown_and_dense_annotation_changes_nothing():
    shown, everywhere = set(), [np.ones(20, bool), np.ones(6, bool)]
    sparse = [np.isin(np.arange(20), (0, 9)), np.isin(np.arange(6), (5,))]
    for seed in range(200):
        args = ((20, 6), ((30, 54), (30, 54)), 5, 2, (16, 24), True, 0.2)
        clip = clips.choose(np.random.default_rng(seed), *args, sparse)
        shown |= {(clip.sequence, int(t)) for t in clip.frames if sparse[clip.sequence][t]}
        given, without = (clips.choose(np.random.default_rng(seed), *args, *more) for more in ([everywhere], []))
        np.testing.assert_array_equal(given.frames, without.frames)
        assert given.window == without.window
    assert shown == {(0, 0), (0, 9), (1, 5)}

"""Cuts: found where the scene changes, and nowhere else."""

import cv2
import numpy as np
import pytest

from vosmem import video
from vosmem.data import layout
from vosmem.data.shots import Detector


def scene(seed, hue, length, pan=2.0, size=(72, 128)):
    """A camera that pans ``pan`` pixels a frame over a blurred texture of one range of colours: (T, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    wide = size[1] + int(abs(pan) * length) + 1
    hsv = np.dstack([
        rng.integers(hue, hue + 40, (size[0], wide)), rng.integers(60, 200, (size[0], wide)),
        rng.integers(0, 256, (size[0], wide)),
    ]).astype(np.uint8)  # fmt: skip
    texture = cv2.cvtColor(cv2.GaussianBlur(hsv, (0, 0), 3), cv2.COLOR_HSV2BGR)
    starts = [int(pan * t) for t in range(length)]
    return np.stack([texture[:, s : s + size[1]] for s in starts])


def starts(*clips):
    detector = Detector()
    for clip in clips:
        for frame in clip:
            detector.add(frame)
    return detector.starts()


def test_a_shot_is_one_shot():
    assert starts(scene(0, 10, 12)) == [0]
    assert starts(scene(0, 10, 12, pan=0)) == [0]


def test_nothing_has_no_shots():
    assert starts() == []


@pytest.mark.parametrize("lengths", [(12, 12), (2, 12), (12, 1), (1, 1), (9, 7, 8)])
def test_cuts_are_found_where_they_are(lengths):
    clips = [scene(k, 10 + 50 * k, length, pan=1 + k) for k, length in enumerate(lengths)]
    assert starts(*clips) == [0, *np.cumsum(lengths)[:-1]]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length):
    clip = scene(0, 10, 14)
    clip[6 : 6 + length] = 250
    assert starts(clip) == [0]


def test_frames_of_noise_for_a_moment_are_no_cut():
    clip = scene(0, 10, 14)
    clip[6] = np.random.default_rng(1).integers(0, 256, clip[6].shape)
    assert starts(clip) == [0]


def test_a_cut_after_a_flash_is_a_cut():
    clip = scene(0, 10, 14)
    clip[6] = 250
    assert starts(clip, scene(1, 90, 12)) == [0, 14]


def test_another_light_is_no_cut():
    clip = scene(0, 10, 14)
    darker = (clip[7:] * 0.8).astype(np.uint8)
    assert starts(clip[:7], darker) == [0]


def test_change_that_lasts_is_motion():
    """Each frame of something wild is unlike the one before."""
    rng = np.random.default_rng(0)
    assert starts([np.full((40, 60, 3), rng.integers(0, 256, 3), np.uint8) for _ in range(20)]) == [0]


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3), (16, 16)])
def test_any_size(size):
    black, white = np.zeros((4, *size, 3), np.uint8), np.full((4, *size, 3), 255, np.uint8)
    assert starts(black) == starts(black, white) == [0]
    assert starts(scene(0, 10, 4, size=size)) == [0]


def test_real_sequences(davis2016):
    """Fast ones, each without a cut inside; one after the other with a cut between any two."""
    names = ["mallard-fly", "motocross-bumps", "drift-turn", "hockey"]
    clips = []
    for name in names:
        paths = layout.images(davis2016 / "JPEGImages/480p" / name)[:24]
        clips.append([video.resize(cv2.imread(str(p), cv2.IMREAD_REDUCED_COLOR_4), (60, 107)) for p in paths])
    assert starts(*clips) == [0, *np.cumsum([len(clip) for clip in clips])[:-1]]

"""A video to masks, whatever its size, length and cuts: nothing is kept, and nothing grows."""

import weakref

import numpy as np
import pytest

import vosmem
from tests.pipeline.conftest import bright, moving
from vosmem.errors import UserError
from vosmem.pipeline import segmentation


def run(frames, folder, **options):
    stages = segmentation.ready("cpu", 1, 64)
    return segmentation.run(((None, frame) for frame in frames), folder, stages, 64, **options)


@pytest.mark.parametrize("size", [(60, 90), (90, 60), (61, 33), (16, 16), (40, 200), (270, 480), (2160, 3840)])
def test_masks_lie_on_the_object_at_any_size(bright_stages, size):
    frames = moving(3, size)
    masks = vosmem.segment((frame for frame in frames), device="cpu", short_side=64)
    expected = bright(frames)
    assert masks.shape == expected.shape
    assert (masks & expected).sum() / (masks | expected).sum() > 0.85


def test_a_path_will_do(bright_stages, folder_of, tmp_path):
    path = folder_of(moving(3))
    expected = vosmem.segment([frame[..., ::-1] for frame in moving(3)], device="cpu", short_side=64)
    for given in (path, str(path)):
        np.testing.assert_array_equal(vosmem.segment(given, device="cpu", short_side=64), expected)
    for wrong, message in ((tmp_path, "is a folder of videos; give one of them"), (tmp_path / "no", "no such file")):
        with pytest.raises(UserError, match=message):
            vosmem.segment(wrong, device="cpu", short_side=64)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3)])
def test_the_smallest_frames(bright_stages, size):
    assert vosmem.segment([np.full((*size, 3), 255, np.uint8)] * 2, device="cpu", short_side=64).all()


def test_shots_are_segmented_one_by_one_and_joined(bright_stages, tmp_path):
    clips = moving(5, background=0), moving(4, background=1), moving(6, background=2)
    frames = np.concatenate(clips)
    done = run(frames, tmp_path)
    assert [len(shot) for shot in bright_stages.shots] == [5, 4, 6]
    assert done.shots == (range(5), range(5, 9), range(9, 15))
    assert len(done) == 15
    for masks in (np.stack(list(done.masks())), np.stack(list(done.probabilities())) > 0.5):
        np.testing.assert_array_equal(masks, np.concatenate([np.stack(list(run(c, tmp_path / str(k)).masks()))
                                                             for k, c in enumerate(clips)]))  # fmt: skip


def test_frames_are_let_go_one_by_one(bright_stages):
    held, refs = [], []

    def frames():
        for frame in moving(12):
            own = frame.copy()
            refs.append(weakref.ref(own))
            held.append(sum(ref() is not None for ref in refs))
            yield own

    assert len(vosmem.segment(frames(), device="cpu", short_side=64)) == 12
    assert max(held) <= 2  # this one, and the one before in the loop that asks for it


def test_cuts_need_not_be_looked_for(bright_stages, tmp_path):
    run(np.concatenate([moving(5, background=0), moving(4, background=1)]), tmp_path, cuts=False)
    assert [len(shot) for shot in bright_stages.shots] == [9]


def test_what_was_read_for_the_last_time_is_deleted(bright_stages, tmp_path):
    run(np.concatenate([moving(5, background=0), moving(4, background=1)]), tmp_path)
    left = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert left == [*(f"masks/{t:05d}.png" for t in range(9)), "probability/00000.h5", "probability/00005.h5"]


def test_temporary_files_are_gone_in_the_end(bright_stages, tmp_path):
    vosmem.segment(moving(), device="cpu", short_side=64, work=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="frame 1: "):
        vosmem.segment([*moving(1), *moving(1, (30, 30))], device="cpu", short_side=64, work=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_long_shot_is_tried_first_and_refused_where_it_does_not_fit(bright_stages, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 2_000_000})
    monkeypatch.setattr("vosmem.room.shutil.disk_usage", lambda folder: usage)
    frames = moving(40, (32, 48))
    run(frames, tmp_path / "fits")
    assert [len(shot) for shot in bright_stages.shots] == [1, 40]
    bright_stages.states = lambda working_size: 1_000_000
    message = (
        r"x: segmenting 40 frames, of which the longest shot has 40, takes 4\d MB of disk, 2 MB are free; make room"
    )
    with pytest.raises(UserError, match=message):
        run(frames, tmp_path / "x")


def test_how_far_it_is_goes_to_stderr(bright_stages, tmp_path, capsys):
    run(np.concatenate([moving(5, background=0), moving(4, background=1)]), tmp_path)
    told = capsys.readouterr()
    assert told.out == ""
    assert "frames: " in told.err
    assert "2 shots, cut before frame 5\n" in told.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"short_side": 10}, "short side: got 10, expected 64 to 2160 pixels"),
        ({"device": "gpu"}, "device: got 'gpu', expected auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:99"}, "device: cuda:99, but PyTorch sees"),
        ({"work": "/no/such/folder"}, "/no/such/folder: no folder for temporary files can be made there"),
    ],
)
def test_options_that_cannot_be(bright_stages, options, message):
    with pytest.raises(UserError, match=message):
        vosmem.segment(moving(), **{"device": "cpu", **options})


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "the video holds no frames"),
        (np.zeros((2, 5, 5)), r"frames\[0\]: got float64 of shape \(5, 5\), expected uint8 of shape \(H, W, 3\)"),
        (np.zeros((2, 0, 5, 3), np.uint8), r"frames\[0\]: got uint8 of shape \(0, 5, 3\)"),
        ([np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)], "frame 1: 8x9 pixels, the first has 9x9"),
    ],
)
def test_frames_that_cannot_be_used(bright_stages, frames, message):
    with pytest.raises(UserError, match=message):
        vosmem.segment(frames, device="cpu", short_side=96)

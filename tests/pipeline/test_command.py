"""`vosmem segment`: what it writes beside what, and what it says of what it cannot use."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.pipeline.conftest import bright, moving
from tests.test_videofile import cut_short, turn
from vosmem import video, videofile
from vosmem.cli import main
from vosmem.pipeline.output import RECORD

NAMES = [f"frame-{t}.png" for t in range(4)]


def segment(source, out, *options):
    return main(["segment", *map(str, (source, "-o", out, "--short-side", 64, "--device", "cpu", *options))])


def masks(folder):
    paths = sorted((folder / "masks").iterdir())
    return [p.name for p in paths], np.stack([video.read_mask(p) for p in paths])


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def held(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != RECORD)


def test_a_folder_of_images_keeps_its_names_and_its_other_files(bright_stages, folder_of, tmp_path, capsys):
    source, out = folder_of(moving()), tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert segment(source, out, "--probability", "--overlay") == 0
    assert capsys.readouterr().out == f"{out / 'masks'}\n"
    assert held(out) == ["masks", "notes.txt", "overlay.mp4", "probability"]
    names, found = masks(out)
    assert names == NAMES == held(out / "probability")
    assert overlap(found, bright(moving())) > 0.85
    assert set(np.unique(cv2.imread(str(out / "masks/frame-0.png"), cv2.IMREAD_UNCHANGED))) == {0, 255}
    probability = cv2.imread(str(out / "probability/frame-0.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found[0], probability > 127)
    assert len(list(videofile.read(out / "overlay.mp4"))) == 4


def test_labels_for_other_tools(bright_stages, folder_of, tmp_path):
    assert segment(folder_of(moving()), tmp_path / "out", "--labels", "01") == 0
    assert set(np.unique(cv2.imread(str(tmp_path / "out/masks/frame-0.png"), cv2.IMREAD_UNCHANGED))) == {0, 1}


def test_images_are_taken_as_they_count(bright_stages, folder_of, tmp_path):
    """frame-10 comes after frame-9."""
    frames = moving(11)
    assert segment(folder_of(frames), tmp_path / "out") == 0
    assert bright_stages.shots == [tuple(f"{t:05d}.png" for t in range(11))]
    for t in (2, 10):
        assert overlap(video.read_mask(tmp_path / f"out/masks/frame-{t}.png"), bright(frames)[t]) > 0.85


@pytest.mark.parametrize("kind", ["grey", "alpha", "grey with 16 bits", "colour with 16 bits", "JPEG that is turned"])
def test_images_of_any_kind(bright_stages, tmp_path, kind):
    (tmp_path / "in").mkdir()
    expected = bright(moving())
    for t, frame in enumerate(moving()):
        grey = frame.min(axis=2)
        image = {
            "grey": grey,
            "alpha": np.dstack([frame, np.full(grey.shape, 90, np.uint8)]),
            "grey with 16 bits": grey.astype(np.uint16) * 256,
            "colour with 16 bits": frame.astype(np.uint16) * 256,
            "JPEG that is turned": frame,
        }[kind]
        if "JPEG" in kind:
            # an APP1 segment with one EXIF entry, orientation 6: shown turned clockwise
            entry = b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
            exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + b"\0\0\0\0"
            data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
            segment_ = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
            (tmp_path / f"in/frame-{t}.jpg").write_bytes(data[:2] + segment_ + data[2:])
        else:
            cv2.imwrite(str(tmp_path / f"in/frame-{t}.png"), image)
    if "JPEG" in kind:
        expected = np.rot90(expected, -1, axes=(1, 2))
    assert segment(tmp_path / "in", tmp_path / "out", "--overlay") == 0
    names, found = masks(tmp_path / "out")
    assert names == NAMES
    assert overlap(found, expected) > 0.85


@pytest.fixture
def film(tmp_path):
    """A video file of :func:`moving`, whose frames do not follow each other at one rate, and its times."""
    pytest.importorskip("av", reason="needs the extra `video`")
    times = [0.0, 0.04, 0.5, 0.6]
    videofile.write(tmp_path / "in.mp4", moving(), times)
    return tmp_path / "in.mp4", times


def test_a_video_file_and_its_overlay_at_the_same_times(bright_stages, film, tmp_path):
    path, times = film
    assert segment(path, tmp_path / "out", "--overlay") == 0
    names, found = masks(tmp_path / "out")
    assert names == [f"{t:05d}.png" for t in range(4)]
    assert overlap(found, bright(moving())) > 0.85
    shown = list(videofile.read(tmp_path / "out/overlay.mp4"))
    assert [time for time, _ in shown] == pytest.approx(times, abs=1e-3)
    for (_, frame), (_, before), mask in zip(shown, videofile.read(path), found, strict=True):
        change = np.abs(frame.astype(int) - before).max(axis=2)
        assert change[cv2.erode(mask.astype(np.uint8), np.ones((5, 5))) > 0].min() > 15
        assert np.median(change[~mask]) < 8


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1)])
def test_a_turned_video_comes_back_upright(bright_stages, film, tmp_path, matrix):
    path, _ = film
    turn(path, matrix)
    upright = bright([frame for _, frame in videofile.read(path)])
    assert segment(path, tmp_path / "out", "--overlay") == 0
    _, found = masks(tmp_path / "out")
    assert found.shape == upright.shape
    assert overlap(found, upright) > 0.85
    for _, frame in videofile.read(tmp_path / "out/overlay.mp4"):
        assert frame.shape == (*upright.shape[1:], 3)


def test_one_frame(bright_stages, tmp_path):
    pytest.importorskip("av", reason="needs the extra `video`")
    videofile.write(tmp_path / "in.mp4", moving(1), [0.0])
    assert segment(tmp_path / "in.mp4", tmp_path / "out", "--overlay", "--probability") == 0
    assert overlap(masks(tmp_path / "out")[1], bright(moving(1))) > 0.85


def test_shots_are_found_unless_told_otherwise(bright_stages, folder_of, tmp_path):
    source = folder_of(np.concatenate([moving(4), moving(3, background=1)]))
    assert segment(source, tmp_path / "out") == segment(source, tmp_path / "other", "--no-cuts") == 0
    assert [len(shot) for shot in bright_stages.shots] == [4, 3, 7]


def test_a_second_run_replaces_the_first_only_if_asked(bright_stages, folder_of, tmp_path, capsys):
    source, out = folder_of(moving()), tmp_path / "out"
    assert segment(source, out) == 0
    before = (out / "masks/frame-0.png").stat().st_ino
    assert segment(source, out) == 1
    assert "out/masks: is there already; give another folder to write to, or add --overwrite" in capsys.readouterr().err
    assert (out / "masks/frame-0.png").stat().st_ino == before
    assert segment(source, out, "--overwrite") == 0
    assert (out / "masks/frame-0.png").stat().st_ino != before
    assert held(out) == ["masks"]


def test_an_overlay_of_masks_that_are_there(bright_stages, folder_of, film, tmp_path, capsys):
    """Nothing is segmented for it, and it shows what was corrected by hand."""
    path, times = film
    assert segment(path, tmp_path / "out") == 0
    by_hand = np.zeros(moving().shape[1:3], bool)
    by_hand[:20, :30] = True
    video.write_mask(tmp_path / "out/masks/00002.png", by_hand)
    before = {p.name: p.read_bytes() for p in (tmp_path / "out/masks").iterdir()}
    capsys.readouterr()
    assert segment(path, tmp_path / "out", "--overlay") == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out/masks'}\n"
    assert "out/masks: is there already and stays, overlay.mp4 shows it; --overwrite makes both anew" in told.err
    assert len(bright_stages.shots) == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / "out/masks").iterdir()} == before
    shown = list(videofile.read(tmp_path / "out/overlay.mp4"))
    assert [time for time, _ in shown] == pytest.approx(times, abs=1e-3)
    expected = video.overlay(list(videofile.read(path))[2][1], by_hand)
    assert np.abs(shown[2][1].astype(int) - expected).mean() < 4
    assert segment(path, tmp_path / "out", "--overlay") == 1  # now both are there


def test_an_overlay_of_masks_that_are_not_of_the_video_is_refused(bright_stages, folder_of, tmp_path, capsys):
    out = tmp_path / "out"
    assert segment(folder_of(moving(4), "a"), out) == 0
    assert segment(folder_of(moving(5), "b"), out, "--overlay") == 1
    told = capsys.readouterr().err
    assert "out/masks: is there already, but does not hold a mask for each of the 5 frames of" in told
    (out / "masks/frame-3.png").unlink()
    video.write_mask(out / "masks/frame-3.png", np.ones((8, 6), bool))
    assert segment(tmp_path / "a", out, "--overlay") == 1
    assert "mask 3 of" in (told := capsys.readouterr().err) and "6x8 pixels, the frame has" in told
    assert held(out) == ["masks"]


# --- several videos


def several(*arguments):
    return main(["segment", *map(str, arguments), "--short-side", "64", "--device", "cpu"])


def test_what_shows_nothing_is_told(bright_stages, folder_of, tmp_path, capsys):
    assert segment(folder_of(np.zeros((3, 60, 90, 3), np.uint8)), tmp_path / "out") == 0
    assert "no object was found in any of 3 frames: the masks are empty" in capsys.readouterr().err
    assert segment(folder_of(moving(1), "one"), tmp_path / "other") == 0
    told = capsys.readouterr().err
    assert "one frame shows no motion" in told and "no object" not in told


def test_several_videos_go_to_folders_of_their_names(bright_stages, folder_of, film, tmp_path, capsys):
    path, _ = film
    other, out = folder_of(moving(3), "walk"), tmp_path / "out"
    assert several(path, other, "-o", out, "--overlay") == 0
    assert capsys.readouterr().out == f"{out / 'in/masks'}\n{out / 'walk/masks'}\n"
    assert held(out) == ["in", "walk"]
    assert held(out / "in") == held(out / "walk") == ["masks", "overlay.mp4"]
    assert held(out / "walk/masks") == NAMES[:3]
    assert overlap(masks(out / "in")[1], bright(moving())) > 0.85


def test_a_folder_of_videos_and_of_folders_of_images(bright_stages, folder_of, film, tmp_path):
    folder_of(moving(1), "all/b10")
    folder_of(moving(2), "all/b9")
    film[0].rename(tmp_path / "all/a b.mp4")
    (tmp_path / "all/notes.txt").write_text("not a video")
    (tmp_path / "all/empty").mkdir()
    assert several(tmp_path / "all", "-o", tmp_path / "out") == 0
    assert [len(shot) for shot in bright_stages.shots] == [4, 2, 1]  # a b, b9, b10
    assert held(tmp_path / "out") == ["a b", "b10", "b9"]


def test_links_to_folders_have_names_of_their_own(bright_stages, folder_of, tmp_path):
    for name in ("x", "y"):
        folder_of(moving(1), f"{name}/frames")
    (tmp_path / "all").mkdir()
    (tmp_path / "all/garden").symlink_to(tmp_path / "x/frames")
    (tmp_path / "all/street").symlink_to(tmp_path / "y/frames")
    assert several(tmp_path / "all", "-o", tmp_path / "out") == 0
    assert held(tmp_path / "out") == ["garden", "street"]


def test_a_folder_with_one_video_is_a_folder_of_videos(bright_stages, folder_of, tmp_path):
    folder_of(moving(1), "all/walk")
    assert several(tmp_path / "all", "-o", tmp_path / "out") == 0
    assert held(tmp_path / "out") == ["walk"]


def test_a_video_that_cannot_be_read_stops_no_other(bright_stages, folder_of, tmp_path, capsys):
    pytest.importorskip("av", reason="needs the extra `video`")
    for name in ("a", "c"):
        folder_of(moving(2), f"all/{name}")
    (tmp_path / "all/b.mp4").write_text("no video\n" * 99)
    folder_of(moving(1), "all/d")
    write_two_sizes(tmp_path / "all/d")
    assert several(tmp_path / "all", "-o", tmp_path / "out") == 1
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out/a/masks'}\n{tmp_path / 'out/c/masks'}\n"
    lines = [line for line in told.err.splitlines() if line.startswith("vosmem segment: ")]
    assert "b.mp4: cannot be opened as a video" in lines[0]
    assert "bring all images to one size" in lines[1]
    assert lines[2:] == ["vosmem segment: 2 of 4 videos were not segmented, see above: b, d"]
    assert held(tmp_path / "out") == ["a", "c"]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_a_video_too_large_for_memory_stops_no_other(bright_stages, folder_of, tmp_path, capsys, error):
    paths = [folder_of(moving(2), name) for name in ("one", "two")]
    run, left = bright_stages.run, [error]

    def short_of_memory(*given):
        if left:
            raise left.pop()
        return run(*given)

    bright_stages.run = short_of_memory
    assert several(*paths, "-o", tmp_path / "out") == 1
    told = capsys.readouterr().err
    assert "vosmem segment: not enough memory; let it have more" in told
    assert "1 of 2 videos were not segmented, see above: one" in told
    assert held(tmp_path / "out") == ["two"]


def test_the_same_command_goes_on_where_it_was_ended(bright_stages, folder_of, tmp_path, capsys):
    for name in ("a", "b", "c"):
        folder_of(moving(2), f"all/{name}")
    command, run = (tmp_path / "all", "-o", tmp_path / "out"), bright_stages.run
    bright_stages.run = lambda *a: run(*a) if len(bright_stages.shots) < 2 else signal.raise_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        several(*command)
    assert held(tmp_path / "out") == ["a", "b"]
    before = (tmp_path / "out/a/masks/frame-0.png").stat().st_ino
    bright_stages.run = run
    capsys.readouterr()
    assert several(*command) == 0
    told = capsys.readouterr()
    assert told.out.split() == [str(tmp_path / "out" / name / "masks") for name in "abc"]
    assert told.err.count("is there already and stays; --overwrite makes it anew") == 2
    assert len(bright_stages.shots) == 3
    assert (tmp_path / "out/a/masks/frame-0.png").stat().st_ino == before
    assert several(*command, "--overwrite") == 0
    assert len(bright_stages.shots) == 6


def test_images_that_are_links_to_nothing_are_told_when_it_is_their_turn(bright_stages, folder_of, tmp_path, capsys):
    for name in "abc":
        folder_of(moving(2), f"in/{name}")
    (tmp_path / "in/b/frame-1.png").unlink()
    (tmp_path / "in/b/frame-1.png").symlink_to(tmp_path / "nothing")
    assert several(tmp_path / "in", "-o", tmp_path / "out") == 1
    assert "b/frame-1.png: is a link" in capsys.readouterr().err
    assert held(tmp_path / "out") == ["a", "c"]


def test_what_is_wrong_for_all_is_told_once_and_first(bright_stages, folder_of, tmp_path, capsys):
    a, b = folder_of(moving(1), "x/walk"), folder_of(moving(1), "y/walk")
    for arguments, message in (
        ((a, b), f"{a} and {b}: would both go to {tmp_path / 'out/walk'}; rename one, or segment it by itself"),
        ((a, tmp_path / "none"), f"{tmp_path / 'none'}: no such file; give a video file or a folder of images"),
        ((a, tmp_path / "x", "--threads", 0), f"{a} and {a}: would both go"),
        ((tmp_path / "x", "--threads", 0), "threads: got 0, expected a whole number, at least 1"),
    ):
        assert several(*arguments, "-o", tmp_path / "out") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"vosmem segment: {message}")
        assert not (tmp_path / "out").exists()


# --- what goes wrong


def test_temporary_files_where_the_user_wants_them(bright_stages, folder_of, tmp_path, capsys):
    (tmp_path / "work").mkdir()
    seen = []
    bright_stages.states = lambda size: seen.append(held(tmp_path / "work")) or 0
    assert segment(folder_of(moving(33, (8, 8))), tmp_path / "out", "--work", tmp_path / "work") == 0
    ((name,),) = seen
    assert name.startswith(".vosmem-work.")
    assert held(tmp_path / "work") == []
    assert segment(tmp_path / "in", tmp_path / "work", "--work", tmp_path / "work") == 0
    assert held(tmp_path / "work") == ["masks"]
    assert segment(tmp_path / "in", tmp_path / "other", "--work", tmp_path / "nowhere") == 1
    assert "nowhere: no such folder; make it first, or leave out --work" in capsys.readouterr().err


def write_two_sizes(folder):
    cv2.imwrite(str(folder / "a.png"), np.zeros((20, 30, 3), np.uint8))
    cv2.imwrite(str(folder / "b.png"), np.zeros((30, 20, 3), np.uint8))


def write_two_suffixes(folder):
    cv2.imwrite(str(folder / "a.png"), np.zeros((20, 30, 3), np.uint8))
    cv2.imwrite(str(folder / "a.jpg"), np.zeros((20, 30, 3), np.uint8))


def write_a_cover(folder):
    cv2.imwrite(str(folder / "cover.jpg"), np.zeros((20, 30, 3), np.uint8))
    (folder / "b.mp4").touch()


UNUSABLE = {
    "videos and an image": (
        write_a_cover, "in", "in: holds images (cover.jpg) and videos (b.mp4), of which only one can be meant; give"
    ),
    "nothing": (lambda f: None, "in", "in: holds no images (.bmp, .jpeg, .jpg, .png"),
    "folders of nothing": (lambda f: (f / "a").mkdir(), "in", "no videos, no folders of images; give a video file"),
    "absent": (lambda f: None, "nowhere", "nowhere: no such file; give a video file or a folder of images"),
    "text": (lambda f: (f / "v.mp4").write_text("no video\n" * 99), "in/v.mp4", "v.mp4: cannot be opened as a"),
    "empty": (lambda f: (f / "v.mp4").write_bytes(b""), "in/v.mp4", "v.mp4: cannot be opened as a video; give a video"),
    "cut MP4": (lambda f: cut_short(f, "v.mp4"), "in/v.mp4", "v.mp4: breaks off or is damaged after"),
    "cut Matroska": (lambda f: cut_short(f, "v.mkv"), "in/v.mkv", "v.mkv: ends after 1."),
    "image that is none": (lambda f: (f / "a.png").write_bytes(b"x"), "in", "a.png: cannot be read as an image"),
    "two sizes": (write_two_sizes, "in", "in/b.png: 20x30 pixels, a.png has 30x20; bring all images to one size"),
    "two of one name": (write_two_suffixes, "in", "in: a.jpg and a.png would both have the mask a.png; rename one"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_input_that_cannot_be_used_is_one_line(bright_stages, tmp_path, capsys, case):
    make, name, message = UNUSABLE[case]
    if name.startswith("in/"):
        pytest.importorskip("av", reason="needs the extra `video`")
    (tmp_path / "in").mkdir()
    make(tmp_path / "in")
    assert segment(tmp_path / name, tmp_path / "out", "--overlay") == 1
    told = capsys.readouterr()
    (line,) = [line for line in told.err.splitlines() if not line.startswith("frames: ")]
    assert line.startswith("vosmem segment: ")
    assert message in line
    assert told.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "memory"),
    [
        ([], "lvo"),
        (["--weights", "shipped-isnet"], "lvo-isnet"),
        (["--weights", "w.safetensors"], "w.safetensors"),
    ],
)
def test_a_memory_of_ones_own_may_be_given(bright_stages, folder_of, tmp_path, monkeypatch, given, memory):
    monkeypatch.chdir(tmp_path)
    Path("w.safetensors").touch()
    assert segment(folder_of(moving(1)), tmp_path / "out", *given) == 0
    assert bright_stages.memory == Path(memory)


def test_a_file_that_is_no_memory_is_told(folder_of, tmp_path, capsys):
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    for name, told in (("w.safetensors", "not a readable weight file"), ("none.safetensors", "no such weight file")):
        assert segment(folder_of(moving(1)), tmp_path / "out", "--weights", tmp_path / name) == 1
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and told in err
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--short-side", 9], "short side: got 9, expected 64 to 2160 pixels"),
        (["--threads", 0], "threads: got 0, expected a whole number, at least 1"),
        (["--device", "gpu"], "device: got 'gpu', expected auto, cpu, cuda or cuda:N"),
    ],
)
def test_options_that_cannot_be_are_one_line(bright_stages, folder_of, tmp_path, capsys, options, message):
    assert segment(folder_of(moving(1)), tmp_path / "out", *options) == 1
    assert capsys.readouterr().err == f"vosmem segment: {message}\n"
    assert not (tmp_path / "out").exists()


@pytest.fixture
def as_nobody():
    """A folder, to be used as a user to whom permissions matter: not as root, who may do everything."""
    moving(1)  # imports what that user may not be able to read
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


def test_what_may_not_be_read_is_one_line(bright_stages, as_nobody, capsys):
    pytest.importorskip("av", reason="needs the extra `video`")
    film, folder = as_nobody / "in.mp4", as_nobody / "in"
    videofile.write(film, moving(1), [0.0])
    film.chmod(0)
    folder.mkdir(mode=0)
    for path in (film, folder):
        assert segment(path, as_nobody / "out") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"vosmem segment: {path}: may not be read")
    assert held(as_nobody) == ["in", "in.mp4"]


def test_what_may_not_be_written_is_one_line(bright_stages, as_nobody, capsys):
    (as_nobody / "in").mkdir()
    video.write_frame(as_nobody / "in/a.png", moving(1)[0])
    (as_nobody / "out").mkdir(mode=0o555)
    for out in (as_nobody / "out", as_nobody / "out/new"):
        assert segment(as_nobody / "in", out) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"vosmem segment: {as_nobody / 'out'}")
        assert "may not be read or written by this user (Permission denied); choose another place" in line
    assert held(as_nobody / "out") == []


def test_a_full_disk_ends_in_one_line(bright_stages, folder_of, tmp_path, monkeypatch, capsys):
    usage = type("Usage", (), {"free": 5_000_000})
    monkeypatch.setattr("vosmem.room.shutil.disk_usage", lambda folder: usage)
    bright_stages.states = lambda size: 2_000_000
    assert segment(folder_of(moving(33, (8, 8))), tmp_path / "out") == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert (
        "segmenting 33 frames, of which the longest shot has 33, takes 73 MB of disk, 5 MB are free; make room" in line
    )
    assert not (tmp_path / "out").exists()


def test_a_disk_that_runs_full_on_the_way(bright_stages, folder_of, tmp_path, monkeypatch, capsys):
    write = video.write_frame

    def full(path, image):
        if "masks" in str(path):
            raise OSError(28, "No space left on device", str(path))
        write(path, image)

    source = folder_of(moving())
    monkeypatch.setattr(video, "write_frame", full)
    assert segment(source, tmp_path / "out") == 1
    assert "no room left on the disk (No space left on device); make room there" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("lacking", ["PyAV", "libx264"])
def test_an_overlay_that_cannot_be_written_is_told_first(
    bright_stages, folder_of, tmp_path, monkeypatch, capsys, lacking
):
    """Not when all of the masks are there, to go with it."""
    av = type("av", (), {"codecs_available": {"h264"}}) if lacking == "libx264" else None
    monkeypatch.setitem(sys.modules, "av", av)
    assert segment(folder_of(moving()), tmp_path / "out", "--overlay") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line.startswith(f"vosmem segment: writing {tmp_path / 'out/overlay.mp4'} needs PyAV") and "pip install" in line
    )
    assert bright_stages.shots == [] and not (tmp_path / "out").exists()


def test_a_run_that_was_killed_leaves_nothing_once_there_is_another(bright_stages, folder_of, tmp_path):
    source, out = folder_of(moving()), tmp_path / "out"
    code = "import os, sys; from vosmem.whole import scratch\nwith scratch(sys.argv[1]): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, out / "vosmem"], check=False)
    (left,) = held(out)
    assert left.startswith(".vosmem.")
    assert segment(source, out) == 0
    assert held(out) == ["masks"]


def test_being_ended_leaves_nothing(bright_stages, folder_of, tmp_path):
    """As a scheduler ends a job, by SIGTERM."""
    source, handler = folder_of(moving()), signal.getsignal(signal.SIGTERM)
    bright_stages.run = lambda *_: signal.raise_signal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        segment(source, tmp_path / "out")
    assert stopped.value.code == 128 + signal.SIGTERM
    assert not (tmp_path / "out").exists()
    assert signal.getsignal(signal.SIGTERM) == handler

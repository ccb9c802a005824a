"""Stage data: every defect is found at once and named with its file and its mend."""

import json
import zlib
from itertools import chain

import cv2
import numpy as np
import pytest

from tests.data.test_shots import scene
from tests.test_png import write as write_png
from vosmem import video, videofile
from vosmem.cli import main
from vosmem.data import check, describe, layout
from vosmem.errors import UserError

FRAMES, MASKS = "JPEGImages/480p/left", "Annotations/480p/left"


def look(root, name="left", kind="davis", needs_masks=True, masks=None):
    return describe.describe(layout.Place(root, kind, masks=masks), name, 64, needs_masks, root / "made" / name)


def test_a_sound_sequence(tiny_davis, tmp_path):
    told = look(tiny_davis)
    assert told["frames"] == [f"{FRAMES}/{t:05d}.jpg" for t in range(5)]
    assert told["masks"] == [f"{MASKS}/{t:05d}.png" for t in range(5)]
    assert (told["size"], told["working_size"], told["defects"]) == ((64, 96), (64, 96), [])
    describe.write(tmp_path / "left.json", told)
    sequence = describe.read(tmp_path / "left.json")
    assert sequence.frame_names == ("00000", "00001", "00002", "00003", "00004")
    assert sequence.scored
    assert all(p.is_file() for p in (*sequence.frame_paths, *sequence.mask_paths))


@pytest.mark.parametrize(
    ("most", "taken"), [(0, range(5)), (5, range(5)), (9, range(5)), (3, range(1, 4)), (2, (1, 2))]
)
def test_some_frames_from_the_middle(tiny_davis, most, taken):
    """What is left out is as if it were not there: masks of other frames are no defect, and changes there none."""
    place = layout.Place(tiny_davis, frames=most)
    told = describe.describe(place, "left", 64, True, tiny_davis / "made")
    assert told["frames"] == [f"{FRAMES}/{t:05d}.jpg" for t in taken]
    assert told["masks"] == [f"{MASKS}/{t:05d}.png" for t in taken]
    assert not [d for d in told["defects"] if d["fatal"]]
    assert [len(part) for part in layout.sources(place, "left")] == [len(taken)] * 2


def test_a_number_of_frames_that_cannot_be(tiny_davis, tmp_path, capsys):
    command = ["data", "describe", "left", "--root", str(tiny_davis), "--frames", "-1", "-o", str(tmp_path / "x.json")]
    assert main(command) == 1
    assert capsys.readouterr().err.strip() == "vosmem data: --frames: got -1, expected 0 (all) or more"


def test_the_description_changes_exactly_when_files_do(tiny_davis):
    before = look(tiny_davis)
    assert look(tiny_davis) == before
    path = tiny_davis / MASKS / "00002.png"
    path.write_bytes(path.read_bytes())
    assert look(tiny_davis)["fingerprint"]["masks"] != before["fingerprint"]["masks"]


def spoil_all(root):
    """One of each defect in one sequence."""
    frames, masks = root / FRAMES, root / MASKS
    (frames / "00001.jpg").write_bytes(b"no image")
    cv2.imwrite(str(frames / "00002.jpg"), np.zeros((50, 96, 3), np.uint8))
    (masks / "00001.png").unlink()
    cv2.imwrite(str(masks / "00002.png"), np.zeros((64, 96, 4), np.uint8))
    (masks / "00003.png").write_bytes(b"no mask")
    cv2.imwrite(str(masks / "00004.png"), np.zeros((32, 96), np.uint8))
    cv2.imwrite(str(masks / "00009.png"), np.zeros((64, 96), np.uint8))


def test_every_defect_is_reported_at_once(tiny_davis, tmp_path):
    spoil_all(tiny_davis)
    told = look(tiny_davis)
    found = {(d["file"].rpartition("/")[2], d["what"], d["fatal"]) for d in told["defects"]}
    assert found == {
        ("00001.jpg", "cannot be read as an image", True),
        ("00002.jpg", "96x50 pixels, the sequence's first frame has 96x64", True),
        ("00001.png", "missing", True),
        ("00002.png", "has an alpha channel", False),
        ("00003.png", "cannot be read as a mask", True),
        ("00004.png", "96x32 pixels, the frames have 96x64", True),
        ("00009.png", "a mask without a frame", False),
    }
    assert told["empty_masks"] == 2  # allowed: the one with alpha, and the small one
    describe.write(tmp_path / "left.json", told)
    with pytest.raises(UserError) as caught:
        check.check([tmp_path / "left.json"], tmp_path / "defects.tsv")
    lines = str(caught.value).splitlines()
    assert lines[0] == "the data set has 5 defects that must be mended first:"
    assert len(lines) == 2 + 7
    assert all(d["mend"] in str(caught.value) for d in told["defects"])
    assert not (tmp_path / "defects.tsv").exists()
    with pytest.raises(UserError, match=r"00001.jpg: cannot be read as an image; replace the file"):
        describe.read(tmp_path / "left.json")


def test_two_frames_of_one_name_are_a_defect(tiny_davis):
    cv2.imwrite(str(tiny_davis / FRAMES / "00001.png"), np.zeros((64, 96, 3), np.uint8))
    (told,) = [d for d in look(tiny_davis)["defects"] if d["fatal"]]
    assert told["file"].endswith("00001.jpg")
    assert told["what"] == "has the name of 00001.png, and would have the same mask"


def test_a_link_that_leads_nowhere_is_told(tiny_davis):
    """As where data are kept elsewhere and were not fetched: the others would be taken for neighbours."""
    frame = tiny_davis / FRAMES / "00002.jpg"
    frame.unlink()
    frame.symlink_to(tiny_davis / "annex/gone.jpg")
    told = [d for d in look(tiny_davis)["defects"] if d["fatal"]]
    assert any(d["file"].endswith("00002.jpg") and "annex/gone.jpg, which is not there" in d["what"] for d in told)


@pytest.mark.parametrize(
    ("palette", "told"),
    [
        ([[255] * 3, [0] * 3], 1),  # the other way round
        ([[0] * 3, [255] * 3], 0),
        ([[0] * 3, [0] * 3], 1),  # all black
        ([[0] * 3], 1),  # number 1 has no colour
        ([[0] * 3, [1, 0, 0], [0] * 3], 0),  # a colour that no pixel has
    ],
)
@pytest.mark.parametrize("transparent", [False, True])
def test_a_palette_that_shows_another_object_is_told(tiny_davis, palette, told, transparent):
    """Training and overlays see colours, scores go by numbers."""
    values, path = np.zeros((64, 96), np.uint8), tiny_davis / MASKS / "00002.png"
    values[20:40, 30:60] = 1
    write_png(path, values, colour=3, palette=bytes(chain(*palette)))
    if transparent:  # a chunk behind the palette
        image, chunk = path.read_bytes(), b"tRNS" + bytes([0])
        at = image.index(b"IDAT") - 4
        path.write_bytes(image[:at] + b"\0\0\0\1" + chunk + zlib.crc32(chunk).to_bytes(4, "big") + image[at:])
    found = [d for d in look(tiny_davis)["defects"] if "by its palette's colours" in d["what"]]
    assert len(found) == told
    assert all(d["fatal"] and d["file"].endswith("00002.png") for d in found)


def test_no_masks_where_none_are_needed(tiny_davis):
    for path in (tiny_davis / MASKS).iterdir():
        path.unlink()
    assert [d["fatal"] for d in look(tiny_davis, needs_masks=False)["defects"]] == [False]
    assert [d["fatal"] for d in look(tiny_davis, needs_masks=True)["defects"]] == [True]


def test_an_absent_sequence(tiny_davis):
    (defect, *_) = look(tiny_davis, "nowhere")["defects"]
    assert (defect["what"], defect["fatal"]) == ("holds no images", True)


def test_short_sequences_are_segmented_not_scored(tiny_davis, tmp_path):
    for t in range(2, 5):
        (tiny_davis / FRAMES / f"{t:05d}.jpg").unlink()
        (tiny_davis / MASKS / f"{t:05d}.png").unlink()
    told = look(tiny_davis)
    assert [d["what"] for d in told["defects"]] == ["2 frames, fewer than 3"]
    describe.write(tmp_path / "a.json", told)
    assert not describe.read(tmp_path / "a.json").scored


def test_a_folder_of_images_has_no_masks(tiny_davis):
    told = look(tiny_davis / "JPEGImages/480p", "right", kind="folder", needs_masks=False)
    assert told["masks"] == [None] * 5
    assert told["defects"] == []


@pytest.fixture
def film(tmp_path):
    """A folder with one video file, which has two shots of 4 and 3 frames."""
    pytest.importorskip("av", reason="needs the extra `video`")
    frames = np.concatenate([scene(0, 10, 4), scene(1, 90, 3)])
    videofile.write(tmp_path / "videos/holiday 1.mp4", frames, [t / 10 for t in range(7)])
    return tmp_path / "videos"


def look_at_video(root, name, folder, needs_masks=False):
    return describe.describe(layout.Place(root, "videos"), name, 64, needs_masks, folder)


def test_a_video_file_is_a_sequence(film, tmp_path):
    folder = tmp_path / "data/holiday 1"
    told = look_at_video(film, "holiday 1", folder)
    assert (told["size"], told["working_size"]) == ((72, 128), (64, 114))
    assert [(d["file"], d["what"], d["fatal"]) for d in told["defects"]] == [
        ("holiday 1.mp4", "another shot begins at frame 00004", False)
    ]
    assert told == look_at_video(film, "holiday 1", folder)
    describe.write(tmp_path / "a.json", told)
    sequence = describe.read(tmp_path / "a.json")
    assert sequence.frame_names == tuple(f"{t:05d}" for t in range(7))
    assert sequence.times == pytest.approx([t / 10 for t in range(7)])
    assert sequence.clip.shots == [range(4), range(4, 7)]
    part = sequence.part(sequence.clip.shots[1])
    assert (part.frame_names, part.times) == (sequence.frame_names[4:], sequence.times[4:])
    assert part.clip.shots == [range(3)]
    assert [video.read_frame(p).shape for p in sequence.frame_paths] == [(64, 114, 3)] * 7
    assert not sequence.scored
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["holiday 1"]


def test_a_video_may_be_taken_as_one_shot(film, tmp_path):
    place = layout.Place(film, "videos", cuts=False)
    describe.write(tmp_path / "a.json", told := describe.describe(place, "holiday 1", 64, False, tmp_path / "x"))
    assert told["defects"] == []
    assert describe.read(tmp_path / "a.json").clip.shots == [range(7)]


def test_a_changed_video_changes_the_description(film, tmp_path):
    before = look_at_video(film, "holiday 1", tmp_path / "x")
    path = film / "holiday 1.mp4"
    path.write_bytes(path.read_bytes())
    assert look_at_video(film, "holiday 1", tmp_path / "x")["fingerprint"] != before["fingerprint"]
    assert layout.sources(layout.Place(film, "videos"), "holiday 1") == [[path]]


@pytest.mark.parametrize(
    ("name", "what", "mend"),
    [
        ("text", "cannot be opened as a video", "give a video file"),
        ("nowhere", "no such video file", "put it there, or take it off the list"),
        ("twice", "twice.mkv and twice.mp4 have the same name", "rename one"),
    ],
)
def test_a_video_that_cannot_be_used_is_a_defect(film, tmp_path, name, what, mend):
    (film / "text.mp4").write_text("no video")
    for suffix in ("mkv", "mp4"):
        (film / f"twice.{suffix}").write_bytes(b"")
    told = look_at_video(film, name, tmp_path / "x")
    (defect,) = told["defects"]
    assert (defect["what"], defect["fatal"]) == (what, True)
    assert mend in defect["mend"]
    assert not (tmp_path / "x").exists()
    describe.write(tmp_path / "a.json", told)
    with pytest.raises(UserError, match=f"{what}; "):
        describe.read(tmp_path / "a.json")


def test_a_video_has_nothing_to_train_on(film, tmp_path):
    told = look_at_video(film, "holiday 1", tmp_path / "x", needs_masks=True)
    assert [d["what"] for d in told["defects"] if d["fatal"]] == ["comes without annotations"]


def test_a_short_video_is_not_scored(film, tmp_path):
    videofile.write(film / "one.mp4", scene(0, 10, 1), [0.0])
    told = look_at_video(film, "one", tmp_path / "x")
    assert [d["what"] for d in told["defects"]] == ["1 frames, fewer than 3"]


def test_names_of_videos(film):
    (film / "notes.txt").write_text("")
    (film / ".hidden.mp4").write_text("")
    (film / "B.MOV").write_text("")
    (film / "folder.mp4").mkdir()
    assert layout.sequence_names(layout.Place(film, "videos")) == ["B", "holiday 1"]
    with pytest.raises(UserError, match="is no folder, expected a folder of video files"):
        layout.sequence_names(layout.Place(film / "none", "videos"))


def test_command_for_a_video(film, tmp_path, capsys):
    out = tmp_path / "data/holiday 1.json"
    command = ["data", "describe", "holiday 1", "--root", film, "--layout", "videos", "--short-side", 64, "-o", out]
    assert main([*map(str, command)]) == 0
    assert "data holiday 1: 7 frames, 1 remarks" in capsys.readouterr().err
    assert len(list((tmp_path / "data/holiday 1").iterdir())) == 7


def test_images_are_in_the_order_that_they_count(tmp_path):
    for name in ("a10.png", "a9.png", "a1.png", "b.png", "a01.png", "9.png", "10.jpg"):
        (tmp_path / name).write_bytes(b"")
    names = [p.name for p in layout.images(tmp_path)]
    assert names == ["9.png", "10.jpg", "a01.png", "a1.png", "a9.png", "a10.png", "b.png"]


def test_two_masks_of_a_frame_are_told(tiny_davis, tmp_path):
    """Which of them counts nobody can tell."""
    masks = tiny_davis / "Annotations/480p/left"
    mask = sorted(masks.iterdir())[1]
    mask.with_suffix(".webp").write_bytes(b"")
    told = describe.describe(layout.Place(tiny_davis), "left", 64, True, tmp_path / "left")
    fatal = [d["what"] for d in told["defects"] if d["fatal"]]
    assert f"has the name of {mask.stem}.webp, of which only one can be meant" in fatal


def test_names_and_lists(tiny_davis, tmp_path):
    assert layout.sequence_names(layout.Place(tiny_davis)) == ["left", "right"]
    (tmp_path / "a.txt").write_text("/JPEGImages/480p/b/00000.jpg /x\n/JPEGImages/480p/b/00001.jpg /x\n\na # remark\n")
    assert layout.read_list(tmp_path / "a.txt") == ["b", "a"]
    (tmp_path / "a.txt").write_text("\ufefftake#2\n#b\n # c\ntake #3\n", encoding="utf-8")  # as Notepad begins a file
    assert layout.read_list(tmp_path / "a.txt") == ["take#2", "take #3"]
    with pytest.raises(UserError, match="cannot be read as a list"):
        layout.read_list(tmp_path / "none.txt")
    with pytest.raises(UserError, match=r"data\.root"):
        layout.sequence_names(layout.Place(tmp_path / "none"))


def test_folds(tmp_path):
    path = tmp_path / "folds.tsv"
    for mark in ("", "\ufeff"):
        path.write_text(f"{mark}sequence\tfold\na\t0\nb\tx1\n", encoding="utf-8")
        assert layout.read_folds(path) == {"a": "0", "b": "x1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sequence,fold\na,0\n", "line 2: got '' in fold ''"),
        ("sequence\tfold\na\t0\na\t1\n", "line 3: got 'a' in fold '1'"),
        ("sequence\tfold\na\t../b\n", "line 2: got 'a' in fold '../b'"),
        (None, "cannot be read as a table of folds"),
    ],
)
def test_what_is_no_table_of_folds_is_told(tmp_path, content, message):
    path = tmp_path / "folds.tsv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=message):
        layout.read_folds(path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"sequence": 1}'])
def test_what_is_no_description_is_told(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UserError, match="not a description of a sequence"):
        describe.read(path)


def test_command(tiny_davis, tmp_path, capsys):
    out, table = tmp_path / "left.json", tmp_path / "defects.tsv"
    assert main(["data", "describe", "left", "--root", str(tiny_davis), "-o", str(out)]) == 0
    assert json.loads(out.read_text())["working_size"] == [480, 720]
    assert main(["data", "check", str(out), "-o", str(table)]) == 0
    assert "nothing to remark" in capsys.readouterr().out
    assert table.read_text() == "fatal\tsequence\tfile\twhat\tmend\n"


@pytest.mark.parametrize("kind", ["davis", "videos"])
def test_frames_first_and_masks_later_are_both_at_once(tiny_davis, film, tmp_path, kind):
    """But for the folder that a video's frames go to; and frames are not looked at twice."""
    root, name = (tiny_davis, "left") if kind == "davis" else (film, "holiday 1")
    frames, split, whole = (tmp_path / part / f"{name}.json" for part in ("frames", "data", "whole"))
    given = ["--root", str(root), "--layout", kind, "--short-side", "64"]
    assert main(["data", "frames", name, *given, "-o", str(frames)]) == 0
    alone = describe.read(frames)
    assert len(alone.frames) > 0 and set(alone.masks) == {None} and not alone.scored
    assert main(["data", "describe", name, *given, "--looked-at", str(frames), "-o", str(split)]) == 0
    assert not split.with_suffix("").exists()
    assert main(["data", "describe", name, *given, "-o", str(whole)]) == 0
    told, expected = (json.loads(path.read_text()) for path in (split, whole))
    if kind == "videos":
        assert (told.pop("root"), expected.pop("root")) == (str(frames.with_suffix("")), str(whole.with_suffix("")))
    assert told == expected


def test_defects_of_frames_are_told_with_those_of_masks(tiny_davis, tmp_path):
    (tiny_davis / FRAMES / "00001.jpg").write_text("")
    (tiny_davis / MASKS / "00002.png").write_text("")
    frames, out = tmp_path / "frames/left.json", tmp_path / "data/left.json"
    given = ["--root", str(tiny_davis)]
    assert main(["data", "frames", "left", *given, "-o", str(frames)]) == 0
    with pytest.raises(UserError, match=r"00001\.jpg: cannot be read as an image"):
        describe.read(frames)
    assert main(["data", "describe", "left", *given, "--looked-at", str(frames), "-o", str(out)]) == 0
    told = [(d["file"].rpartition("/")[2], d["what"]) for d in json.loads(out.read_text())["defects"]]
    assert told == [("00001.jpg", "cannot be read as an image"), ("00002.png", "cannot be read as a mask")]


def test_what_does_not_tell_of_these_frames_alone(tiny_davis, tmp_path, capsys):
    frames, whole = tmp_path / "frames.json", tmp_path / "whole.json"
    given = ["--root", str(tiny_davis)]
    assert main(["data", "frames", "left", *given, "-o", str(frames)]) == 0
    assert main(["data", "describe", "left", *given, "-o", str(whole)]) == 0
    for name, path in (("right", frames), ("left", whole), ("left", tmp_path / "none.json")):
        command = ["data", "describe", name, *given, "--looked-at", str(path), "-o", str(tmp_path / "out.json")]
        assert main(command) == 1
        assert str(path) in capsys.readouterr().err and not (tmp_path / "out.json").exists()


def test_the_reference_data(davis2016):
    told = describe.describe(layout.Place(davis2016), "surf", 480, True, davis2016 / "none")
    assert (len(told["frames"]), told["size"], told["empty_masks"], told["defects"]) == (55, (480, 854), 1, [])

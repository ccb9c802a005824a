"""Data sets as they are distributed, read for real from tiny copies: their sequences, frames, masks and scores."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import copies
from vosmem import config, png, video, videofile
from vosmem.cli import main
from vosmem.data import check, describe, fbms59, layout
from vosmem.errors import UserError
from vosmem.evaluate import stage, tables


def look(place, name, out, needs_masks=True):
    """A sequence as the later stages know it, and its remarks: (what, fatal) each."""
    told = describe.describe(place, name, 64, needs_masks, out / name)
    describe.write(out / f"{name}.json", told)
    return describe.read(out / f"{name}.json"), [(d["what"], d["fatal"]) for d in told["defects"]]


def read(sequence):
    """The masks, frame by frame, as labels; None where there is none."""
    return [path and png.read_labels(path) for path in sequence.mask_paths]


def scored(sequence, out, predictions, **settings):
    """The last row of the summary for masks (T, H, W)."""
    folder = out / "masks"
    folder.mkdir(exist_ok=True)
    for name, mask in zip(sequence.frame_names, predictions, strict=True):
        video.write_mask(folder / f"{name}.png", mask)
    stage.run(out / f"{sequence.name}.json", folder, out / "frames.csv", config.section_defaults("evaluate", settings))
    return tables.summarise([out / "frames.csv"], settings.get("protocol", "davis"))[-1]


def test_the_schema_names_every_layout():
    assert config.schema()["properties"]["data"]["properties"]["layout"]["enum"] == list(layout.LAYOUTS)


@pytest.mark.parametrize(("name", "stems"), [("marple7", {0, 4}), ("tennis", {1, 5})])
def test_fbms59(tmp_path, name, stems):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    assert layout.sequence_names(place) == ["cats02", "marple7", "tennis"]
    assert layout.sequence_names(place, "Trainingset") == ["cats02"]
    assert layout.sequence_names(place, "Testset") == ["marple7", "tennis"]
    sequence, remarks = look(place, name, tmp_path / "out")
    assert remarks == []
    assert len(sequence.frames) == 6 and sequence.frame_paths[0].is_file()
    for t, labels in enumerate(read(sequence)):
        if t in stems:
            np.testing.assert_array_equal(labels, copies.labels(t))
        else:
            assert labels is None


def test_fbms59_is_scored_by_its_own_protocol(tmp_path):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    sequence, _ = look(place, "marple7", tmp_path)
    truth = [copies.labels(t) > 0 for t in range(6)]
    row = scored(sequence, tmp_path, truth, protocol="fbms", merge_objects=True)
    assert (row["precision"], row["recall"], row["F"], row["objects"], row["found"]) == (1, 1, 1, 1, 1)
    row = scored(sequence, tmp_path, truth, protocol="fbms")  # two objects, of which one mask can find one
    assert row["objects"] == 2 and row["F"] < 0.9


def test_fbms59_without_its_lists(tmp_path):
    """White is the background of colour images, black that of grey ones; every other colour is an object."""
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    for path in (tmp_path / "FBMS").rglob("*.dat"):
        path.unlink()
    colour, _ = look(place, "marple7", tmp_path)
    foreground = read(colour)[0] > 0
    expected = copies.labels(0) > 0
    expected[0, :5] = True  # the colour that no list tells to be none
    np.testing.assert_array_equal(foreground, expected)
    grey, _ = look(place, "tennis", tmp_path)
    np.testing.assert_array_equal(read(grey)[1] > 0, copies.labels(1) > 0)


def test_fbms59_finds_the_frame_by_its_number_where_frames_are_missing(tmp_path):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    (tmp_path / "FBMS/Testset/marple7/marple7_0002.jpg").unlink()
    sequence, _ = look(place, "marple7", tmp_path)
    assert [Path(f).stem for f, m in zip(sequence.frames, sequence.masks, strict=True) if m] == [
        "marple7_0001", "marple7_0005",
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["", "Scale of region 0:\n0\n", "Scale of region 0:\nwhite\n", b"\xff\xfe\0"])
def test_a_broken_list_of_fbms59_is_told(tmp_path, content):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    path = tmp_path / "FBMS/Testset/tennis/GroundTruth/tennisDef.dat"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"not a definition of FBMS-59's regions .*; take the file from the archive"):
        fbms59.read_definition(path)
    told = describe.describe(place, "tennis", 64, True, tmp_path / "out")
    assert "not a definition of FBMS-59's regions" in told["defects"][0]["what"] and told["defects"][0]["fatal"]
    assert layout.sources(place, "tennis") == []  # the workflow can be read all the same


def test_segtrack_v2_merges_the_folders_of_its_objects(tmp_path):
    place = layout.Place(copies.segtrack_v2(tmp_path / "SegTrackv2"), "segtrack-v2")
    assert layout.sequence_names(place) == ["bmx", "worm"]
    several, remarks = look(place, "bmx", tmp_path)
    assert remarks == []
    for t, labels in enumerate(read(several)):
        np.testing.assert_array_equal(labels, copies.labels(t))
    single, _ = look(place, "worm", tmp_path)
    for t, labels in enumerate(read(single)):
        np.testing.assert_array_equal(labels, copies.labels(t) == 1)
    truth = [copies.labels(t) > 0 for t in range(5)]
    assert scored(several, tmp_path, truth, protocol="segtrack", merge_objects=True)["J_mean"] == 1
    assert scored(several, tmp_path, truth, protocol="segtrack")["objects"] == 2


def test_youtube_objects_spans_its_annotated_frames(tmp_path):
    root = copies.youtube_objects(tmp_path / "v1", tmp_path / "youtube_masks")
    place = layout.Place(root, "youtube-objects", masks=tmp_path / "youtube_masks")
    assert layout.sequence_names(place) == ["aeroplane-0001-001", "cat-0012-002"]
    sequence, remarks = look(place, "aeroplane-0001-001", tmp_path / "out")
    assert sequence.frame_names == tuple(f"frame{n:04d}" for n in range(3, 24))
    assert {what for what, fatal in remarks if not fatal} == {"48x32 pixels, the frames have 96x64"}
    assert not any(fatal for _, fatal in remarks)
    masks = read(sequence)
    assert [t for t, mask in enumerate(masks) if mask is not None] == [0, 10, 20]
    for t in (0, 10, 20):
        truth = copies.labels((t + 2) % 10) > 0
        assert masks[t].shape == truth.shape and set(np.unique(masks[t])) == {0, 1}  # JPEG's noise is gone
        assert (truth & (masks[t] > 0)).sum() / (truth | (masks[t] > 0)).sum() > 0.95
    whole = [copies.labels((t + 2) % 10) > 0 for t in range(21)]
    assert scored(sequence, tmp_path / "out", whole, protocol="segtrack", merge_objects=True)["J_mean"] > 0.95


def test_youtube_objects_without_masks_is_segmented(tmp_path):
    place = layout.Place(copies.youtube_objects(tmp_path / "v1", tmp_path / "away"), "youtube-objects")
    assert layout.sequence_names(place) == ["aeroplane-0001-001", "cat-0012-002", "cat-0013-001"]
    sequence, remarks = look(place, "cat-0013-001", tmp_path, needs_masks=False)
    assert (len(sequence.frames), set(sequence.masks), remarks) == (25, {None}, [("has no annotations", False)])
    with pytest.raises(UserError, match="holds no sequences, expected YouTube-Objects' classes"):
        layout.sequence_names(layout.Place(tmp_path, "youtube-objects"))


def test_davis2017_as_one_object(tmp_path):
    """Its palette's index 255 is void, and background here; all other indices are the object."""
    root = copies.davis2017(tmp_path / "DAVIS")
    sequence, remarks = look(layout.Place(root), "dogs", tmp_path)
    assert remarks == []
    for t, path in enumerate(sequence.mask_paths):
        np.testing.assert_array_equal(video.read_mask(path), copies.labels(t) > 0)
        np.testing.assert_array_equal(png.read_labels(path), copies.labels(t))
    assert layout.read_list(root / "ImageSets/2017/val.txt") == ["dogs"]
    assert scored(sequence, tmp_path, [copies.labels(t) > 0 for t in range(5)])["J_mean"] == 1


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_masks_of_ones_own_may_be_of_any_frames(tmp_path, suffix):
    root = copies.own(tmp_path / "videos", tmp_path / "masks", suffix=suffix)
    place = layout.Place(root, "folder", masks=tmp_path / "masks")
    sequence, remarks = look(place, "garden", tmp_path / "out")
    assert remarks == [] and sequence.scored
    for t, path in enumerate(sequence.mask_paths):
        if t in (1, 3):
            np.testing.assert_array_equal(video.read_mask(path), copies.labels(t) > 0)
        else:
            assert path is None
    assert (tmp_path / "out/garden").exists() == (suffix == "jpg")  # plain files are used where they are
    _, remarks = look(place, "street", tmp_path / "out", needs_masks=False)
    assert remarks == [("has no annotations", False)]
    told = describe.describe(place, "street", 64, True, tmp_path / "out/street")
    assert [d["fatal"] for d in told["defects"]] == [True]


def test_a_jpeg_among_the_masks_changes_no_other(tmp_path):
    """Values of 0 and 1 stay object and background where a JPEG beside them has to be cut at its half."""
    root = copies.own(tmp_path / "videos", tmp_path / "masks")
    for t, suffix, value in ((0, "png", 1), (1, "png", 255), (3, "jpg", 255), (4, "png", 1)):
        copies.write(tmp_path / f"masks/garden/{t:05d}.{suffix}", np.uint8(value) * (copies.labels(t) > 0))
    (tmp_path / "masks/garden/00003.png").unlink()
    sequence, remarks = look(layout.Place(root, "folder", masks=tmp_path / "masks"), "garden", tmp_path / "out")
    assert remarks == []
    for t in (0, 1, 3, 4):
        np.testing.assert_array_equal(video.read_mask(sequence.mask_paths[t]), copies.labels(t) > 0)


def test_masks_of_no_frame_are_told_before_anything_is_computed(tmp_path):
    root = copies.own(tmp_path / "videos", tmp_path / "masks", annotated=(7,))
    place = layout.Place(root, "folder", masks=tmp_path / "masks")
    told = [d for d in describe.describe(place, "garden", 64, True, tmp_path / "out")["defects"] if d["fatal"]]
    assert [d["what"] for d in told] == [
        "no mask has the name of a frame, got 00007.png, expected 00000.png or another frame's"
    ]
    assert not [d for d in describe.describe(place, "garden", 64, False, tmp_path / "out")["defects"] if d["fatal"]]


@pytest.mark.parametrize("kind", ["folder", "videos"])
def test_masks_as_segment_writes_those_of_several_videos(tmp_path, kind):
    (tmp_path / "masks/a/masks").mkdir(parents=True)
    video.write_mask(tmp_path / "masks/a/masks/00000.png", np.ones((4, 4), bool))
    found = layout.files(layout.Place(tmp_path, kind, masks=tmp_path / "masks"), "a")
    assert found.masks == {"00000": (tmp_path / "masks/a/masks/00000.png",)}


@pytest.mark.parametrize("kind", ["folder", "videos", "youtube-objects"])
def test_a_folder_of_masks_that_is_not_there_is_told(tmp_path, kind):
    with pytest.raises(UserError, match=r"data\.masks: .*/nowhere is no folder, expected one of a folder"):
        layout.check(layout.Place(tmp_path, kind, masks=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("kind", "wanted"), [("folder", "a folder of folders of images"), ("videos", "of video files")]
)
def test_a_data_set_of_nothing_is_told_as_what_it_should_be(tmp_path, kind, wanted):
    with pytest.raises(UserError, match=rf"data\.root: .* holds no sequences, expected .*{wanted}; set data\.root and"):
        layout.sequence_names(layout.Place(tmp_path, kind))


def test_a_folder_that_is_not_there_is_told_with_those_that_are(tmp_path):
    (tmp_path / "D/JPEGImages/480p/bear").mkdir(parents=True)
    place = layout.Place(tmp_path / "D", resolution="1080p")
    message = r"JPEGImages/1080p is no folder \(.*JPEGImages has 480p\), expected the DAVIS layout .*data.resolution"
    with pytest.raises(UserError, match=message):
        layout.check(place)
    layout.check(layout.Place(tmp_path / "D"))


def test_masks_that_come_out_empty_are_told(tmp_path):
    root = copies.own(tmp_path / "videos", tmp_path / "masks", annotated=())
    copies.write(tmp_path / "masks/garden/00001.jpg", np.uint8(90) * (copies.labels(1) > 0))
    _, remarks = look(layout.Place(root, "folder", masks=tmp_path / "masks"), "garden", tmp_path / "out")
    assert remarks == [("its masks show no object in any frame", False)]


def test_masks_beside_the_video_files(tmp_path):
    """data.masks may be data.root itself."""
    pytest.importorskip("av", reason="needs the extra `video`")
    copies.own(tmp_path / "x", tmp_path / "films", annotated=(1,))
    frames = np.stack([copies.frame(t) for t in range(5)])
    videofile.write(tmp_path / "films/garden.mp4", frames, [0, 1, 2, 3, 4])
    place = layout.Place(tmp_path / "films", "videos", masks=tmp_path / "films")
    describe.write(tmp_path / "garden.json", describe.describe(place, "garden", 80, True, tmp_path / "out/garden"))
    sequence = describe.read(tmp_path / "garden.json")
    np.testing.assert_array_equal(video.read_mask(sequence.mask_paths[1]), copies.labels(1) > 0)


def test_masks_of_a_video_file(tmp_path):
    pytest.importorskip("av", reason="needs the extra `video`")
    frames = np.stack([copies.frame(t) for t in range(5)])
    (tmp_path / "films").mkdir()
    videofile.write(tmp_path / "films/garden.mp4", frames, [t / 10 for t in range(5)])
    copies.own(tmp_path / "x", tmp_path / "masks", annotated=(0, 2))
    copies.write(tmp_path / "masks/garden/00009.png", np.zeros(copies.SIZE, np.uint8))
    place = layout.Place(tmp_path / "films", "videos", masks=tmp_path / "masks")
    told = describe.describe(place, "garden", 80, True, tmp_path / "out/garden")
    assert [(d["what"], d["fatal"]) for d in told["defects"]] == [("a mask without a frame", False)]
    describe.write(tmp_path / "garden.json", told)
    sequence = describe.read(tmp_path / "garden.json")
    assert sequence.working_size == (80, 120)
    assert [p and p.name for p in sequence.mask_paths] == ["00000.png", None, "00002.png", None, None]
    np.testing.assert_array_equal(video.read_mask(sequence.mask_paths[2]), copies.labels(2) > 0)


def test_the_beginning_of_a_video_file(tmp_path):
    """Its length is known only once all is decoded. Masks of frames beyond are no remark then."""
    pytest.importorskip("av", reason="needs the extra `video`")
    (tmp_path / "films").mkdir()
    videofile.write(tmp_path / "films/garden.mp4", np.stack([copies.frame(t) for t in range(5)]), [0, 1, 2, 3, 4])
    copies.own(tmp_path / "x", tmp_path / "masks", annotated=(0, 4))
    place = layout.Place(tmp_path / "films", "videos", masks=tmp_path / "masks", frames=3)
    sequence, remarks = look(place, "garden", tmp_path / "out")
    assert (len(sequence.frames), len(sequence.times), remarks) == (3, 3, [])
    assert [p and p.name for p in sequence.mask_paths] == ["00000.png", None, None]


def test_some_frames_of_sparse_annotations(tmp_path):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59", frames=3)
    sequence, remarks = look(place, "tennis", tmp_path / "out")  # of 6, annotated are 1 and 5
    assert len(sequence.frames) == 3 and remarks == []
    first, *others = read(sequence)
    np.testing.assert_array_equal(first, copies.labels(1))
    assert others == [None, None]


def test_what_changes_the_masks_changes_the_fingerprint(tmp_path):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    before = layout.sources(place, "marple7")
    assert [len(part) for part in before] == [6, 3]  # two label images and the list
    path = tmp_path / "FBMS/Testset/marple7/GroundTruth/marple7Def.dat"
    told = describe.describe(place, "marple7", 64, True, tmp_path / "out")
    path.write_text(path.read_text() + "\n")
    assert describe.describe(place, "marple7", 64, True, tmp_path / "out")["fingerprint"] != told["fingerprint"]


def test_annotations_that_cannot_be_used_are_told(tmp_path):
    place = layout.Place(copies.fbms59(tmp_path / "FBMS"), "fbms59")
    truth = tmp_path / "FBMS/Testset/marple7/GroundTruth"
    (truth / "marple7_0001_gt.ppm").write_bytes(b"P6 no image")
    copies.write(truth / "marple7_0005_gt.ppm", np.zeros((90, 90, 3), np.uint8))
    told = describe.describe(place, "marple7", 64, True, tmp_path / "out")
    assert [(Path(d["file"]).name, d["what"], d["fatal"]) for d in told["defects"]] == [
        ("marple7_0001_gt.ppm", "cannot be read as a mask", True),
        ("marple7_0005_gt.ppm", "90x90 pixels, the frames have 96x64", True),
    ]
    for path in truth.glob("*.dat"):
        path.unlink()
    noise = np.random.default_rng(0).integers(0, 255, (*copies.SIZE, 3), np.uint8)
    copies.write(truth / "marple7_0005_gt.ppm", noise)
    told = describe.describe(place, "marple7", 64, True, tmp_path / "out")
    assert any("more than 255 colours, which are no labels" in d["what"] for d in told["defects"])


def test_an_unfit_root_is_told(tmp_path):
    for name, row in layout.LAYOUTS.items():
        with pytest.raises(UserError) as caught:
            layout.sequence_names(layout.Place(tmp_path / "none", name))
        assert str(caught.value).startswith(f"data.root: {tmp_path / 'none'}") and row.wanted in str(caught.value)
    (tmp_path / "FBMS/Testset").mkdir(parents=True)
    with pytest.raises(UserError, match="holds no sequences of Trainingset, expected FBMS-59's folders"):
        layout.sequence_names(layout.Place(tmp_path / "FBMS", "fbms59"), "Trainingset")


def test_command(tmp_path, capsys):
    root = copies.youtube_objects(tmp_path / "v1", tmp_path / "youtube_masks")
    out = tmp_path / "data/cat-0012-002.json"
    command = ["data", "describe", "cat-0012-002", "--root", root, "--layout", "youtube-objects"]
    assert main([*map(str, [*command, "--masks", tmp_path / "youtube_masks", "--needs-masks", "-o", out])]) == 0
    assert "data cat-0012-002: 11 frames, 2 remarks" in capsys.readouterr().err
    told = json.loads(out.read_text())
    assert told["mask_root"] == str(tmp_path / "data/cat-0012-002/masks")
    assert [p.name for p in sorted(Path(told["mask_root"]).iterdir())] == ["frame0001.png", "frame0011.png"]
    assert len(check.check([out], tmp_path / "defects.tsv")) == 2
    shutil.rmtree(tmp_path / "youtube_masks")
    assert main([*map(str, [*command, "--masks", tmp_path / "youtube_masks", "-o", out])]) == 0
    assert cv2.imread(str(root / "cat/data/0012/shots/002/frame0001.jpg")) is not None

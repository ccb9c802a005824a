"""Scores of a sequence: which frames count, what is kept in files, and that memory does not grow."""

import csv
import json
import tracemalloc

import cv2
import numpy as np
import pytest

from vosmem.data import describe, layout
from vosmem.errors import UserError
from vosmem.evaluate import measures, stage, tables

SIZE = (30, 44)


def masks_of(count, seed=0):
    """Ellipses that move and change, (T, H, W) bool."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    a, b = rng.uniform(5, 12, (2, count))
    return np.stack([((y - 15) / a[t]) ** 2 + ((x - 15 - t % 10) / b[t]) ** 2 < 1 for t in range(count)])


def write(folder, masks):
    folder.mkdir(parents=True)
    for t, mask in enumerate(masks):
        cv2.imwrite(str(folder / f"{t:05d}.png"), mask.astype(np.uint8) * 255)
    return sorted(folder.iterdir())


@pytest.fixture
def clip(tmp_path):
    truth, masks = masks_of(8), masks_of(8, seed=1)
    return write(tmp_path / "truth/clip", truth), write(tmp_path / "masks/clip", masks), truth, masks


def test_first_and_last_frame_do_not_count(clip):
    annotations, files, truth, masks = clip
    scores = stage.score_sequence(annotations, files, sequence="clip")
    assert [row.frame for row in scores.rows] == [f"{t:05d}" for t in range(1, 7)]
    assert [row.J for row in scores.rows] == measures.region_similarity(masks, truth)[1:-1].tolist()
    assert [row.F for row in scores.rows] == measures.contour_accuracy(masks, truth)[1:-1].tolist()


def test_t_begins_with_the_first_annotation(clip):
    annotations, files, truth, masks = clip
    rows = stage.score_sequence(annotations, files, sequence="clip", measures="T").rows
    chain = np.concatenate([truth[:1], masks[1:-1]])
    assert [row.T for row in rows] == measures.temporal_stability(chain).tolist()
    assert all(row.J is None and row.F is None for row in rows)
    rows = stage.score_sequence([None, *annotations[1:]], files, sequence="clip").rows
    assert rows[0].T is None and float(measures.temporal_stability(masks)[1]) == rows[1].T


def test_only_annotated_frames_count(clip):
    annotations, files, truth, masks = clip
    sparse = [path if t in (0, 3, 5) else None for t, path in enumerate(annotations)]
    rows = stage.score_sequence(sparse, files, sequence="clip").rows
    assert [row.frame for row in rows] == ["00003", "00005"]
    assert [row.J for row in rows] == measures.region_similarity(masks, truth)[[3, 5]].tolist()
    assert [row.T for row in rows] == measures.temporal_stability(masks)[[2, 4]].tolist()  # since the frame before


@pytest.mark.parametrize("together", [1, 2, 24])
def test_spans_give_what_the_whole_gives(clip, monkeypatch, together):
    annotations, files, *_ = clip
    whole = stage.score_sequence(annotations, files, sequence="clip").rows
    monkeypatch.setattr(stage, "TOGETHER", together)
    names = [path.stem for path in files]
    parts = [
        row
        for wanted in ([1, 2], [3], [4, 5, 6])
        for row in stage.score_span(annotations, files, names, wanted, "clip", "JFT", with_t=True).rows
    ]
    assert parts == whole


def test_names_of_other_encodings_come_back(tmp_path):
    rows = [tables.FrameScore("caf\udce9", 0.5, 0.5, None)]
    tables.write_frames([tables.SequenceScores("\udce9", rows)], tmp_path / "clip.csv")
    read = tables.read_frames(tmp_path / "clip.csv")
    assert (read.sequence, read.rows) == ("\udce9", rows)
    assert [row["sequence"] for row in tables.summarise([tmp_path / "clip.csv"])] == ["\udce9", "mean"]


def test_files_hold_the_scores_and_the_summary_follows_from_them(clip, tmp_path):
    annotations, files, *_ = clip
    scores = stage.score_sequence(annotations, files, sequence="clip")
    tables.write_frames([scores], tmp_path / "clip.csv")
    header, first, *_ = (tmp_path / "clip.csv").read_text().splitlines()
    assert header == "sequence,frame,J,F,T" and first.startswith("clip,00001,0.")
    read = tables.read_frames(tmp_path / "clip.csv")
    for got, expected in zip(read.rows, scores.rows, strict=True):
        assert (got.frame, got.J, got.T) == (expected.frame, round(expected.J, 6), round(expected.T, 6))
    rows = tables.summarise([tmp_path / "clip.csv"])
    assert [row["sequence"] for row in rows] == ["clip", "mean"]
    for row, direct in zip(rows, tables.summarise([scores]), strict=True):
        assert list(row)[1:] == list(tables.SUMMARY["davis"])
        assert [row[c] for c in tables.SUMMARY["davis"]] == pytest.approx(
            [direct[c] for c in tables.SUMMARY["davis"]], abs=1e-6
        )


def test_what_does_not_apply_is_an_empty_field(clip, tmp_path):
    annotations, files, *_ = clip
    scores = stage.score_sequence(annotations, files, sequence="clip", measures=["J"])
    tables.write_frames([scores], tmp_path / "clip.csv")
    tables.write_summary(tables.summarise([tmp_path / "clip.csv"]), tmp_path / "summary.csv")
    with open(tmp_path / "summary.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["sequence", "J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay", "T"]
    assert rows[-1]["sequence"] == "mean" and rows[0]["F_mean"] == rows[0]["T"] == rows[-1]["F_decay"] == ""
    assert float(rows[0]["J_mean"]) == pytest.approx(np.mean([row.J for row in scores.rows]), abs=1e-6)


def test_the_mean_counts_sequences_not_frames_and_leaves_out_what_does_not_apply():
    long = tables.SequenceScores("long", [tables.FrameScore(str(t), 1.0, 0.5) for t in range(9)])
    short = tables.SequenceScores("short", [tables.FrameScore("0", 0.0, 0.5, 0.25)])
    *_, last = tables.summarise([long, short])
    assert last["sequence"] == "mean" and (last["J_mean"], last["F_mean"], last["T"]) == (0.5, 0.5, 0.25)


def test_davis_leaves_out_t_of_some_of_its_own_sequences(tmp_path):
    files = write(tmp_path / "dog-agility", masks_of(25))
    assert all(row.T is None for row in stage.score_sequence(files, files, sequence="dog-agility").rows)
    assert all(row.T == 0 for row in stage.score_sequence(files[:1] * 24, files[:1] * 24, sequence="dog-agility").rows)


@pytest.mark.parametrize("protocol", ["fbms", "segtrack"])
def test_other_protocols_count_every_annotated_frame(clip, tmp_path, protocol):
    annotations, files, truth, masks = clip
    sparse = [path if t in (0, 3, 7) else None for t, path in enumerate(annotations)]
    scores = stage.score_sequence(sparse, files, sequence="clip", protocol=protocol)
    assert scores.frames == 3
    tables.write_frames([scores], tmp_path / "clip.csv", protocol)
    assert (tmp_path / "clip.csv").read_text().startswith("sequence,frame,object,label,pixels\nclip,00000,0,0,")
    assert tables.read_frames(tmp_path / "clip.csv") == scores
    with pytest.raises(UserError, match="clip: was scored by another protocol than davis; say which, or score anew"):
        tables.summarise([tmp_path / "clip.csv"])
    *_, last = tables.summarise([tmp_path / "clip.csv"], protocol)
    t = [0, 3, 7]
    common, ours, theirs = (truth & masks)[t].sum(), masks[t].sum(), truth[t].sum()
    if protocol == "segtrack":
        assert last["J_mean"] == pytest.approx(measures.region_similarity(masks, truth)[t].mean())
    else:
        inverse = (~truth & ~masks)[t].sum()
        p = (common / ours + inverse / (~masks[t]).sum()) / 2
        r = (common / theirs + inverse / (~truth[t]).sum()) / 2
        assert (last["precision"], last["recall"]) == pytest.approx((p, r))
        assert last["F"] == pytest.approx(2 * p * r / (p + r)) and last["objects"] == 1


def test_objects_can_be_taken_as_one(tmp_path):
    labels = np.zeros((3, *SIZE), np.uint8)
    labels[:, 2:9, 2:9], labels[:, 15:25, 20:30] = 100, 200
    for t, frame in enumerate(labels):
        (tmp_path / "a").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"a/{t}.png"), frame)
    files = sorted((tmp_path / "a").iterdir())
    for merge, objects in ((False, 2), (True, 1)):
        scores = stage.score_sequence(files, files, sequence="a", protocol="fbms", merge_objects=merge)
        assert tables.summarise([scores], "fbms")[0] == {
            "sequence": "a", "precision": 1, "recall": 1, "F": 1, "objects": objects, "found": objects,
        }  # fmt: skip


def test_the_workflows_stage(tiny_davis, tmp_path):
    write(tmp_path / "masks/left", [np.ones((64, 96), bool)] * 5)
    told = describe.describe(layout.Place(tiny_davis), "left", 64, True, tmp_path / "made")
    describe.write(tmp_path / "left.json", told)
    settings = {"measures": ["J", "F"], "protocol": "davis", "merge_objects": False}
    assert stage.run(tmp_path / "left.json", tmp_path / "masks/left", tmp_path / "left.csv", settings) == 3
    with open(tmp_path / "left.csv") as file:
        assert [(row["frame"], row["J"], row["T"]) for row in csv.DictReader(file)] == [
            (f"{t:05d}", f"{32 * 24 / (64 * 96):.6f}", "") for t in (1, 2, 3)
        ]
    told["masks"] = [None] * 5
    (tmp_path / "none.json").write_text(json.dumps(told))
    assert stage.run(tmp_path / "none.json", tmp_path / "masks/left", tmp_path / "none.csv", settings) == 0
    assert (tmp_path / "none.csv").read_text() == "sequence,frame,J,F,T\n"
    assert tables.summarise([tmp_path / "none.csv"]) == []


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("sequence,frame,J\nclip,0,0.5\n")
    for path in (tmp_path / "a.csv", tmp_path / "absent.csv"):
        with pytest.raises(UserError, match=r"\.csv: not a file of frames' scores; run `vosmem evaluate`"):
            tables.read_frames(path)


def test_memory_does_not_grow_with_the_sequence(tmp_path):
    files = write(tmp_path / "a", masks_of(60))
    peaks = []
    for count in (30, 240):
        repeated = [files[t % 60] for t in range(count)]
        tracemalloc.start()
        stage.score_sequence(repeated, repeated[::-1], sequence="a", frames=list(map(str, range(count))))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]

"""`vosmem evaluate` on folders: what it prints and writes, and the line it ends with where something is wrong."""

import csv
import re
import shutil

import cv2
import numpy as np
import pytest

from vosmem import cli
from vosmem.evaluate import stage


@pytest.fixture
def folders(tmp_path):
    """Annotations and equal masks of two sequences, 5 frames of 30 x 40."""
    for kind in ("A", "M"):
        for name in ("bear", "boat"):
            (tmp_path / kind / name).mkdir(parents=True)
            for t in range(5):
                mask = np.zeros((30, 40), np.uint8)
                mask[5:20, 4 + t : 20 + t] = 255
                cv2.imwrite(str(tmp_path / kind / name / f"{t:05d}.png"), mask)
    return tmp_path


def run(folder, *more):
    return cli.main(
        ["evaluate", "--annotations", str(folder / "A"), "--masks", str(folder / "M"), "--jobs", "1", *more]
    )


def test_table_and_files(folders, capsys):
    cv2.imwrite(str(folders / "M/bear/00002.png"), np.zeros((30, 40), np.uint8))
    status = run(
        folders, "--csv", str(folders / "out/s.csv"), "--per-frame", str(folders / "f.csv"), "--measures", "J,F"
    )
    told = capsys.readouterr()
    assert status == 0 and "2 sequences, 6 frames scored in" in told.err and "note" not in told.err
    header, *_, last = told.out.splitlines()
    assert " ".join(header.split()) == "sequence J mean J recall J decay F mean F recall F decay"
    # of bear's 1, 0, 1 the first two are the first quarter and the third is the last: decay 1/2 - 1; of boat's 0
    assert last.split() == ["mean", "83.3", "83.3", "-25.0", "83.3", "83.3", "-25.0"]
    with open(folders / "out/s.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == ["bear", "boat", "mean"]
    assert [row["J_mean"] for row in rows] == ["0.666667", "1.000000", "0.833333"] and {row["T"] for row in rows} == {
        ""
    }
    with open(folders / "f.csv") as file:
        assert next(file) == "sequence,frame,J,F\n" and next(file) == "bear,00001,1.000000,1.000000\n"


def test_masks_as_segment_writes_those_of_several_videos(folders, capsys):
    assert run(folders) == 0
    expected = capsys.readouterr().out
    for name in ("bear", "boat"):
        (folders / "M" / name).rename(folders / "M/masks")
        (folders / "M" / name).mkdir()
        (folders / "M/masks").rename(folders / "M" / name / "masks")
    assert run(folders) == 0
    assert capsys.readouterr().out == expected


def test_what_cannot_be_written_is_told_before_the_scoring(folders, capsys):
    assert run(folders, "--csv", str(folders / "M")) == 1
    told = capsys.readouterr()
    assert told.err == f"vosmem evaluate: {folders / 'M'}: is a folder; give the name of a file to write\n"
    assert told.out == ""


def test_two_tables_need_two_files(folders, capsys):
    assert run(folders, "--csv", str(folders / "s.csv"), "--per-frame", str(folders / "out/../s.csv")) == 1
    assert "s.csv: would hold both tables; give --csv and --per-frame files of their own" in capsys.readouterr().err
    assert not (folders / "s.csv").exists()


def test_processes_do_not_change_the_table(folders, capsys, monkeypatch):
    monkeypatch.setattr("vosmem.evaluate.parallel.SPAN", 2)
    shutil.copy(folders / "M/bear/00000.png", folders / "M/boat/00003.png")
    assert run(folders) == 0
    alone = capsys.readouterr().out
    assert run(folders, "--jobs", "3") == 0
    assert capsys.readouterr().out == alone


def test_sequences_by_name_or_list(folders, capsys):
    (folders / "list.txt").write_text("boat\n")
    for asked in (["boat"], [str(folders / "list.txt")]):
        assert run(folders, "--sequences", *asked) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:2]] == ["boat"]


def test_attributes(folders, capsys):
    (folders / "t.csv").write_text('sequence,attributes\nbear,"FM,OCC"\nboat,FM\n')
    assert run(folders, "--attributes", str(folders / "t.csv"), "--measures", "J") == 0
    table = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert [line.split() for line in table[1:]] == [
        ["FM", "fast", "motion", "2", "100.0", "-"],
        ["OCC", "occlusion", "1", "100.0", "+0.0"],
    ]


def test_what_a_user_should_know_is_said_once(folders, capsys):
    (folders / "M/bear/00001.png").unlink()
    (folders / "M/bear/00002.png").unlink()
    for t in (1, 2):
        labels = np.zeros((30, 40), np.uint8)
        labels[5:10, 5:10], labels[12:20, 5:10] = 1, 2
        cv2.imwrite(str(folders / f"M/boat/{t:05d}.png"), labels)
    shutil.copy(folders / "M/boat/00001.png", folders / "M/boat/00009.png")
    assert run(folders, "--allow-missing") == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert len(notes) == 3 and notes[0] == "note: 2 frames had no mask and counted as empty"
    assert notes[1].startswith(
        "note: labels or grey levels above 1 in 2 files: all that is not 0 counted as foreground"
    )
    assert notes[2] == "note: 1 mask not scored, for want of an annotation of that name"
    assert run(folders, "--allow-missing", "--merge-objects") == 0
    assert "labels" not in capsys.readouterr().err


def test_a_stray_mask_is_no_frame(folders, capsys):
    """Of a number that is annotated, or of no number."""
    run(folders, "--csv", str(folders / "s.csv"))
    expected = (folders / "s.csv").read_text()
    for name in ("2", "0002", "x"):
        shutil.copy(folders / "M/boat/00001.png", folders / f"M/boat/{name}.png")
    capsys.readouterr()
    assert run(folders, "--csv", str(folders / "s.csv")) == 0
    assert (folders / "s.csv").read_text() == expected
    assert "3 masks not scored" in capsys.readouterr().err


def test_frames_between_annotations_are_frames(folders, capsys):
    """As in the workflow: T is of frames that follow each other, and the first and the last are the video's own."""
    for t in (0, 1, 3):
        (folders / f"A/boat/{t:05d}.png").unlink()
    unlike = np.zeros((30, 40), np.uint8)
    unlike[2:28, 3:6] = 255
    cv2.imwrite(str(folders / "M/boat/00001.png"), unlike)
    assert run(folders, "--sequences", "boat", "--csv", str(folders / "s.csv")) == 0
    assert "not scored" not in capsys.readouterr().err
    annotations, masks = ([folders / kind / f"boat/{t:05d}.png" for t in range(5)] for kind in "AM")
    annotations = [path if path.exists() else None for path in annotations]
    (expected,) = stage.score_sequence(annotations, masks, sequence="boat").rows
    with open(folders / "s.csv") as file:
        row = next(csv.DictReader(file))
    assert expected.frame == "00002" and float(row["J_mean"]) == expected.J == 1
    assert float(row["T"]) == pytest.approx(expected.T, abs=1e-6) != 0


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def rename(folder):
    for t, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"frame_{t}.png")


def remove(*paths):
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


BAD = {
    "a missing frame": (
        lambda f: remove(f / "M/bear/00003.png"), [],
        r"bear: 1 of 3 frames to score have no mask \(00003\); write them, or say --allow-missing to count them .*",
    ),
    "another size": (
        lambda f: cv2.imwrite(str(f / "M/bear/00001.png"), np.zeros((15, 20), np.uint8)), [],
        r".*M/bear/00001.png: 20x15 pixels, its annotation .*A/bear/00001.png has 40x30; write masks at .* size",
    ),
    "a missing sequence": (
        lambda f: remove(f / "M/boat"), [],
        r".*M: has no masks of 1 of 2 sequences \(boat\); write them, or name with --sequences those to score",
    ),
    "other file names": (
        lambda f: rename(f / "M/bear"), [],
        r".*M/bear: no mask has the name of an annotation, got frame_0.png, .*, expected 00000.png, .*; name .*",
    ),
    "a truncated mask": (
        lambda f: cut(f / "M/bear/00001.png"), [],
        r".*M/bear/00001.png: a damaged PNG, it ends early or holds other bytes than were written; write it again",
    ),
    "a truncated annotation": (
        lambda f: cut(f / "A/bear/00001.png"), [], r".*A/bear/00001.png: a damaged PNG, .*; write it again"
    ),
    "a mask that is no image": (
        lambda f: (f / "M/bear/00001.png").write_text("?"), [], r".*M/bear/00001.png: not an image; give masks as PNG"
    ),
    "an empty folder of masks": (
        lambda f: remove(*(f / "M/bear").iterdir()), [],
        r".*M/bear: holds no PNG; write the masks there, or leave the sequence out with --sequences",
    ),
    "an empty folder of annotations": (
        lambda f: remove(*(f / "A/bear").iterdir()), [],
        r".*A/bear: holds no PNG; put the annotations there, or leave the sequence out with --sequences",
    ),
    "no sequences": (
        lambda f: remove(f / "A/bear", f / "A/boat"), [],
        r"--annotations: .*A holds no folders, expected <sequence>/<frame>.png; give the folder above .* its name",
    ),
    "no folder": (lambda f: remove(f / "M"), [], r"--masks: .*M is no folder; give a folder of <sequence>/<frame>.png"),
    "a whole data set": (
        lambda f: (f / "A/Annotations/480p").mkdir(parents=True), [],
        r"--annotations: .*A is a whole data set, expected a folder of .*; give .*A/Annotations/480p",
    ),
    "two frames": (
        lambda f: remove(*(f / f"A/bear/0000{t}.png" for t in (2, 3, 4))), [],
        r"bear: has 2 frames, of which the first and the last are not scored; give 3 or more, or leave .* out",
    ),
    "a sequence of the name of the last row": (
        lambda f: (f / "A/bear").rename(f / "A/mean"), [],
        r".*A: has a sequence called mean, as the table's last row is; rename its folders, or leave it out",
    ),
    "two masks of a frame": (
        lambda f: shutil.copy(f / "M/bear/00001.png", f / "M/bear/00001.PNG"), [],
        r".*M/bear/00001.(png|PNG): has the name of 00001.(PNG|png), of which only one can be meant; remove one",
    ),
    "an unknown sequence": (
        lambda f: None, ["--sequences", "baer"],
        r"--sequences: 'baer' is no folder of .*A, expected one of bear, boat; correct the name",
    ),
    "an unknown measure": (
        lambda f: None, ["--measures", "J,G"], r"--measures: got 'J,G', expected some of J, F and T; write them as J,F"
    ),
    "an unknown protocol": (
        lambda f: None, ["--protocol", "pascal"], r"protocol: got 'pascal', expected one of davis, fbms, segtrack; .*"
    ),
    "no processes": (lambda f: None, ["--jobs", "0"], r"--jobs: got 0, expected 1 or more; leave it out .*"),
    "attributes of others": (
        lambda f: (f / "t.csv").write_text("sequence,attributes\ncat,FM\n"), ["--attributes", "{}/t.csv"],
        r"--attributes: .*t.csv has none of the sequences to score; correct the names in it",
    ),
    "no table of attributes": (
        lambda f: None, ["--attributes", "{}/none.csv"], r"--attributes: .*none.csv cannot be read; give a table .*"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_bad_input_ends_with_one_clear_line(folders, capsys, case, jobs):
    spoil, more, line = BAD[case]
    spoil(folders)
    more = [word.format(folders) for word in more]
    assert run(folders, *(["--jobs", jobs] if "--jobs" not in more else []), *more) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (only,) = told.err.splitlines()
    assert re.fullmatch(f"vosmem evaluate: {line}", only), only

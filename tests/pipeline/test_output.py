"""A folder of the user's own: nothing in it is lost, and nothing half-written is left."""

import pytest

from vosmem.errors import UserError
from vosmem.pipeline import inputs
from vosmem.pipeline.output import RECORD, output


def write(out, names=("masks", "overlay.mp4"), overwrite=False, source=None, text="new", fail=False):
    with output(out, names, overwrite, source or out / "no-such-input.mp4") as fresh:
        for name in names:
            path = fresh / name / "0.png" if "." not in name else fresh / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        if fail:
            raise UserError("stop")


def held(folder):
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != RECORD]
    return {p.relative_to(folder).as_posix(): p.read_text() for p in files}


def test_what_is_written_appears_and_the_rest_stays(tmp_path):
    (tmp_path / "holiday.mp4").write_text("mine")
    (tmp_path / "masks").mkdir()
    write(tmp_path)
    assert held(tmp_path) == {"holiday.mp4": "mine", "masks/0.png": "new", "overlay.mp4": "new"}


def test_a_folder_is_made_and_taken_back_where_nothing_came(tmp_path):
    write(tmp_path / "a/b")
    assert held(tmp_path) == {"a/b/masks/0.png": "new", "a/b/overlay.mp4": "new"}
    with pytest.raises(UserError):
        write(tmp_path / "c/d", fail=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_half_written_is_left(tmp_path, overwrite):
    write(tmp_path, text="old")
    with pytest.raises(UserError):
        write(tmp_path, overwrite=overwrite, fail=True)
    assert held(tmp_path) == {"masks/0.png": "old", "overlay.mp4": "old"}
    assert sorted(p.name for p in tmp_path.iterdir()) == [RECORD, "masks", "overlay.mp4"]


@pytest.mark.parametrize("names", [("masks",), ("overlay.mp4",)])
def test_what_is_there_already_is_not_replaced_unless_asked(tmp_path, names):
    write(tmp_path, text="old")
    with pytest.raises(
        UserError, match=rf"{names[0]}: is there already; give another folder to write to, or add --over"
    ):
        write(tmp_path, names=names)
    assert set(held(tmp_path).values()) == {"old"}
    write(tmp_path, overwrite=True)
    assert held(tmp_path) == {"masks/0.png": "new", "overlay.mp4": "new"}
    assert sorted(p.name for p in tmp_path.iterdir()) == [RECORD, "masks", "overlay.mp4"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda out: (out / "masks/notes.txt").write_text("x"), "masks: is not replaced, since it holds.*notes.txt"),
        (lambda out: (out / "masks" / "bear").mkdir(), "masks: is not replaced, since it holds.*bear"),
        (lambda out: (out / "masks/0.png").unlink() or (out / "masks").rmdir() or (out / "masks").write_text("x"),
         "masks: is not replaced, since it holds what vosmem did not write: masks"),
    ],
)  # fmt: skip
def test_what_vosmem_did_not_write_is_not_replaced_even_if_asked(tmp_path, make, message):
    write(tmp_path, text="old")
    make(tmp_path)
    before = held(tmp_path)
    with pytest.raises(UserError, match=message):
        write(tmp_path, overwrite=True)
    assert held(tmp_path) == before


@pytest.mark.parametrize("file", ["masks/0.png", "masks/drawn.png", "overlay.mp4"])
def test_what_was_changed_or_added_since_is_not_replaced_even_if_asked(tmp_path, file):
    write(tmp_path)
    (tmp_path / file).write_text("corrected by hand")
    before = held(tmp_path)
    with pytest.raises(UserError, match=f"is not replaced, since {file} is not as vosmem wrote it there"):
        write(tmp_path, overwrite=True)
    assert held(tmp_path) == before


def test_what_was_written_in_turns_is_replaced_where_nothing_was_changed(tmp_path):
    write(tmp_path, ("masks",), text="first")
    write(tmp_path, ("overlay.mp4",), text="then")
    write(tmp_path, text="new", overwrite=True)
    assert held(tmp_path) == {"masks/0.png": "new", "overlay.mp4": "new"}


@pytest.mark.parametrize("record", [None, "[]", "{}", "spoilt"])
def test_masks_of_which_no_record_is_kept_are_not_replaced_even_if_asked(tmp_path, record):
    """They may be anybody's: a data set has a folder of that name too."""
    write(tmp_path, ("masks",), text="mine")
    (tmp_path / RECORD).unlink()
    if record:
        (tmp_path / RECORD).write_text(record)
    with pytest.raises(UserError, match=r"is not replaced, since masks/0\.png is not as vosmem wrote it there"):
        write(tmp_path, ("masks",), text="new", overwrite=True)
    assert (tmp_path / "masks/0.png").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_comes_to_be_there_meanwhile_stays(tmp_path, capsys, overwrite):
    """A mask corrected, or another run over the same folder, while this one works."""
    if overwrite:
        write(tmp_path, ("masks",), text="first")
    with output(tmp_path, ["masks", "overlay.mp4"], overwrite, tmp_path / "in.mp4") as hidden:
        (hidden / "masks").mkdir()
        (hidden / "masks/0.png").write_text("made")
        (hidden / "overlay.mp4").write_text("made")
        (tmp_path / "masks").mkdir(exist_ok=True)
        (tmp_path / "masks/0.png").write_text("by hand")
    assert held(tmp_path) == {"masks/0.png": "by hand", "new-masks/0.png": "made", "overlay.mp4": "made"}
    assert f"What was made is {tmp_path / 'new-masks'}" in capsys.readouterr().err
    write(tmp_path, ("overlay.mp4",), text="again", overwrite=True)
    assert (tmp_path / "overlay.mp4").read_text() == "again"


@pytest.mark.parametrize("name", ["masks", "overlay.mp4"])
def test_the_input_is_never_replaced(tmp_path, name):
    write(tmp_path, text="mine")
    with pytest.raises(UserError, match=f"{name}: is the input, which would be replaced"):
        write(tmp_path, overwrite=True, source=tmp_path / name)
    assert set(held(tmp_path).values()) == {"mine"}


def test_results_beside_the_videos_are_no_videos(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    write(tmp_path)
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk/0.png").touch()
    assert [one.name for one in inputs.given([tmp_path], tmp_path / "out").values()] == ["a", "b", "walk"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="out: is a file; give a folder"):
        write(tmp_path / "out")
    assert held(tmp_path) == {"out": "mine"}

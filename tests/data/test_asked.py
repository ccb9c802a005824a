"""Names that a configuration lists are those of the data set."""

import re

import pytest

from vosmem.data import asked
from vosmem.errors import UserError


@pytest.fixture
def data(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("garden.mov", "street.mp4"):
        (tmp_path / "videos" / name).touch()
    root = str(tmp_path / "videos")
    return {"root": root, "layout": "videos", "resolution": "", "masks": "", "frames": 0, "source": "here"}


@pytest.mark.parametrize("names", [["street"], ["street", "garden"]])
def test_names_that_are_there(data, tmp_path, names):
    assert asked.sequences(data | {"test": names}, "test") == names
    (tmp_path / "names.txt").write_text("\n".join(names))
    assert asked.sequences(data | {"test": str(tmp_path / "names.txt")}, "test") == names
    asked.check(data | {"test": names}, "test", names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["street", "stret"],
            "got 'stret', but {root} has no such sequence; it has garden, street; correct the name, or",
        ),
        (["street.mp4"], "got 'street.mp4', but {root} has .*; leave the suffix out, or take it off"),
        (list("abcdefg"), "got 'a', 'b', 'c', 'd', 'e', ..., but"),
    ],
)
def test_names_that_are_not(data, names, message):
    expected = "config: data.train: " + message.format(root=re.escape(data["root"]))
    with pytest.raises(UserError, match=expected):
        asked.check(data | {"train": names}, "train", names)

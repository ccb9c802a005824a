"""What is written appears whole or not at all, and what a killed process left is taken away."""

import os
import signal
import subprocess
import sys

import pytest

from vosmem import whole

KILLED = """
import os, signal, sys
from vosmem import whole
with whole.{kind}(sys.argv[1]) as temporary:
    (temporary / "half" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(path, kind):
    """A process that is killed while it writes `path`."""
    done = subprocess.run([sys.executable, "-c", KILLED.format(kind=kind), str(path)], check=False)
    assert done.returncode == -signal.SIGKILL


def hidden(folder):
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("."))


@pytest.mark.parametrize("name", ["a.h5", "a", "a [1].b.csv", "ü.json"])
def test_a_file_is_whole_or_as_before(tmp_path, name):
    path = tmp_path / "deeper" / name
    with whole.replacing(path) as temporary:
        assert temporary.parent == path.parent and (not path.suffix or temporary.suffix == path.suffix)
        temporary.write_text("old")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), whole.replacing(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    killed(path, "replacing")
    assert path.read_text() == "old" and len(hidden(path.parent)) == 1 and whole.leftovers(path)
    with whole.replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new" and hidden(path.parent) == []


def test_a_folder_is_whole_or_as_before(tmp_path):
    path = tmp_path / "masks"
    with whole.replacing_folder(path) as temporary:
        (temporary / "old").touch()
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), whole.replacing_folder(path) as temporary:
        (temporary / "new").touch()
        raise ZeroDivisionError
    killed(path, "replacing_folder")
    assert os.listdir(path) == ["old"] and len(hidden(tmp_path)) == 1
    with whole.replacing_folder(path) as temporary:
        assert os.listdir(temporary) == []
        (temporary / "new").touch()
    assert os.listdir(path) == ["new"] and hidden(tmp_path) == []


def test_what_others_write_is_left_alone(tmp_path):
    """A live process of this host, any of another, and another file's."""
    path = tmp_path / "a.h5"
    own = whole._beside(path).name
    parent = own.replace(f"{os.getpid()}-{whole._start('self')}", f"{os.getppid()}-{whole._start(os.getppid())}")
    left = [parent, own.replace(f"{whole._host()}-", "elsewhere-"), ".a.b.part.h5", ".a.b-c.part.h5", ".a.h5"]
    for name in left:
        (tmp_path / name).touch()
    killed(tmp_path / "a.b.h5", "replacing")
    with whole.replacing(path) as temporary:
        temporary.touch()
    assert {*left} < {*hidden(tmp_path)} and len(hidden(tmp_path)) == 6


def test_a_later_process_of_the_same_number_is_another(tmp_path):
    own = whole._beside(tmp_path / "a.h5")
    left = own.with_name(own.name.replace(f"-{whole._start('self')}.", "-1."))
    left.touch()
    assert whole.leftovers(tmp_path / "a.h5") == [left]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, there):
    (tmp_path / "elsewhere").mkdir()
    file, folder = tmp_path / "elsewhere/a.csv", tmp_path / "elsewhere/masks"
    if there:
        file.write_text("old")
        folder.mkdir()
        (folder / "old").touch()
    for path in (file, folder):
        (tmp_path / path.name).symlink_to(path)
    with whole.replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    with whole.replacing_folder(tmp_path / "masks") as temporary:
        (temporary / "new").touch()
    assert (tmp_path / "a.csv").is_symlink() and file.read_text() == "new"
    assert (tmp_path / "masks").is_symlink() and os.listdir(folder) == ["new"]
    assert hidden(tmp_path) == hidden(tmp_path / "elsewhere") == []


def test_what_is_no_file_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe.csv")], stdout=subprocess.PIPE)
    with whole.replacing(tmp_path / "pipe.csv") as temporary:
        temporary.write_text("whole")
    assert reader.communicate(timeout=60)[0] == b"whole"
    assert (tmp_path / "pipe.csv").is_fifo() and os.listdir(tmp_path) == ["pipe.csv"]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError) as caught, whole.replacing(tmp_path):
        pytest.fail("there is nothing to write to")
    assert caught.value.filename == str(tmp_path)


def test_a_folder_comes_back_when_stopped_while_it_is_replaced(tmp_path, monkeypatch):
    path, replace, moved = tmp_path / "masks", os.replace, []

    def stopped_at_the_second(*names):
        moved.append(names)
        if len(moved) == 2:
            raise SystemExit(143)
        replace(*names)

    with whole.replacing_folder(path) as temporary:
        (temporary / "old").touch()
    monkeypatch.setattr(os, "replace", stopped_at_the_second)
    with pytest.raises(SystemExit), whole.replacing_folder(path) as temporary:
        (temporary / "new").touch()
    assert len(moved) == 3 and os.listdir(path) == ["old"] and hidden(tmp_path) == []


WRITES = """
import sys
from vosmem import whole
print("before")
with whole.replacing(sys.argv[1]) as temporary:
    temporary.write_text("whole\\n")
print("after")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_what_is_open_already_is_written_on(tmp_path, name):
    """Also where it is a file, which by its name would be opened anew and lose what is there."""
    with open(tmp_path / "o.txt", "a") as out:
        out.write("first\n")
        out.flush()
        subprocess.run([sys.executable, "-c", WRITES, name], stdout=out, check=True)
    assert (tmp_path / "o.txt").read_text() == "first\nbefore\nwhole\nafter\n"
    assert os.listdir(tmp_path) == ["o.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "masks").write_text("mine")
    with pytest.raises(NotADirectoryError), whole.replacing_folder(tmp_path / "masks"):
        pytest.fail("there is nothing to fill")
    assert (tmp_path / "masks").read_text() == "mine" and os.listdir(tmp_path) == ["masks"]

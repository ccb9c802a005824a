"""Room on the disk: what is missing is told before it is needed."""

import errno
import io
import subprocess
import sys

import h5py
import numpy as np
import pytest

from vosmem import cache, room
from vosmem.errors import UserError

CLIP, MAKER = cache.Clip("a", tuple("012"), (8, 8)), cache.Maker("flow", 1, "dis")


def free(monkeypatch, size):
    usage = type("Usage", (), {"free": size})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage)


def test_what_is_missing_is_one_line(tmp_path, monkeypatch):
    free(monkeypatch, 2_100_000_000)
    room.check(tmp_path, 2_100_000_000, "a file")
    with pytest.raises(UserError) as caught:
        room.check(tmp_path, 7_300_000_000, "a file", "go elsewhere")
    assert str(caught.value) == f"{tmp_path}: a file takes 7.3 GB of disk, 2.1 GB are free; go elsewhere"


def test_a_cache_that_does_not_fit_is_not_begun(tmp_path, monkeypatch):
    free(monkeypatch, 1_000_000)
    told = "flow dis of a, 3 frames, takes 6 MB of disk, 1 MB are free; make room there and run again"
    with pytest.raises(UserError, match=told), cache.write(tmp_path / "a.h5", CLIP, MAKER) as file:
        file.create("forward", (2, 500, 1000))
    assert list(tmp_path.iterdir()) == []


def test_reserved_room_is_the_files_own_and_its_end_stays(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    room.reserve(path, 1 << 20, "x")
    assert path.stat().st_size == 3
    room.release(path)
    assert path.read_bytes() == b"abc"
    assert path.stat().st_blocks * 512 <= 1 << 16


def test_a_cache_is_as_large_as_its_content(tmp_path):
    with cache.write(tmp_path / "a.h5", CLIP, MAKER) as file:
        file.create("forward", (2, 64, 64))
        file.append("forward", np.ones((3, 2, 64, 64)))
        file.create("backward", (2, 64, 64))
        file.append("backward", np.ones((3, 2, 64, 64)))
    content = 2 * 3 * 2 * 64 * 64 * 2
    assert content < (tmp_path / "a.h5").stat().st_size < content + 20_000
    assert (tmp_path / "a.h5").stat().st_blocks * 512 < content + 30_000
    with h5py.File(io.BytesIO((tmp_path / "a.h5").read_bytes())) as file:
        assert float(file["backward"][2].min()) == 1


FULL = """
import sys
import numpy as np
from vosmem import cache
from vosmem.cli import main
from vosmem.errors import UserError
folder = sys.argv[1]
clip, maker = cache.Clip("a", tuple("0123456789"), (8, 8)), cache.Maker("flow", 1, "dis")
for size in range(10, 60, 3):
    try:
        with cache.write(f"{folder}/{size}.h5", clip, maker) as file:
            for name in ("forward", "backward"):
                file.create(name, (2, size, size))
                file.append(name, np.ones((10, 2, size, size)))
    except UserError as error:
        print(error)
        break
"""


def test_a_full_disk_ends_in_one_line(tmp_path):
    """On a file system of its own, where this user may mount one: HDF5 would end the process by a signal."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a file system")
    try:
        done = subprocess.run([sys.executable, "-c", FULL, folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{folder}: flow dis of a, 10 frames, takes ")
        assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_the_largest_file_that_may_be_written_is_heeded(tmp_path):
    """As `ulimit -f` sets it: HDF5 would end the process by a signal here as well."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))"
    done = subprocess.run([sys.executable, "-c", limited + FULL, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path}: flow dis of a, 10 frames, takes ")
    assert "for which there is no room (File too large); make room there" in done.stdout
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_quota_that_is_used_up_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(room.ctypes, "get_errno", lambda: errno.EDQUOT)
    refused = type("C", (), {"fallocate": type("F", (), {"__call__": lambda *_: -1})()})()
    monkeypatch.setattr(room.ctypes, "CDLL", lambda *_, **__: refused)
    message = r"flow dis of a, 3 frames, takes \d+ kB, for which there is no room \(Disk quota exceeded\); make"
    with pytest.raises(UserError, match=message), cache.write(tmp_path / "a.h5", CLIP, MAKER) as file:
        file.create("forward", (2, 50, 100))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_499_999, "1 MB"),
        (1e9, "1.0 GB"),
        (12_340_000_000, "12.3 GB"),
    ],
)
def test_sizes_are_told_in_a_unit_that_shows_them(size, told):
    assert room.readable(size) == told

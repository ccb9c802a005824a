"""Archives that weights come in: one member's bytes are copied out, and whatever else an archive holds does nothing."""

import gzip
import io
import os
import tarfile
import zipfile

import pytest

from vosmem.errors import UserError
from vosmem.weights import fetch

MEMBER = "toy/w.bin"


def tarred(*entries, end=b""):
    """A .tar.gz of (name, content, type) entries; the content of a link is where it leads."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content, kind in entries:
            told = tarfile.TarInfo(name)
            told.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                told.linkname = content
            elif kind == tarfile.REGTYPE:
                told.size = len(content)
            tar.addfile(told, io.BytesIO(content if kind == tarfile.REGTYPE else b""))
    return gzip.compress(out.getvalue() + end)


def zipped(*entries, kind=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as wheel:
        for name, content in entries:
            wheel.writestr(name, content)
    return out.getvalue()


FILE = (f"toy-1/{MEMBER}", b"weights", tarfile.REGTYPE)
EVIL = [
    ("../../escape", b"evil", tarfile.REGTYPE),
    ("/tmp/vosmem-escape", b"evil", tarfile.REGTYPE),
    ("toy-1/link", "/etc/passwd", tarfile.SYMTYPE),
    ("toy-1/hard", "/etc/passwd", tarfile.LNKTYPE),
    ("toy-1/null", b"", tarfile.CHRTYPE),
    ("toy-1/disk", b"", tarfile.BLKTYPE),
    ("toy-1/pipe", b"", tarfile.FIFOTYPE),
    ("toy-1/setup.py", b"raise SystemExit('ran')", tarfile.REGTYPE),
]
GOOD = {
    "toy.tar.gz": tarred(*EVIL, FILE),
    "toy.whl": zipped(("../escape", b"x"), ("/tmp/vosmem-escape", b"x"), ("a\\..\\x", b"x"), (MEMBER, b"weights")),
    "toy.zip": zipped((MEMBER, b"weights")),
}


@pytest.mark.parametrize("name", GOOD)
def test_only_the_member_is_written(name, tmp_path):
    folder = tmp_path / "in/deeper"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(GOOD[name])
    fetch._extract(folder / name, MEMBER, folder / "out", 7)
    assert (folder / "out").read_bytes() == b"weights"
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == sorted([name, "out"])
    assert not os.path.exists("/tmp/vosmem-escape")


BOMB = bytes(5_000_000)
BAD = {
    "link.tar.gz": (tarred((f"toy-1/{MEMBER}", "/etc/passwd", tarfile.SYMTYPE)), "holds no toy/w.bin"),
    "hard.tar.gz": (tarred((f"toy-1/{MEMBER}", "/etc/passwd", tarfile.LNKTYPE)), "holds no toy/w.bin"),
    "device.tar.gz": (tarred((f"toy-1/{MEMBER}", b"", tarfile.CHRTYPE)), "holds no toy/w.bin"),
    "folder.tar.gz": (tarred((f"toy-1/{MEMBER}", b"", tarfile.DIRTYPE)), "holds no toy/w.bin"),
    "other.tar.gz": (tarred(("toy-1/other", b"x", tarfile.REGTYPE)), "holds no toy/w.bin"),
    "other.whl": (zipped(("other", b"x")), "holds no toy/w.bin"),
    "bomb.whl": (zipped((MEMBER, BOMB)), "more than the 7 bytes"),
    "bomb.tar.gz": (tarred((f"toy-1/{MEMBER}", BOMB, tarfile.REGTYPE)), "more than the 7 bytes"),
    "cut.whl": (zipped((MEMBER, b"weights"))[:-20], "not a whole archive"),
    "cut.tar.gz": (tarred(FILE)[:60], "not a whole archive"),
    "text.tar.gz": (b"no archive", "not a whole archive"),
    "empty.whl": (b"", "not a whole archive"),
    "wrong.whl": (zipped((MEMBER, b"weights"), kind=zipfile.ZIP_STORED).replace(b"weights", b"w3ights"), "not a whole"),
}


@pytest.mark.parametrize("name", BAD)
def test_other_archives_are_told_in_a_line(name, tmp_path):
    content, told = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=told) as caught:
        fetch._extract(tmp_path / name, MEMBER, tmp_path / "out", 7)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or (tmp_path / "out").stat().st_size <= 8

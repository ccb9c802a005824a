"""Files and folders that appear whole or not at all.

Each is written under a hidden name beside its place, which tells host and process, and moved there once complete. What
a killed process left behind is taken away by the next one that writes to the same place.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

OPEN = {"/dev/stdout": 1, "/dev/stderr": 2}  # names that stand for what is open already


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name beside ``path``; move it into place when the block ends well, remove it when it does not.

    The temporary name keeps the suffix, if there is one, since writers choose a format by it. Of a link the file that
    it leads to is replaced; what is no file of its own, as /dev/stdout, is written to. Raises IsADirectoryError, before
    the block, where ``path`` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if _descriptor(path) is not None or (path.exists() and not path.is_file()):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / path.name
            yield temporary
            with open(temporary, "rb") as written, _standing(path) as there:
                shutil.copyfileobj(written, there)
        return
    path = _followed(path)
    temporary = _beside(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give an empty folder beside ``path``, which takes its place when the block ends well and is removed otherwise.

    Of a link the folder that it leads to is replaced. Raises NotADirectoryError, before the block, where ``path`` is a
    file.
    """
    path = _followed(Path(path))
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(path))
    temporary, old = _beside(path), _beside(path, "old")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    finally:
        if old.exists() and not path.exists():  # stopped between the two
            os.replace(old, path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def scratch(path: str | os.PathLike) -> Iterator[Path]:
    """An empty folder for temporary files, hidden beside ``path``, which is only a name; gone when the block ends."""
    folder = _beside(Path(path))
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(path: str | os.PathLike) -> list[Path]:
    """What processes of this host that live no more left of a file or folder that was to become ``path``."""
    path, found = Path(path), []
    stem, suffix, host = map(re.escape, (path.stem, path.suffix, _host()))
    own = re.compile(rf"\.{stem}\.(?:old-)?{host}-(\d+)-(\d*)\.part{suffix}")
    for name in os.listdir(path.parent):
        match = own.fullmatch(name)
        if match and match[2] and match[2] != _start(match[1]):
            found.append(path.with_name(name))
    return found


def _descriptor(path: Path) -> int | None:
    """The number of what is open already, where a name stands for that."""
    name = os.fspath(path.absolute())
    number = re.fullmatch(r"/dev/fd/(\d+)", name)
    return int(number[1]) if number else OPEN.get(name)


def _standing(path: Path) -> IO[bytes]:
    """What is no file of its own, to be written to behind what is there."""
    number = _descriptor(path)
    if number is None:
        return open(path, "wb")
    for stream in (sys.stdout, sys.stderr):  # what they hold back comes first
        stream.flush()
    return os.fdopen(os.dup(number), "wb")  # opened by its name, a file would begin anew


def _followed(path: Path) -> Path:
    """What a link leads to; any other path as it is."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _beside(path: Path, what: str = "") -> Path:
    """The hidden name of this process for ``path``, free to be used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f"{os.getpid()}-{_start('self')}"
    place = path.with_name(f".{path.stem}.{what and what + '-'}{_host()}-{own}.part{path.suffix}")
    for left in (place, *leftovers(path)):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return place


def _host() -> str:
    return socket.gethostname().replace(".", "_").replace("/", "_")[:40]


def _start(process: str | int) -> str:
    """When a process started, which tells it from a later one of its number; empty where it lives no more.

    Elsewhere than on Linux always empty, and so nothing is ever taken away.
    """
    try:
        state, *others = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else others[18]

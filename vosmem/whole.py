"""Files and folders that appear whole or not at all.

Each is written under a hidden name beside its place, which tells host and process, and moved there once complete. What
a killed process left behind is taken away by the next one that writes to the same place.
"""

from __future__ import annotations

import glob
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name beside ``path``; move it into place when the block ends well, remove it when it does not.

    The temporary name keeps the suffix, if there is one, since writers choose a format by it.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give an empty folder beside ``path``, which takes its place when the block ends well and is removed otherwise."""
    path = Path(path)
    temporary, old = _beside(path), _beside(path, "old")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def leftovers(path: str | os.PathLike) -> list[Path]:
    """What processes of this host that live no more left of a file or folder that was to become ``path``."""
    path, found = Path(path), []
    for other in path.parent.glob(f".{glob.escape(path.stem)}.*.part{glob.escape(path.suffix)}"):
        host, _, process = other.name[len(path.stem) + 2 :].partition(".part")[0].rpartition("-")
        if host.removeprefix("old-") == _host() and process.isdecimal() and not _lives(int(process)):
            found.append(other)
    return found


def _beside(path: Path, what: str = "") -> Path:
    """The hidden name of this process for ``path``, free to be used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.stem}.{what and what + '-'}{_host()}-{os.getpid()}.part{path.suffix}")
    for left in (own, *leftovers(path)):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return own


def _host() -> str:
    return socket.gethostname().replace(".", "_").replace("/", "_")[:40]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True

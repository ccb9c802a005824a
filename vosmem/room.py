"""Room on the disk: asked for before it is needed.

A cache's file takes its room when its data sets are declared. HDF5 keeps what it could not write, and where the disk
has run full it takes the whole process down when the file is closed; nobody would be told why.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
from pathlib import Path

from vosmem.errors import FULL, UserError

SPARE = 1 << 18  # bytes that stay free, for the heading and the index of a file
MEND = "make room there and run again"
KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of linux/falloc.h: the file is as long as before, but its room is its own


def check(folder: Path, needed: int, what: str, mend: str = MEND) -> None:
    """Raise UserError unless ``needed`` bytes are free where ``folder`` is. ``what``: what they are for."""
    there = free(folder)
    if there < needed:
        raise UserError(f"{folder}: {what} takes {readable(needed)} of disk, {readable(there)} are free; {mend}")


def free(folder: Path) -> int:
    """Bytes that are free where ``folder`` is."""
    return shutil.disk_usage(folder).free


def reserve(path: Path, size: int, what: str) -> None:
    """Take disk for the first ``size`` bytes of the file at ``path``, so that writing them cannot run out of room.

    Raises UserError where there are not as many. File systems that cannot reserve are asked what is free, no more.
    """
    here = path.stat()
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]  # which reserving does not heed
    if largest != resource.RLIM_INFINITY and size + SPARE > largest:
        raise _refused(path.parent, size, what, errno.EFBIG)
    check(path.parent, size - here.st_blocks * 512 + SPARE, what)
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)  # Linux
    if fallocate is None:
        return
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong)
    with open(path, "r+b") as file:
        failed = ctypes.get_errno() if fallocate(file.fileno(), KEEP_SIZE, 0, size) else 0
    if failed in FULL:
        release(path)
        if failed == errno.ENOSPC:
            check(path.parent, size, what)
        raise _refused(path.parent, size, what, failed)


def _refused(folder: Path, size: int, what: str, error: int) -> UserError:
    """Where what is free tells nothing: a quota, or the largest file that a process may write (``ulimit -f``)."""
    return UserError(
        f"{folder}: {what} takes {readable(size)}, for which there is no room ({os.strerror(error)}); {MEND}"
    )


def release(path: Path) -> None:
    """Give back what was reserved beyond the file's end."""
    os.truncate(path, path.stat().st_size)


def readable(size: int) -> str:
    """Bytes as one would say them; never 0 of a larger unit for what is something."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    unit, name = (1e6, "MB") if size >= 1e6 else (1e3, "kB") if size >= 1e3 else (1, "B")
    return f"{max(0, round(size / unit))} {name}"

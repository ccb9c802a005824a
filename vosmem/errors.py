"""Errors that are the user's to mend: one clear line, without a traceback."""

from __future__ import annotations

import errno
import os

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
BUSY = (errno.EMFILE, errno.ENFILE)
BROKEN = (errno.EIO, errno.ESTALE)
WRONG_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST)


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one clear line: what, got, expected, how to mend. The command line prints it without a
    traceback and exits with status 1.
    """


def told(error: Exception) -> str | None:
    """What an error says to a user, None where it is one that no user can mend."""
    if isinstance(error, UserError):
        return str(error)
    if _of_memory(error):
        return (
            "not enough memory; let it have more, or take a smaller short side (--short-side, data.short_side), "
            "fewer --threads, or another --device"
        )
    if not isinstance(error, OSError):
        return None
    where = f"{os.fspath(error.filename)}: " if error.filename else ""
    if error.errno in FULL:
        return f"{where}no room left on the disk ({os.strerror(error.errno)}); make room there and run again"
    if error.errno in FORBIDDEN:
        return f"{where}may not be read or written by this user ({os.strerror(error.errno)}); choose another place"
    if error.errno in BUSY:
        return f"{where}too many files are open ({os.strerror(error.errno)}); allow more (`ulimit -n`) and run again"
    if error.errno in BROKEN:
        return f"{where}the disk does not answer as it should ({os.strerror(error.errno)}); see to it and run again"
    if error.errno in WRONG_PLACE and where:
        return f"{where}cannot be used as it is asked for ({os.strerror(error.errno)}); correct the path"
    return None


def _of_memory(error: Exception) -> bool:
    """Whether there was no memory left: Python's and NumPy's error, PyTorch's of a GPU, and what it says of a CPU's."""
    of_torch = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and of_torch)

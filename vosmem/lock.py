"""What tells a run that goes on from one that was killed.

Snakemake's own locks are files, which outlive a killed run and then keep its folder shut. A lock of the operating
system ends with its process: whoever gets it alone knows that no other run of vosmem lives, and may clear the files of
killed ones away. A run notes which they are, since other workflows may lock files in the same folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from vosmem.errors import UserError

NOTE = "vosmem.locks"


def enter(folder: Path) -> tuple[int, bool]:
    """Take part in the runs of Snakemake's ``folder`` (``.snakemake``) until the given descriptor is closed.

    Where no other run lives, locks that killed ones noted are cleared away. The second value tells whether there is one
    that lives and has locked its files.
    """
    try:
        folder.mkdir(exist_ok=True)
        file = os.open(folder / "vosmem.lock", os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise UserError(
            f"{folder.absolute()}: cannot be written to ({error.strerror}); run where you may write, or name such a "
            "folder by --directory"
        ) from None
    locks = folder / "locks"
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in _noted(folder):
            path.unlink()
        busy = False
    except BlockingIOError:
        busy = any(locks.glob("*.lock"))
    except OSError:  # a file system without such locks: Snakemake's own must do
        return file, False
    fcntl.flock(file, fcntl.LOCK_SH)
    return file, busy


def note(folder: Path, since: float) -> None:
    """Keep which of Snakemake's locks are this run's: those that came ``since`` it began, in seconds as time tells."""
    stamps = {path.name: _stamp(path) for path in folder.glob("locks/*.lock")}
    own = {name: stamp for name, stamp in stamps.items() if stamp and stamp[1] >= int(since) * 10**9}
    (folder / NOTE).write_text(json.dumps(own))


def _noted(folder: Path) -> list[Path]:
    """The locks that a run noted and that are still the same files."""
    try:
        told = json.loads((folder / NOTE).read_text())
        return [path for name, stamp in told.items() if _stamp(path := folder / "locks" / name) == stamp]
    except (OSError, ValueError, AttributeError):
        return []


def _stamp(path: Path) -> list[int] | None:
    """What tells a file from a later one of its name."""
    try:
        told = path.stat()
    except OSError:
        return None
    return [told.st_ino, told.st_mtime_ns]

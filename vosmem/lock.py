"""What tells a run that goes on from one that was killed.

Snakemake's own locks are files, which outlive a killed run and then keep its folder shut. A lock of the operating
system ends with its process: whoever gets it alone knows that no other run lives, and may clear those files away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path


def enter(folder: Path) -> tuple[int, bool]:
    """Take part in the runs of Snakemake's ``folder`` (``.snakemake``) until the given descriptor is closed.

    Where no other run lives, locks that killed ones left are cleared away. The second value tells whether there is one
    that lives and has locked its files.
    """
    folder.mkdir(exist_ok=True)
    file = os.open(folder / "vosmem.lock", os.O_CREAT | os.O_RDWR, 0o666)
    locks = folder / "locks"
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(locks, ignore_errors=True)
    except BlockingIOError:
        pass
    except OSError:  # a file system without such locks: Snakemake's own must do
        return file, False
    busy = any(locks.glob("*.lock"))
    fcntl.flock(file, fcntl.LOCK_SH)
    return file, busy

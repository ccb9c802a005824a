"""How many cores there are, and how many a thread takes. Cheap to import."""

import os
import sys
from numbers import Integral

from vosmem.errors import UserError


def count() -> int:
    """How many cores this process may use; where the system does not tell, how many it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chosen(threads: int | None) -> int:
    """How many threads to take where so many were asked for: no more than there are cores.

    None: what the environment says by OMP_NUM_THREADS, as for NumPy and PyTorch, else all cores.
    """
    if threads is not None and (not isinstance(threads, Integral) or isinstance(threads, bool) or threads < 1):
        raise UserError(f"threads: got {threads!r}, expected a whole number, at least 1")
    return min(threads or _told() or count(), count())


def _told() -> int:
    """OMP_NUM_THREADS, the first number where there are several; 0 where it is not set, or is none."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(told) if told.isdecimal() else 0


def limit(threads: int) -> None:
    """Have PyTorch, where it is in use, compute what the calling thread asks for on so many threads."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)

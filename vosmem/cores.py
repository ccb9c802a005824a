"""How many cores there are, and how many a thread takes. Cheap to import."""

import os
import sys
from numbers import Integral

from vosmem.errors import UserError


def count() -> int:
    """How many cores this process may use; where the system does not tell, how many it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chosen(threads: int | None) -> int:
    """How many threads to take where so many were asked for: no more than there are cores, None being all of these."""
    if threads is not None and (not isinstance(threads, Integral) or isinstance(threads, bool) or threads < 1):
        raise UserError(f"threads: got {threads!r}, expected a whole number, at least 1")
    return min(threads or count(), count())


def limit(threads: int) -> None:
    """Have PyTorch, where it is in use, compute what the calling thread asks for on so many threads."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)

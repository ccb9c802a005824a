"""How many cores there are. Cheap to import."""

import os


def count() -> int:
    """How many cores this process may use; where the system does not tell, how many it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

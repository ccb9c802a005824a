"""vosmem: learning video object segmentation with visual memory.

Seven stages and a report, each with one name everywhere (package, rule file, config section, sub-command, folder):
``data``, ``flow``, ``appearance``, ``motion``, ``memory``, ``refine``, ``evaluate``, ``report``. A stage knows the
stage above only through its file.
"""

import os

# OpenCV reads it when it is loaded, and by default believes files that say they have 2^30 pixels: 3 GB of memory each.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
# GNU's OpenMP reads it when PyTorch is loaded: how long a thread that waits for another one spins before it sleeps. Of
# its own that is long, and on cores that others use too it keeps the very thread that it waits for from running.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
CACHE_FORMAT = 1  # of the HDF5 files, see docs/formats.md; here since the workflow asks for it without h5py
__all__ = ["segment"]


def __getattr__(name: str):
    # `vosmem.segment` needs torch; nothing else should pay two seconds for it at start-up.
    if name == "segment":
        from vosmem.pipeline.segmentation import segment

        return segment
    raise AttributeError(f"module 'vosmem' has no attribute {name!r}")

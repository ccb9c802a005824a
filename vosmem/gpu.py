"""Whether `device: auto` means a GPU here. Cheap to import, unlike PyTorch, which knows for sure."""

import ctypes
from importlib import metadata
from pathlib import Path

ROCM = Path("/dev/kfd")


def expected() -> bool:
    """Whether PyTorch will find a GPU: one that the driver tells of, by a build of PyTorch that can use it.

    PyTorch that is not installed beside, as where each rule has an environment of its own, is taken to be such a build.
    """
    try:
        build = metadata.version("torch").partition("+")[2]
    except metadata.PackageNotFoundError:
        build = ""
    if build.startswith("rocm"):
        return ROCM.exists()
    return build != "cpu" and _cuda_devices() > 0


def _cuda_devices() -> int:
    """How many GPUs NVIDIA's driver lets this process see; it goes by CUDA_VISIBLE_DEVICES itself."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    return count.value if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 else 0

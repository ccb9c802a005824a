"""Whether `device: auto` means a GPU here. Cheap to import, unlike PyTorch, which knows for sure."""

import ctypes
import importlib.util
import re
from pathlib import Path

ROCM = Path("/dev/kfd")


def expected(of_this_environment: bool = True) -> bool:
    """Whether PyTorch will find a GPU: one that the driver tells of, by a build of PyTorch that can use it.

    PyTorch of other environments than this one, or one that is not installed, is taken to be a build for NVIDIA's.
    """
    builds = _builds() if of_this_environment else None
    if builds is None or "cuda" in builds:
        return _cuda_devices() > 0
    return "hip" in builds and ROCM.exists()


def _builds() -> set[str] | None:
    """What PyTorch was built for, of cuda and hip; None where it is not installed. It is not imported."""
    found = importlib.util.find_spec("torch")
    if found is None or not found.origin:
        return None
    told = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    return set(re.findall(r"^(cuda|hip)\b.*= *['\"]", told, re.M))


def _cuda_devices() -> int:
    """How many GPUs NVIDIA's driver lets this process see; it goes by CUDA_VISIBLE_DEVICES itself."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    return count.value if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 else 0

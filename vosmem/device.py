"""Where networks run, and on how many threads."""

from __future__ import annotations

import re

import torch

from vosmem import cores
from vosmem.errors import UserError


def choose(name: str | torch.device = "auto", threads: int | None = None) -> torch.device:
    """The device that ``name`` means (auto, cpu, cuda, cuda:N), with PyTorch set to ``threads`` threads.

    ``auto`` is the first GPU where there is one. No more threads are taken than there are cores that this process may
    use; ``threads`` None takes what OMP_NUM_THREADS says, or all of those. Float32 is float32 on a GPU too: of its own
    PyTorch would convolve in TF32, whose mantissa has 10 bits; who wants less than float32 has the keys ``precision``.
    """
    name = str(name) if isinstance(name, torch.device) else name
    if not isinstance(name, str) or not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise UserError(f"device: got {name!r}, expected auto, cpu, cuda or cuda:N")
    torch.set_num_threads(cores.chosen(threads))
    torch.backends.cudnn.allow_tf32 = False
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda"):
        count, index = torch.cuda.device_count(), int(name.partition(":")[2] or 0)
        if index >= count:
            raise UserError(f"device: {name}, but PyTorch sees {count} GPUs here; set device: cpu or auto")
    return torch.device(name)


def threads_for_frames(device: torch.device) -> int:
    """On how many threads frames may be computed side by side: PyTorch's, on a CPU; a GPU takes one after the other."""
    return torch.get_num_threads() if device.type == "cpu" else 1

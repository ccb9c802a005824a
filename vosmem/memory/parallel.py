"""Training by several processes, one on each GPU: each takes some clips of a step, and all take the same step.

Every process holds the model, the optimiser and the caches, and draws all of a step's clips; it computes the gradient
of its own. The sums are the same numbers in all of them, so the models stay the same without being compared. Only the
first writes files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from vosmem.device import choose
from vosmem.errors import UserError


@dataclass(frozen=True)
class Group:
    """The processes that train together, as one of them sees them: it is number ``rank`` of ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and tells how far it is."""
        return self.rank == 0

    def takes(self, clip: int) -> bool:
        """Whether clip number ``clip`` of a step is this process's."""
        return clip % self.size == self.rank

    def add_up(self, model: nn.Module, loss: float) -> float:
        """Give each process the sum of all gradients; returns the sum of the losses.

        A parameter that has no gradient anywhere is left without, for an optimiser is to leave it alone.
        """
        if self.size == 1:
            return loss
        parameters = list(model.parameters())
        device = parameters[0].device
        there = torch.tensor([float(p.grad is not None) for p in parameters], device=device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([there, torch.tensor([loss], device=device), *(g.flatten() for g in gradients)])
        distributed.all_reduce(flat)
        there, losses, *summed = flat.split([len(parameters), 1, *(p.numel() for p in parameters)])
        for has, parameter, gradient in zip(there.tolist(), parameters, summed, strict=True):
            parameter.grad = gradient.view_as(parameter).clone() if has else None
        return losses.item()


ALONE = Group()


def run(function: Callable[..., Any], processes: int, device: torch.device) -> None:
    """Call ``function(device=, group=)`` in each of ``processes`` processes, on the CPU or on as many GPUs.

    ``device``: the first GPU, where it is one. One process is this one. Raises the UserError that one of them raised;
    when one fails all end, and so they do with this one.
    """
    if processes == 1:
        function(device=device, group=ALONE)
        return
    if device.type == "cuda" and (device.index or 0) + processes > torch.cuda.device_count():
        raise UserError(
            f"memory.processes: got {processes}, from {device} on, but PyTorch sees {torch.cuda.device_count()} GPUs "
            "here; lower it, or ask for more"
        )
    threads = max(1, torch.get_num_threads() // processes)
    with tempfile.TemporaryDirectory() as folder:
        try:
            torch.multiprocessing.spawn(_one, (function, Path(folder), processes, threads, device), nprocs=processes)
        except (torch.multiprocessing.ProcessExitedException, torch.multiprocessing.ProcessRaisedException):
            if (told := Path(folder, "error")).exists():
                raise UserError(told.read_text()) from None
            raise


def _one(rank: int, function: Callable[..., Any], folder: Path, size: int, threads: int, device: torch.device) -> None:
    """One process of them."""
    if device.type == "cuda":
        device = torch.device("cuda", (device.index or 0) + rank)
        torch.cuda.set_device(device)
    device = choose(device, threads)  # PyTorch begins anew here, with its own threads and with TF32
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all are on this machine, whatever its name leads to
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo", init_method=f"file://{folder}/met", rank=rank, world_size=size
    )
    try:
        function(device=device, group=Group(rank, size))
    except UserError as error:
        Path(folder, "error").write_text(str(error))
        raise
    finally:
        distributed.destroy_process_group()

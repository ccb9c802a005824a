"""The running mean of a network's weights over its training, which is often better than the last of them."""

import torch
from torch import nn


def average(mean: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move ``mean``, of the same make, towards what ``network`` is after ``step`` (0, 1, ...): weights and buffers.

    ``decay``: what is left of the old mean, 0 <= decay < 1; less in the first steps, lest the start be remembered.
    """
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for a, b in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if a.is_floating_point():
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)

"""A convolution and the ReLU behind it in one pass over the map, where PyTorch can do that.

On a CPU a map is larger than what the caches hold, and to read and write it once more for a ReLU takes up to a third of
what the convolution itself takes. oneDNN applies the ReLU before it writes; PyTorch gives that to its compiler alone,
as an operator that has no derivative and knows nothing of autocast.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn


def rectified(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """max(0, convolution(x)), (N, C, h, w), in the type that autocast has them multiply in."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    if x.device.type != "cpu" or torch.is_grad_enabled() or dtype not in _types() or not _is_plain(convolution):
        return convolution(x).relu_()
    weight, bias = (None if of is None else of.to(dtype) for of in (convolution.weight, convolution.bias))
    how = [list(convolution.padding), list(convolution.stride), list(convolution.dilation), convolution.groups]
    return torch.ops.mkldnn._convolution_pointwise(x.to(dtype), weight, bias, *how, "relu", [], "")


def _is_plain(convolution: nn.Conv2d) -> bool:
    """Whether calling it does nothing but to convolve, beside zeros."""
    hooked = convolution._forward_hooks or convolution._forward_pre_hooks
    return convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str) and not hooked


@cache
def _types() -> frozenset[torch.dtype]:
    """What the operator multiplies by itself here; nothing where PyTorch comes without it."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    if not there:
        return frozenset()
    return frozenset({torch.float32} | ({torch.bfloat16} if torch.ops.mkldnn._is_mkldnn_bf16_supported() else set()))

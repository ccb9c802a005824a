"""U2-Net-p's weights, random, in a file such as the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.weights.onnx_file import model, tensor


def convolutions() -> Iterator[tuple[int, int]]:
    """(C_out, C_in) of all convolutions but the sides, in the order in which they are computed."""
    for c_in, height in zip([3] + [64] * 5 + [128] * 5, [7, 6, 5, 4, "4F", "4F", "4F", 4, 5, 6, 7], strict=True):
        yield from [(64, c_in), (16, 64)]
        count = 4 if height == "4F" else height
        yield from [(16, 16)] * (count - 1)
        yield from [(16, 32)] * (count - 2)
        yield 64, 32


def numbers() -> list[tuple[Tensor, Tensor]]:
    """Random weights in the order of computation, as float64 pairs (weight, bias), sides and fusion last."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(o, i, 3, 3) for o, i in convolutions()] + [(1, 64, 3, 3)] * 6 + [(1, 6, 1, 1)]
    return [
        (
            torch.randn(shape, generator=generator, dtype=torch.float64) * (2 / np.prod(shape[1:])) ** 0.5,
            torch.randn(shape[0], generator=generator, dtype=torch.float64) * 0.1,
        )
        for shape in shapes
    ]


def write(path: Path, pairs: list[tuple[Tensor, Tensor]]) -> Path:
    """The weights as an ONNX file such as the real one: sides first and named, all others numbered."""
    names = [f"side{i}" for i in range(1, 7)] + ["outconv"]
    rows = [(f"{n}.{kind}", t) for n, pair in zip(names, pairs[-7:], strict=True)
            for kind, t in zip(("weight", "bias"), pair, strict=True)]  # fmt: skip
    rows += [(str(2000 - i), t) for i, t in enumerate(t for pair in pairs[:-7] for t in pair)]
    path.write_bytes(model(*(tensor(name, t.numpy()) for name, t in rows)))
    return path

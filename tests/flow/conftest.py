"""RAFT once more, plainly and in float64 by the names of its published files, and a file of random weights.

What is fast in the package is spelled out here: batch normalisation as it stands in the file, the ConvGRU's three
convolutions over state, context and motion together, each cell of a window sampled by itself.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

BLOCKS = [("layer1.0", 64, 64, 1), ("layer1.1", 64, 64, 1), ("layer2.0", 64, 96, 2), ("layer2.1", 96, 96, 1),
          ("layer3.0", 96, 128, 2), ("layer3.1", 128, 128, 1)]  # fmt: skip
UPDATE = {
    "encoder.convc1": (256, 324, 1, 1), "encoder.convc2": (192, 256, 3, 3), "encoder.convf1": (128, 2, 7, 7),
    "encoder.convf2": (64, 128, 3, 3), "encoder.conv": (126, 256, 3, 3), "flow_head.conv1": (256, 128, 3, 3),
    "flow_head.conv2": (2, 256, 3, 3), "mask.0": (256, 128, 3, 3), "mask.2": (576, 256, 1, 1),
    **{f"gru.conv{g}{i}": (128, 384, *k) for i, k in ((1, (1, 5)), (2, (5, 1))) for g in "zrq"},
}  # fmt: skip


def published(seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict as the published files hold it, with random numbers, float64."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}

    def conv(name, *shape, gain=2.0):
        scale = (gain / np.prod(shape[1:])) ** 0.5
        tensors[f"{name}.weight"] = torch.randn(shape, generator=generator, dtype=torch.float64) * scale
        tensors[f"{name}.bias"] = torch.randn(shape[0], generator=generator, dtype=torch.float64) * 0.1

    def norm(*names, channels):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            values = torch.rand(channels, generator=generator, dtype=torch.float64) + 0.5
            for name in names:
                tensors[f"{name}.{kind}"] = values
        for name in names:
            tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)

    for encoder in ("fnet", "cnet"):
        conv(f"{encoder}.conv1", 64, 3, 7, 7)
        conv(f"{encoder}.conv2", 256, 128, 1, 1)
        for block, c_in, c_out, stride in BLOCKS:
            conv(f"{encoder}.{block}.conv1", c_out, c_in, 3, 3)
            conv(f"{encoder}.{block}.conv2", c_out, c_out, 3, 3)
            if stride == 2:
                conv(f"{encoder}.{block}.downsample.0", c_out, c_in, 1, 1)
    norm("cnet.norm1", channels=64)
    for block, _, c_out, stride in BLOCKS:
        norm(f"cnet.{block}.norm1", channels=c_out)
        norm(f"cnet.{block}.norm2", channels=c_out)
        if stride == 2:
            norm(f"cnet.{block}.norm3", f"cnet.{block}.downsample.1", channels=c_out)
    for name, shape in UPDATE.items():
        conv(f"update_block.{name}", *shape, gain=1.0)
    return {f"module.{name}": t for name, t in tensors.items()}


class PlainRAFT:
    """The reference. ``tensors``: as :func:`published` gives them."""

    def __init__(self, tensors):
        self.tensors = {name.removeprefix("module."): t.double() for name, t in tensors.items()}

    def conv(self, name, x, stride=1):
        weight = self.tensors[f"{name}.weight"]
        padding = (weight.shape[2] // 2, weight.shape[3] // 2)
        return F.conv2d(x, weight, self.tensors[f"{name}.bias"], stride, padding)

    def norm(self, encoder, name, x):
        if encoder == "fnet":
            return F.instance_norm(x)
        weight, bias, mean, variance = (
            self.tensors[f"{encoder}.{name}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")
        )
        return F.batch_norm(x, mean, variance, weight, bias)

    def encode(self, encoder, image):
        x = self.norm(encoder, "norm1", self.conv(f"{encoder}.conv1", image / 127.5 - 1, 2)).relu()
        for block, _, _, stride in BLOCKS:
            y = self.norm(encoder, f"{block}.norm1", self.conv(f"{encoder}.{block}.conv1", x, stride)).relu()
            y = self.norm(encoder, f"{block}.norm2", self.conv(f"{encoder}.{block}.conv2", y)).relu()
            if stride == 2:
                x = self.conv(f"{encoder}.{block}.downsample.0", x, 2)
                x = self.norm(encoder, f"{block}.downsample.1", x)
            x = (x + y).relu()
        return self.conv(f"{encoder}.conv2", x)

    def gru(self, h, x):
        for i in (1, 2):
            hx = torch.cat([h, x], 1)
            z = torch.sigmoid(self.conv(f"update_block.gru.convz{i}", hx))
            r = torch.sigmoid(self.conv(f"update_block.gru.convr{i}", hx))
            q = torch.tanh(self.conv(f"update_block.gru.convq{i}", torch.cat([r * h, x], 1)))
            h = (1 - z) * h + z * q
        return h

    def correct(self, h, context, correlation, flow):
        """One iteration: the next state, and what to add to the flow."""
        name = "update_block.encoder"
        c = self.conv(f"{name}.convc2", self.conv(f"{name}.convc1", correlation).relu()).relu()
        f = self.conv(f"{name}.convf2", self.conv(f"{name}.convf1", flow).relu()).relu()
        motion = torch.cat([self.conv(f"{name}.conv", torch.cat([c, f], 1)).relu(), flow], 1)
        h = self.gru(h, torch.cat([context, motion], 1))
        step = self.conv("update_block.flow_head.conv1", h).relu()
        return h, self.conv("update_block.flow_head.conv2", step)

    def __call__(self, first, second, iterations):
        """Images (1, 3, H, W), RGB in 0..255 -> flow first to second (1, 2, H, W)."""
        first, second = first.double(), second.double()
        a, b = (self.encode("fnet", image) for image in (first, second))
        state, context = self.encode("cnet", first).chunk(2, 1)
        h, context = torch.tanh(state), context.relu()
        height, width = a.shape[-2:]
        correlation = torch.einsum("nchw,ncyx->nhwyx", a, b)[0] / a.shape[1] ** 0.5  # (h, w, h, w)
        y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
        flow = torch.zeros(1, 2, height, width, dtype=torch.float64)
        for _ in range(iterations):
            found = look_up(correlation, torch.stack([x, y]) + flow[0])
            h, step = self.correct(h, context, found[None], flow)
            flow = flow + step
        mask = self.conv("update_block.mask.2", self.conv("update_block.mask.0", h).relu())
        return upsample(flow, 0.25 * mask)


def look_up(correlation, position):
    """(h, w, h, w) and positions (2, h, w) -> (324, h, w): every cell of every window sampled by itself."""
    h, w = position.shape[1:]
    found = torch.zeros(4 * 81, h, w, dtype=torch.float64)
    for y, x in product(range(h), range(w)):
        level = correlation[y, x]
        for i in range(4):
            if i:
                level = halve(level)
            for column, row in product(range(9), range(9)):
                at = (position[0, y, x] / 2**i + column - 4, position[1, y, x] / 2**i + row - 4)
                found[i * 81 + column * 9 + row, y, x] = bilinear(level, *map(float, at))
    return found


def halve(level):
    """(h, w) -> means of 2x2; what is left of an odd side is dropped, and a side of 1 stays."""
    h, w = level.shape
    sy, sx = min(2, h), min(2, w)
    rows = [[level[y : y + sy, x : x + sx].mean() for x in range(0, w - sx + 1, sx)] for y in range(0, h - sy + 1, sy)]
    return torch.stack([torch.stack(row) for row in rows])


def bilinear(level, x, y):
    """The value of (h, w) at a position between its cells, zero outside."""
    h, w = level.shape
    left, top = int(np.floor(x)), int(np.floor(y))
    value = 0.0
    for j, i in product((top, top + 1), (left, left + 1)):
        if 0 <= j < h and 0 <= i < w:
            value += float(level[j, i]) * (1 - abs(x - i)) * (1 - abs(y - j))
    return value


def upsample(flow, mask):
    """(N, 2, h, w) and logits (N, 576, h, w) -> (N, 2, 8 h, 8 w), pixel by pixel."""
    n, _, h, w = flow.shape
    fine = torch.zeros(n, 2, 8 * h, 8 * w, dtype=torch.float64)
    around = F.pad(8 * flow, (1, 1, 1, 1))
    for b, y, x, j, i in product(range(n), range(h), range(w), range(8), range(8)):
        share = torch.softmax(mask[b, 8 * j + i :: 64, y, x], 0)  # (9), row by row of the 3x3
        fine[b, :, 8 * y + j, 8 * x + i] = around[b, :, y : y + 3, x : x + 3].reshape(2, 9) @ share
    return fine


@pytest.fixture(scope="session")
def random_file(tmp_path_factory):
    """A file as published, with random weights."""
    path = tmp_path_factory.mktemp("raft") / "random.pth"
    torch.save({name: t.float() if t.is_floating_point() else t for name, t in published().items()}, path)
    return path


@pytest.fixture(scope="session")
def sintel_file(repository, needs):
    """The published weights, where they have been fetched."""
    from vosmem import weights

    path = weights.entry("raft").path(repository / weights.FOLDER)
    needs("raft", path.is_file(), f"no file {path}; run `vosmem weights raft`")
    return path

"""RAFT: flow by recurrent all-pairs field transforms (Teed and Deng, ECCV 2020), the large network, for inference.

A feature encoder runs on both frames, a context encoder on the frame that the flow starts from; both have stride 8.
A ConvGRU then corrects the flow again and again, each time looking up how alike the pixels are around where the flow
leads now, and the last state says how to bring the flow from stride 8 to pixels.

Made for flow in both directions along a clip: either encoder runs once a frame, and what the ConvGRU makes of the
context, which no iteration changes, is computed there too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vosmem import weights
from vosmem.errors import UserError
from vosmem.flow.correlation import CHANNELS, Pyramid
from vosmem.fused import rectified

STRIDE = 8
STATE = CONTEXT = 128  # channels of the ConvGRU's state, of the context, and of the features of flow and correlation


class InstanceNorm(nn.Module):
    """Every channel of every image to mean 0 and variance 1, (N, C, h, w); sums are float32 at least."""

    def forward(self, x: Tensor) -> Tensor:
        # That of a batch of one, in which all images are channels: group_norm loses the digits of channels last.
        every = x.reshape(1, -1, *x.shape[2:])
        return torch.batch_norm(every, None, None, None, None, True, 0.0, 1e-5, True).view_as(x)


def _rectified(norm: nn.Module, convolution: nn.Conv2d, x: Tensor) -> Tensor:
    return rectified(convolution, x) if isinstance(norm, nn.Identity) else F.relu_(norm(convolution(x)))


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity, or beside a strided 1x1 convolution."""

    def __init__(self, c_in: int, c_out: int, stride: int, norm: type[nn.Module]):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(c_in, c_out, 3, stride, 1), norm()
        self.conv2, self.norm2 = nn.Conv2d(c_out, c_out, 3, 1, 1), norm()
        self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride), norm()) if stride != 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, c_out, h / stride, w / stride)."""
        y = _rectified(self.norm1, self.conv1, x)
        y = _rectified(self.norm2, self.conv2, y)
        return F.relu_(self.downsample(x) + y)


class Encoder(nn.Module):
    """Image (N, 3, H, W) in -1..1 -> (N, 256, H/8, W/8); H and W are multiples of 8."""

    def __init__(self, norm: type[nn.Module]):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 64, 7, 2, 3), norm()
        self.layer1 = nn.Sequential(Residual(64, 64, 1, norm), Residual(64, 64, 1, norm))
        self.layer2 = nn.Sequential(Residual(64, 96, 2, norm), Residual(96, 96, 1, norm))
        self.layer3 = nn.Sequential(Residual(96, 128, 2, norm), Residual(128, 128, 1, norm))
        self.conv2 = nn.Conv2d(128, 256, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = _rectified(self.norm1, self.conv1, image)  # (N, 64, H/2, W/2)
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class MotionEncoder(nn.Module):
    """Correlation (N, CHANNELS, h, w) and flow (N, 2, h, w) -> (N, 128, h, w), the last two being the flow itself."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1, self.convc2 = nn.Conv2d(CHANNELS, 256, 1), nn.Conv2d(256, 192, 3, 1, 1)
        self.convf1, self.convf2 = nn.Conv2d(2, 128, 7, 1, 3), nn.Conv2d(128, 64, 3, 1, 1)
        self.conv = nn.Conv2d(192 + 64, 128 - 2, 3, 1, 1)

    def forward(self, correlation: Tensor, flow: Tensor) -> Tensor:
        c = rectified(self.convc2, rectified(self.convc1, correlation))
        f = rectified(self.convf2, rectified(self.convf1, flow))
        return torch.cat([rectified(self.conv, torch.cat([c, f], 1)), flow], 1)


class HalfGRU(nn.Module):
    """A ConvGRU step with 1x5 or 5x1 convolutions, of the part of the input that changes from step to step.

    z, r = sigmoid(Wz * [h, c, m]), sigmoid(Wr * [h, c, m]);  q = tanh(Wq * [r h, c, m]);  h <- (1 - z) h + z q

    for state h, context c, motion m. What the three convolutions make of c is ``context``'s (N, 3 STATE, h, w).
    """

    def __init__(self, kernel: tuple[int, int]):
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.context = nn.Conv2d(CONTEXT, 3 * STATE, kernel, padding=padding)
        self.gates = nn.Conv2d(STATE + 128, 2 * STATE, kernel, padding=padding, bias=False)
        self.candidate = nn.Conv2d(STATE + 128, STATE, kernel, padding=padding, bias=False)

    def forward(self, h: Tensor, motion: Tensor, context: Tensor) -> Tensor:
        """State (N, STATE, h, w) -> the next."""
        gates = torch.sigmoid_(self.gates(torch.cat([h, motion], 1)) + context[:, : 2 * STATE])
        z, r = gates.chunk(2, 1)
        q = torch.tanh_(self.candidate(torch.cat([r * h, motion], 1)) + context[:, 2 * STATE :])
        return torch.lerp(h, q, z)


class Update(nn.Module):
    """One correction of the flow, and the weights for bringing it to pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = nn.ModuleList([HalfGRU((1, 5)), HalfGRU((5, 1))])
        self.flow_head = nn.Sequential(nn.Conv2d(STATE, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 2, 3, 1, 1))
        self.mask = nn.Sequential(nn.Conv2d(STATE, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 9 * STRIDE**2, 1))

    def forward(self, h: Tensor, context: list[Tensor], correlation: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """-> the next state (N, STATE, h, w) and what to add to the flow (N, 2, h, w)."""
        motion = self.encoder(correlation, flow)
        for half, ready in zip(self.gru, context, strict=True):
            h = half(h, motion, ready)
        return h, self.flow_head(h)


def upsample(flow: Tensor, mask: Tensor) -> Tensor:
    """Flow (N, 2, h, w) at stride 8 -> (N, 2, 8 h, 8 w) in pixels, each a convex combination of 3x3 cells around it.

    ``mask``: (N, 9 * 8 * 8, h, w), the logits of the nine weights of each of a cell's 8x8 pixels. Section 3.3.
    """
    n, _, h, w = flow.shape
    share = mask.permute(0, 2, 3, 1).reshape(-1, 9, STRIDE**2).softmax(1)  # (N * h * w, 9, 64)
    around = F.unfold(STRIDE * flow, 3, padding=1).view(n, 2, 9, h * w)
    around = around.permute(0, 3, 1, 2).reshape(-1, 2, 9)  # (N * h * w, 2, 9)
    fine = (around @ share).view(n, h, w, 2, STRIDE, STRIDE).permute(0, 3, 1, 4, 2, 5)  # (N, 2, h, 8, w, 8)
    return fine.reshape(n, 2, STRIDE * h, STRIDE * w)


@dataclass(frozen=True)
class Encoded:
    """What is kept of a frame: features (1, 256, h, w), the ConvGRU's first state (1, STATE, h, w), ready context."""

    features: Tensor
    state: Tensor
    context: list[Tensor]


class RAFT(nn.Module):
    """The network. ``iterations``: how often the flow is corrected."""

    def __init__(self, iterations: int = 8):
        super().__init__()
        self.iterations = iterations
        self._room: Pyramid | None = None
        self.fnet, self.cnet = Encoder(InstanceNorm), Encoder(nn.Identity)
        self.update_block = Update()

    def encode(self, frame: Tensor) -> Encoded:
        """Frame (1, 3, H, W), RGB in 0..255, H and W multiples of 8."""
        first = self.update_block.mask[0].weight
        x = (frame / 127.5 - 1).to(first.dtype).contiguous(memory_format=torch.channels_last)
        state, context = self.cnet(x).split([STATE, CONTEXT], 1)  # (1, 128, h, w) each
        context = F.relu(context)
        return Encoded(self.fnet(x), torch.tanh(state), [half.context(context) for half in self.update_block.gru])

    def forward(self, first: Encoded, second: Encoded, both: bool = True) -> Tensor:
        """Flow first to second and, if ``both``, back: (2 or 1, 2, H, W) float32, x right, y down, in pixels.

        Positions, flow and correlation stay float32 whatever the network computes in.
        """
        starts = [first, second] if both else [first]
        pyramid = self._pyramid(first.features)
        pyramid.correlate(first.features, second.features, both)
        h = torch.cat([s.state for s in starts])  # (N, STATE, h, w)
        context = [torch.cat(parts) for parts in zip(*(s.context for s in starts), strict=True)]
        n, _, height, width = h.shape
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        here = torch.stack([x, y]).float().to(h.device).expand(n, 2, height, width)
        # one memory format throughout: a single map in another makes each concatenation, and all behind it, slow
        flow = torch.zeros_like(here).contiguous(memory_format=torch.channels_last)
        for _ in range(self.iterations):
            correlation = pyramid.look_up(here + flow)
            h, step = self.update_block(h, context, correlation.to(h.dtype), flow.to(h.dtype))
            flow = flow + step.float()
        return upsample(flow, 0.25 * self.update_block.mask(h).float())

    def _pyramid(self, features: Tensor) -> Pyramid:
        """Room for the correlation of two frames both ways, the same for as long as frames are of one size."""
        size = tuple(features.shape[2:])
        if self._room is None or self._room.size != size:
            self._room = Pyramid(2, size, features.device)
        return self._room


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A published state dict by the names of :class:`RAFT`: batch normalisation folded in, the ConvGRU's split.

    Raises KeyError where a tensor is missing; what is left over shows in ``load_state_dict``.
    """
    given = {k.removeprefix("module."): v for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
    for name in [k.removesuffix(".running_mean") for k in given if k.endswith(".running_mean")]:
        scale, shift, mean, variance = (
            given.pop(f"{name}.{k}") for k in ("weight", "bias", "running_mean", "running_var")
        )
        if name.endswith("norm3"):  # another name of downsample.1
            continue
        conv = name.replace("downsample.1", "downsample.0").replace("norm", "conv")
        scale = scale * torch.rsqrt(variance + 1e-5)
        given[f"{conv}.weight"] = given[f"{conv}.weight"] * scale[:, None, None, None]
        given[f"{conv}.bias"] = (given[f"{conv}.bias"] - mean) * scale + shift
    for half in (0, 1):
        old, new = "update_block.gru.conv{}" + str(half + 1), f"update_block.gru.{half}"
        z, r, q = (given.pop(f"{old.format(g)}.weight") for g in "zrq")  # (STATE, [h, context, motion], kh, kw)
        given[f"{new}.context.weight"] = torch.cat([z, r, q])[:, STATE : STATE + CONTEXT]
        given[f"{new}.context.bias"] = torch.cat([given.pop(f"{old.format(g)}.bias") for g in "zrq"])
        changing = torch.cat([torch.arange(STATE), torch.arange(STATE + CONTEXT, z.shape[1])])
        given[f"{new}.gates.weight"] = torch.cat([z, r])[:, changing]
        given[f"{new}.candidate.weight"] = q[:, changing]
    for layer in ("1", "2"):
        for kind in ("weight", "bias"):
            given[f"update_block.flow_head.{0 if layer == '1' else 2}.{kind}"] = given.pop(
                f"update_block.flow_head.conv{layer}.{kind}"
            )
    return given


def load(path: Path, iterations: int, device: torch.device, dtype: torch.dtype = torch.float32) -> RAFT:
    """RAFT with the weights of a published file (.pth), frozen. Raises UserError where the file is another's."""
    network = RAFT(iterations)
    tensors = weights.load(path)
    try:
        network.load_state_dict(convert(tensors))
    except (KeyError, RuntimeError, IndexError) as error:
        told = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: does not hold the weights of RAFT ({told}); set flow.weights") from None
    return network.to(device, dtype, memory_format=torch.channels_last).eval().requires_grad_(False)

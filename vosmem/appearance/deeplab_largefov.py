"""DeepLab-LargeFOV on VGG-16, the published appearance network, up to fc7.

Chen et al., *Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs*, ICLR 2015, in the
"LargeFOV" form; the arithmetic is Caffe's: pooling rounds its output size up, and average pooling divides by a window
that counts the padding. Every pooling window is 3 x 3 with one pixel of padding, so a cell i of the stride-8 map is
centred on pixel 8 i, and 480 x 854 frames give 61 x 108 cells.
"""

from __future__ import annotations

from torch import Tensor, nn, tensor

from vosmem.fused import rectified
from vosmem.grid import Grid

MEAN_BGR = (104.008, 116.669, 122.675)
# layer name, channels in, channels out, side of the kernel, dilation; a string is a pooling layer
LAYERS = [
    ("conv1_1", 3, 64, 3, 1), ("conv1_2", 64, 64, 3, 1), "pool1",
    ("conv2_1", 64, 128, 3, 1), ("conv2_2", 128, 128, 3, 1), "pool2",
    ("conv3_1", 128, 256, 3, 1), ("conv3_2", 256, 256, 3, 1), ("conv3_3", 256, 256, 3, 1), "pool3",
    ("conv4_1", 256, 512, 3, 1), ("conv4_2", 512, 512, 3, 1), ("conv4_3", 512, 512, 3, 1), "pool4",
    ("conv5_1", 512, 512, 3, 2), ("conv5_2", 512, 512, 3, 2), ("conv5_3", 512, 512, 3, 2), "pool5",
    "pool5a", ("fc6", 512, 1024, 3, 12), ("fc7", 1024, 1024, 1, 1),
]  # fmt: skip
CACHED = ("conv5_3", "fc6", "fc7")
# Where VGG-16 ports that number their layers, with a ReLU behind each convolution, have them: `features.<N>`.
NUMBERED = dict(
    zip(
        (row[0] for row in LAYERS if isinstance(row, tuple) and row[0].startswith("conv")),
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        strict=True,
    )
)


class DeepLabLargeFOV(nn.Module):
    """VGG-16 with holes, as far as the last of ``layers``: which of ``conv5_3``, ``fc6`` and ``fc7`` to give."""

    def __init__(self, layers: list[str]):
        super().__init__()
        self.layers = layers
        self.stack = nn.ModuleDict()
        for row in LAYERS:
            if isinstance(row, tuple):
                name, c_in, c_out, kernel, dilation = row
                padding = dilation * (kernel // 2)
                self.stack[name] = nn.Conv2d(c_in, c_out, kernel, padding=padding, dilation=dilation)
                if {*layers} <= self.stack.keys():
                    break
            elif row == "pool5a":
                self.stack[row] = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=True)
            else:
                stride = 2 if row in ("pool1", "pool2", "pool3") else 1
                self.stack[row] = nn.MaxPool2d(3, stride, padding=1, ceil_mode=True)
        self.register_buffer("mean", tensor(MEAN_BGR).view(3, 1, 1), persistent=False)

    def grid(self, layer: str, frame: tuple[int, int]) -> Grid:
        """Where the cells of ``layer`` lie in a frame of (H, W) pixels: cell i on pixel 8 i."""
        shape = frame
        for _ in range(3):  # each pooling rounds up, and its padding adds a window
            shape = [n // 2 + 1 for n in shape]
        return Grid.of(shape, (8, 8), (0, 0))

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> for each of ``layers`` its map (N, C, h, w) after ReLU."""
        x = frames.flip(1) - self.mean  # BGR, as Caffe's models are trained
        maps = {}
        for name, layer in self.stack.items():
            x = rectified(layer, x) if isinstance(layer, nn.Conv2d) else layer(x)
            if name in self.layers:
                maps[name] = x
        return maps


def convert(tensors: dict[str, Tensor], network: DeepLabLargeFOV) -> dict[str, Tensor]:
    """The tensors of a Caffe model, or of a PyTorch port of one, by this network's names.

    Taken are Caffe's names (``conv1_1.weight``), with any prefix (``module.base.conv1_1.weight``), and for the
    convolutions ``features.<N>`` as well, with any prefix too. Layers that the network has not are left over. The
    weights must be for Caffe's input, BGR in 0..255 less the mean: torchvision's VGG-16 is for another.

    Raises ValueError that lists, layer by layer, all that does not fit.
    """
    ours: dict[str, Tensor] = {}
    wrong: dict[str, list[str]] = {}  # what is wrong -> with which layers
    for key, parameter in network.state_dict().items():
        _, name, kind = key.split(".")
        found = [k for k in tensors if _is(k, f"{name}.{kind}")]
        if not found and name in NUMBERED:
            found = [k for k in tensors if _is(k, f"features.{NUMBERED[name]}.{kind}")]
        if len(found) != 1:
            wrong.setdefault(f"{len(found)} tensors for the {kind} of" if found else f"no {kind} for", []).append(name)
            continue
        given = tensors[found[0]]
        if _without_ones(given.shape) != _without_ones(parameter.shape):
            got, expected = ("x".join(map(str, t.shape)) for t in (given, parameter))
            wrong.setdefault(f"{found[0]} is {got}, expected {expected}", [])
        else:
            ours[key] = given.reshape(parameter.shape)
    if wrong:
        raise ValueError("; ".join(f"{what} {', '.join(names)}".strip() for what, names in wrong.items()))
    return ours


def _is(key: str, name: str) -> bool:
    """Whether ``key`` is ``name``, with or without a prefix."""
    return key == name or key.endswith(f".{name}")


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape as old Caffe files know it, which fill up with ones: (1, 1, 1, 64) is (64,)."""
    return tuple(n for n in shape if n != 1)

"""MP-Net: from one field of optical flow to where something moves independently of the camera.

Tokmakov, Alahari, Schmid: "Learning Motion Patterns in Videos", CVPR 2017, figure 3; the frozen motion stream of
"Learning Video Object Segmentation with Visual Memory" (ICCV 2017), section 3.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU; the size stays. (N, in, h, w) -> (N, out, h, w)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__(
            # No bias: the batch normalisation right behind it has one.
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class MPNet(nn.Module):
    """Encoder with five poolings, decoder that climbs back to half of the input's size over skip connections.

    width: multiplies every number of channels; 1.0 is the published network (10.77 M parameters with two inputs).
    channels_in: channels of the encoded flow (see `vosmem.motion.encoding`).

    forward: (N, channels_in, H, W) float32 -> logits (N, 1, H // 2, W // 2) float32; any H, W >= 32. The sigmoid of a
    logit is the probability that the surface seen there moves independently of the camera.
    """

    def __init__(self, width: float = 1.0, channels_in: int = 2) -> None:
        super().__init__()
        if width <= 0 or channels_in < 1:
            raise ValueError(f"MPNet: width {width} and channels_in {channels_in} must be positive")

        def scaled(channels: int) -> int:
            return max(4, round(channels * width))

        c64, c128, c256, c512 = scaled(64), scaled(128), scaled(256), scaled(512)
        self.encoder0 = ConvBlock(channels_in, c64, 7)
        self.encoder1 = ConvBlock(c64, c128, 5)
        self.encoder2 = ConvBlock(c128, c256, 5)
        self.encoder3 = nn.Sequential(ConvBlock(c256, c256, 3), ConvBlock(c256, c256, 3))
        self.encoder4 = ConvBlock(c256, c256, 3)
        self.encoder5 = ConvBlock(c256, c256, 3)
        self.decoder4 = nn.Sequential(ConvBlock(c256 + c256, c256, 3), ConvBlock(c256, c256, 3))
        self.decoder3 = nn.Sequential(ConvBlock(c256 + c256, c256, 3), ConvBlock(c256, c256, 3))
        self.decoder2 = nn.Sequential(ConvBlock(c256 + c256, c256, 3), ConvBlock(c256, c256, 3))
        self.decoder1 = nn.Sequential(ConvBlock(c256 + c128, c256, 3), ConvBlock(c256, c512, 3))
        self.classifier = nn.Conv2d(c512, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:  # PyTorch imports its compiler for that
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        s0 = self.encoder0(x)  # (N, 64, H, W)
        s1 = self.encoder1(pool(s0))  # (N, 128, H/2, W/2)
        s2 = self.encoder2(pool(s1))  # (N, 256, H/4, W/4)
        s3 = self.encoder3(pool(s2))  # (N, 256, H/8, W/8)
        s4 = self.encoder4(pool(s3))  # (N, 256, H/16, W/16)
        s5 = self.encoder5(pool(s4))  # (N, 256, H/32, W/32)
        y = self.decoder4(climb(s5, s4))  # (N, 256, H/16, W/16)
        y = self.decoder3(climb(y, s3))  # (N, 256, H/8, W/8)
        y = self.decoder2(climb(y, s2))  # (N, 256, H/4, W/4)
        y = self.decoder1(climb(y, s1))  # (N, 512, H/2, W/2)
        return self.classifier(y)  # (N, 1, H/2, W/2)


def pool(x: Tensor) -> Tensor:
    """2x2 max pooling: (N, C, h, w) -> (N, C, h // 2, w // 2)."""
    return F.max_pool2d(x, 2)


def climb(x: Tensor, skip: Tensor) -> Tensor:
    """Up-sample x bilinearly to the size of `skip`, not by two, so that odd sizes fit; then put the skip behind it."""
    return torch.cat([F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False), skip], dim=1)

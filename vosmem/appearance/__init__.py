"""Stage ``appearance``: per-frame features of a frozen network, once per network."""

STAGE_VERSION = 2

NESTED = ("sides", "stage1d", "stage2d", "stage3d", "stage4d", "stage5d", "stage6", "full_sides")
# network -> the layers that can be cached. Here, since the configuration is checked before anything heavy is loaded.
LAYERS = {
    "efficientnet_lite0": tuple(f"block{i}" for i in range(16)),
    "mobilenet_v2": tuple(f"block{i}" for i in range(17)),
    "deeplab_largefov": ("conv5_3", "fc6", "fc7"),
    "u2netp": NESTED,
    "u2net": NESTED,
    "isnet": NESTED,
    "deeplabv3_resnet50": ("layer1", "layer2", "layer3", "layer4", "aspp", "scores"),
    "deeplabv3_resnet101": ("layer1", "layer2", "layer3", "layer4", "aspp", "scores"),
    "deeplabv3_mobilenet_v3_large": ("block3", "block6", "block12", "block16", "aspp", "scores"),
    "rgb": ("rgb",),
}
DEFAULT_LAYERS = {  # those that are where the config names none
    "efficientnet_lite0": ("block4", "block10", "block15"),
    "mobilenet_v2": ("block5", "block12", "block16"),
    "deeplab_largefov": ("fc6",),
    "u2netp": ("sides",),
    "u2net": ("sides",),
    "isnet": ("sides",),
    "deeplabv3_resnet50": ("aspp",),
    "deeplabv3_resnet101": ("aspp",),
    "deeplabv3_mobilenet_v3_large": ("aspp",),
    "rgb": ("rgb",),
}
WITHOUT_WEIGHTS = ("rgb",)

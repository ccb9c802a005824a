"""DeepLab-LargeFOV: Caffe's arithmetic."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vosmem.appearance import deeplab_largefov as largefov
from vosmem.appearance import stage
from vosmem.config import section_defaults
from vosmem.errors import UserError


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return largefov.DeepLabLargeFOV(["conv5_3", "fc6", "fc7"]).eval()


def caffe_pool(x, kernel, stride, pad, average=False):
    """Caffe's pooling from its definition: output size rounded up; a window that starts beyond the image and its left
    pad is dropped; the average divides by the window cut at the padded border, padding counted."""
    n = [int(np.ceil((s + 2 * pad - kernel) / stride)) + 1 for s in x.shape]
    n = [m - 1 if (m - 1) * stride >= s + pad else m for m, s in zip(n, x.shape, strict=True)]
    out = np.zeros(n)
    for i in range(n[0]):
        for j in range(n[1]):
            y0, x0 = i * stride - pad, j * stride - pad
            y1, x1 = min(y0 + kernel, x.shape[0] + pad), min(x0 + kernel, x.shape[1] + pad)
            window = x[max(y0, 0) : min(y1, x.shape[0]), max(x0, 0) : min(x1, x.shape[1])]
            out[i, j] = window.sum() / ((y1 - y0) * (x1 - x0)) if average else window.max()
    return out


@pytest.mark.parametrize("size", [(480, 854), (9, 12), (10, 7)])
@pytest.mark.parametrize(
    ("layer", "stride", "average"), [("pool1", 2, False), ("pool4", 1, False), ("pool5a", 1, True)]
)
def test_pooling_is_caffes(network, size, layer, stride, average):
    if size[0] > 100:
        size = (size[0] // 8, size[1] // 8 + 1)
    x = np.random.default_rng(0).standard_normal(size)
    ours = network.stack[layer](torch.from_numpy(x)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(ours, caffe_pool(x, 3, stride, 1, average), atol=1e-12)


def test_maps_of_480_x_854_are_61_x_108(network):
    size = torch.zeros(1, 1, 480, 854)
    for name in ("pool1", "pool2", "pool3", "pool4", "pool5", "pool5a"):
        size = network.stack[name](size)
    assert size.shape[-2:] == (61, 108)


def test_fc6_is_the_chain_written_out(network):
    """The forward pass against the layers of the paper called one after the other by hand, on a small frame."""
    rgb = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(1)) * 255
    w = {name: (m.weight, m.bias) for name, m in network.stack.items() if isinstance(m, torch.nn.Conv2d)}
    x = rgb[:, [2, 1, 0]] - torch.tensor([104.008, 116.669, 122.675]).view(3, 1, 1)
    with torch.inference_mode():
        for block, count in enumerate((2, 2, 3, 3, 3), 1):
            for i in range(1, count + 1):
                d = 2 if block == 5 else 1
                x = F.relu(F.conv2d(x, *w[f"conv{block}_{i}"], padding=d, dilation=d))
            x = F.max_pool2d(x, 3, 2 if block < 4 else 1, 1, ceil_mode=True)
        x = F.relu(F.conv2d(F.avg_pool2d(x, 3, 1, 1), *w["fc6"], padding=12, dilation=12))
        maps = network(rgb)
        fc7 = F.relu(F.conv2d(x, *w["fc7"]))
    torch.testing.assert_close(maps["fc6"], x)
    torch.testing.assert_close(maps["fc7"], fc7)
    assert maps["fc6"].shape == (1, 1024, 6, 8)
    assert maps["conv5_3"].shape == (1, 512, 6, 8)


def test_the_network_ends_with_the_last_layer_that_is_asked_for():
    assert list(largefov.DeepLabLargeFOV(["conv5_3"]).stack)[-1] == "conv5_3"
    assert list(largefov.DeepLabLargeFOV(["fc6", "conv5_3"]).stack)[-1] == "fc6"


def test_conversion_takes_caffes_names_with_any_prefix(network):
    own = network.state_dict()
    for prefix in ("", "module.base."):
        given = {f"{prefix}{k.removeprefix('stack.')}": t for k, t in own.items()}
        ours = largefov.convert(given | {f"{prefix}fc8_voc12.weight": torch.zeros(21, 1024, 1, 1)}, network)
        assert ours.keys() == own.keys()
        assert all(torch.equal(ours[k], own[k]) for k in own)


def test_conversion_takes_the_numbers_of_vgg(network):
    """As in torchvision's VGG-16: a convolution, a ReLU, and behind each block a pooling layer."""
    plan = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
    given, i, channels, own = {}, 0, 3, network.state_dict()
    names = iter(k.removesuffix(".weight") for k in own if k.endswith(".weight") and ".conv" in k)
    for width in plan:
        if width == "M":
            i += 1
            continue
        name = next(names)
        assert own[f"{name}.weight"].shape[:2] == (width, channels)
        for kind in ("weight", "bias"):
            given[f"vgg.features.{i}.{kind}"] = own[f"{name}.{kind}"]
        i, channels = i + 2, width
    conv5_3 = largefov.DeepLabLargeFOV(["conv5_3"])
    assert largefov.convert(given, conv5_3).keys() == conv5_3.state_dict().keys()
    for name in ("fc6", "fc7"):
        given |= {f"{name}.{kind}": own[f"stack.{name}.{kind}"] for kind in ("weight", "bias")}
    assert all(torch.equal(t, own[k]) for k, t in largefov.convert(given, network).items())


def test_conversion_takes_the_shapes_of_old_caffe_files(network):
    own = {k.removeprefix("stack."): t for k, t in network.state_dict().items()}
    given = {k: t.reshape(1, 1, 1, -1) if k.endswith("bias") else t for k, t in own.items()}
    for key, tensor in largefov.convert(given, network).items():
        assert torch.equal(tensor, own[key.removeprefix("stack.")])


def test_all_that_does_not_fit_is_listed_in_one_line(network, tmp_path):
    given = {k.removeprefix("stack."): t for k, t in network.state_dict().items()}
    del given["conv3_2.bias"], given["fc7.bias"], given["fc7.weight"]
    given["other.conv1_2.weight"] = given["conv1_2.weight"]
    given["fc6.weight"] = torch.zeros(4096, 25088)  # VGG-16's own classifier
    given["conv4_1.bias"] = torch.zeros(256)
    torch.save(given, tmp_path / "w.pth")
    settings = section_defaults("appearance", {"network": "deeplab_largefov", "layers": ["fc6", "fc7"]})
    with pytest.raises(UserError) as caught:
        stage.build("deeplab_largefov", settings, tmp_path / "w.pth")
    assert str(caught.value) == (
        f"{tmp_path}/w.pth: does not hold the weights of deeplab_largefov (2 tensors for the weight of conv1_2; "
        "no bias for conv3_2, fc7; conv4_1.bias is 256, expected 512; fc6.weight is 4096x25088, expected "
        "1024x512x3x3; no weight for fc7); set appearance.weights"
    )

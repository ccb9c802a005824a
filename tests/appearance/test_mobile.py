"""MobileNetV2 and EfficientNet-Lite0: atrous convolution changes density, not values; cells lie where the grid says."""

import pytest
import torch

from vosmem.appearance import mobile
from vosmem.appearance.stage import fold_batch_norm

NETWORKS = {
    "mobilenet_v2": (mobile.mobilenet_v2, "block16"),
    "efficientnet_lite0": (mobile.efficientnet_lite0, "block15"),
}


def build(name, output_stride, layers=None):
    """The network with random weights and random batch statistics, float64."""
    make, last = NETWORKS[name]
    network = make(layers or [last], output_stride).double().eval()
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data = (
                torch.randn(module.weight.shape, generator=generator, dtype=torch.float64)
                * (2 / module.weight[0].numel()) ** 0.5
            )
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator, dtype=torch.float64) * 0.1
            module.running_var = torch.rand(module.num_features, generator=generator, dtype=torch.float64) + 0.5
    return network


def frames(height=65, width=98):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 255


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("output_stride", [8, 16])
def test_every_cell_of_the_strided_network_is_a_cell_of_the_dense_one(name, output_stride):
    last = NETWORKS[name][1]
    with torch.inference_mode():
        strided = build(name, 32)(frames())[last]
        dense = build(name, output_stride)(frames())[last]
    step = 32 // output_stride
    assert dense.shape[-2:] == (-(-65 // output_stride), -(-98 // output_stride))
    torch.testing.assert_close(dense[..., ::step, ::step], strided)


@pytest.mark.parametrize("name", NETWORKS)
def test_moving_the_frame_by_the_stride_moves_the_map_by_a_cell(name):
    """So that cell i is centred on pixel stride * i + a constant; that the constant is 0 is the symmetry below."""
    layer = "block4"
    network = build(name, 8, [layer])
    image = frames(160, 160)
    with torch.inference_mode():
        here = network(image)[layer]
        there = network(image.roll((8, 16), (2, 3)))[layer]
    inner = slice(8, 12)
    torch.testing.assert_close(there[..., inner, inner], here[..., 7:11, 6:10])


@pytest.mark.parametrize("name", NETWORKS)
def test_cell_zero_is_centred_on_pixel_zero(name):
    """With kernels made symmetric, a mirrored odd-sized frame gives the mirrored map: cell centres are symmetric, so
    the first sits on the first pixel and the last on the last."""
    layer = "block4"
    network = build(name, 8, [layer])
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data = (module.weight.data + module.weight.data.flip(3)) / 2
    image = frames(97, 129)  # 129 = 16 * 8 + 1
    with torch.inference_mode():
        torch.testing.assert_close(network(image.flip(3))[layer], network(image)[layer].flip(3))


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_batch_normalisation_changes_nothing(name):
    network, last = build(name, 16), NETWORKS[name][1]
    with torch.inference_mode():
        expected = network(frames())[last]
        folded = fold_batch_norm(network)
        assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        torch.testing.assert_close(folded(frames())[last], expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_conversion_pairs_tensors_in_order(name):
    network = build(name, 32)
    ours = {k: t for k, t in network.state_dict().items() if "num_batches" not in k}
    foreign = {f"other.{i}": t for i, t in enumerate(ours.values())}
    foreign |= {"other.num_batches_tracked": torch.tensor(1), "head.weight": torch.zeros(3)}
    converted = mobile.convert(foreign, network)
    assert list(converted) == list(ours)
    assert all(converted[k] is ours[k] for k in ours)
    with pytest.raises(ValueError, match="expected at least"):
        mobile.convert({"a": torch.zeros(1)}, network)

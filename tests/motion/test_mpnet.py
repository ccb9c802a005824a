"""The network: the published size, any input size, fusion that changes nothing."""

import pytest
import torch

from vosmem.motion import checkpoint
from vosmem.motion.mpnet import MPNet


def test_published_width_has_the_published_number_of_parameters():
    # Layer by layer: weights of the convolutions, two numbers per channel of batch normalisation, the classifier.
    convolutions = [(2, 64, 7), (64, 128, 5), (128, 256, 5), (256, 256, 3), (256, 256, 3), (256, 256, 3), (256, 256, 3)]
    convolutions += [(512, 256, 3), (256, 256, 3)] * 3 + [(384, 256, 3), (256, 512, 3)]
    expected = sum(i * o * k * k + 2 * o for i, o, k in convolutions) + 512 + 1
    assert sum(p.numel() for p in MPNet().parameters()) == expected == 10_770_433


def test_quarter_width():
    network = MPNet(0.25, 6)
    assert network.encoder0[0].weight.shape == (16, 6, 7, 7)
    assert network.classifier.weight.shape == (1, 128, 1, 1)


@pytest.mark.parametrize("size", [(32, 32), (116, 212), (57, 101), (63, 33)])
def test_output_is_half_of_the_input(size):
    network = MPNet(0.07, 3).eval()
    with torch.no_grad():
        assert network(torch.randn(2, 3, *size)).shape == (2, 1, size[0] // 2, size[1] // 2)


@pytest.mark.parametrize(("width", "channels"), [(0, 2), (-1.0, 2), (1.0, 0)])
def test_impossible_sizes_are_refused(width, channels):
    with pytest.raises(ValueError, match="must be positive"):
        MPNet(width, channels)


def test_fused_batch_normalisation_is_the_same_function():
    torch.manual_seed(0)
    network = MPNet(0.07, 2)
    for block in network.modules():
        if isinstance(block, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(block.running_mean, -1, 1)
            torch.nn.init.uniform_(block.running_var, 0.5, 2)
            torch.nn.init.uniform_(block.weight, 0.5, 2)
            torch.nn.init.normal_(block.bias)
    network = network.double().eval()
    x = torch.randn(1, 2, 40, 56, dtype=torch.float64)
    with torch.no_grad():
        before = network(x)
        after = checkpoint.fuse(network)(x)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)


def test_a_blob_comes_out_where_it_went_in():
    """Alignment: the response to an impulse is symmetric about the impulse's place, for any weights that are."""
    torch.manual_seed(0)
    network = MPNet(0.07, 2).double().eval()
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim == 4:
                p.copy_((p + p.flip(2) + p.flip(3) + p.flip(2, 3)) / 4)
        x = torch.randn(1, 2, 64, 96, dtype=torch.float64)
        y, mirrored = network(x), network(x.flip(3))
    torch.testing.assert_close(mirrored.flip(3), y, rtol=1e-9, atol=1e-9)

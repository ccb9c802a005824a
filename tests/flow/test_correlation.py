"""Correlation: both directions of one product, windows against a loop, zero outside."""

import pytest
import torch

from tests.flow.conftest import look_up
from vosmem.flow.correlation import CHANNELS, Pyramid, both_ways


def test_one_product_serves_both_directions():
    first, second = torch.randn(2, 1, 6, 3, 5, generator=torch.Generator().manual_seed(0))
    there, back = both_ways(first, second)
    assert there.shape == (1, 15, 3, 5)
    for pixel, other in ((0, 14), (7, 3)):
        expected = (first[0].flatten(1)[:, pixel] * second[0].flatten(1)[:, other]).sum() / 6**0.5
        torch.testing.assert_close(there[0, pixel].flatten()[other], expected)
        torch.testing.assert_close(back[0, other].flatten()[pixel], expected)


@pytest.mark.parametrize("size", [(3, 5), (8, 9), (17, 2), (1, 1)])
def test_windows_are_sampled_where_asked(size):
    """Inside, on the edge, between cells, and far outside; odd sizes lose what is left over of a side."""
    h, w = size
    generator = torch.Generator().manual_seed(h)
    correlation = torch.randn(h, w, h, w, generator=generator, dtype=torch.float64)
    position = torch.rand(2, h, w, generator=generator, dtype=torch.float64)
    position = position * torch.tensor([w + 24.0, h + 24.0])[:, None, None] - 12
    position[:, 0, 0] = torch.tensor([-500.0, 1e6])
    position[:, -1, -1] = torch.tensor([w - 1.0, h - 1.0])
    found = Pyramid(correlation.view(1, h * w, h, w)).look_up(position[None])
    assert found.shape == (1, CHANNELS, h, w)
    torch.testing.assert_close(found[0], look_up(correlation, position))


def test_pairs_of_a_batch_keep_apart():
    generator = torch.Generator().manual_seed(0)
    correlation = torch.randn(2, 12, 3, 4, generator=generator)
    position = torch.rand(2, 2, 3, 4, generator=generator) * 3
    together = Pyramid(correlation).look_up(position)
    for i in (0, 1):
        torch.testing.assert_close(together[i : i + 1], Pyramid(correlation[i : i + 1]).look_up(position[i : i + 1]))

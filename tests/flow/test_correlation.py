"""Correlation: both directions, windows against a loop, zero outside; room that is filled again."""

import pytest
import torch

from tests.flow.conftest import look_up
from vosmem.flow.correlation import CHANNELS, Pyramid


def features(n, channels, size, seed):
    return torch.randn(2, n, channels, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain(first, second):
    """(C, h, w) twice -> the scaled inner products (h, w, h, w)."""
    return torch.einsum("chw,cyx->hwyx", first, second) / len(first) ** 0.5


def inside(size, seed):
    h, w = size
    generator = torch.Generator().manual_seed(seed)
    position = torch.rand(2, h, w, generator=generator, dtype=torch.float64)
    return position * torch.tensor([w + 24.0, h + 24.0])[:, None, None] - 12


@pytest.mark.parametrize("size", [(3, 5), (8, 9), (17, 2), (1, 1)])
def test_windows_are_sampled_where_asked(size):
    """Inside, on the edge, between cells, and far outside; odd sizes lose what is left over of a side."""
    h, w = size
    (first,), (second,) = features(1, 6, size, seed=h)
    position = inside(size, h)
    position[:, 0, 0] = torch.tensor([-500.0, 1e6])
    position[:, -1, -1] = torch.tensor([w - 1.0, h - 1.0])
    pyramid = Pyramid(1, size, dtype=torch.float64)
    pyramid.correlate(first[None], second[None])
    found = pyramid.look_up(position[None])
    assert found.shape == (1, CHANNELS, h, w)
    torch.testing.assert_close(found[0], look_up(plain(first, second), position))


def test_both_directions():
    (first,), (second,) = features(1, 6, (4, 7), seed=0)
    position = torch.stack([inside((4, 7), seed) for seed in (1, 2)])
    pyramid = Pyramid(2, (4, 7), dtype=torch.float64)
    pyramid.correlate(first[None], second[None], both=True)
    there, back = pyramid.look_up(position)
    torch.testing.assert_close(there, look_up(plain(first, second), position[0]))
    torch.testing.assert_close(back, look_up(plain(second, first), position[1]))


def test_pairs_of_a_batch_keep_apart():
    first, second = features(2, 5, (3, 4), seed=0)
    position = torch.stack([inside((3, 4), seed) for seed in (1, 2)])
    pyramid = Pyramid(2, (3, 4), dtype=torch.float64)
    pyramid.correlate(first, second)
    for i, found in enumerate(pyramid.look_up(position)):
        torch.testing.assert_close(found, look_up(plain(first[i], second[i]), position[i]))


def test_nothing_is_left_of_the_pair_before():
    """Nor is anything read beyond the pairs that are there now."""
    old, new = features(1, 5, (5, 6), seed=0), features(1, 5, (5, 6), seed=1)
    position = inside((5, 6), 3)[None]
    used, fresh = (Pyramid(2, (5, 6), dtype=torch.float64) for _ in range(2))
    used.correlate(*old, both=True)
    used.look_up(torch.cat([position, position]))
    used.correlate(*new)
    fresh.correlate(*new)
    assert torch.equal(used.look_up(position), fresh.look_up(position))


def test_products_are_float32_whatever_the_features():
    first, second = features(1, 64, (4, 4), seed=0).bfloat16()
    pyramid = Pyramid(1, (4, 4))
    pyramid.correlate(first, second)
    expected = plain(first[0].double(), second[0].double()).flatten(0, 1)
    b = Pyramid.BORDER
    torch.testing.assert_close(pyramid.levels[0][:, b:-b, b:-b].double(), expected, rtol=1e-5, atol=1e-5)

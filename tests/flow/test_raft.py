"""RAFT against a plain float64 reference, piece by piece and whole; files that are not its weights."""

import pytest
import torch

from tests.flow.conftest import PlainRAFT, published, upsample
from vosmem.errors import UserError
from vosmem.flow import raft


@pytest.fixture(scope="module")
def pair():
    """The network with random weights in float64, and the reference with the same."""
    tensors = published()
    network = raft.RAFT(3).double().eval().requires_grad_(False)
    network.load_state_dict(raft.convert(tensors))
    return network, PlainRAFT(tensors)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def image(height, width, seed):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 255


def test_encoders(pair):
    network, plain = pair
    frame = image(40, 56, 0)
    encoded = network.encode(frame)
    state, context = plain.encode("cnet", frame).chunk(2, 1)
    torch.testing.assert_close(encoded.features, plain.encode("fnet", frame))
    torch.testing.assert_close(encoded.state, torch.tanh(state))
    for half, got in zip((1, 2), encoded.context, strict=True):
        for i, gate in enumerate("zrq"):
            weight = plain.tensors[f"update_block.gru.conv{gate}{half}.weight"][:, 128:256]
            bias = plain.tensors[f"update_block.gru.conv{gate}{half}.bias"]
            padding = (weight.shape[2] // 2, weight.shape[3] // 2)
            expected = torch.nn.functional.conv2d(context.relu(), weight, bias, padding=padding)
            torch.testing.assert_close(got[:, 128 * i : 128 * (i + 1)], expected)


def test_one_step_of_the_gru(pair):
    network, plain = pair
    h, context, motion = (random(2, 128, 4, 6, seed=i) for i in range(3))
    got = h
    for half in network.update_block.gru:
        got = half(got, motion, half.context(context))
    torch.testing.assert_close(got, plain.gru(h, torch.cat([context, motion], 1)))


def test_one_correction(pair):
    network, plain = pair
    h, context, flow = random(1, 128, 4, 6), random(1, 128, 4, 6, seed=1), random(1, 2, 4, 6, seed=2)
    correlation = random(1, 324, 4, 6, seed=3)
    ready = [half.context(context) for half in network.update_block.gru]
    got = network.update_block(h, ready, correlation, flow)
    for mine, expected in zip(got, plain.correct(h, context, correlation, flow), strict=True):
        torch.testing.assert_close(mine, expected)


def test_upsampling_is_a_convex_combination_of_neighbours():
    flow, mask = random(2, 2, 3, 4), random(2, 576, 3, 4, seed=1)
    fine = raft.upsample(flow, mask)
    torch.testing.assert_close(fine, upsample(flow, mask))
    still = raft.upsample(torch.ones(1, 2, 5, 5), torch.randn(1, 576, 5, 5))
    torch.testing.assert_close(still[..., 8:-8, 8:-8], torch.full((1, 2, 24, 24), 8.0))  # away from the zero border


def test_the_whole_network_in_both_directions(pair):
    network, plain = pair
    first, second = image(24, 40, 1), image(24, 40, 2)
    a, b = network.encode(first), network.encode(second)
    there, back = network(a, b)
    # positions, flow and correlation are float32, so agreement ends there
    torch.testing.assert_close(there.double(), plain(first, second, 3)[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(back.double(), plain(second, first, 3)[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(network(a, b, both=False)[0], there)


def test_a_published_file_is_loaded_without_a_rest(random_file):
    network = raft.load(random_file, 5, torch.device("cpu"))
    assert network.iterations == 5
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    given = sum(t.numel() for n, t in published().items() if "num_batches" not in n and "norm" not in n)
    batch_norm = sum(t.numel() for n, t in published().items() if "downsample.1" in n and "num_batches" not in n)
    assert sum(p.numel() for p in network.parameters()) == given - batch_norm


@pytest.mark.parametrize("change", ["missing", "more", "shape", "none"])
def test_another_file_is_one_line(tmp_path, change):
    tensors = published()
    if change == "missing":
        del tensors["module.update_block.gru.convz1.weight"]
    elif change == "more":
        tensors["module.head.weight"] = torch.zeros(1)
    elif change == "shape":
        tensors["module.fnet.conv2.weight"] = torch.zeros(128, 128, 1, 1)
    else:
        tensors = {"a": torch.zeros(2)}
    path = tmp_path / "other.pth"
    torch.save(tensors, path)
    with pytest.raises(
        UserError, match=r"other\.pth: does not hold the weights of RAFT .*; set flow\.weights"
    ) as error:
        raft.load(path, 1, torch.device("cpu"))
    assert "\n" not in str(error.value)

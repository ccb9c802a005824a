"""The running mean of a network's weights."""

import numpy as np
import pytest
import torch
from torch import nn

from vosmem.averaging import average


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_the_mean_is_the_sum_written_down(decay):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((40, 3))
    mean, network = (nn.Linear(3, 1, bias=False).double() for _ in range(2))
    expected = values[0]
    mean.weight.data[:] = torch.tensor(expected)
    for step, value in enumerate(values):
        network.weight.data[:] = torch.tensor(value)
        average(mean, network, step, decay)
        kept = min(decay, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * value
    np.testing.assert_allclose(mean.weight.detach().numpy()[0], expected, rtol=1e-12)


def test_buffers_follow_and_counts_are_the_last():
    mean, network = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    network.running_mean[:] = 4.0
    network.num_batches_tracked.fill_(7)
    average(mean, network, 10**6, 0.75)
    assert mean.running_mean.tolist() == [1.0, 1.0]
    assert mean.num_batches_tracked == 7

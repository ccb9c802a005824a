"""The visual memory: streams, blocks, bad input."""

import pytest
import torch

from vosmem.memory.model import VisualMemory

T, H, W = 9, 5, 6


def build(appearance=4, motion=1, bidirectional=True):
    torch.manual_seed(0)
    return VisualMemory(appearance, motion, 8, 3, 3, bidirectional).double().eval()


def streams(appearance=4, motion=1):
    g = torch.Generator().manual_seed(1)
    return tuple(torch.randn(T, c, H, W, generator=g, dtype=torch.float64) if c else None for c in (appearance, motion))


@pytest.mark.parametrize("channels", [(4, 1), (4, 0), (0, 1)])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("block", [1, 4, 9, 100])
def test_blocks_give_what_the_whole_clip_gives(channels, bidirectional, block):
    model, (a, m) = build(*channels, bidirectional), streams(*channels)
    whole = torch.sigmoid(model(a, m))
    assert whole.shape == (T, H, W)
    parts = model.probabilities(lambda i, j: tuple(s if s is None else s[i:j] for s in (a, m)), T, block)
    # the backward states of other blocks rest as float16
    torch.testing.assert_close(torch.cat(list(parts)), whole.detach(), atol=1e-3, rtol=0)


def test_output_is_the_softmax_of_two_classes():
    model, (a, m) = build(), streams()
    scores = model.output(model.join(model.memory(model.inputs(a, m))))
    torch.testing.assert_close(torch.sigmoid(model(a, m)), scores.softmax(1)[:, 1])


def test_standardisation_undoes_scale_and_offset():
    model, (a, m) = build(), streams()
    expected = model(a, m)
    model.mean, model.deviation = torch.full_like(model.mean, 3), torch.full_like(model.deviation, 10)
    torch.testing.assert_close(model(a * 10 + 3, m), expected)


def test_no_stream_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one stream"):
        VisualMemory(0, 0, 8, 3, 3, True)

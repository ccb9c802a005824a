"""The visual memory: streams, blocks, bad input."""

import pytest
import torch

from vosmem.grid import Axis, Grid, resample
from vosmem.memory.model import Context, Standardise, VisualMemory, upsample

T, H, W = 9, 5, 6


def build(appearance=4, motion=1, fine=0, finer=1, bidirectional=True, context=(), **more):
    torch.manual_seed(0)
    shape = {
        "projection": 8,
        "state": 3,
        "kernel": 3,
        "bidirectional": bidirectional,
        "finer": finer,
        "context": context,
        **more,
    }
    return VisualMemory(appearance, motion, fine, **shape).double().eval()


def streams(appearance=4, motion=1, fine=0, finer=1):
    g = torch.Generator().manual_seed(1)

    def maps(channels, scale=1):
        return torch.randn(T, channels, scale * H, scale * W, generator=g, dtype=torch.float64) if channels else None

    return {"appearance": maps(appearance), "motion": maps(motion), "fine": maps(fine, finer)}


def load(maps):
    return lambda stream, start, stop: None if maps[stream] is None else maps[stream][start:stop]


@pytest.mark.parametrize("channels", [(4, 1), (4, 0), (0, 1), (4, 1, 2, 2), (0, 1, 1, 4), (4, 0, 0, 2)])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("block", [1, 4, 9, 100])
def test_blocks_give_what_the_whole_clip_gives(channels, bidirectional, block):
    model, maps = build(*channels, bidirectional=bidirectional, context=(1, 2)), streams(*channels)
    whole = torch.sigmoid(model(maps))
    finer = channels[3] if len(channels) > 2 else 1
    assert whole.shape == (T, finer * H, finer * W)
    parts = model.probabilities(load(maps), T, block)
    # the backward states of other blocks rest as float16
    torch.testing.assert_close(torch.cat(list(parts)), whole.detach(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("in_memory", [0, 1, 1000, 5000])
def test_states_that_go_to_a_file_come_back_and_leave_nothing(tmp_path, monkeypatch, in_memory):
    model, maps = build(), streams()
    expected = torch.cat(list(model.probabilities(load(maps), T, 2)))
    monkeypatch.setattr("vosmem.waiting.IN_MEMORY", in_memory)
    parts = model.probabilities(load(maps), T, 2, tmp_path)
    torch.testing.assert_close(torch.cat(list(parts)), expected, atol=0, rtol=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reach", [1, 2, 4, 20])
def test_the_memory_reaches_that_far_and_no_further(reach):
    model, maps = build(context=(1,)), streams()
    parts = torch.cat(list(model.probabilities(load(maps), T, reach=reach)))
    assert parts.shape == (T, H, W)
    for t in range(T):
        start = t // reach * reach
        seen = slice(max(start - reach, 0), min(min(start + reach, T) + reach, T))
        clip = model({stream: None if m is None else m[seen] for stream, m in maps.items()})
        torch.testing.assert_close(parts[t], torch.sigmoid(clip)[t - seen.start].detach())


@pytest.mark.parametrize("reach", [0, 2, 3])
def test_one_direction_knows_nothing_of_later_frames(reach):
    """Frames that were not there yet are not asked for, and change nothing."""
    model, maps, asked = build(bidirectional=False), streams(), []

    def told(stream, start, stop):
        asked.append(stop)
        return load(maps)(stream, start, stop)

    blocks = model.probabilities(told, T, block=3, reach=reach)
    given = 0
    while given < 5:
        given += len(next(blocks))
    assert max(asked) == given < T
    whole = torch.cat(list(model.probabilities(load(maps), T, reach=reach)))
    later = {s: None if m is None else torch.cat([m[:5], -m[5:]]) for s, m in maps.items()}
    changed = torch.cat(list(model.probabilities(load(later), T, reach=reach)))
    torch.testing.assert_close(changed[:5], whole[:5], rtol=0, atol=0)
    assert (changed[5:] != whole[5:]).any()


def test_within_reach_every_frame_is_loaded_once():
    model, maps, loaded = build(2, 1, 1, 2), streams(2, 1, 1, 2), []

    def told(stream, start, stop):
        loaded.extend((stream, t) for t in range(start, stop))
        return load(maps)(stream, start, stop)

    list(model.probabilities(told, T, reach=2))
    assert sorted(loaded) == sorted((stream, t) for stream in maps for t in range(T))


def test_output_is_the_softmax_of_two_classes():
    model, maps = build(), streams()
    scores = model.output(model.join(model.memory(model.inputs(maps))))
    torch.testing.assert_close(torch.sigmoid(model(maps)), scores.softmax(1)[:, 1])


def test_standardisation_undoes_scale_and_offset():
    model, maps = build(4, 1, 2, 2), streams(4, 1, 2, 2)
    parts = {**model.standardise, "fine": model.fine.standardise}
    for part in parts.values():
        part.measured(torch.zeros_like(part.mean), torch.ones_like(part.mean))
    expected = model(maps)
    for stream, part in parts.items():
        part.measured(torch.full_like(part.mean, 3), torch.full_like(part.mean, 10))
        maps[stream] = maps[stream] * 10 + 3
    torch.testing.assert_close(model(maps), expected)


def test_what_is_not_measured_stays_and_what_is_far_out_is_cut_off():
    part = Standardise(2)
    x = torch.tensor([-1e4, 2.0]).view(1, 2, 1, 1)
    assert part(x).equal(x)
    assert part(x * float("nan")).flatten().tolist() == [0, 0]
    part.measured(torch.zeros(2, 1, 1), torch.tensor([1.0, 4.0]).view(2, 1, 1))
    assert part(x).flatten().tolist() == [-6.0, 0.5]
    assert part(x * float("nan")).flatten().tolist() == [0, 0]


def test_context_is_as_wide_as_its_dilations_say():
    torch.manual_seed(0)
    context = Context(2, 4, (1, 2, 4)).double()
    x = torch.zeros(1, 2, 31, 31, dtype=torch.float64)
    before = context(x)
    x[..., 15, 15] = 1
    reached = (context(x) != before).any(1)[0]  # (31, 31)
    rows = torch.nonzero(reached.any(1)).flatten()
    assert rows.min() >= 15 - 7 and rows.max() <= 15 + 7
    assert reached[15, 15] and len(rows) > 9  # further than without the widest of them


def test_context_is_written_out():
    """1x1 and tanh, then x + relu(conv(x)): cell by cell."""
    torch.manual_seed(1)
    context = Context(2, 3, (2,)).double()
    x = torch.randn(1, 2, 7, 8, dtype=torch.float64)
    w, b = context.inward.weight[:, :, 0, 0], context.inward.bias
    inward = torch.tanh(torch.einsum("oc,nchw->nohw", w, x) + b.view(3, 1, 1))
    expected = inward.clone()
    for i in range(7):
        for j in range(8):
            total = context.around[0].bias.clone()
            for a in range(3):
                for c in range(3):
                    y, z = i + 2 * (a - 1), j + 2 * (c - 1)
                    if 0 <= y < 7 and 0 <= z < 8:
                        total = total + context.around[0].weight[:, :, a, c] @ inward[0, :, y, z]
            expected[0, :, i, j] += torch.relu(total)
    torch.testing.assert_close(context(x), expected)


def test_a_wider_projection_is_two_convolutions():
    model, maps = build(projection_kernel=3), streams()
    first, _, second, _ = model.projection
    assert (first.weight.shape, second.weight.shape) == ((8, 4, 3, 3), (8, 8, 3, 3))
    before = model.inputs(maps)
    maps["appearance"][0, :, 2, 3] += 1
    reached = (model.inputs(maps) != before)[0, :8].any(0)  # (H, W)
    expected = torch.zeros(H, W, dtype=torch.bool)
    expected[:, 1:] = True  # two cells to each side of (2, 3)
    assert reached.equal(expected)


def test_no_stream_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one stream"):
        build(0, 0)


@pytest.mark.parametrize("finer", [1, 2, 3, 4])
def test_upsampling_is_that_of_the_grids(finer):
    """The fine grid's cell f i lies where the coarse cell i does; what lies between is interpolated."""
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    coarse = Grid(Axis(5, 8, 3), Axis(6, 8, 3))
    fine = Grid(*(Axis(a.size * finer, a.stride / finer, a.offset) for a in (coarse.y, coarse.x)))
    torch.testing.assert_close(upsample(x, finer), resample(x, coarse, fine))


def test_fine_maps_reach_the_answer_and_the_coarse_answer_stays_its_base():
    model, maps = build(4, 1, 2, 2), streams(4, 1, 2, 2)
    before = model(maps)
    maps["fine"] = maps["fine"] + 1
    assert not torch.allclose(model(maps), before)
    torch.nn.init.zeros_(model.fine.correct[-1].weight)
    torch.nn.init.zeros_(model.fine.correct[-1].bias)
    scores = model.output(model.join(model.memory(model.inputs(maps))))
    torch.testing.assert_close(model(maps)[:, ::2, ::2], scores[:, 1] - scores[:, 0])


@pytest.mark.parametrize("more", [{}, {"bidirectional": False}, {"shared": False}, {"cell": "convlstm"}])
@pytest.mark.parametrize("segment", [1, 4, 99])
@pytest.mark.parametrize("channels", [(4, 1), (4, 1, 2, 2)])
def test_what_is_computed_again_gives_the_same_gradients(channels, more, segment):
    model, maps = build(*channels, context=(1, 2), **more), streams(*channels)
    found = []
    for of in (0, segment):
        model.zero_grad()
        logits = model(maps, of)
        (logits * torch.arange(logits.numel()).view_as(logits).sin()).sum().backward()
        found.append([logits.detach(), *(p.grad.clone() for p in model.parameters())])
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-10, atol=1e-12)

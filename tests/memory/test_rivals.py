"""ConvLSTM, ConvRNN and no memory against plain float64 references written from their equations."""

import numpy as np
import pytest
import torch

from tests.memory import test_model
from tests.memory.test_convgru import KERNEL, C, H, S, T, W, convolve, logistic
from tests.memory.test_model import build, load, streams
from tests.memory.test_train import fit
from vosmem.errors import UserError
from vosmem.memory import LATER, predict, shape, told
from vosmem.memory.rivals import CELLS


def of(cell):
    """The convolutions' weights gate by gate: of the input, the biases, of the state."""
    p = {name: t.detach().numpy() for name, t in cell.named_parameters()}
    gates = len(p["from_input.weight"]) // S
    biases = [b[:, None, None] for b in np.split(p["from_input.bias"], gates)]
    of_state = np.split(p["from_state.weight"], gates) if "from_state.weight" in p else []
    return np.split(p["from_input.weight"], gates), biases, of_state


def convlstm(cell, x):
    (wxi, wxf, wxo, wxg), (bi, bf, bo, bg), (whi, whf, who, whg) = of(cell)
    h = c = np.zeros((S, H, W))
    states = []
    for x_t in x:
        i = logistic(convolve(wxi, x_t) + convolve(whi, h) + bi)
        f = logistic(convolve(wxf, x_t) + convolve(whf, h) + bf)
        o = logistic(convolve(wxo, x_t) + convolve(who, h) + bo)
        c = f * c + i * np.tanh(convolve(wxg, x_t) + convolve(whg, h) + bg)
        h = o * np.tanh(c)
        states.append(h)
    return np.stack(states)


def convrnn(cell, x):
    (wx,), (b,), (wh,) = of(cell)
    h, states = np.zeros((S, H, W)), []
    for x_t in x:
        h = np.tanh(convolve(wx, x_t) + convolve(wh, h) + b)
        states.append(h)
    return np.stack(states)


def none(cell, x):
    (wx,), (b,), _ = of(cell)
    return np.stack([np.tanh(convolve(wx, x_t) + b) for x_t in x])


FRAMES = test_model.T
REFERENCES = {"convlstm": convlstm, "convrnn": convrnn, "none": none}


@pytest.fixture
def x():
    return torch.randn(T, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", REFERENCES)
def test_both_directions_agree_with_the_equations_step_by_step(name, x):
    torch.manual_seed(0)
    cell = CELLS[name](C, S, KERNEL).double()
    states = cell(x).detach().numpy()
    assert states.shape == (T, 2 * S, H, W)
    np.testing.assert_allclose(states[:, :S], REFERENCES[name](cell, x.numpy()), atol=1e-10, rtol=0)
    np.testing.assert_allclose(states[:, S:], REFERENCES[name](cell, x.numpy()[::-1])[::-1], atol=1e-10, rtol=0)
    torch.testing.assert_close(cell(x, bidirectional=False), cell(x)[:, :S])


@pytest.mark.parametrize("name", REFERENCES)
def test_gradients(name, x):
    torch.manual_seed(0)
    cell = CELLS[name](2, 2, KERNEL).double()
    small = x[:3, :2, :3, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v, *_: cell(v), (small, *cell.parameters()), fast_mode=False, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("block", [1, 4, 100])
def test_blocks_give_what_the_whole_clip_gives(cell, shared, block):
    model, maps = build(cell=cell, shared=shared), streams()
    parts = torch.cat(list(model.probabilities(load(maps), FRAMES, block)))
    # the backward states of other blocks rest as float16
    torch.testing.assert_close(parts, torch.sigmoid(model(maps)).detach(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("reach", [0, 2])
def test_without_memory_the_read_out_sees_each_frame_alone(reach):
    model, maps = build(cell="none"), streams()
    whole = torch.cat(list(model.probabilities(load(maps), FRAMES, reach=reach)))
    for t in range(FRAMES):
        alone = model({stream: None if m is None else m[t : t + 1] for stream, m in maps.items()})
        torch.testing.assert_close(whole[t : t + 1], torch.sigmoid(alone).detach())


def test_separate_directions_are_two_memories():
    """The backward half is that of the second one, and nothing else begins with other numbers than with one."""
    one, two, maps = build(), build(shared=False), streams()
    for name, tensor in one.state_dict().items():
        assert two.state_dict()[name].equal(tensor)
    x = two.inputs(maps)
    states = two.states(x)
    torch.testing.assert_close(states[:, :3], one.states(x)[:, :3])
    torch.testing.assert_close(states[:, 3:], two.backward_memory(x.flip(0), False).flip(0))
    assert not torch.allclose(states[:, 3:], one.states(x)[:, 3:])


def test_keys_that_came_later_are_told_only_where_they_say_something(settings):
    """So that weights of before load, and their training is not run again."""
    assert not {*told(settings)} & {*LATER} and shape(told(settings)) == shape(settings)
    other = settings | {"cell": "convlstm", "shared": False}
    assert {*told(other)} & {*LATER} == {"cell", "shared"} and shape(told(other)) == shape(other)


@pytest.mark.parametrize("more", [{"cell": "convlstm", "shared": False}, {"cell": "none", "projection_kernel": 3}])
def test_each_kind_is_trained_and_loaded(write_streams, tmp_path, settings, more):
    paths = [write_streams("a")]
    fit(paths, tmp_path / "1", settings | more | {"steps": 2})
    model, made_of = predict.load(tmp_path / "1/w.safetensors")
    assert {key: made_of["settings"][key] for key in more} == more
    assert type(model.memory) is CELLS[more["cell"]]
    first = "projection_kernel 3" if "projection_kernel" in more else "cell convlstm"
    with pytest.raises(UserError, match=f"has {first}, but memory"):
        fit(paths, tmp_path / "2", settings | {"init": str(tmp_path / "1/w.safetensors")})


@pytest.mark.parametrize("kind", [*CELLS])
@pytest.mark.parametrize(("start", "stop"), [(0, T), (0, 1), (1, 3), (T - 1, T)])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_states_of_some_frames_are_those_of_the_whole_clip(x, kind, start, stop, bidirectional):
    cell = CELLS[kind](C, S, KERNEL).double()
    some = cell.within(cell.input_terms(x), start, stop, bidirectional)
    torch.testing.assert_close(some, cell(x, bidirectional)[start:stop], rtol=0, atol=1e-14)

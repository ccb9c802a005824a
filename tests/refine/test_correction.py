"""The correction's network against plain loops in float64, its weight files, and that it stays within its bounds."""

import numpy as np
import pytest
import torch

from vosmem import weights
from vosmem.errors import UserError
from vosmem.refine import correction, zoom
from vosmem.refine.correction import Correction

CPU = torch.device("cpu")


def random(width=5, seed=0):
    """A network all of whose numbers are random, moments too."""
    generator = torch.Generator().manual_seed(seed)
    model = Correction(width).double().eval()
    for name, tensor in model.state_dict().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=torch.float64) * 0.3)
        if name == "deviation":
            tensor.abs_().add_(0.5)
    return model


def convolved(x, weight, bias, dilation=1):
    """Zeros beyond the edge; x (C, h, w)."""
    reach = dilation * (weight.shape[-1] // 2)
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    out = np.zeros((len(weight), *x.shape[1:]))
    for a in range(weight.shape[2]):
        for b in range(weight.shape[3]):
            part = padded[:, a * dilation :, b * dilation :][:, : x.shape[1], : x.shape[2]]
            out += np.einsum("oc,chw->ohw", weight[:, :, a, b], part)
    return out + bias[:, None, None]


def doubled(x):
    """Bilinear, twice the cells over the same area; x (C, h, w)."""
    for axis in (1, 2):
        n = x.shape[axis]
        at = np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        high, part = np.minimum(low + 1, n - 1), (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        x = (1 - part) * np.take(x, low, axis) + part * np.take(x, high, axis)
    return x


def plain(model, fine, coarse, cues):
    """As the docstrings have it: maps standardised, enlarged, then mixed."""
    p = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    maps = np.concatenate([fine, doubled(coarse)])
    mixed = np.concatenate([p["maps.0.weight"], p["maps.1.weight"]], 1)
    # the edge's cells are their own neighbours, so that standardising before or after enlarging is the same
    maps = (maps - p["mean"][:, None, None]) / p["deviation"][:, None, None]
    x = np.maximum(0, convolved(maps, mixed, p["maps.0.bias"] + p["maps.1.bias"]))
    x = np.maximum(0, convolved(np.concatenate([x, cues]), p["first.weight"], p["first.bias"]))
    for i, dilation in enumerate((1, 2, 4)):
        x = x + np.maximum(0, convolved(x, p[f"further.{i}.weight"], p[f"further.{i}.bias"], dilation))
    return convolved(x, p["out.weight"], p["out.bias"])[0]


@pytest.mark.parametrize("size", [(12, 20), (2, 2), (6, 34)])
def test_the_network_is_what_it_says(size):
    rng, model = np.random.default_rng(1), random()
    half = tuple(n // 2 for n in size)
    fine, coarse, cues = (rng.normal(size=(c, *s)) for c, s in ((64, size), (64, half), (7, size)))
    with torch.inference_mode():
        found = model(*(torch.from_numpy(m)[None] for m in (fine, coarse, cues)))
    assert found.shape == (1, *size)
    np.testing.assert_allclose(found[0], plain(model, fine, coarse, cues), atol=1e-10)


def test_windows_of_a_batch_do_not_mix():
    rng, model = np.random.default_rng(1), random()
    given = [torch.from_numpy(rng.normal(size=s)) for s in ((3, 64, 8, 8), (3, 64, 4, 4), (3, 7, 8, 8))]
    with torch.inference_mode():
        torch.testing.assert_close(model(*given)[1], model(*(g[1:2] for g in given))[0])


def test_what_it_adds_to_a_window_as_it_is_kept():
    """Maps may be float16, and logits those of a window that was mirrored."""
    rng, model = np.random.default_rng(2), random().float()
    maps = [rng.normal(size=s).astype(np.float16) for s in ((64, 8, 12), (64, 4, 6))]
    logits, sides = rng.normal(size=(8, 12)).astype(np.float32)[:, ::-1], rng.normal(size=(6, 8, 12))
    added = model.added(maps, logits, sides)
    assert added.shape == (8, 12) and added.dtype == np.float32
    cues = np.concatenate([logits[None] / 4, sides])
    np.testing.assert_allclose(added, plain(model, *(m.astype(np.float64) for m in maps), cues), atol=1e-4)


def test_before_it_has_learned_it_corrects_nothing():
    given = [torch.randn(1, 64, 8, 8), torch.randn(1, 64, 4, 4), torch.randn(1, 7, 8, 8)]
    assert (Correction()(*given) == 0).all()


def test_cues_are_of_one_scale():
    logits, sides = np.full((3, 4), -4.0, np.float32), np.arange(72, dtype=np.float64).reshape(6, 3, 4)
    cues = correction.cues_of(logits, sides)
    assert cues.shape == (7, 3, 4) and cues.dtype == np.float32
    assert (cues[0] == -1).all()
    np.testing.assert_array_equal(cues[1:], sides)


# --- files


@pytest.fixture
def file(tmp_path):
    correction.save(tmp_path / "c.safetensors", random(6).float(), "u2net", ["bear"])
    return tmp_path / "c.safetensors"


def test_a_file_gives_back_the_network_and_what_is_told_of_it(file):
    model, expected = correction.load(file, CPU, "u2net"), random(6).float()
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert weights.metadata(file) == {"network": "u2net", "trained_on": ["bear"]}


@pytest.mark.parametrize("of", ["another network", "other shapes", "a scalar", "nothing"])
def test_other_files_are_refused_in_a_line(tmp_path, of):
    good = random(6).float().state_dict()
    tensors = {
        "another network": {"weight": torch.zeros(2)},
        "other shapes": {**good, "mean": torch.zeros(3)},
        "a scalar": {**good, "out.weight": torch.tensor(1.0)},
        "nothing": {},
    }[of]
    weights.save(tmp_path / "c.safetensors", tensors, {})
    with pytest.raises(
        UserError, match=r"c.safetensors: does not hold the weights of a correction \(.*\); set refine"
    ) as e:
        correction.load(tmp_path / "c.safetensors", CPU, "u2netp")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("told", [None, [1.0] * 7, [1.0] * 7 + ["1"], [1.0] * 7 + [float("nan")], 8, [True] * 8])
def test_the_sum_that_is_corrected_must_be_told(tmp_path, told):
    path = tmp_path / "c.safetensors"
    weights.save(path, random(6).state_dict(), {"trained_on": []} | ({} if told is None else {"weights": told}))
    with pytest.raises(UserError, match=r"c.safetensors: does not tell the eight weights of the sum"):
        correction.summed_by(path)


def test_the_sum_s_weights_are_those_given_else_the_correction_s_else_the_shipped_one_s(tmp_path):
    correction.save(tmp_path / "c.safetensors", random(6), "u2net", [], [0.5] * 8)
    given, empty = ({"weights": w, "network": "u2net"} for w in ([1, *[0] * 7], []))
    assert correction.sum_of(given, tmp_path / "c.safetensors") == [1, *[0] * 7]
    assert correction.sum_of(empty, tmp_path / "c.safetensors") == [0.5] * 8
    shipped = [correction.sum_of({"weights": [], "network": n}, None) for n in ("u2net", "u2netp")]
    assert [correction.summed_by(zoom.shipped(n).path()) for n in ("u2net", "u2netp")] == shipped
    assert all(len(found) == 8 and found[0] > 0.5 for found in shipped) and shipped[0] != shipped[1]


@pytest.mark.parametrize("network", ["u2net", "u2netp"])
def test_the_shipped_ones_are_for_the_network_that_names_them(network):
    path = zoom.shipped(network).path()
    assert correction.load(path, CPU, network).out.weight.abs().max() > 0
    other = {"u2net": "u2netp", "u2netp": "u2net"}[network]
    with pytest.raises(UserError, match=f"corrects what {network} sees, but refine.zoom.network is {other}"):
        correction.load(path, CPU, other)


def test_the_sum_s_weights_are_kept_to_two_decimals(tmp_path):
    correction.save(tmp_path / "c.safetensors", random(6), "u2net", ["b", "a"], np.arange(8) / 7)
    told = weights.metadata(tmp_path / "c.safetensors")
    assert told["trained_on"] == ["a", "b"]
    assert correction.summed_by(tmp_path / "c.safetensors") == [0.0, 0.14, 0.29, 0.43, 0.57, 0.71, 0.86, 1.0]

"""Training of the correction: its loss against plain float64, crops, what can be learned is; and the sum's weights."""

import json

import numpy as np
import pytest
import torch

from tests.appearance import u2netp_file
from tests.refine import test_lessons
from vosmem import weights as files
from vosmem.cli import main
from vosmem.refine import correction, learn, zoom
from vosmem.refine.correction import Correction

WEIGHTS = np.array([1.0, *[0.0] * 7], np.float32)


def lesson(rng, share=1.0, size=32, rule=True):
    """Object is where channel 3 of the fine map is above 0, which neither the first pass nor the sides tell."""
    fine = rng.normal(size=(64, size, size)).astype(np.float16)
    fine[3] = np.kron(rng.normal(size=(size // 8, size // 8)), np.ones((8, 8)))
    coarse = rng.normal(size=(64, size // 2, size // 2)).astype(np.float16)
    truth = (fine[3] > 0 if rule else rng.random((size, size)) > 0.5).astype(np.float16)
    sides = rng.normal(size=(6, size, size)).astype(np.float16)
    return learn.Lesson([fine, coarse], rng.normal(0, 0.5, (size, size)).astype(np.float32), sides, truth, share)


@pytest.fixture
def videos():
    rng = np.random.default_rng(0)
    return [[lesson(rng) for _ in range(n)] for n in (3, 1, 2)]


def right(model, one):
    """The share of a window's cells that the corrected sum has right."""
    with torch.inference_mode():
        cues = torch.from_numpy(learn.cues_of(one.logits, zoom.clear(one.sides)))
        added = model(*(torch.from_numpy(m.astype(np.float32))[None] for m in one.maps), cues[None])[0].numpy()
    return ((one.logits + added > 0) == (one.truth > 0.5)).mean()


def test_a_rule_is_found_that_holds_elsewhere(videos, monkeypatch):
    monkeypatch.setattr(learn, "RATE", 1e-2)  # in fewer steps
    held = lesson(np.random.default_rng(9))
    model = learn.train(videos, WEIGHTS, steps=60)
    assert right(Correction(), held) < 0.6
    assert right(model, held) > 0.8


def test_twice_the_same_and_other_seeds_differ(videos):
    def numbers(seed):
        torch.rand(seed + 3)  # whatever was drawn before
        return torch.cat([p.flatten() for p in learn.train(videos, WEIGHTS, steps=3, seed=seed).state_dict().values()])

    assert torch.equal(numbers(0), numbers(0))
    assert not torch.equal(numbers(0), numbers(1))


def test_windows_that_do_not_count_teach_nothing(videos):
    rng = np.random.default_rng(5)
    more = [[*videos[0], lesson(rng, 0.0, rule=False)], *videos[1:], [lesson(rng, 0.04, rule=False)]]
    a, b = (learn.train(given, WEIGHTS, steps=4).state_dict() for given in (videos, more))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_moments_are_of_the_channels():
    rng, model = np.random.default_rng(0), Correction()
    scale = np.arange(1, 65)[:, None, None]
    fine, coarse = rng.normal(3, 1, (64, 320, 320)) * scale, rng.normal(-1, 1, (64, 160, 160)) * scale
    learn.standardise(model, [[fine, coarse], [fine + 1, coarse]])
    unit = np.tile(np.arange(1, 65), 2)
    np.testing.assert_allclose(model.mean.numpy() / unit, np.repeat([3.0, -1.0], 64), atol=0.6)
    np.testing.assert_allclose(model.deviation.numpy() / unit, 1, atol=0.3)


def test_the_loss_is_that_of_the_fusion():
    rng = np.random.default_rng(0)
    n, size = 2, 8
    sums, found, added = (rng.normal(size=(n, size, size)) for _ in range(3))
    truth, share = rng.random((n, size, size)), np.array([0.25, 1.0])
    model = lambda fine, coarse, cues, dropout: torch.from_numpy(added)  # noqa: E731
    given = (torch.from_numpy(a) for a in (sums, found, truth, share))
    value = learn.loss(model, None, None, None, *given)
    expected = 0.0
    for i in range(n):
        z = share[i] * (sums[i] + added[i]) + (1 - share[i]) * found[i]
        p = 1 / (1 + np.exp(-z))
        entropy = -(truth[i] * np.log(p) + (1 - truth[i]) * np.log(1 - p)).mean()
        both, either = (p * truth[i]).sum(), (p + truth[i] - p * truth[i]).sum()
        expected += (entropy + 1 - (both + learn.SMOOTH) / (either + learn.SMOOTH)) / n
    assert float(value) == pytest.approx(expected, rel=1e-12)


def test_a_crop_is_cut_alike_from_all_maps():
    """Of both maps and the mask the same place, whether mirrored or not; the sum is that of the fusion."""
    size = 2 * learn.CROP
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    fine = np.stack([rows, columns]).astype(np.float32)
    coarse = np.stack([rows[::2, ::2], columns[::2, ::2]]).astype(np.float32)
    sides = np.random.default_rng(0).normal(0, 2, (6, size, size))
    weights = np.arange(8, dtype=np.float32)
    one = learn.Lesson([fine, coarse], np.full((size, size), 0.5, np.float32), sides, rows + size * columns, 0.5)
    seen = set()
    for seed in range(12):
        whole, half, cues, sums, found, truth, share = learn._crop(one, weights, np.random.default_rng(seed))
        assert whole.shape == (2, learn.CROP, learn.CROP) and half.shape == (2, learn.CROP // 2, learn.CROP // 2)
        mirrored = bool(whole[1, 0, 0] > whole[1, 0, -1])
        seen.add((mirrored, int(whole[0, 0, 0]), int(whole[1].min())))
        back = [t.flip(-1) if mirrored else t for t in (whole, half, cues, sums, truth)]
        assert torch.equal(back[0][:, ::2, ::2], back[1])
        assert torch.equal(back[4], back[0][0] + size * back[0][1])
        expected = 0.5 * weights[0] + weights[7] + np.tensordot(weights[1:7], back[2][1:].numpy(), 1)
        np.testing.assert_allclose(back[3], expected, rtol=1e-5)
        top, left = (int(back[0][i, 0, 0]) for i in (0, 1))
        np.testing.assert_allclose(
            back[2][1:], np.clip(sides[:, top:, left:], -1, 1)[:, : learn.CROP, : learn.CROP], rtol=1e-6
        )
        assert float(share) == 0.5 and (found == 0.5).all()
    assert {mirrored for mirrored, *_ in seen} == {False, True} and len(seen) > 8


# --- the sum's weights


class Samples:
    """A video of which the samples are given."""

    def __init__(self, rows):
        self.samples = lambda: rows


def test_the_weights_of_the_sum_are_those_of_the_least_loss():
    """By the loss written down in float64: every step away from them makes it more."""
    rng, true = np.random.default_rng(0), np.array([1, 0.5, -0.5, 0, 0.3, 0, 0, -0.2])
    videos = []
    for n in (3, 1):
        rows = []
        for _ in range(n):
            x = rng.normal(size=(400, 8)).astype(np.float32)
            y = (1 / (1 + np.exp(-3 * (x @ true))) > rng.random(400)).astype(np.float32)
            rows.append((x, y, rng.random()))
        videos.append(Samples(rows))

    def loss(weights):
        total = learn.RIDGE * (weights**2).sum()
        for video in videos:
            for x, y, share in video.samples():
                p = 1 / (1 + np.exp(-(share * (x.astype(float) @ weights) + (1 - share) * x[:, 0])))
                entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
                jaccard = ((p * y).sum() + 1) / ((p + y - p * y).sum() + 1)
                total += (entropy + 1 - jaccard) / len(video.samples()) / len(videos)
        return total

    found = learn.fit(videos).astype(float)
    assert loss(found) < loss(np.eye(8)[0]) - 0.1
    for step in 0.03 * np.concatenate([np.eye(8), -np.eye(8)]):
        assert loss(found) < loss(found + step)


# --- `vosmem correction`


@pytest.fixture
def folder(tmp_path):
    u2netp_file.write(tmp_path / "random.onnx", u2netp_file.numbers())
    return test_lessons.write(tmp_path, 9)


def learned(folder, agreement):
    settings = json.dumps({"zoom": {"network": "u2netp", "agreement": agreement, "weights": [2, *[0.5] * 7]}})
    command = ["correction", folder / "s.json", "--memory", folder, "--look", folder / "random.onnx", "--threads", "1"]
    assert main([*map(str, command), "-o", str(folder / "c.safetensors"), "--settings", settings]) == 0
    return correction.load(folder / "c.safetensors", torch.device("cpu"), "u2netp"), folder / "c.safetensors"


def test_what_was_learned_is_one_file(folder, monkeypatch):
    monkeypatch.setattr(learn.train, "__defaults__", (3, 0))
    model, path = learned(folder, [0, 0.01])
    assert files.metadata(path)["trained_on"] == ["s"]
    assert correction.summed_by(path) != [2, *[0.5] * 7]
    assert model.out.weight.abs().max() > 0 and not torch.equal(model.mean, torch.zeros(128))


def test_nothing_to_learn_from_is_told_and_corrects_nothing(folder, capsys):
    model, path = learned(folder, [0.999, 1])
    assert "no window of these sequences has a mask and counts" in capsys.readouterr().err
    assert correction.summed_by(path) == [2, *[0.5] * 7]
    assert model.out.weight.abs().max() == 0

"""Prediction, the command line, and weights that do not fit."""

import numpy as np
import pytest
import torch

from vosmem import cache
from vosmem.cli import main
from vosmem.memory import predict
from vosmem.memory.streams import Streams
from vosmem.weights import load, metadata, save

SETTINGS = "{projection: 4, state: 4, steps: 2, clip_length: 3, crop: [6, 8], finer: 2}"


@pytest.fixture
def trained(write_streams, tmp_path):
    paths = write_streams("a")
    weights, history = tmp_path / "w.safetensors", tmp_path / "history.csv"
    streams = ["--appearance", paths[1].parent, "--motion", paths[2].parent]
    command = ["memory", "train", paths[0], *streams, "--out", weights, "--history", history, "--settings", SETTINGS]
    assert main([*map(str, command)]) == 0
    return paths, weights


def run(*arguments):
    return main(["memory", *map(str, arguments)])


def test_predicted_maps_lie_on_the_read_outs_grid(trained, tmp_path):
    (_, appearance, motion), weights = trained
    assert run("predict", weights, "--appearance", appearance, "--motion", motion, "-o", tmp_path / "p.h5") == 0
    with cache.read(tmp_path / "p.h5", "memory") as file, cache.read(appearance) as features:
        assert file.clip == features.clip
        coarse, fine = features.grid("fine"), file.grid("probability")
        assert fine.stride == (4, 4)
        assert fine.offset == coarse.offset
        assert file.maker.parameters == {"trained_on": ["a"], "mirrored": False}
        rows = file.rows("probability").astype(float)
    assert rows.shape == (6, 16, 24)
    assert 0 < rows.min() < rows.max() < 1


def test_the_read_out_is_given_the_maps_that_it_was_trained_with(trained, write_streams):
    """Which maps are finer than the memory depends on the resolution; what a model is given must not."""
    (_, appearance, motion), weights = trained
    assert metadata(weights)["fine"] == ["toy/velocity"]
    with Streams([appearance], [motion], 2, fine=["toy/coarse"]) as streams:
        assert streams.fine == ["toy/coarse"]
        assert streams.rows("fine", 0, 2).shape == (2, 2, 16, 24)
    with Streams([appearance], [motion], 1) as streams:
        assert streams.fine == []
        assert streams.rows("fine", 0, 2) is None


def test_prediction_is_the_forward_pass_of_both_views(trained, tmp_path):
    """The mirrored one by hand: maps turned, what points to the side negated, and the answer turned back."""
    (_, appearance, motion), weights = trained
    network, _ = predict.load(weights)
    with Streams([appearance], [motion], 2) as streams, torch.inference_mode():
        maps = {s: torch.from_numpy(streams.rows(s, 0, 6)) for s in ("appearance", "motion", "fine")}
        as_it_is = torch.sigmoid(network(maps))  # (6, 16, 24)
        turned = {s: rows.flip(-1) for s, rows in maps.items()}
        turned["motion"][:, 1] *= -1  # the velocity to the right, after the probability
        turned["fine"][:, 0] *= -1
        turned["fine"] = torch.cat([turned["fine"][..., 1:], turned["fine"][..., -1:]], -1)  # cell 2 i on cell i again
        answer = torch.sigmoid(network(turned)).flip(-1)
        answer = torch.cat([answer[..., 1:], answer[..., -1:]], -1)
    for option, expected in (("--no-mirrored", as_it_is), ("--mirrored", (as_it_is + answer) / 2)):
        run("predict", weights, "--appearance", appearance, "--motion", motion, "-o", tmp_path / "p.h5", option)
        with cache.read(tmp_path / "p.h5") as file:
            np.testing.assert_allclose(file.rows("probability"), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        (lambda a, m: ["--appearance", a], "was trained with motion"),
        (lambda a, m: ["--motion", m], "was trained with appearance"),
        (lambda a, m: ["--appearance", m, "--motion", m], "was written by stage motion, expected appearance"),
    ],
)
def test_streams_that_the_weights_do_not_know_are_refused(trained, tmp_path, capsys, streams, message):
    (_, appearance, motion), weights = trained
    assert run("predict", weights, *streams(appearance, motion), "-o", tmp_path / "p.h5") == 1
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not (tmp_path / "p.h5").exists()


def test_another_clip_in_one_stream_is_refused(trained, write_streams, tmp_path, capsys):
    (_, appearance, _), weights = trained
    _, _, motion = write_streams("b")
    assert run("predict", weights, "--appearance", appearance, "--motion", motion, "-o", tmp_path / "p.h5") == 1
    assert "not the same clip" in capsys.readouterr().err


def test_files_that_are_no_memory_are_refused(trained, tmp_path, capsys):
    from safetensors.torch import save_file

    other = tmp_path / "other.safetensors"
    save_file({"mean": torch.zeros(5, 1, 1)}, other)
    assert run("adopt", other, "-o", tmp_path / "x.safetensors", "--history", tmp_path / "x.csv") == 1
    assert "not the weights of a visual memory" in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


def test_adopted_weights_are_the_same_file(trained, tmp_path):
    _, weights = trained
    assert run("adopt", weights, "-o", tmp_path / "x.safetensors", "--history", tmp_path / "x.csv") == 0
    assert (tmp_path / "x.safetensors").read_bytes() == weights.read_bytes()
    assert (tmp_path / "x.csv").read_text().startswith("step,loss")


def test_half_the_size_gives_the_same_probabilities(trained, tmp_path):
    (_, appearance, motion), weights = trained
    half = tmp_path / "half.safetensors"
    assert run("adopt", weights, "-o", half, "--half") == 0
    assert half.stat().st_size < weights.stat().st_size
    rows = []
    for path in (weights, half):
        run("predict", path, "--appearance", appearance, "--motion", motion, "-o", tmp_path / "p.h5")
        with cache.read(tmp_path / "p.h5") as file:
            rows.append(file.rows("probability").astype(float))
            assert file.maker.parameters == {"trained_on": ["a"], "mirrored": False}
    np.testing.assert_allclose(*rows, atol=5e-3)


def test_a_sequence_without_its_streams_is_one_line(trained, tmp_path, capsys):
    (description, appearance, _), _ = trained
    appearance.unlink()
    command = [
        "train",
        description,
        "--appearance",
        appearance.parent,
        "-o",
        tmp_path / "x",
        "--history",
        tmp_path / "y",
    ]
    assert run(*command) == 1
    assert "a.h5: no such cache file; run the stage that writes it first" in capsys.readouterr().err


@pytest.mark.parametrize(("key", "refused"), [("precision", False), ("layers", True)])
def test_streams_of_another_precision_are_the_same_streams(trained, write_streams, tmp_path, capsys, key, refused):
    (_, _, motion), weights = trained
    told = metadata(weights)
    told["streams"]["appearance"][0]["parameters"] = {key: "trained"}
    other = tmp_path / "other.safetensors"
    save(other, load(weights), told)
    _, appearance, _ = write_streams("a", parameters={key: "here"})
    status = run("predict", other, "--appearance", appearance, "--motion", motion, "-o", tmp_path / "p.h5")
    assert status == refused
    assert ("was trained with appearance" in capsys.readouterr().err) == refused

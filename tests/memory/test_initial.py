"""Training that starts from given weights: what is kept of them, what is told of them, and what does not fit."""

import json

import numpy as np
import pytest

from tests.memory.test_train import CPU, fit
from vosmem import config, weights
from vosmem.errors import UserError
from vosmem.memory import initial, predict


@pytest.fixture
def begun(write_streams, tmp_path, settings):
    """Weights that were trained on a and b."""
    fit([write_streams("a", 6, 0), write_streams("b", 5, 1)], tmp_path / "begun", settings)
    return tmp_path / "begun/w.safetensors"


def differences(one, other):
    """The largest difference of each tensor of two weight files."""
    one, other = weights.load(one), weights.load(other)
    assert one.keys() == other.keys()
    return {name: float((one[name] - other[name]).abs().max()) for name in one}


def test_it_starts_where_the_given_weights_ended(begun, write_streams, tmp_path, settings):
    """With a step that is next to nothing the weights stay as they were; with a real one they move."""
    c = [write_streams("c", 6, 2)]
    settings |= {"init": str(begun), "steps": 1, "weight_decay": 0}
    fit(c, tmp_path / "still", settings | {"learning_rate": 1e-9})
    assert max(differences(begun, tmp_path / "still/w.safetensors").values()) < 1e-7
    fit(c, tmp_path / "moved", settings | {"learning_rate": 0.02})
    moved = differences(begun, tmp_path / "moved/w.safetensors")
    assert moved["output.weight"] > 1e-3


def test_moments_stay_those_of_the_given_weights(begun, write_streams, tmp_path, settings):
    fit([write_streams("c", 6, 2)], tmp_path / "tuned", settings | {"init": str(begun)})
    fit([write_streams("c", 6, 2)], tmp_path / "anew", settings)
    kept, other = (differences(begun, tmp_path / f"{run}/w.safetensors") for run in ("tuned", "anew"))
    moments = [name for name in kept if "standardise" in name]
    assert len(moments) == 6  # mean and deviation of appearance, motion and fine
    assert all(kept[name] == 0 for name in moments)
    assert all(other[name] > 0 for name in moments)


def test_the_new_weights_tell_all_that_they_were_trained_on(begun, write_streams, tmp_path, settings):
    fit([write_streams("c", 6, 2), write_streams("a", 6, 0)], tmp_path / "tuned", settings | {"init": str(begun)})
    told = weights.metadata(tmp_path / "tuned/w.safetensors")
    assert told["trained_on"] == ["a", "b", "c"]
    assert told["init"] == weights.sha256(begun)
    assert "init" not in told["settings"]  # where the file lay is no part of the result
    assert "init" not in weights.metadata(begun)
    _, made_of = predict.load(tmp_path / "tuned/w.safetensors")
    assert made_of["trained_on"] == ["a", "b", "c"]


def test_twice_the_same_and_from_other_weights_not(begun, write_streams, tmp_path, settings):
    c = [write_streams("c", 6, 2)]
    first = fit(c, tmp_path / "1", settings | {"init": str(begun)})
    assert fit(c, tmp_path / "2", settings | {"init": str(begun)}) == first
    fit([write_streams("a", 6, 0)], tmp_path / "others", settings)
    assert fit(c, tmp_path / "3", settings | {"init": str(tmp_path / "others/w.safetensors")}) != first


def test_it_learns_faster_than_anew(write_streams, tmp_path, settings):
    settings |= {"steps": 60, "stop_and_go": 0}
    fit([write_streams("a", 6, 0), write_streams("b", 5, 1)], tmp_path / "begun", settings)
    begun, short = tmp_path / "begun/w.safetensors", settings | {"steps": 6}
    c = [write_streams("c", 6, 2)]
    fit(c, tmp_path / "tuned", short | {"init": str(begun), "learning_rate": 0.002})
    fit(c, tmp_path / "anew", short)
    losses = {}
    for run in ("tuned", "anew"):
        rows = (tmp_path / run / "h.csv").read_text().splitlines()[1:]
        losses[run] = np.mean([float(row.split(",")[1]) for row in rows])
    assert losses["tuned"] < 0.8 * losses["anew"]


@pytest.mark.parametrize(("key", "value"), [("state", 8), ("projection", 2), ("context", []), ("finer", 1)])
def test_another_shape_is_one_line(begun, write_streams, tmp_path, settings, key, value):
    with pytest.raises(UserError) as caught:
        fit([write_streams("c")], tmp_path / "tuned", settings | {"init": str(begun), key: value})
    has = settings[key]
    assert f"memory.init: {begun} has {key} {has}, but memory.{key} is {value}; set memory.{key}: {has}" in str(
        caught.value
    )


def test_streams_of_another_make_are_one_line(begun, write_streams, tmp_path, settings):
    with pytest.raises(UserError, match=r"w.safetensors: was trained with appearance .*; set the config's section"):
        fit([write_streams("c", parameters={"layers": ["x"]})], tmp_path / "tuned", settings | {"init": str(begun)})


def test_what_are_no_weights_is_one_line(write_streams, tmp_path, settings, begun):
    with pytest.raises(UserError, match="no such weight file"):
        fit([write_streams("c")], tmp_path / "tuned", settings | {"init": str(tmp_path / "none.safetensors")})
    with pytest.raises(UserError, match=r"memory.init: .* has SHA-256 .*, expected 0000\.\.\.; run the workflow again"):
        fit([write_streams("c")], tmp_path / "tuned", settings | {"init": str(begun)}, init_sha256="0000")


def test_two_masks_are_enough_and_none_is_one_line(begun, write_streams, tmp_path, settings):
    description, *streams = write_streams("c", 6, 2)
    told = json.loads(description.read_text())
    for annotated, masks in (((0, 5), told["masks"]), ((), told["masks"])):
        described = {**told, "masks": [m if t in annotated else None for t, m in enumerate(masks)]}
        description.write_text(json.dumps(described))
        if annotated:
            fit([(description, *streams)], tmp_path / "tuned", settings | {"init": str(begun), "clip_length": 2})
        else:
            with pytest.raises(UserError, match="c: has no annotation to train on; add masks"):
                fit([(description, *streams)], tmp_path / "none", settings | {"init": str(begun)})


def test_the_weights_that_come_with_vosmem_can_be_trained_further():
    start = initial.load("shipped", config.section_defaults("memory"), weights.entry("lvo").sha256)
    assert start.model.training and all(p.requires_grad for p in start.model.parameters())
    assert len(start.trained_on) == 30 and start.with_more(["mine", "bear"])[-1] == "mine"
    assert next(start.model.parameters()).device == CPU

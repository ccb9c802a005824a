"""Weights of another run, asked while the workflow is read: what a model feeds them that they were not trained on."""

import copy

import pytest
import torch

from vosmem import config, weights
from vosmem.memory import INIT_KEYS, adopted

RAW = {
    "data": {"name": "x", "root": "y"},
    "flow": {"estimator": "dis", "preset": "fast"},
    "appearance": {"network": "mobilenet_v2", "layers": ["block5"]},
    "motion": {"network": ["mpnet", "flow_magnitude"], "size": [64, 96]},
    "memory": {"weights": "lvo.safetensors"},
}
FLOW = {"name": "dis", "parameters": {"preset": "fast", "last_row": "T-1 -> T-2"}, "version": 1}
MOTION = {"size": [64, 96], "pool": False, "flow": FLOW}
STREAMS = {
    "appearance": [{"name": "mobilenet_v2", "parameters": {"layers": ["block5"], "output_stride": 16}, "weights": "a"}],
    "motion": [{"name": name, "parameters": MOTION, "weights": ""} for name in ("mpnet", "flow_magnitude")],
}


@pytest.fixture
def trained(tmp_path):
    path = tmp_path / "lvo.safetensors"
    weights.save(path, {"w": torch.zeros(1)}, {"streams": STREAMS, "settings": {"state": 8, "seed": 1}})
    return path


def differences(path, **sections) -> list[str]:
    raw = copy.deepcopy(RAW)
    for section, keys in sections.items():
        raw[section] |= keys
    return [line.split(";")[0] for line in adopted.differences(path, config.resolve(raw)["models"]["lvo"])]


def test_the_same_streams_are_fine(trained):
    assert differences(trained) == []
    # a network's own layers stand for themselves; which weights it has is seen once they are there
    assert differences(trained, appearance={"layers": [], "weights": "mine.pth"}) == []


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"flow": {"preset": "medium"}}, "flow.preset: got medium, but lvo.safetensors was trained with fast"),
        ({"flow": {"estimator": "raft"}}, "flow.estimator: got raft, but lvo.safetensors was trained with dis"),
        ({"motion": {"pool": True}}, "motion.pool: got True, but lvo.safetensors was trained with False"),
        (
            {"motion": {"network": "mpnet"}},
            "motion.network: got mpnet, but lvo.safetensors was trained with mpnet, flow_magnitude",
        ),
        (
            {"motion": {"network": ["flow_magnitude", "mpnet"]}},
            "motion.network: got flow_magnitude, mpnet, but lvo.safetensors was trained with mpnet, flow_magnitude",
        ),
        (
            {"appearance": {"network": "none"}},
            "appearance.network: got none, but lvo.safetensors was trained with mobilenet_v2",
        ),
        (
            {"appearance": {"layers": ["block4"]}},
            "appearance.layers: got ['block4'], but lvo.safetensors was trained with ['block5']",
        ),
    ],
)
def test_each_key_that_differs_is_told(trained, sections, line):
    assert differences(trained, **sections) == [line]


@pytest.mark.parametrize(("key", "value"), [("reach", 0), ("without", ["mpnet/object"]), ("state", 8)])
def test_what_weights_bring_is_told_where_it_was_asked_for(trained, key, value):
    told = weights.metadata(trained)["settings"] | {"reach": 14, "without": [], "state": 16}
    weights.save(trained, {"w": torch.zeros(1)}, {"streams": STREAMS, "settings": told})
    model = config.resolve(RAW)["models"]["lvo"]
    model["memory"] |= {key: value}
    assert adopted.differences(trained, model) == []
    (line,) = adopted.differences(trained, model, {key, "steps"})
    assert (
        line == f"memory.{key}: got {value}, but lvo.safetensors was trained with {told[key]}; set it so, or train anew"
    )


def test_weights_to_start_from_make_the_model_too(trained):
    """Where they are only used they bring their own shape."""
    model = config.resolve(RAW)["models"]["lvo"]
    assert adopted.differences(trained, model) == []
    (line,) = adopted.differences(trained, model, INIT_KEYS)
    assert line == "memory.state: got 48, but lvo.safetensors was trained with 8; set it so, or train anew"


def test_what_was_asked_for_beside_weights_is_compared_with_them(trained):
    model = config.resolve(RAW | {"memory": {"weights": "lvo.safetensors", "state": 24}})["models"]["lvo"]
    (line,) = adopted.differences(trained, model, {"weights", "state", "steps"})
    assert line == "memory.state: got 24, but lvo.safetensors was trained with 8; set it so, or train anew"
    assert adopted.differences(trained, model, {"weights", "steps"}) == []


def test_a_file_that_tells_nothing_is_asked_later(tmp_path):
    (tmp_path / "other.safetensors").touch()
    assert differences(tmp_path / "other.safetensors") == []
    assert differences(tmp_path / "mine.pth") == []


@pytest.mark.parametrize(
    ("word", "networks", "memory"), [("shipped", "u2netp", {}), ("shipped-isnet", ["u2netp", "isnet"], {"finer": 2})]
)
def test_the_shipped_weights_are_for_the_defaults(word, networks, memory):
    """Those with IS-Net as ``config/davis2016-isnet.yaml`` trains them."""
    memory = {"weights": word, **memory}
    raw = {"data": {"name": "x", "root": "y"}, "memory": memory, "appearance": {"network": networks}}
    model = config.resolve(raw)["models"]["lvo"]
    assert adopted.differences(weights.memory_file(word), model, INIT_KEYS) == []
    assert [*config.files(config.resolve(raw))] == []


def test_every_word_for_shipped_weights_is_known():
    assert {*weights.MEMORIES.values()} <= {*weights.registry()}
    description = config.schema()["properties"]["memory"]["properties"]["weights"]["description"]
    assert all(word in description for word in weights.MEMORIES)
    assert weights.memory_name("train") == weights.memory_name("other.safetensors") == ""

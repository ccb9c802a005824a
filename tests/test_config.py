"""The configuration: defaults from one schema, and every mistake as one line."""

import copy
from pathlib import Path

import pytest
import yaml

from vosmem import config
from vosmem.errors import UserError

LEAST = {"data": {"name": "x", "root": "y", "train": ["a"]}}


def with_(path, value):
    raw = copy.deepcopy(LEAST)
    *parents, key = path.split(".")
    place = raw
    for parent in parents:
        place = place.setdefault(parent, {})
    place[key] = value
    return raw


def test_defaults_are_filled_in_at_every_level():
    resolved = config.resolve(LEAST)
    assert resolved["flow"]["estimator"] == "raft" and resolved["flow"]["preset"] == "medium"
    assert resolved["flow"].keys() == config.schema()["properties"]["flow"]["properties"].keys()
    assert list(resolved["models"]) == ["lvo"]
    assert resolved["models"]["lvo"]["memory"] == resolved["memory"]
    assert resolved["memory"]["state"] == 48


def test_a_model_changes_what_it_names_and_nothing_else():
    resolved = config.resolve(with_("models", {"lvo": None, "wide": {"memory": {"state": 96}}}))
    assert resolved["models"]["lvo"] == {s: resolved[s] for s in config.MODEL_SECTIONS}
    assert resolved["models"]["wide"]["memory"] == {**resolved["memory"], "state": 96}


def test_the_given_mapping_is_left_alone():
    raw = copy.deepcopy(LEAST)
    config.resolve(raw)
    assert raw == LEAST


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("memory.stat", 1, "config: memory.stat: no such key; known are weights, init, folds, seed"),
        ("memroy", {}, "config: memroy: no such key; known are data, flow"),
        ("memory.steps", "many", "config: memory.steps: got 'many', expected of type integer"),
        ("memory.steps", 0, "config: memory.steps: got 0, expected at least 1"),
        ("memory.steps", None, "config: memory.steps: got None, expected of type integer"),
        ("memory", None, "config: memory: got None, expected of type object"),
        ("memory.crop", [1, 2, 3], "config: memory.crop: got [1, 2, 3]"),
        ("flow.estimator", "liteflow", "config: flow.estimator: got 'liteflow', expected one of dis"),
        ("data.name", "../up", "config: data.name: got '../up', expected to match"),
        ("data.test", ["../up"], "config: data.test: got ['../up']"),
        ("data.short_side", 5, "config: data.short_side: got 5, expected at least 64"),
        (
            "data.layout",
            "videos",
            "config: data.train: names sequences, but the layout videos has no masks to train on",
        ),
        ("device", "gpu", "config: device: got 'gpu', expected to match"),
        (
            "models",
            {"a": {"memory": {"kernel": 2}}},
            "config: models.a.memory.kernel: got 2, expected one of 1, 3, 5, 7, 9",
        ),
        ("models", {"a": {"momery": {}}}, "config: models.a.momery: no such key"),
        ("models", {}, "config: models"),
        ("refine.threshold", 1, "config: refine.threshold: got 1, expected less than 1"),
        (
            "flow.backward",
            False,
            "config: models.lvo.flow.backward: false, but refine.temporal follows the flow both ways; set it true, or",
        ),
        (
            "appearance.network",
            "deeplab_largefov",
            "config: models.lvo.appearance.weights: no known source for deeplab_largefov",
        ),
        (
            "models",
            {"a": {"appearance": {"network": "none"}, "motion": {"network": "none"}}},
            "config: models.a: appearance.network and motion.network are both none",
        ),
        (
            "models",
            {"a": {}, "b": {"appearance": {"layers": ["sides"]}}},
            "config: models.b.appearance.layers: got ['sides'], but model a has [] for the same appearance.network",
        ),
        (
            "appearance",
            {"network": ["mobilenet_v2", "u2netp"], "layers": ["block5"]},
            "config: models.lvo.appearance.layers: got ['block5'] for 2 networks; say for which, e.g. {mobilenet_v2:",
        ),
        (
            "appearance",
            {"network": "mobilenet_v2", "layers": {"u2netp": ["sides"]}},
            "config: models.lvo.appearance.layers.u2netp: is not among appearance.network: mobilenet_v2",
        ),
        ("motion.network", ["mpnet", "mpnet"], "config: motion.network: got ['mpnet', 'mpnet']"),
        ("motion.network", ["none"], "config: motion.network: got ['none']"),
        (
            "memory",
            {"weights": "shipped", "init": "shipped"},
            "config: models.lvo.memory.init: is for weights that are trained here; set memory.weights: train",
        ),
        (
            "data",
            {"name": "x", "root": "y", "train": ["a"], "masks": "m"},
            "config: data.masks: got 'm', but the layout davis has its masks within data.root; leave the key out",
        ),
        (
            "memory",
            {"weights": "shipped", "folds": "folds.tsv"},
            "config: models.lvo.memory.folds: is for weights that are trained here",
        ),
    ],
)
def test_mistakes_are_one_line_with_the_keys_path(path, value, message):
    with pytest.raises(UserError) as caught:
        config.resolve(with_(path, value))
    line = str(caught.value)
    assert line.startswith(message), line
    assert "\n" not in line


def test_all_mistakes_are_told_at_once():
    raw = with_("memory.steps", 0)
    raw["flow"] = {"preset": "slow"}
    with pytest.raises(UserError) as caught:
        config.resolve(raw)
    assert len(str(caught.value).splitlines()) == 2


def test_missing_sections_and_training_sequences():
    with pytest.raises(UserError, match="'data' is a required property"):
        config.resolve({})
    with pytest.raises(UserError, match="'root' is a required property"):
        config.resolve({"data": {"name": "x"}})
    with pytest.raises(UserError, match=r"memory.weights: train, but data.train names no sequence"):
        config.resolve({"data": {"name": "x", "root": "y"}})
    config.resolve({"data": {"name": "x", "root": "y"}, "memory": {"weights": "shipped"}})


def test_several_networks_and_what_each_depends_on():
    raw = with_("appearance", {"network": ["mobilenet_v2", "u2netp"], "layers": {"u2netp": ["sides"]}})
    raw["motion"] = {"network": ["mpnet", "residual"]}
    model = config.resolve(raw)["models"]["lvo"]
    assert config.names("appearance", model["appearance"]) == ("mobilenet_v2", "u2netp")
    assert config.names("appearance", {"network": "none"}) == ()
    assert config.names("flow", model["flow"]) == ("raft",)
    u2netp = config.settings_for("appearance", model["appearance"], "u2netp")
    assert (u2netp["network"], u2netp["layers"]) == ("u2netp", ["sides"])
    assert "output_stride" not in u2netp
    mobilenet = config.settings_for("appearance", model["appearance"], "mobilenet_v2")
    assert mobilenet == {"network": "mobilenet_v2", "layers": [], "output_stride": 16, "weights": "registry"}
    assert config.settings_for("motion", model["motion"], "residual") == {"network": "residual"}


def test_a_row_may_use_one_of_anothers_networks():
    raw = with_("appearance", {"network": ["mobilenet_v2", "u2netp"]})
    raw["models"] = {"both": {}, "one": {"appearance": {"network": "u2netp"}}}
    config.resolve(raw)


def every_key(rules, path=""):
    for key, rule in rules.get("properties", {}).items():
        yield f"{path}{key}", rule
        yield from every_key(rule, f"{path}{key}.")


@pytest.mark.parametrize(("path", "rule"), list(every_key(config.schema())))
def test_every_key_is_documented_and_every_level_closed(path, rule):
    assert rule.get("description"), path
    if rule.get("properties"):
        assert rule["additionalProperties"] is False, path


@pytest.mark.parametrize("name", ["config.yaml", *sorted(p.as_posix() for p in Path("config").glob("*.yaml"))])
def test_shipped_configs_resolve(repository, name):
    resolved = config.resolve(yaml.safe_load((repository / name).read_text()))
    assert config.resolve(resolved) == resolved


def test_the_file_that_compares_streams_is_that_of_the_folds_with_rows_more(repository):
    streams, folds = (
        yaml.safe_load((repository / f"config/davis2016-{name}.yaml").read_text()) for name in ("streams", "folds")
    )
    rows = streams.pop("models")
    assert streams == folds
    shown = (repository / "config/README.md").read_text().split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(shown)["models"] == rows == {
        "lvo": {}, "appearance": {"motion": {"network": "none"}}, "motion": {"appearance": {"network": "none"}},
    }  # fmt: skip


def test_the_page_of_all_keys_is_up_to_date(repository):
    """Mend: python -c 'from vosmem import config; print(config.documentation())', below the introduction."""
    introduction, _, keys = (repository / "config/README.md").read_text().partition("## data\n")
    assert introduction
    assert "## data\n" + keys == config.documentation()

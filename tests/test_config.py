"""The configuration: defaults from one schema, and every mistake as one line."""

import copy
import datetime
import re
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


def every_key(rules, path=""):
    for key, rule in rules.get("properties", {}).items():
        yield f"{path}{key}", rule
        yield from every_key(rule, f"{path}{key}.")


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
        ("memory.steps", "many", "config: memory.steps: got 'many', expected an integer, at least 1 (Training steps"),
        ("memory.steps", 0, "config: memory.steps: got 0, expected an integer, at least 1"),
        ("memory.steps", None, "config: memory.steps: got null, expected an integer, at least 1"),
        ("memory", None, "config: memory: got null, expected keys with values"),
        ("memory.crop", [1, 2, 3], "config: memory.crop: got [1, 2, 3]"),
        ("flow.estimator", "liteflow", "config: flow.estimator: got 'liteflow', expected one of dis"),
        ("data.name", "../up", "config: data.name: got '../up', expected text, that matches"),
        ("data.test", ["../up"], "config: data.test: got ['../up']"),
        ("data.short_side", 5, "config: data.short_side: got 5, expected an integer, at least 64, at most 2160"),
        (
            "data.layout",
            "videos",
            "config: data.train: names sequences, but the layout videos has no masks to train on",
        ),
        ("device", "gpu", "config: device: got 'gpu', expected text, that matches"),
        (
            "models",
            {"a": {"memory": {"kernel": 2}}},
            "config: models.a.memory.kernel: got 2, expected one of 1, 3, 5, 7, 9",
        ),
        ("models", {"a": {"momery": {}}}, "config: models.a.momery: no such key"),
        ("models", {}, "config: models"),
        ("refine.threshold", 1, "config: refine.threshold: got 1, expected a number, more than 0, less than 1"),
        (
            "models",
            {"a": {"flow": {"backward": False}, "motion": {"network": "mpnet"}}},
            "config: models.a.flow.backward: got False, but refine.temporal follows the flow both ways; set",
        ),
        (
            "appearance.network",
            "deeplab_largefov",
            "config: models.lvo.appearance.weights: no known source for deeplab_largefov",
        ),
        (
            "appearance.weights",
            "http://example.org/w.pth",
            "config: models.lvo.appearance.weights: http://example.org/w.pth: expected https://host/file, or http",
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
        (
            "motion.network",
            "nope",
            "config: motion.network: got 'nope', expected one of mpnet, residual, u2netp, u2net, camera",
        ),
        ("motion.network", [], "config: motion.network: got [], expected one of mpnet, residual"),
        ("motion.network", ["mpnet", "mpnet"], "config: motion.network: got ['mpnet', 'mpnet']"),
        ("motion.network", ["none"], "config: motion.network: got ['none']"),
        ("motion.size", [32], "config: motion.size: got [32], expected a list of 2, each an integer, at least 32"),
        ("memory.steps", 400.0, "config: memory.steps: got 400.0, expected an integer"),
        ("memory.weight_decay", float("inf"), "config: memory.weight_decay: got inf, expected a number, at least 0"),
        ("memory.learning_rate", float("nan"), "config: memory.learning_rate: got nan, expected a number"),
        (
            "memory.learning_rate",
            "1e-4",
            "config: memory.learning_rate: got '1e-4', expected a number, more than 0 (Learning rate at the start.); "
            "1e-4 is text to YAML, write 0.0001",
        ),
        (
            "memory.steps",
            "1e3",
            "config: memory.steps: got '1e3', expected an integer, at least 1 (Training steps. The published recipe "
            "takes 30000.); 1e3 is text to YAML, write 1000",
        ),
        (
            "data.test",
            ["b", "b"],
            "config: data.test: got ['b', 'b'], expected text that is not empty, or a list, all dif",
        ),
        ("data.test", [1], "config: data.test: got [1], expected text that is not empty, or a list"),
        ("data.name", "logs", "config: data.name: got 'logs', expected text, that matches"),
        ("models", {1: {}}, "config: models: got 1, expected text, that matches"),
        ("models", {"a/b": {}}, "config: models: got 'a/b', expected text, that matches"),
        ("models", {"a": []}, "config: models.a: got [], expected keys with values or nothing"),
        ("models", {"a": {"memory": None}}, "config: models.a.memory: got null, expected keys with values"),
        ("report.reference", {"FSEG": 1}, "config: report.reference.FSEG: got 1, expected text that is not empty"),
        (
            "data",
            {"name": "x", "root": "y", "source": "demo", "train": "train", "layout": "folder"},
            "config: data.layout: got 'folder', but data.source: demo is rendered as davis",
        ),
        (
            "data",
            {"name": "x", "root": "y", "source": "demo", "train": "all", "resolution": "1080p"},
            "config: data.resolution: got '1080p', but data.source: demo is rendered as 480p",
        ),
        (
            "data",
            {"name": "x", "root": "y", "source": "demo", "train": "all", "test": "list.txt"},
            "config: data.test: got 'list.txt', but data.source: demo has train, val and all, or a list of stop-and-go",
        ),
        (
            "data",
            {"name": "x", "root": "y", "source": "demo", "train": ["water", "bear"]},
            "config: data.train: got 'bear', but data.source: demo has train, val and all, or a list of stop-and-go",
        ),
        (
            "data",
            {"name": "x", "root": "y", "source": "demo", "train": "x" * 1000},
            f"config: data.train: got '{'x' * 57}...{'x' * 58}', but data.source: demo has train, val and all",
        ),
        (
            "flow.backward",
            False,
            "config: models.lvo.flow.backward: got False, but residual, u2netp of motion.network needs the flow",
        ),
        (
            "appearance.layers",
            ["sides", "fc6"],
            "config: models.lvo.appearance.layers: got 'fc6', which u2netp has not; it has sides, stage1d",
        ),
        (
            "appearance",
            {"network": ["mobilenet_v2", "u2netp"], "layers": {"mobilenet_v2": ["block17"]}},
            "config: models.lvo.appearance.layers: got 'block17', which mobilenet_v2 has not; it has block0",
        ),
        (
            "memory",
            {"processes": 4},
            "config: models.lvo.memory.processes: got 4, but memory.batch has 2 clips to share; raise memory.batch",
        ),
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


@pytest.mark.parametrize(
    ("path", "value"), [("memory.steps", "11"), ("memory.mirrored", "true"), ("flow.scale", "0.5")]
)
def test_text_that_yaml_takes_for_no_text_comes_from_the_command_line(path, value):
    with pytest.raises(UserError, match=f"; write {value} in a file, without quotes: all that --config says below"):
        config.resolve(with_(path, value))


EVERY_KEY = list(every_key(config.schema()))
SECTIONS = [("", config.schema()), *((path, rule) for path, rule in EVERY_KEY if "properties" in rule)]
SAMPLES = {"null": None, "boolean": True, "integer": 3, "number": 2.5, "string": "nonsense", "array": [], "object": {}}
TYPES = {str: "string", int: "integer", list: "array", dict: "object"}


def kinds(rule) -> set[str]:
    """The types of JSON that a rule takes."""
    rule = config.schema()["$defs"][rule["$ref"].split("/")[-1]] if "$ref" in rule else rule
    if "oneOf" in rule:
        return set().union(*map(kinds, rule["oneOf"]))
    if "enum" in rule:
        return {TYPES[type(value)] for value in rule["enum"]}
    return {rule["type"]} | ({"integer"} if rule["type"] == "number" else set())


def beyond(rule):
    """Values of the right type that a rule does not take."""
    if "oneOf" in rule:
        for part in rule["oneOf"]:
            yield from beyond(part)
    if "enum" in rule:
        yield "nonsense" if isinstance(rule["enum"][0], str) else max(rule["enum"]) + 1
    if "minimum" in rule:
        yield rule["minimum"] - 1
    if "maximum" in rule:
        yield rule["maximum"] + 1
    if "exclusiveMinimum" in rule:
        yield rule["exclusiveMinimum"]
    if "exclusiveMaximum" in rule:
        yield rule["exclusiveMaximum"]
    if "pattern" in rule:
        yield "../"
    if "minLength" in rule:
        yield ""
    if "multipleOf" in rule:
        yield rule["minimum"] + 1
    if rule.get("type") == "array" and "items" in rule:
        good = (
            rule["items"]["enum"][0]
            if "enum" in rule["items"]
            else {"string": "a", "integer": 32, "number": 0.5}[rule["items"]["type"]]
        )
        length = rule.get("minItems", 1)
        for bad in (None, *beyond(rule["items"])):
            yield [bad, *[good] * (length - 1)]
        if "minItems" in rule:
            yield [good] * (length - 1)
        if "maxItems" in rule:
            yield [good] * (rule["maxItems"] + 1)
        if rule.get("uniqueItems"):
            yield [good, good]


def bad_values():
    for path, rule in EVERY_KEY:
        yield from ((path, value) for kind, value in SAMPLES.items() if kind not in kinds(rule))
        yield from ((path, value) for value in beyond(rule))


def mistake(raw) -> str:
    """The one line that a configuration is refused with."""
    with pytest.raises(UserError) as caught:
        config.resolve(raw)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(("path", "value"), list(bad_values()), ids=lambda x: repr(x)[:40])
def test_every_key_refuses_what_it_cannot_be(path, value):
    """In its section, and in a row of `models` as well; the line says where, what was got and what is allowed."""
    rule = dict(EVERY_KEY)[path]
    rows = [path] if path in ("models", "data.name", "data.root") or "." not in path else [path, f"models.row.{path}"]
    for where in rows[: 1 + (path.split(".")[0] in config.MODEL_SECTIONS)]:
        line = mistake(with_(where, value))
        at, _, told = line.removeprefix("config: ").partition(": got ")
        assert at == where or (isinstance(value, list) and at.startswith(f"{where}.")), line
        allowed = told.partition(", expected ")[2]
        assert allowed, line
        choices = rule.get("enum") or next((part["enum"] for part in rule.get("oneOf", ()) if "enum" in part), ())
        assert all(str(choice) in allowed for choice in choices), line


@pytest.mark.parametrize(("section", "rules"), SECTIONS, ids=[path or "top" for path, _ in SECTIONS])
def test_every_section_refuses_unknown_keys(section, rules):
    rows = [section, f"models.row.{section}"] if section in config.MODEL_SECTIONS else [section]
    for where in rows:
        path = f"{where}.nonsense".lstrip(".")
        line = mistake(with_(path, 1))
        assert line == f"config: {path}: no such key; known are {', '.join(rules['properties'])}"


def test_a_row_of_models_refuses_other_sections():
    assert mistake(with_("models.row.refine", {})).startswith("config: models.row.refine: no such key; known are flow")


def test_what_can_be_cached_and_what_needs_both_directions_is_known():
    """The configuration is checked by tables that stand apart from the networks, which are slow to load."""
    from vosmem import appearance, motion
    from vosmem.appearance import deeplab_largefov, nested, stage
    from vosmem.motion import stage as motion_stage

    assert appearance.LAYERS.keys() == stage.NETWORKS.keys()
    assert appearance.LAYERS["u2netp"] == appearance.LAYERS["isnet"] == nested.CACHED
    assert appearance.LAYERS["deeplab_largefov"] == deeplab_largefov.CACHED
    known = {network for network in kinds_of_networks("motion") if network != "none"}
    assert {*motion.BOTH_DIRECTIONS} == known - motion_stage.ESTIMATORS.keys()
    assert {network for network in kinds_of_networks("appearance") if network != "none"} == stage.NETWORKS.keys()


def kinds_of_networks(section) -> list[str]:
    return config.schema()["properties"][section]["properties"]["network"]["oneOf"][0]["enum"]


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        ({}, set()),
        ({"memory": {"weights": "shipped", "state": 24}}, {"weights", "state"}),
        ({"memory": {"weights": "shipped"}, "models": {"lvo": {"memory": {"state": 24}}}}, {"weights", "state"}),
        ({"memory": {"state": 24}, "models": {"lvo": {"memory": {"weights": "shipped"}}}}, {"weights"}),
        ({"memory": {"weights": "shipped"}, "models": {"lvo": None}}, {"weights"}),
        ({"memory": {"weights": "shipped"}, "models": {"other": {"memory": {"state": 24}}}}, {"weights"}),
    ],
)
def test_keys_beside_weights_are_those_of_whoever_names_the_weights(raw, keys):
    assert config.beside_weights(raw, "lvo") == keys


def test_files_are_told_by_their_keys():
    raw = with_("appearance", {"network": ["mobilenet_v2", "u2netp"], "weights": {"u2netp": "u.onnx"}})
    raw["motion"] = {"network": "mpnet", "weights": "m.safetensors"}
    raw["report"] = {"reference": {"FSEG": "fseg.csv"}}
    raw["models"] = {
        "a": {"memory": {"folds": "folds.tsv", "init": "i.safetensors"}},
        "b": {"memory": {"weights": "lvo.safetensors"}},
    }
    rows = {
        f"models.{r}.{key}": f
        for r in "ab"
        for key, f in (("appearance.weights", "u.onnx"), ("motion.weights", "m.safetensors"))
    }
    assert dict(config.files(config.resolve(raw))) == {
        **rows, "models.a.memory.init": "i.safetensors", "models.a.memory.folds": "folds.tsv",
        "models.b.memory.weights": "lvo.safetensors", "report.reference.FSEG": "fseg.csv",
    }  # fmt: skip
    assert list(config.files(config.resolve(LEAST))) == []


def test_all_mistakes_are_told_at_once():
    raw = with_("memory.steps", 0)
    raw["flow"] = {"preset": "slow"}
    with pytest.raises(UserError) as caught:
        config.resolve(raw)
    assert len(str(caught.value).splitlines()) == 2


def test_missing_sections_and_training_sequences():
    with pytest.raises(UserError, match="config: data: is missing"):
        config.resolve({})
    with pytest.raises(
        UserError, match=r"config: data\.root: is missing, expected text that is not empty; add the key"
    ):
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


@pytest.mark.parametrize(("path", "rule"), EVERY_KEY)
def test_every_key_is_documented_and_every_level_closed(path, rule):
    assert rule.get("description"), path
    if rule.get("properties"):
        assert rule["additionalProperties"] is False, path


@pytest.mark.parametrize("name", ["config.yaml", *sorted(p.as_posix() for p in Path("config").glob("*.yaml"))])
def test_shipped_configs_resolve(repository, name):
    resolved = config.resolve(yaml.safe_load((repository / name).read_text()))
    assert config.resolve(resolved) == resolved


def test_the_published_setting_is_the_papers_whatever_the_defaults_become(repository):
    """Tokmakov et al., ICCV 2017: the model and how it was trained."""
    memory = yaml.safe_load((repository / "config/published.yaml").read_text())["memory"]
    training = {
        "optimizer": "rmsprop",
        "learning_rate": 1e-4,
        "weight_decay": 0.005,
        "gradient_clip": 50,
        "steps": 30_000,
    }
    clips = {"steps": 30_000, "batch": 1, "clip_length": 14, "clip_stride": 1, "flip": True, "stop_and_go": 0.2}
    model = {"projection": 128, "cell": "convgru", "state": 64, "kernel": 7, "bidirectional": True, "shared": True}
    assert memory["overlap_loss"] == 0
    assert training.items() | clips.items() | model.items() <= memory.items()


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


@pytest.mark.parametrize(
    ("ablation", "path"),
    [
        ({"more": {"a": {"memory": datetime.date(2020, 2, 29)}}}, "more.a.memory: got"),
        ({"more": {"a": {"memory": {"state": datetime.date(2020, 2, 29)}}}}, "more.a.memory.state: got"),
        ({"more": {"a": {None: None}}}, "more.a.None: no such key"),
        ({"more": {"a": {"refine": {}}}}, "more.a.refine: no such key"),
        ({"more": {"a": {"flow": {"scale": 3}}}}, "more.a.flow.scale: got 3"),
        ({"memory": {"stat": 24}}, "memory.stat: no such key"),
    ],
)
def test_a_mistake_in_a_row_of_the_ablation_is_told_whether_or_not_its_page_is_asked_for(ablation, path):
    raw = {"data": {"name": "x", "root": "y", "train": "all"}, "ablation": ablation}
    with pytest.raises(UserError, match=re.escape(f"config: ablation.{path}")):
        config.resolve(raw)

"""Dry runs over data sets of empty files: every option of the schema, every shipped config, and what stops a run."""

import json
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.workflow import test_datasets
from tests.workflow.conftest import Workflow
from vosmem import config, davis2016
from vosmem.motion import BOTH_DIRECTIONS
from vosmem.refine import steps_before


def empty_files(*paths) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def empty_davis(root, names) -> None:
    """A data set in DAVIS layout whose frames and masks have no bytes."""
    for name in names:
        empty_files(*(root / "JPEGImages/480p" / name / f"0000{t}.jpg" for t in range(2)))
        empty_files(*(root / "Annotations/480p" / name / f"0000{t}.png" for t in range(2)))


@pytest.fixture
def empty(tmp_path, repository) -> Workflow:
    """Snakemake in a folder where data sets of every layout are, and weight files, all without a byte."""
    folder = tmp_path / "run"
    empty_davis(folder / "davis", "ab")
    for name in "ab":
        empty_files(folder / f"folder/{name}/0.jpg", folder / f"videos/{name}.mp4")
        empty_files(folder / f"fbms59/Testset/{name}/{name}_01.jpg", folder / f"segtrack-v2/JPEGImages/{name}/0.png")
        empty_files(folder / f"youtube-objects/boat/data/0001/shots/00{name}/frame0001.jpg")
    empty_files(folder / "deeplab.pth", folder / "other.safetensors")
    return Workflow(folder, repository / "workflow/Snakefile")


def choices(rule) -> list:
    """What a key may be, where that can be listed."""
    parts = [rule, *rule.get("oneOf", ()), rule.get("items", {})]
    return [True, False] if rule.get("type") == "boolean" else next((p["enum"] for p in parts if "enum" in p), [])


SCHEMA = config.schema()["properties"]
CHOICES = {
    (section, key): choices(rule)
    for section, rules in SCHEMA.items()
    for key, rule in rules.get("properties", {}).items()
    if choices(rule)
}
SETS = {
    "davis": {"train": ["a"], "test": ["b"]},
    "folder": {"layout": "folder"},
    "videos": {"layout": "videos", "cuts": False},
    "fbms59": {"layout": "fbms59"},
    "segtrack-v2": {"layout": "segtrack-v2"},
    "youtube-objects": {"layout": "youtube-objects"},
    "demo": {"source": "demo", "train": "train", "test": "val"},
}


def nth(section: str, n: int) -> dict:
    """The n-th choice of each key of a section, over and over; all of them where a key takes a list."""
    return {
        key: of if SCHEMA[section]["properties"][key].get("type") == "array" else of[n % len(of)]
        for (part, key), of in CHOICES.items()
        if part == section and key != config.NAMED_CACHES.get(section)
    }


def covering(n: int, name: str) -> dict:
    """The n-th of the configurations that have every choice together: a row of `models` for each network and estimator,
    and as many for the memory as its longest key has choices. The rows share all other keys, as they share caches.
    """
    data = {"name": name, "root": name, **SETS[name]}
    sections = {section: nth(section, n) for section in ("flow", "appearance", "motion", "refine", "evaluate")}
    sections["motion"]["network"] = "flow_magnitude"
    rows = {f"memory{k}": {"memory": nth("memory", n + k)} for k in range(max(map(len, CHOICES.values())))}
    for section, key in config.NAMED_CACHES.items():
        rows |= {f"{section}-{choice}": {section: {key: choice}} for choice in CHOICES[section, key]}
    rows["appearance-deeplab_largefov"]["appearance"]["weights"] = "deeplab.pth"
    if not sections["flow"]["backward"]:
        sections["refine"]["temporal"] = {"weight": 0}
        rows = {name: row for name, row in rows.items() if row.get("motion", {}).get("network") not in BOTH_DIRECTIONS}
    memory = {} if data.get("train") else {"weights": "other.safetensors"}
    return {"data": data, **sections, "memory": memory, "models": rows}


COVERING = [covering(n, name) for n, name in enumerate(SETS)]


def test_every_choice_is_in_a_dry_run():
    chosen = set()
    for raw in COVERING:
        resolved = config.resolve(raw)
        for whole in (resolved, *resolved["models"].values()):
            for section, key in CHOICES:
                value = whole.get(section, {}).get(key, [])
                chosen |= {(section, key, repr(v)) for v in (value if isinstance(value, list) else [value])}
    assert not {(*path, repr(value)) for path, of in CHOICES.items() for value in of} - chosen


@pytest.mark.parametrize("raw", COVERING, ids=[raw["data"]["name"] for raw in COVERING])
def test_every_choice_can_be_planned(empty, raw):
    planned = empty.planned(raw)
    rows, sequences = len(raw["models"]), {"davis": 1, "demo": 4}.get(raw["data"]["name"], 2)
    assert planned["memory_predict"] == rows * sequences
    assert planned["refine"] == rows * sequences * len(raw["refine"]["methods"])
    assert planned.get("memory_train", 0) + planned.get("memory_adopt", 0) == rows
    assert ("evaluate" in planned) == (raw["data"]["name"] not in ("folder", "videos"))
    assert planned["report"] == 1


@pytest.mark.parametrize("weights", [(0, 0), (0, 0.3), (0.3, 0), (0.3, 0.3)])
def test_jobs_are_told_what_the_configuration_says(empty, weights):
    """Settings of a job are completed by defaults: what is left out on the way must not say otherwise."""
    refine = {"methods": ["raw", "temporal", "bilateral", "crf", "zoom"], "threshold": 0.4, "guided": {"radius": 5}}
    refine |= {"zoom": {"network": "u2netp", "margin": 0.5, "correction": "trained"}}
    refine |= {step: {"weight": weight} for step, weight in zip(("votes", "temporal"), weights, strict=True)}
    (empty.folder / "folds.tsv").write_text("sequence\tfold\na\t0\nb\t1\n")
    memory = {"folds": "folds.tsv"}  # or there would be nothing that a correction can learn from
    rows = {f"row{n}": {"memory": nth("memory", n) | memory | {"steps": 9 + n}} for n in range(3)}
    raw = {
        "data": {"name": "davis", "root": "davis", "train": "all"},
        "refine": refine,
        "models": rows,
        "evaluate": nth("evaluate", 1),
    }
    empty.write(raw)
    resolved = config.resolve(raw)
    told = empty.run("--dry-run", "--printshellcmds").stdout
    jobs = [
        (words[3], dict(pairwise(words)), words)
        for words in map(shlex.split, re.findall(r"python -m vosmem .*--settings .*(?= 2> )", told))
    ]
    assert {command for command, *_ in jobs} == {*config.NAMED_CACHES, "memory", "refine", "correction", "evaluate"}
    for command, options, words in jobs:
        section = "refine" if command == "correction" else command
        done, whole = config.section_defaults(section, json.loads(options["--settings"])), resolved.get(section)
        if section == "evaluate":
            assert done == whole
            continue
        model = resolved["models"].get(Path(options["--out"]).parts[3], resolved["models"]["row0"])
        if command == "memory":
            for key in ("folds", "mirrored", "init"):  # what is trained on, and how it is predicted with, is told apart
                done[key] = model["memory"][key]
            assert done == model["memory"]
        elif section == "refine":
            method = options.get("--method", "zoom")
            assert steps_before(method, done, "--flow" in words) == steps_before(method, whole, along_flow=True)
            if command == "correction":  # which is what it makes, and goes by no threshold
                done["threshold"], done["zoom"]["correction"] = whole["threshold"], "trained"
            assert done["threshold"] == whole["threshold"]
            assert done.get(method) == whole.get(method)
        else:
            network = done[config.NAMED_CACHES[command]]
            assert config.settings_for(command, done, network) == config.settings_for(command, model[command], network)


# Shipped configs: sequences that are looked at, trainings, sequences that are segmented (by each model).
SHIPPED = {
    "config.yaml": (10, 9, 36),
    "config/davis2016.yaml": (50, 1, 20),
    "config/davis2016-22-8.yaml": (30, 1, 8),
    "config/davis2016-ablation.yaml": (30, 1, 8),
    "config/davis2016-folds.yaml": (30, 3, 30),
    "config/davis2016-isnet.yaml": (30, 1, 30),
    "config/davis2016-ladder.yaml": (30, 18, 180),
    "config/davis2016-screen.yaml": (30, 3, 30),
    "config/davis2016-streams.yaml": (30, 9, 90),
    "config/davis2016-train30.yaml": (30, 1, 30),
    "config/published.yaml": (50, 1, 20),
    "config/videos.yaml": (2, 0, 2),
}


def test_every_shipped_config_is_in_a_dry_run(repository):
    """Here, or over copies of the data sets in test_datasets.py."""
    found = [repository / "config.yaml", *sorted((repository / "config").glob("*.yaml"))]
    (there,) = (mark.args[1] for mark in test_datasets.test_each_file_plans_what_it_says.pytestmark)
    planned = {*SHIPPED, *(f"config/{name}.yaml" for name, *_ in there)}
    assert {path.relative_to(repository).as_posix() for path in found} == planned


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_can_be_planned(empty, repository, name):
    """From the clone's folder, where the paths of the shipped files lead."""
    folder = empty.folder
    shutil.copytree(repository / "config", folder / "config")
    split = {part: [n for n, known in davis2016.facts().items() if known.part == part] for part in ("train", "val")}
    empty_davis(folder.parent / "shared/davis2016", split["train"])
    empty_davis(folder / "data/DAVIS", [*split["train"], *split["val"]])
    for part, names in split.items():
        empty_files(folder / f"data/DAVIS/ImageSets/480p/{part}.txt")
        (folder / f"data/DAVIS/ImageSets/480p/{part}.txt").write_text("\n".join(names))
    empty_files(
        *(folder / "resources/weights" / n for n in ("deeplab_largefov.caffemodel", "mpnet-published.safetensors"))
    )
    planned = empty.planned(yaml.safe_load((repository / name).read_text()))
    assert (planned["data"], planned.get("memory_train", 0), planned["memory_predict"]) == SHIPPED[name]


# What stops a run before any job, as it reaches the terminal.

DAVIS = {"name": "x", "root": "davis", "train": ["a"], "test": ["b"]}
MISTAKES = {
    "key": ({"data": DAVIS, "memory": {"stpes": 1}}, ["config: memory.stpes: no such key; known are weights"]),
    "several": (
        {"data": {**DAVIS, "short_side": 8}, "refine": {"threshold": "0.5e0x"}},
        [
            "config: data.short_side: got 8, expected an integer, at least 64, at most 2160",
            "config: refine.threshold: got '0.5e0x', expected a number, more than 0, less than 1",
        ],
    ),
    "combination": (
        {"data": DAVIS, "models": {"a": {"motion": {"network": "none"}, "appearance": {"network": "none"}}}},
        ["config: models.a: appearance.network and motion.network are both none"],
    ),
    "files": (
        {
            "data": DAVIS,
            "appearance": {"weights": "nowhere.onnx"},
            "models": {"a": {"memory": {"weights": "shiped"}}},
            "report": {"reference": {"FSEG": "fseg.csv"}},
        },
        [
            "config: models.a.memory.weights: got shiped, which is no file",
            "config: models.a.appearance.weights: got nowhere.onnx, which is no file",
            "config: report.reference.FSEG: got fseg.csv, which is no file",
        ],
    ),
    "scores of whole sequences": (
        {"data": {**DAVIS, "frames": 24}, "report": {"reference": {"FSEG": "config.yaml"}}},
        ["config: report.reference: has scores of whole sequences, but data.frames takes 24 frames of each"],
    ),
    "nothing to train on": (
        {"data": {**DAVIS, "train": "other.safetensors"}},
        ["config: data.train: names no sequence, but lvo is trained"],
    ),
    "folds of another data set": (
        {"data": DAVIS, "memory": {"folds": "config/splits/davis2016-folds.tsv"}},
        ["config: models.lvo.memory.folds: names no sequence of data.test"],
    ),
    "no folds": (
        {"data": DAVIS, "memory": {"folds": "none.tsv"}},
        ["config: models.lvo.memory.folds: none.tsv: cannot be read as a table of folds"],
    ),
    "a name in the place of a list": (
        {"data": {**DAVIS, "train": "a"}},
        [
            "config: data.train: a: cannot be read as a list of sequences (FileNotFoundError); give a file of names, "
            "all, or the names as [a]"
        ],
    ),
    "one fold": (
        {"data": {**DAVIS, "test": ["a"]}, "memory": {"folds": "one.tsv"}},
        ["config: models.lvo.memory.folds: fold0 holds all of data.train"],
    ),
    "nothing to correct by": (
        {"data": DAVIS, "refine": {"zoom": {"correction": "trained"}}},
        ["config: refine.zoom.correction: got trained, but it can learn only from masks of sequences that the weights"],
    ),
    "other streams than the weights'": (
        {
            "data": DAVIS,
            "flow": {"scale": 1},
            "models": {
                "a": {"memory": {"weights": "shipped"}},
                "b": {"memory": {"weights": "shipped", "kernel": 7}, "motion": {"network": "none"}},
                "c": {"memory": {"init": "shipped", "state": 64}},
                "d": {"memory": {"weights": "shipped-isnet"}},
            },
        },
        [
            "config: models.a.flow.scale: got 1, but lvo-davis30.safetensors was trained with 0.5",
            "config: models.b.motion.network: got none, but lvo-davis30.safetensors was trained with residual, u2",
            "config: models.b.memory.kernel: got 7, but lvo-davis30.safetensors was trained with 3",
            "config: models.c.flow.scale: got 1, but lvo-davis30.safetensors was trained with 0.5",
            "config: models.c.memory.state: got 64, but lvo-davis30.safetensors was trained with 48",
            "config: models.d.appearance.network: got u2netp, but lvo-isnet-davis30.safetensors was trained with",
            "config: models.d.flow.scale: got 1, but lvo-isnet-davis30.safetensors was trained with 0.5",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_stop_before_any_job(empty, repository, what):
    raw, lines = MISTAKES[what]
    shutil.copytree(repository / "config/splits", empty.folder / "config/splits")
    (empty.folder / "one.tsv").write_text("sequence\tfold\na\t0\n")
    empty.write(raw)
    done = empty.run(check=False)  # no dry run: were it not stopped, it would do something
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert [line for line in told.splitlines() if line.startswith("config: ")] == [
        next((t for t in told.splitlines() if t.startswith(line)), line) for line in lines
    ]
    assert "Traceback" not in told
    assert not (empty.folder / "results").exists()

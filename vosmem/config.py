"""The configuration: checked against the schema, completed with its defaults, resolved into models.

The schema (workflow/schemas/config.schema.yaml) is the one source of defaults and of the keys' documentation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from numbers import Integral
from pathlib import Path
from typing import Any

import yaml

from vosmem import parse, weights
from vosmem.allowed import mistakes, shown, strange
from vosmem.appearance import LAYERS
from vosmem.data.layout import LAYOUTS
from vosmem.demo import SEQUENCES as DEMO
from vosmem.errors import UserError
from vosmem.motion import BOTH_DIRECTIONS
from vosmem.refine import CORRECTIONS, steps_before

MODEL_SECTIONS = ("flow", "appearance", "motion", "memory")  # what a row of `models` may change
# The key of a section that names its caches. Two rows may share a cache only if they mean the same by its name.
NAMED_CACHES = {"flow": "estimator", "appearance": "network", "motion": "network"}


@cache
def schema() -> dict[str, Any]:
    """The schema as plain data."""
    here = Path(__file__).resolve().parent
    installed, clone = here / "config.schema.yaml", here.parent / "workflow/schemas/config.schema.yaml"
    return parse.shipped(clone if clone.exists() else installed)


def check_files(paths: Iterable[str]) -> None:
    """Raise UserError where a key stands twice in a configuration file: Snakemake would take the last, and not tell."""
    for path in paths:
        try:
            parse.yaml_file(path)
        except parse.Twice as error:
            raise UserError(f"config: {path}: {error}; bring the two together") from None
        except (OSError, ValueError):  # of which Snakemake, which reads the file too, tells
            continue


def section_defaults(section: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Section ``section`` with ``settings`` over its defaults, checked."""
    rules = {"$defs": schema()["$defs"], **schema()["properties"][section]}
    return _complete(dict(settings or {}), rules, f"{section}.")


def check_short_side(pixels: object) -> None:
    """Raise UserError where a working resolution is none that `data.short_side` may be."""
    bounds = schema()["properties"]["data"]["properties"]["short_side"]
    least, most = bounds["minimum"], bounds["maximum"]
    if not isinstance(pixels, Integral) or not least <= pixels <= most:
        raise UserError(f"short side: got {pixels!r}, expected {least} to {most} pixels")


def names(section: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The estimators or networks that a resolved section names: none, one, or several side by side."""
    value = settings[NAMED_CACHES[section]]
    if isinstance(value, str):
        return () if value == "none" else (value,)
    return tuple(value)


def settings_for(section: str, settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What of a resolved section the estimator or network ``name`` depends on, with itself as the only one named.

    Keys that the schema marks as others' (``x-of``) are left out, and of a key that is given for each network its own.
    """
    of_name = {}
    for key, rule in schema()["properties"][section]["properties"].items():
        if name not in rule.get("x-of", (name,)):
            continue
        value = settings[key]
        of_name[key] = value.get(name, rule["default"]) if isinstance(value, dict) else value
    return {**of_name, NAMED_CACHES[section]: name}


def resolve(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The whole configuration: ``raw`` checked and completed, each row of ``models`` with all of its sections.

    Raises UserError with one line per mistake: the key's path, what was got, what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise UserError(
            f"config: got {shown(raw)}, expected keys with values: data: {{name: ..., root: ...}}, and so on"
        )
    config = _complete(raw, schema(), "")
    config["models"] = {
        name: {
            section: completed(
                section, {**config[section], **((row or {}).get(section) or {})}, f"models.{name}.{section}."
            )
            for section in MODEL_SECTIONS
        }
        for name, row in config["models"].items()
    }
    told = config["ablation"]  # checked alone: its rows are completed where they are made
    rows = {"": {"memory": told["memory"]}, **{f"more.{name}.": row for name, row in told["more"].items()}}
    for path, row in rows.items():
        for section, change in row.items():
            completed(section, {**config[section], **change}, f"ablation.{path}{section}.")
    problems = impossible(config)
    if problems:
        raise UserError("\n".join(problems))
    return config


def beside_weights(raw: Mapping[str, Any], model: str) -> set[str]:
    """The keys of `memory` that are given where the row ``model`` has its `memory.weights` from, or over it.

    ``raw``: as it was before `resolve`. What stands above a row with weights of its own is meant for others.
    """
    row = (raw.get("models", {}).get(model) or {}).get("memory", {})
    return {*row} if "weights" in row else {*row, *raw.get("memory", {})}


def completed(section: str, settings: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A section of a model with its defaults, checked. ``path``: what to put before a key's name in messages."""
    rules = {"$defs": schema()["$defs"], **schema()["properties"][section]}
    return _complete(copy.deepcopy(dict(settings)), rules, path)


def impossible(config: Mapping[str, Any]) -> list[str]:
    """What each key of a resolved configuration allows but not together, one line each."""
    return list(_impossible(config))


def _complete(given: Any, rules: Mapping[str, Any], path: str) -> Any:
    """Defaults filled in at every level, then checked. ``path``: what to put before a key's name in messages."""
    if lines := list(strange(given, path.rstrip("."))):
        raise UserError("\n".join(lines))
    completed = _with_defaults(copy.deepcopy(dict(given)), rules)
    lines = list(mistakes(completed, rules, path))
    if lines:
        raise UserError("\n".join(lines))
    return completed


def _with_defaults(given: Any, rules: Mapping[str, Any]) -> Any:
    if not isinstance(given, dict):
        return given
    for key, rule in rules.get("properties", {}).items():
        if key not in given and "default" in rule:
            given[key] = copy.deepcopy(rule["default"])
        if key in given:
            given[key] = _with_defaults(given[key], rule)
    return given


def _impossible(config: Mapping[str, Any]) -> Iterator[str]:
    """What each key allows but not together."""
    data, where = config["data"], LAYOUTS[config["data"]["layout"]].masks
    first, second = config["refine"]["zoom"]["agreement"]
    if first > second:
        yield f"config: refine.zoom.agreement: got [{first}, {second}], expected the second no less than the first"
    if data["frames"] and config["report"]["reference"]:
        yield (
            f"config: report.reference: has scores of whole sequences, but data.frames takes {data['frames']} frames "
            "of each; leave one of the two out"
        )
    if data["source"] == "demo":
        yield from _of_the_demo(data)
    elif data["train"] and where == "apart" and not data["masks"]:
        yield (
            f"config: data.train: names sequences, but the layout {data['layout']} has no masks to train on; "
            "set data.masks to the folder of your masks, or name none"
        )
    if data["masks"] and where == "within":
        yield (
            f"config: data.masks: got {shown(data['masks'])}, but the layout {data['layout']} has its masks within "
            "data.root; leave the key out"
        )
    for name, model in config["models"].items():
        streams = [name for section in ("appearance", "motion") for name in names(section, model[section])]
        if not streams:
            yield (
                f"config: models.{name}: appearance.network and motion.network are both none; leave at least one stream"
            )
        if model["memory"]["weights"] == "train" and not config["data"]["train"]:
            yield (
                f"config: models.{name}.memory.weights: train, but data.train names no sequence; "
                "name some, or set memory.weights: shipped"
            )
        if model["memory"]["folds"] and model["memory"]["weights"] != "train":
            yield f"config: models.{name}.memory.folds: is for weights that are trained here; set memory.weights: train"
        if model["memory"]["init"] and model["memory"]["weights"] != "train":
            yield f"config: models.{name}.memory.init: is for weights that are trained here; set memory.weights: train"
        if model["memory"]["processes"] > model["memory"]["batch"]:
            yield (
                f"config: models.{name}.memory.processes: got {model['memory']['processes']}, but memory.batch has "
                f"{model['memory']['batch']} clips to share; raise memory.batch, or lower it"
            )
        if "deeplab_largefov" in streams:
            given = settings_for("appearance", model["appearance"], "deeplab_largefov")["weights"]
            if given == "registry":
                yield (
                    f"config: models.{name}.appearance.weights: no known source for deeplab_largefov; "
                    "give the path or address of its weight file (.caffemodel, .pth)"
                )
        both_ways = [n for n in names("motion", model["motion"]) if n in BOTH_DIRECTIONS]
        if both_ways and not model["flow"]["backward"]:
            yield (
                f"config: models.{name}.flow.backward: got False, but {', '.join(both_ways)} of motion.network needs "
                "the flow both ways; set flow.backward: true"
            )
        methods = config["refine"]["methods"]
        steadied = any("temporal" in steps_before(method, config["refine"], along_flow=True) for method in methods)
        if steadied and names("motion", model["motion"]) and not both_ways and not model["flow"]["backward"]:
            yield (
                f"config: models.{name}.flow.backward: got False, but refine.temporal follows the flow both ways; "
                "set it true, or refine.temporal.weight: 0"
            )
        yield from _for_each(f"models.{name}.", model)
    seen: dict[tuple[str, ...], tuple[str, Mapping[str, Any]]] = {}
    for name, model in config["models"].items():
        for section, key in NAMED_CACHES.items():
            for cached in names(section, model[section]):
                mine = settings_for(section, model[section], cached)
                which = (section, cached, *((model["flow"]["estimator"],) if section == "motion" else ()))
                other, settings = seen.setdefault(which, (name, mine))
                if settings != mine:
                    changed = next(k for k in settings if settings[k] != mine[k])
                    yield (
                        f"config: models.{name}.{section}.{changed}: got {shown(mine[changed])}, but model {other} "
                        f"has {shown(settings[changed])} for the same {section}.{key}; "
                        "rows that share a cache must agree on it"
                    )


def _of_the_demo(data: Mapping[str, Any]) -> Iterator[str]:
    """The demo is rendered in one layout, and its sequences are known."""
    for key, only in (("layout", "davis"), ("resolution", "480p")):
        if data[key] != only:
            yield (
                f"config: data.{key}: got {shown(data[key])}, but data.source: demo is rendered as {only}; "
                f"leave {key} out"
            )
    for key in ("train", "test"):
        asked = data[key]
        for name in asked if isinstance(asked, list) else [asked]:
            if name not in (DEMO if isinstance(asked, list) else ("train", "val", "all")):
                yield (
                    f"config: data.{key}: got {shown(name)}, but data.source: demo has train, val and all, "
                    f"or a list of {', '.join(DEMO)}"
                )


def _for_each(path: str, model: Mapping[str, Any]) -> Iterator[str]:
    """Keys that are given for each network must name networks that the row has; one value must mean one network."""
    for section, name_key in NAMED_CACHES.items():
        known = names(section, model[section])
        for key, rule in schema()["properties"][section]["properties"].items():
            value = model[section][key]
            if key == "weights":
                yield from _addresses(f"{path}{section}.weights", value)
            if not any(r.get("type") == "object" for r in rule.get("oneOf", ())):
                continue
            if isinstance(value, dict):
                for name in sorted({*value} - {*known}):
                    yield f"config: {path}{section}.{key}.{name}: is not among {section}.{name_key}: {', '.join(known)}"
            elif len(known) > 1 and value != rule["default"]:
                yield (
                    f"config: {path}{section}.{key}: got {shown(value)} for {len(known)} networks; "
                    f"say for which, e.g. {{{known[0]}: {shown(value)}}}"
                )
                return
    for network in names("appearance", model["appearance"]):
        layers = settings_for("appearance", model["appearance"], network)["layers"]
        for layer in sorted({*layers} - {*LAYERS[network]}):
            yield (
                f"config: {path}appearance.layers: got {shown(layer)}, which {network} has not; "
                f"it has {', '.join(LAYERS[network])}"
            )


def _addresses(path: str, value: str | Mapping[str, str]) -> Iterator[str]:
    """What is wrong with addresses of weights."""
    for given in value.values() if isinstance(value, dict) else (value,):
        if weights.is_address(given):
            try:
                weights.of_address(given)
            except UserError as error:
                yield f"config: {path}: {str(error).removeprefix('weights ')}"


def files(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every file that a resolved configuration names: its key, its path, of weights perhaps an address."""
    for name, model in config["models"].items():
        memory = model["memory"]
        if memory["weights"] not in ("train", *weights.MEMORIES):
            yield f"models.{name}.memory.weights", memory["weights"]
        if memory["init"] not in ("", *weights.MEMORIES):
            yield f"models.{name}.memory.init", memory["init"]
        if memory["folds"]:
            yield f"models.{name}.memory.folds", memory["folds"]
        for section in NAMED_CACHES:
            for network in names(section, model[section]):
                path = settings_for(section, model[section], network).get("weights", "registry")
                if path != "registry":
                    yield f"models.{name}.{section}.weights", path
    if config["refine"]["zoom"]["correction"] not in CORRECTIONS:
        yield "refine.zoom.correction", config["refine"]["zoom"]["correction"]
    for name, path in config["report"]["reference"].items():
        yield f"report.reference.{name}", path


def documentation() -> str:
    """Every key with its default and its description, as Markdown: what config/README.md shows."""
    parts = []
    for section, rules in schema()["properties"].items():
        parts.append(f"## {section}\n\n{rules['description']}\n")
        if "properties" in rules:
            rows = ["| key | default | what |", "|---|---|---|"]
            rows += _documented(rules, "")
            parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _documented(rules: Mapping[str, Any], path: str) -> Iterator[str]:
    """A row of the table for each key, those of a key that is a section itself below it."""
    for key, rule in rules["properties"].items():
        text = " ".join(rule["description"].split()).replace("|", "\\|")
        if "properties" in rule:
            yield f"| `{path}{key}` | | {text} |"
            yield from _documented(rule, f"{path}{key}.")
        else:
            default = (
                yaml.safe_dump(rule["default"], default_flow_style=True).split("\n")[0] if "default" in rule else ""
            )
            yield f"| `{path}{key}` | {f'`{default}`' if default else 'required'} | {text} |"

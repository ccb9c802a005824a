"""The rows of the ablation: the configured model with one thing changed, each with several seeds (config `ablation`).

They are models as those of the section `models`, trained by the same jobs from the same caches; a row that is one of
those models is not trained again. Cheap to import: the workflow asks before it starts anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vosmem import config
from vosmem.appearance import DEFAULT_LAYERS
from vosmem.errors import UserError

Settings = Mapping[str, Any]
WHOLE = "whole"  # the group of the one row that all others are compared with


@dataclass(frozen=True)
class Row:
    """A row of the table. ``models``: one for each seed, by name; ``method``: of refinement, whose masks are scored."""

    group: str
    name: str
    what: str
    models: tuple[str, ...]
    method: str


def method(resolved: Settings) -> str:
    """The method of refinement by which rows are compared: none, where the configuration scores raw masks."""
    methods = resolved["refine"]["methods"]
    return "raw" if "raw" in methods else methods[0]


def rows(resolved: Settings) -> list[Row]:
    """All rows, the whole model first; none where the configuration has no seeds."""
    return _made(resolved)[0]


def models(resolved: Settings) -> dict[str, dict[str, Any]]:
    """The rows' models that are not among `models` already, resolved. Raises UserError where one is impossible."""
    return _made(resolved)[1]


def _made(resolved: Settings) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    told = resolved["ablation"]
    if not told["seeds"]:
        return [], {}
    base = {section: resolved[section] for section in config.MODEL_SECTIONS}
    base["memory"] = config.completed("memory", {**base["memory"], **told["memory"]}, "ablation.memory.")
    known = {json.dumps(settings, sort_keys=True): name for name, settings in resolved["models"].items()}
    found: list[Row] = []
    new: dict[str, dict[str, Any]] = {}
    for group, name, what, change in _changes(base, told["rows"], told["more"]):
        names = []
        for seed in told["seeds"]:
            settings = {
                section: config.completed(
                    section, {**base[section], **change.get(section, {})}, f"ablation.more.{name}.{section}."
                )
                for section in base
            }
            settings["memory"]["seed"] = seed
            key = json.dumps(settings, sort_keys=True)
            model = known.setdefault(key, f"ablation-{group}-{name}-s{seed}")
            if model not in resolved["models"]:
                new[model] = settings
            names.append(model)
        found.append(Row(group, name, what, tuple(names), method(resolved)))
    if "refinement" in told["rows"]:
        others = [m for m in resolved["refine"]["methods"] if m != method(resolved)]
        found += [Row("refinement", m, f"masks by {m}", found[0].models, m) for m in others]
    problems = config.impossible({**resolved, "models": {**resolved["models"], **new}})
    if problems:
        raise UserError("\n".join(problems))
    return found, new


def _changes(base: Settings, groups: Sequence[str], more: Settings) -> Iterator[tuple[str, str, str, Settings]]:
    """Group, name, what it is in words, and what it changes."""
    of_group = {"appearance": _appearance, "motion": _motion, "memory": _memory, "training": _training, "size": _size,
                "beyond": _beyond}  # fmt: skip
    yield WHOLE, "all", "the configured model", {}
    for group in groups:
        if group in of_group:
            for name, what, change in of_group[group](base):
                yield group, name, what, change
    for name, change in more.items():
        yield "more", name, name, change


def _appearance(base: Settings) -> Iterator[tuple[str, str, Settings]]:
    networks = config.names("appearance", base["appearance"])
    if config.names("motion", base["motion"]):
        yield "none", "no appearance", {"appearance": only("appearance", base["appearance"], [])}
    colour = {"appearance": only("appearance", base["appearance"], ["rgb"])}
    yield "rgb", "colour alone", colour
    yield "cnn", "two 7x7 convolutions on colour", {**colour, "memory": {"projection_kernel": 7}}
    layers = [
        f"{network}/{layer}"
        for network in networks
        for layer in config.settings_for("appearance", base["appearance"], network)["layers"] or DEFAULT_LAYERS[network]
    ]
    for layer in layers if len(layers) > 1 else ():
        others = [f"appearance/{other}" for other in layers if other != layer]
        yield layer.replace("/", "-"), f"{layer} alone", {"memory": {"without": others}}
    for network in networks if len(networks) > 1 else ():
        rest = [n for n in networks if n != network]
        yield f"without-{network}", f"without {network}", {"appearance": only("appearance", base["appearance"], rest)}


def _motion(base: Settings) -> Iterator[tuple[str, str, Settings]]:
    networks = config.names("motion", base["motion"])
    if networks and config.names("appearance", base["appearance"]):
        yield "none", "no motion", {"motion": only("motion", base["motion"], [])}
    for network in networks if len(networks) > 1 else ():
        rest = [n for n in networks if n != network]
        yield f"without-{network}", f"without {network}", {"motion": only("motion", base["motion"], rest)}


def _memory(base: Settings) -> Iterator[tuple[str, str, Settings]]:
    kinds = {"none": "no memory", "convrnn": "ConvRNN", "convlstm": "ConvLSTM", "convgru": "ConvGRU"}
    for cell, what in kinds.items():
        if cell != base["memory"]["cell"]:
            yield cell, what, {"memory": {"cell": cell}}
    both = base["memory"]["bidirectional"]
    yield "direction", "both directions" if not both else "forward only", {"memory": {"bidirectional": not both}}
    if both:
        shared = base["memory"]["shared"]
        what = "separate weights of the directions" if shared else "shared weights of the directions"
        yield "weights", what, {"memory": {"shared": not shared}}


def _training(base: Settings) -> Iterator[tuple[str, str, Settings]]:
    memory = base["memory"]
    if memory["stop_and_go"]:
        yield "stop-and-go", "no clips of objects that stop", {"memory": {"stop_and_go": 0}}
    for length in (max(1, memory["clip_length"] // 2), 2 * memory["clip_length"]):
        if length != memory["clip_length"]:
            yield f"clips-{length}", f"clips of {length} frames", {"memory": {"clip_length": length}}


def _size(base: Settings) -> Iterator[tuple[str, str, Settings]]:
    state = base["memory"]["state"]
    for width in (max(1, state // 2), 2 * state):
        if width != state:
            yield f"state-{width}", f"state of {width} channels", {"memory": {"state": width}}


def _beyond(base: Settings) -> Iterator[tuple[str, str, Settings]]:
    """What vosmem has and the paper has not, left out one by one."""
    published = {
        "context": ([], "no convolutions before the memory"),
        "finer": (1, "read out on the memory's grid"),
        "overlap_loss": (0, "cross-entropy alone"),
        "standardise": (False, "features as they are"),
        "reach": (0, "the memory reaches over the whole video"),
    }
    for key, (value, what) in published.items():
        if base["memory"][key] != value:
            yield key, what, {"memory": {key: value}}


def only(section: str, settings: Settings, networks: Sequence[str]) -> dict[str, Any]:
    """A resolved section with other networks: what it says for each network stays for those that stay."""
    changed = {**settings, config.NAMED_CACHES[section]: list(networks) or "none"}
    for key, rule in config.schema()["properties"][section]["properties"].items():
        if any(part.get("type") == "object" for part in rule.get("oneOf", ())):
            value = settings[key]
            kept = {n: v for n, v in value.items() if n in networks} if isinstance(value, dict) else None
            changed[key] = kept or rule["default"]
    return changed

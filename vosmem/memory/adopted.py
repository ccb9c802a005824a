"""Weights of another run: whether the model that takes them, or starts from them, feeds them what they were trained on.

Asked while the workflow is read, before hours of features: no tensor is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from vosmem import config, weights
from vosmem.errors import UserError
from vosmem.memory import LATER, WEIGHTS_KEYS

ANY = ("precision", "weights")  # another processor has another precision; which weights is known by their hash, later


def differences(path: Path, model: Mapping[str, Any], keys: Collection[str] = ()) -> list[str]:
    """What of ``model``, a resolved row of ``models``, is other than in the training that the file ``path`` tells of.

    ``keys``: also these of `memory`: `INIT_KEYS` where training starts from the file; where the model is the file's
    own, those that were asked for, of which `WEIGHTS_KEYS` are looked at. One text for each key:
    ``appearance.network: got u2netp, but ...``. Nothing where the file does not tell.
    """
    told = weights.metadata(path)
    if not is_told(told):
        raise UserError(f"{path}: does not tell what it was trained on as vosmem writes it; train anew")
    found = [*_streams(path, told.get("streams", {}), model)]
    if keys:
        made = {**LATER, **told["settings"]} if "settings" in told else {}
        found += [
            _line(f"memory.{key}", path, model["memory"][key], made[key])
            for key in WEIGHTS_KEYS
            if key in keys and key in made and made[key] != model["memory"][key]
        ]
    return list(dict.fromkeys(found))  # a key that two networks share is one


def is_told(told: Mapping[str, Any]) -> bool:
    """Whether what a memory's file tells of its training is of the kinds that vosmem writes, whatever their values."""
    streams, named = told.get("streams", {}), {"name": str, "parameters": dict}.items()

    def is_made(made: Any) -> bool:
        return isinstance(made, dict) and all(isinstance(made.get(key), kind) for key, kind in named)

    def are_texts(key: str) -> bool:
        return isinstance(told.get(key, []), list) and all(isinstance(text, str) for text in told.get(key, []))

    return (
        isinstance(told.get("settings", {}), dict)
        and are_texts("trained_on")
        and are_texts("fine")
        and isinstance(streams, dict)
        and {*streams} <= {"appearance", "motion"}
        and all(isinstance(caches, list) and all(map(is_made, caches)) for caches in streams.values())
        and all(is_made(m["parameters"]["flow"]) for m in streams.get("motion", ()) if "flow" in m["parameters"])
    )


def _streams(path: Path, streams: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[str]:
    """What of the networks and their settings is other."""
    for section, caches in streams.items():
        trained = {made["name"]: made["parameters"] for made in caches}
        used = config.names(section, model[section])
        if [*trained] != [*used]:  # in that order: the memory tells streams apart by their places
            names = (", ".join(of) or "none" for of in (used, trained))
            yield _line(f"{section}.{config.NAMED_CACHES[section]}", path, *names)
            continue
        for name in used:
            yield from _settings(section, model, name, trained[name], path)
    flow = next(
        (made["parameters"].get("flow") for made in streams.get("motion", ())), None
    )  # the same for all of them
    if flow and config.names("motion", model["motion"]):
        estimator = model["flow"]["estimator"]
        if flow["name"] != estimator:
            yield _line("flow.estimator", path, estimator, flow["name"])
        else:
            yield from _settings("flow", model, estimator, flow["parameters"], path)


def _settings(
    section: str, model: Mapping[str, Any], name: str, trained: Mapping[str, Any], path: Path
) -> Iterator[str]:
    """Keys of a section that ``name`` depends on and that were others. An empty value stands for the network's own."""
    for key, value in config.settings_for(section, model[section], name).items():
        if key in trained and key not in ANY and value != [] and value != trained[key]:
            yield _line(f"{section}.{key}", path, value, trained[key])


def _line(key: str, path: Path, got: Any, trained: Any) -> str:
    return f"{key}: got {got}, but {path.name} was trained with {trained}; set it so, or train anew"

"""The configuration: checked against the schema, completed with its defaults, resolved into models.

The schema (workflow/schemas/config.schema.yaml) is the one source of defaults and of the keys' documentation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from vosmem.errors import UserError

MODEL_SECTIONS = ("flow", "appearance", "motion", "memory")  # what a row of `models` may change
# Two rows may share a cache only if they mean the same by its name.
NAMED_CACHES = {"flow": "estimator", "appearance": "network", "motion": "network"}


@cache
def schema() -> dict[str, Any]:
    """The schema as plain data."""
    here = Path(__file__).resolve().parent
    installed, clone = here / "config.schema.yaml", here.parent / "workflow/schemas/config.schema.yaml"
    return yaml.safe_load((clone if clone.exists() else installed).read_text())


def section_defaults(section: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Section ``section`` with ``settings`` over its defaults, checked."""
    rules = {"$defs": schema()["$defs"], **schema()["properties"][section]}
    return _complete(dict(settings or {}), rules, f"{section}.")


def resolve(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The whole configuration: ``raw`` checked and completed, each row of ``models`` with all of its sections.

    Raises UserError with one line per mistake: the key's path, what was got, what is allowed.
    """
    config = _complete(copy.deepcopy(dict(raw)), schema(), "")
    config["models"] = {
        name: {
            section: _complete(
                {**config[section], **((row or {}).get(section) or {})},
                {"$defs": schema()["$defs"], **schema()["properties"][section]},
                f"models.{name}.{section}.",
            )
            for section in MODEL_SECTIONS
        }
        for name, row in config["models"].items()
    }
    problems = list(_impossible(config))
    if problems:
        raise UserError("\n".join(problems))
    return config


def _complete(given: Any, rules: Mapping[str, Any], path: str) -> Any:
    """Defaults filled in at every level, then checked. ``path``: what to put before a key's name in messages."""
    completed = _with_defaults(given, rules)
    validator = jsonschema.Draft202012Validator(rules)
    errors = sorted(validator.iter_errors(completed), key=lambda e: [str(p) for p in e.absolute_path])
    if errors:
        raise UserError("\n".join(_line(e, path) for e in errors))
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


def _line(error: jsonschema.ValidationError, prefix: str) -> str:
    """One line: the key's path, what was got, what is allowed, what the key is for."""
    path = prefix + ".".join(str(p) for p in error.absolute_path)
    rule = error.schema
    if error.validator == "additionalProperties":
        known = list(rule.get("properties", {}))
        unknown = [k for k in error.instance if k not in known]
        return f"config: {(path + '.').lstrip('.')}{unknown[0]}: no such key; known are {', '.join(known)}".replace(
            "..", "."
        )
    if error.validator == "required":
        return f"config: {path.rstrip('.') or 'the file'}: {error.message}; add the key"
    allowed = {
        "enum": lambda: f"one of {', '.join(map(str, rule['enum']))}",
        "type": lambda: f"of type {rule['type'] if isinstance(rule['type'], str) else ' or '.join(rule['type'])}",
        "pattern": lambda: f"to match {rule['pattern']}",
        "minimum": lambda: f"at least {rule['minimum']}",
        "maximum": lambda: f"at most {rule['maximum']}",
        "exclusiveMinimum": lambda: f"more than {rule['exclusiveMinimum']}",
        "exclusiveMaximum": lambda: f"less than {rule['exclusiveMaximum']}",
    }.get(error.validator, lambda: rule.get("description") or error.message)()
    line = f"config: {path}: got {error.instance!r}, expected {allowed}"
    return line if not rule.get("description") or rule["description"] in line else f"{line} ({rule['description']})"


def _impossible(config: Mapping[str, Any]) -> Iterator[str]:
    """What each key allows but not together."""
    for name, model in config["models"].items():
        if model["appearance"]["network"] == "none" and model["motion"]["network"] == "none":
            yield (
                f"config: models.{name}: appearance.network and motion.network are both none; leave at least one stream"
            )
        if model["memory"]["weights"] == "train" and not config["data"]["train"]:
            yield (
                f"config: models.{name}.memory.weights: train, but data.train names no sequence; "
                "name some, or set memory.weights: shipped"
            )
        network = model["appearance"]["network"]
        if network == "deeplab_largefov" and model["appearance"]["weights"] == "registry":
            yield (
                f"config: models.{name}.appearance.weights: no known source for {network}; "
                "give the path of its weight file"
            )
    seen: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for name, model in config["models"].items():
        for section, key in NAMED_CACHES.items():
            cache_name = model[section][key]
            if section == "motion":
                cache_name += f"-{model['flow']['estimator']}"
            other, settings = seen.setdefault((section, cache_name), (name, model[section]))
            if settings != model[section]:
                changed = next(k for k in settings if settings[k] != model[section][k])
                yield (
                    f"config: models.{name}.{section}.{changed}: got {model[section][changed]!r}, but model {other} "
                    f"has {settings[changed]!r} for the same {section}.{key}; rows that share a cache must agree on it"
                )


def documentation() -> str:
    """Every key with its default and its description, as Markdown: what config/README.md shows."""
    parts = []
    for section, rules in schema()["properties"].items():
        parts.append(f"## {section}\n\n{rules['description']}\n")
        if "properties" in rules:
            rows = ["| key | default | what |", "|---|---|---|"]
            for key, rule in rules["properties"].items():
                default = (
                    yaml.safe_dump(rule["default"], default_flow_style=True).split("\n")[0] if "default" in rule else ""
                )
                text = " ".join(rule["description"].split()).replace("|", "\\|")
                rows.append(f"| `{key}` | {f'`{default}`' if default else 'required'} | {text} |")
            parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)

"""JSON and YAML that someone else may have written: whatever is wrong with the text is a ValueError."""

from __future__ import annotations

import json as _json
import os
from pathlib import Path
from typing import Any

import yaml as _yaml


class Twice(ValueError):
    """A key that stands twice in one mapping."""


class _Loader(_yaml.SafeLoader):
    """YAML's, which silently takes the last of two."""

    def compose_mapping_node(self, anchor: str | None) -> _yaml.MappingNode:
        node, seen = super().compose_mapping_node(anchor), set()  # as it is written: merges (<<) are made later
        for key, _ in node.value:
            if isinstance(key, _yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise Twice(f"{key.value} stands twice, again in line {key.start_mark.line + 1}")
                seen.add((key.tag, key.value))
        return node


def json(text: str) -> Any:
    """What JSON says. Raises ValueError, also for nesting without end, which Python's reader tells otherwise."""
    try:
        return _json.loads(text)
    except RecursionError:
        raise ValueError("lists within lists without end") from None


def yaml(text: str) -> Any:
    """What YAML says, as plain data: no tag runs anything. Raises ValueError, also where a key stands twice."""
    try:
        return _yaml.load(text, _Loader)
    except (_yaml.YAMLError, RecursionError, TypeError, AttributeError, LookupError) as error:  # the last, of odd tags
        raise ValueError(" ".join(str(error).split())) from None


def json_file(path: str | os.PathLike) -> Any:
    """What a JSON file says. Raises ValueError, and OSError where it cannot be read."""
    return json(Path(path).read_text(encoding="utf-8"))


def yaml_file(path: str | os.PathLike) -> Any:
    """What a YAML file says. Raises ValueError, and OSError where it cannot be read."""
    return yaml(Path(path).read_text(encoding="utf-8"))


def shipped(path: str | os.PathLike) -> Any:
    """What a YAML file that comes with vosmem says. By libyaml, ten times as fast, since commands read it to start."""
    return _yaml.load(Path(path).read_text(encoding="utf-8"), getattr(_yaml, "CSafeLoader", _yaml.SafeLoader))

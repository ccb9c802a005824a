"""What a schema allows, in words, and what was given instead: each mistake as one line."""

from __future__ import annotations

import math
import reprlib
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import yaml

LONGEST = 120  # characters of a value that are shown
DEEPEST, MOST = 12, 500_000  # lists and tables within each other, and values in all, that a configuration may have
LARGEST = 2**63  # what numbers stay below, since no program counts further
TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # characters that turn round those beside them
CONTROL = ("Cc", "Cs", "Zl", "Zp")  # Unicode's kinds of character that end a line, move the cursor, or are none

# What JSON Schema leaves open: 3.0 is no count, and nothing is infinite or undefined.
_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many({
    "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda _, value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
})  # fmt: skip
Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=_TYPES)

_SHOWN = reprlib.Repr()  # never longer than what is shown of it, unlike that of lists within lists
_SHOWN.maxlevel, _SHOWN.maxlist, _SHOWN.maxdict, _SHOWN.maxset = 4, 12, 12, 12
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = LONGEST

_NOUNS = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "that matches {}",
}


def mistakes(given: Any, rules: Mapping[str, Any], path: str) -> Iterator[str]:
    """One line for each mistake in ``given``: the key's path, what was got, what is allowed, what the key is for.

    ``path``: what to put before a key's name.
    """
    errors = sorted(Validator(rules).iter_errors(given), key=lambda e: [str(p) for p in e.absolute_path])
    # 2.5 is no integer and below the least one: that is one mistake, and its line tells both
    yield from dict.fromkeys(line for error in errors for line in _lines(error, path))


def strange(given: Any, path: str = "") -> Iterator[str]:
    """One line for each value or key in ``given`` that nothing could be done with, whatever the key.

    That is text with control characters, numbers beyond what is counted with, and lists and tables that are too many or
    too deep, as YAML's anchors can make them of a few words.
    """
    left = MOST
    waiting = [(path, given, 0)]
    while waiting:
        where, value, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > DEEPEST:
            what = f"more than {DEEPEST} lists in each other" if depth > DEEPEST else f"more than {MOST} values"
            yield f"config: {where[:LONGEST] or 'all of it'}: has {what}; write it shorter"
            return
        if isinstance(value, str):
            if not is_plain(value):
                yield f"config: {where}: got {shown(value)}, expected text on one line, without control characters"
        elif isinstance(value, int) and abs(value) >= LARGEST:
            yield f"config: {where}: got a number of {len(hex(value)) - 2} hexadecimal digits, expected one below 2^63"
        elif isinstance(value, dict):
            for key, inside in value.items():
                if isinstance(key, str) and (not is_plain(key) or len(key) > LONGEST):
                    yield f"config: {where or 'keys'}: got the key {shown(key)}, expected a name on one line"
                else:
                    waiting.append((f"{where}.{key}".lstrip("."), inside, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{where}.{k}", inside, depth + 1) for k, inside in enumerate(value)]


def is_plain(text: str) -> bool:
    """Whether text stands on one line and can be written anywhere: no control characters, no halves of characters."""
    if text.isprintable():
        return True
    return not any(unicodedata.category(c) in CONTROL or unicodedata.bidirectional(c) in TURNS for c in text)


def words(rule: Mapping[str, Any]) -> str:
    """What a rule of the schema allows: ``an integer, at least 1``."""
    if "oneOf" in rule:
        return ", or ".join(map(words, rule["oneOf"]))
    if "enum" in rule:
        return f"one of {', '.join(map(str, rule['enum']))}"
    types = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    told = " or ".join(map(_noun, types, [rule] * len(types)))
    told += "".join(f", {how.format(rule[key])}" for key, how in _BOUNDS.items() if key in rule)
    return told + (f", but not {', '.join(map(str, rule['not']['enum']))}" if "not" in rule else "")


def _noun(kind: str, rule: Mapping[str, Any]) -> str:
    """A type in words, a list or a table with what it holds."""
    if kind == "string" and rule.get("minLength"):
        return "text that is not empty"
    if kind == "object" and isinstance(rule.get("additionalProperties"), dict):
        return f"names with, for each, {words(rule['additionalProperties'])}"
    if kind != "array":
        return _NOUNS[kind]
    if rule.get("maxItems") == 0:
        return "an empty list"
    least, most = rule.get("minItems", 0), rule.get("maxItems")
    count = f" of {least}" if least == most else f" of {least} or more" if least else ""
    return f"a list{count}, {'all different, ' if rule.get('uniqueItems') else ''}each {words(rule['items'])}"


def _lines(error: jsonschema.ValidationError, prefix: str) -> Iterator[str]:
    path, rule = prefix + ".".join(map(str, error.absolute_path)), error.schema
    within = f"{path.rstrip('.')}." if path else ""
    if error.validator == "additionalProperties":
        known = list(rule.get("properties", {}))
        for key in error.instance:
            if key not in known:
                yield f"config: {within}{key}: no such key; known are {', '.join(known)}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield f"config: {within}{key}: is missing, expected {words(rule['properties'][key])}; add the key"
    else:
        what = f" ({rule['description']})" if "description" in rule else ""
        yield f"config: {path}: got {shown(error.instance)}, expected {words(rule)}{what}{_mend(error.instance, rule)}"


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, and cut where it is long, whatever it refers to."""
    if value is None:
        return "null"  # as YAML has it
    try:
        told = _SHOWN.repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number of thousands of digits"
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 3]}..."


def _text_to_yaml(value: str) -> bool:
    """Whether YAML, too, takes it for text."""
    try:
        return isinstance(yaml.safe_load(value), str)
    except (yaml.YAMLError, ValueError, RecursionError):
        return True


def _mend(value: Any, rule: Mapping[str, Any]) -> str:
    """YAML takes 1e-4 for text, and Snakemake all that `--config` says below a section."""
    if rule.get("type") in ("number", "integer", "boolean") and isinstance(value, str) and not _text_to_yaml(value):
        return f"; write {value} in a file, without quotes: all that --config says below a section is text to Snakemake"
    if rule.get("type") in ("number", "integer") and isinstance(value, str):
        try:
            number = float(value)
            meant = int(number) if rule["type"] == "integer" and number.is_integer() else number
            return f"; {value} is text to YAML, write {yaml.safe_dump(meant).split()[0]}"
        except (ValueError, OverflowError):
            pass
    return ""

"""Configurations that nobody would write: each is completed, or refused in lines that say where and what.

These tests stand apart from those of the package's modules, in `tests/doors/`, since what must hold is the same for
whatever comes in from outside, and several modules stand behind each door: no traceback, no hang, nothing written but
where it was asked for, one line (of a configuration one for each mistake), exit status 1.
"""

import copy
import datetime
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.door import Door, tidy
from vosmem import config
from vosmem.errors import UserError

FIXED = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
LONG = 3000  # characters of a line, at most: the longest lists all known layers
STRINGS = [
    "", " ", "a\nb", "a\tb", "\x00", "\x1b[2J", "..", "../../x", "/etc", "-rf", "--help", "<script>alert(1)</script>",
    "$(touch x)", "`touch x`", "'; touch x; '", '"', "{seq}", "{0}", "%s", "%(prog)s", "é", "日本", "\u202e", "\ud800",
    "x" * 100_000, "none", "train", "shipped", "registry", "all", "auto", "cuda:999999999999999999999", "1e-4", "NaN",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2, 10**400, -(10**400), 10**5000, 0.5, -0.0, 1e308, 5e-324, float("inf"), float("nan"), 2**63]
OTHERS = [
    None, True, False, [], {}, [[]], [None], [{}], {"": {}}, {None: None}, {1: 1}, {True: {}}, {"a": {"b": {"c": []}}},
    datetime.date(2020, 2, 30 - 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), b"\xff\x00", {"a"}, ("a",),
]  # fmt: skip
VALUES = st.sampled_from([*STRINGS, *NUMBERS, *OTHERS])
KEYS = st.sampled_from([*STRINGS[:30], None, 1, 1.5, True, datetime.date(2020, 1, 1), (1, 2), "data", "memory", "lvo"])


def shipped():
    from tests.conftest import ROOT

    paths = [ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml"))]
    return [{"data": {"name": "x", "root": "y"}}, *(yaml.safe_load(path.read_text()) for path in paths)]


SHIPPED = shipped()


def places(value, path=()):
    """Every place of a nested value, as the keys that lead there."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield from places(below, (*path, key))


def every_key():
    """The path of each key of the schema."""

    def below(rules, path):
        for key, rule in rules.get("properties", {}).items():
            yield (*path, key)
            yield from below(rule, (*path, key))

    return list(below(config.schema(), ()))


def changed(raw, path, how, key, value):
    """``raw`` with one change at ``path``, on the way to which whatever is no table becomes one."""
    if not path:
        return value if how == "replace" else {**raw, key: value} if isinstance(raw, dict) else raw
    place = raw
    for step in path[:-1]:
        if isinstance(place, list) and isinstance(step, int) and step < len(place):
            place = place[step]
            continue
        if not isinstance(place, dict):
            return raw
        if not isinstance(place.get(step), dict | list):
            place[step] = {}
        place = place[step]
    last = path[-1]
    if isinstance(place, list):
        if isinstance(last, int) and last < len(place):
            place[last] = value
    elif isinstance(place, dict):
        if how == "replace":
            place[last] = value
        elif how == "drop":
            place.pop(last, None)
        elif how == "rename":
            place[key] = place.pop(last, value)
        elif how == "wrap":
            place[last] = [place.get(last)]
        elif isinstance(place.get(last), dict):
            place[last][key] = value
    return raw


@st.composite
def configurations(draw):
    """A shipped configuration, or the least one, with one to three changes."""
    raw = copy.deepcopy(draw(st.sampled_from(SHIPPED)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(
            st.sampled_from([*every_key(), *places(raw), ("models", "lvo"), ("models", "a", "memory", "steps")])
        )
        how = draw(st.sampled_from(["replace", "replace", "replace", "add", "drop", "rename", "wrap"]))
        raw = changed(raw, path, how, draw(KEYS), copy.deepcopy(draw(VALUES)))
    return raw


def check(raw):
    try:
        resolved = config.resolve(raw)
    except UserError as error:
        for line in str(error).split("\n"):
            assert line.startswith("config: "), line
            assert tidy(line) and len(line) < LONG, line
        return
    assert config.resolve(resolved) == resolved
    told = json.dumps(resolved).encode()  # as the workflow hands it to a job
    assert config.resolve(json.loads(told)) == resolved
    told = yaml.safe_dump(resolved, allow_unicode=True).encode()
    assert config.resolve(yaml.safe_load(told)) == resolved
    for _, path in config.files(resolved):
        assert tidy(path)


@settings(max_examples=250, **FIXED)
@given(configurations())
def test_any_configuration_is_completed_or_refused_in_lines(raw):
    check(raw)


@pytest.mark.slow
@settings(max_examples=2000, **FIXED)
@given(configurations())
def test_many_more_configurations(raw):
    check(raw)


def laughs(levels=40):
    """Lists within lists, of which a mere listing has no end."""
    inside = ["ha"]
    for _ in range(levels):
        inside = [inside] * 10
    return inside


def itself():
    """A list that holds itself, as YAML's anchors can make it."""
    whole = ["a"]
    whole.append(whole)
    return whole


@pytest.mark.parametrize(
    "make", [laughs, itself, lambda: json.loads("[" * 900 + "]" * 900)], ids=["laughs", "itself", "deep"]
)
@pytest.mark.parametrize("place", [("data", "train"), ("memory", "context"), ("models", "a"), ("report", "reference")])
def test_what_has_no_end_is_refused(make, place):
    raw = changed({"data": {"name": "x", "root": "y"}}, place, "replace", None, make())
    with pytest.raises(UserError, match=r"^config: [^\n]*$"):
        config.resolve(raw)


SETTINGS = [
    "", "null", "[]", "1", "a", "{", "{a: [}", "[" * 400,
    "{" * 400, "2020-13-45", "key: 2020-13-45", "!!python/name:os.system",
    "!!python/object/apply:os.system ['touch x']", "&a [*a]", "{estimator: dis, estimator: nope}", "\ttab: 1",
    "a: b: c", "{estimator: dis, preset: fast, more: 1}", "{backward: maybe}", "{scale: .inf}", "{scale: 1e400}",
    "{iterations: 1e400}", '{"scale": NaN}', '{"iterations": ' + "9" * 5000 + "}", "iterations: " + "9" * 5000,
    "%YAML 9.9\n---\na: 1", "\ufeff{}x", "\x00",
]  # fmt: skip


@pytest.mark.parametrize("given", SETTINGS, ids=lambda text: repr(text[:30]))
def test_settings_of_a_command(given, tmp_path, capsys):
    told = Door(tmp_path, capsys).refuses("flow", "d.json", "--out", "f.h5", "--settings", given)
    assert told.startswith(
        ("vosmem flow: --settings: got", "vosmem flow: config: flow.", "vosmem flow: d.json: no such")
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"data": 1}', "[" * 5000, '{"data": {"name": "x"}}', '{"a": ' + "9" * 5000 + "}"]
)
def test_saving_a_configuration(text, tmp_path, capsys):
    Door(tmp_path, capsys).refuses("report", "--save-config", text, "--out", "c.yaml")

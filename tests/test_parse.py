"""Text that someone else wrote: what it says, or a ValueError."""

import pytest

from vosmem import config, parse
from vosmem.errors import UserError

TWICE = "data: {name: x}\nmemory: {weights: shipped}\n\nmemory: {reach: 0}\n"


def test_a_key_that_stands_twice_is_refused(tmp_path):
    """YAML's readers take the last, so that half of a section would be lost without a word."""
    for text, told in (
        (TWICE, "memory stands twice, again in line 4"),
        ("a: {b: 1, b: 2}", "b stands twice, again in line 1"),
    ):
        with pytest.raises(parse.Twice, match=told):
            parse.yaml(text)
    (tmp_path / "c.yaml").write_text(TWICE)
    with pytest.raises(UserError, match=r"c\.yaml: memory stands twice, again in line 4; bring the two together"):
        config.check_files([str(tmp_path / "c.yaml")])


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: {a: 1}",
        "- a: 1\n- a: 2",
        "x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3}",
        "x: &x {a: 1}\nd: {e: &y {<<: *x, a: 3}}\nz: {<<: *y}",
        '{"a": 1, "b": [{"a": 2}]}',
        "1: 2\n'1': 3",
    ],
)
def test_the_same_key_in_two_places_is_none(text, tmp_path):
    assert parse.yaml(text)
    (tmp_path / "c.yaml").write_text(text)
    config.check_files([str(tmp_path / "c.yaml"), str(tmp_path / "none.yaml")])


@pytest.mark.parametrize("text", ["!!bool foo", "!!int ''", "!!float ''", "!!int '-'", "!!timestamp x", "? [a]\n: b"])
def test_odd_tags_are_value_errors(text):
    with pytest.raises(ValueError):
        parse.yaml(text)


def test_what_comes_with_vosmem_says_the_same_by_either_reader(repository):
    for path in (repository / "workflow/schemas/config.schema.yaml", repository / "vosmem/weights/registry.yaml"):
        assert parse.shipped(path) == parse.yaml_file(path)

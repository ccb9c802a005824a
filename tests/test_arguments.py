"""Settings on the command line: JSON as the workflow writes it, YAML as people do."""

import argparse

import pytest

from vosmem import arguments
from vosmem.errors import UserError


def given(text, section="refine"):
    return arguments.settings(argparse.Namespace(settings=text), section)


def test_json_and_yaml_say_the_same():
    assert given('{"threshold": 0.4}') == given("{threshold: 0.4}") == given("threshold: 0.4")


def test_numbers_that_json_writes_with_an_exponent_are_numbers():
    assert given('{"guided": {"epsilon": 1e-05}}')["guided"]["epsilon"] == 1e-5


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "a: [", '"x"'])
def test_what_holds_no_keys_is_told(text):
    with pytest.raises(UserError, match=r"--settings: got .*, expected keys and values"):
        given(text)

"""The README: its commands can be cut out, and what it names is there. `.ci/run` runs the two blocks themselves."""

import ast
import re

import pytest

from vosmem.cli import COMMANDS


@pytest.fixture(scope="module")
def readme(repository):
    return (repository / "README.md").read_text()


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_the_two_commands_are_one_block_each(readme, heading):
    section = readme.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    assert len(re.findall(r"```sh\n.*?```", section, re.S)) == 1


def test_files_that_are_named_exist(readme, repository):
    for name in re.findall(r"`((?:config|docs|envs)/[\w./-]+)`", readme) + re.findall(r"\]\(([\w./-]+)\)", readme):
        assert (repository / name).exists(), name


def test_commands_that_are_named_exist(readme):
    for name in re.findall(r"vosmem (\w+) ", "\n".join(re.findall(r"```sh\n(.*?)```", readme, re.S))):
        assert name in COMMANDS


def test_the_python_example_is_python(readme):
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    ast.parse(example)

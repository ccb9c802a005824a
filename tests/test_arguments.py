"""Settings on the command line: JSON as the workflow writes it, YAML as people do."""

import argparse
import os
import subprocess
import sys

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


def test_a_folder_that_a_command_would_replace_must_be_its_own(tmp_path, monkeypatch):
    out, mine = tmp_path / "a.b.json", tmp_path / "a.b"
    monkeypatch.delenv("VOSMEM_WORKFLOW", raising=False)
    assert arguments.folder_beside(out) == mine
    mine.mkdir()
    assert arguments.folder_beside(out) == mine
    (mine / "thesis.txt").touch()
    for told in (None, "", "[]", "{}"):
        if told is not None:
            out.write_text(told)
        with pytest.raises(
            UserError, match=r"a\.b: would be replaced, and no .*json tells that vosmem made it; move it"
        ):
            arguments.folder_beside(out)
        assert arguments.folder_beside(out, "masks") == mine / "masks"
    monkeypatch.setenv("VOSMEM_WORKFLOW", "1")
    assert arguments.folder_beside(out) == mine
    monkeypatch.delenv("VOSMEM_WORKFLOW")
    out.write_text('{"stage": "data"}')
    assert arguments.folder_beside(out) == mine
    with pytest.raises(UserError, match=r"--out: got .*a\.b, expected a name that ends in \.json"):
        arguments.folder_beside(mine)


@pytest.mark.parametrize("command", ["memory train", "segment"])
def test_nothing_takes_more_threads_than_it_was_given(command, tmp_path):
    """Asked of a process of its own: what NumPy's BLAS and OpenMP take is settled when they are loaded."""
    code = """
import sys, os
from vosmem import arguments, cli
kept = arguments.keep_to
def keep_to(threads):
    kept(threads)
    print(threads, [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL")], "numpy" in sys.modules)
arguments.keep_to = keep_to
cli.main(sys.argv[1:])
"""
    given = {
        "memory train": ["memory", "train", "no.json", "--out", "w", "--history", "h", "--threads", "3"],
        "segment": ["segment", "no.mp4", "-o", str(tmp_path / "out"), "--threads", "3"],
    }[command]
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[:1] == ["3 ['3', '3', '3'] False"], done.stderr


def test_threads_are_left_alone_where_none_are_named_or_it_is_too_late(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    arguments.keep_to(None)
    arguments.keep_to(0)
    arguments.keep_to(3)  # NumPy is loaded here
    assert os.environ["OMP_NUM_THREADS"] == "7"

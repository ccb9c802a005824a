"""Sequences of any name: nothing of it is run or leads anywhere; what cannot be one is told; see `test_configs`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, write_davis
from tests.doors.door import Door, tidy
from vosmem.data import asked
from vosmem.errors import UserError

GOOD = [
    "a b", " a", "a ", "$(touch x)", "`touch x`", "';touch x;'", '"', "a'b", "a&b",
    "%s", "%(x)s", "*",
    "?", "#1", "~", "!x", "a;b", "a|b", "$HOME", "日本語", "é", "e\u0301", "Case", "case", "a.b.json",
    "con", "x" * 150,
    "0", "null",
    "😀", "a=b", "@x", "[x]", "a,b", "a:b",
]  # fmt: skip
BAD = {
    "": "no name of a folder", ".": "no name", "..": "no name", "../x": "no name", "a/b": "no name", "/etc": "no name",
    "a\\b": "no name", "a\nb": "control characters", "\x1b[2J": "control characters", "a\x00": "control characters",
    "\u202egnp.exe": "control characters", "\udcff": "control characters", "{seq}": "braces", "a}": "braces",
    "{": "braces", "<script>alert(1)<": "angle brackets", "a>b": "angle", "mean": "last row",
    "-rf": "begins with a dash", "--out": "begins with a dash", "x" * 151: "more than 150 bytes",
    "é" * 76: "more than 150",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD, ids=repr)
def test_what_cannot_be_a_name_is_told(name):
    with pytest.raises(UserError) as caught:
        asked.sequences({"test": ["a", name], "source": "present"}, "test")
    line = str(caught.value)
    assert tidy(line) and len(line) < 400
    assert line.startswith("config: data.test: the sequence ") and BAD[name] in line and "rename it" in line


@pytest.mark.parametrize("name", GOOD, ids=repr)
def test_any_other_name_is_described_and_scored(name, tmp_path, capsys):
    root = write_davis(tmp_path / "in", {name: 3}, size=(16, 24))
    assert asked.sequences({"test": [name], "source": "present"}, "test") == [name]
    door = Door(tmp_path, capsys)
    status, _, err = door.run("data", "describe", name, "--root", root, "--out", f"out/{name}.json")
    assert status == 0, err
    told = json.loads((tmp_path / f"out/{name}.json").read_text())
    assert (told["sequence"], len(told["frames"]), told["defects"]) == (name, 3, [])
    masks = root / "Annotations/480p"
    status, out, err = door.run(
        "evaluate", "--annotations", masks, "--masks", masks, "--jobs", "1", "--csv", "out/s.csv"
    )
    assert status == 0 and f"{name} " in out, err


def test_names_of_other_encodings_are_scored_and_told(tmp_path):
    """As archives of before UTF-8 have them: their bytes go where the name goes."""
    masks = write_davis(tmp_path, {"plain": 3}, size=(16, 24)) / "Annotations/480p"
    (masks / "plain").rename(masks / os.fsdecode(b"caf\xe9"))
    command = ["evaluate", "--annotations", str(masks), "--masks", str(masks), "--csv", str(tmp_path / "s.csv")]
    done = subprocess.run(
        [sys.executable, "-m", "vosmem", *command, "--jobs", "1"], capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert b"\ncaf\xe9 " in done.stdout
    assert b"\ncaf\xe9,1.000000" in (tmp_path / "s.csv").read_bytes()


def test_a_list_of_names_may_have_spaces(tmp_path):
    (tmp_path / "list.txt").write_text(
        "a b  # the first\n\n/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png\n"
    )
    data = {"test": str(tmp_path / "list.txt"), "source": "present", "layout": "davis"}
    assert asked.sequences(data, "test") == ["a b", "bear"]
    (tmp_path / "list.txt").write_text("../x\n")
    with pytest.raises(UserError, match="no name of a folder"):
        asked.sequences(data, "test")


@pytest.mark.slow
def test_the_workflow_runs_nothing_of_a_name(tmp_path):
    names = [
        "a b",
        "$(touch x)",
        "`touch x`",
        "';touch x;'",
        '"',
        "a&b",
        "日本語",
        "*",
        "Case",
        "case",
        "%s",
    ]
    write_davis(tmp_path / "in", dict.fromkeys(names, 3))
    config = {"data": {"name": "odd", "root": "in", "test": names}, "memory": {"weights": "shipped"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--cores", "2"]
    done = subprocess.run(
        [*command, "results/odd/data/defects.tsv"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.stem for p in Path(tmp_path, "results/odd/data").glob("*.json")) == sorted(names)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != ".snakemake") == ["config.yaml", "in", "results"]

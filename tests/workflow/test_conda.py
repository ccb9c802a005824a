"""`--use-conda`: each rule runs in the environment of its file. `conda` itself is a stand-in (conda_stand_in.py)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.workflow import conda_stand_in
from tests.workflow.conftest import Workflow, jobs, make
from tests.workflow.test_plan import ALL

# Each Python of an environment writes down who it is and what it was asked to do.
TELL = "import json, os, sys; open(os.environ['TOLD'], 'a').write(json.dumps([sys.prefix, sys.orig_argv]) + chr(10))"


@pytest.fixture
def conda(tmp_path, monkeypatch) -> None:
    """The stand-in on PATH, lending the packages at hand."""
    programs = conda_stand_in.install(tmp_path / "base")
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("CONDA_STAND_IN_BORROWS", "1")
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))


def environment_of(workflow: Workflow) -> Path:
    """The one environment that the workflow has, made if need be; from now on its Python tells what it runs."""
    workflow.run("--use-conda", "--conda-create-envs-only")
    (file,) = (workflow.folder / ".snakemake/conda").glob("*.yaml")
    prefix = file.with_suffix("")
    (packages,) = prefix.glob("lib/python3*/site-packages")
    (packages / "tell.pth").write_text(TELL + "\n")
    return prefix


def commands(tmp_path: Path, prefix: Path) -> set[str]:
    """The commands of vosmem that ran; all of them by the Python of ``prefix``."""
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert {who for who, _ in told} == {str(prefix)}
    return {" ".join(words[3:5]) for _, words in told if words[1:3] == ["-m", "vosmem"]}


def test_a_dry_run_plans_every_rule_with_one_environment(workflow, config, conda):
    done = workflow.run("--dry-run", "--use-conda")
    assert (done.stdout + done.stderr).count("will be created") == 1
    assert jobs(done.stdout) == ALL


def test_rules_run_in_their_environment(workflow, conda, tmp_path):
    prefix = environment_of(workflow)
    targets = ("results/tiny/data/defects.tsv", "results/tiny/flow/dis/a.h5", "results/tiny/config.yaml")
    workflow.run("--use-conda", *targets)
    assert commands(tmp_path, prefix) >= {
        "data frames",
        "data describe",
        "data check",
        "flow results/tiny/frames/a.json",
    }
    # where packages come from is part of how a file was made: without the flag, it is made anew
    assert workflow.planned(None, "--use-conda", *targets) == {}
    assert workflow.planned(None, "results/tiny/config.yaml") == {"config_resolved": 1}


@pytest.mark.slow
def test_the_whole_workflow_with_what_the_file_lists_installed(
    tmp_path, repository, random_weights, conda, monkeypatch
):
    """From an empty environment to the page: pip fetches every listed package in its listed version."""
    monkeypatch.delenv("CONDA_STAND_IN_BORROWS")
    workflow = make(tmp_path / "run", repository, random_weights)
    prefix = environment_of(workflow)
    listed = conda_stand_in.requirements(repository / "envs/vosmem.yaml")
    got = subprocess.run(
        [prefix / "bin/python", "-m", "pip", "list", "--format=json"], capture_output=True, check=True, text=True
    )
    versions = {p["name"]: p["version"].split("+")[0] for p in json.loads(got.stdout)}
    assert {f"{name}=={version}" for name, version in versions.items()} >= set(listed)
    assert "snakemake" not in versions and "pytest" not in versions

    done = workflow.run("--use-conda")
    assert "Activating conda environment" in done.stdout + done.stderr
    ran = {command.split()[0] for command in commands(tmp_path, prefix)}
    assert ran == {"data", "flow", "appearance", "motion", "memory", "refine", "evaluate", "report"}
    assert (workflow.folder / "results/report.html").is_file()
    assert workflow.planned(None, "--use-conda") == {}
    shutil.rmtree(prefix)  # a gigabyte


def test_the_stand_in_refuses_what_it_cannot_do(tmp_path):
    """It stands in for conda where it is asked for no more than it does; it never does something else instead."""
    programs = conda_stand_in.install(tmp_path / "base")
    for dependency in ("python=2.7", "ffmpeg=7"):
        file = tmp_path / "env.yaml"
        file.write_text(yaml.safe_dump({"dependencies": [dependency, "pip"]}))
        words = ["env", "create", "--file", file, "--prefix", tmp_path / "env"]
        done = subprocess.run([programs / "conda", *words], capture_output=True, text=True, check=False)
        assert done.returncode and f"got {dependency!r}" in done.stderr
        assert not (tmp_path / "env").exists()
    done = subprocess.run([programs / "conda", "install", "numpy"], capture_output=True, text=True, check=False)
    assert done.returncode and "got `conda install numpy`" in done.stderr

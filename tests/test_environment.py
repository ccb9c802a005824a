"""What the code needs, and every file that says so: the conda environment, pyproject.toml, the container, the gate."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ENVIRONMENT = "envs/vosmem.yaml"


def requirements(lines) -> dict[str, Requirement]:
    """Requirements by the name of their distribution."""
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


@cache
def imported(folder: Path) -> set[str]:
    """The distributions that a folder's modules import, wherever in a module."""
    modules = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.split(".")[0])
    ours = {"vosmem", "tests", "benchmarks"}
    homes = packages_distributions()
    return {canonicalize_name(homes.get(m, [m])[0]) for m in modules - ours - sys.stdlib_module_names}


@pytest.fixture(scope="module")
def project(repository) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def environment(repository) -> dict:
    return yaml.safe_load((repository / ENVIRONMENT).read_text())


@pytest.fixture(scope="module")
def listed(environment) -> dict[str, Requirement]:
    """What pip installs into the environment."""
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    return requirements(pip)


def test_python_and_pip_are_condas_and_all_else_is_pips(environment, project):
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, *others = [d for d in environment["dependencies"] if isinstance(d, str)]
    assert others == ["pip"]
    assert SpecifierSet(project["requires-python"]).contains(python.removeprefix("python="))


def test_the_environment_is_what_the_package_imports_each_in_one_version(repository, listed):
    assert listed.keys() == imported(repository / "vosmem")
    for requirement in listed.values():
        assert re.fullmatch(r"==[\d.]+", str(requirement.specifier)), requirement


def test_the_package_asks_for_what_it_imports_and_the_environment_has_it(repository, project, listed):
    """Snakemake runs the rules and is no part of what runs in them; the extra `video` is in the environment."""
    asked = requirements([*project["dependencies"], *project["optional-dependencies"]["video"]])
    assert asked.keys() == imported(repository / "vosmem") | {"snakemake"}
    for name, requirement in listed.items():
        assert asked[name].specifier.contains(str(requirement.specifier).removeprefix("==")), asked[name]


def test_snakemake_is_asked_for_as_the_workflow_asks_for_it(repository, project):
    least = re.search(r'min_version\("(.+)"\)', (repository / "workflow/Snakefile").read_text())[1]
    assert str(requirements(project["dependencies"])["snakemake"].specifier) == f"<10,>={least}"


def test_tests_and_benchmarks_import_what_the_extras_list(repository, project):
    extras = project["optional-dependencies"]
    asked = requirements([*project["dependencies"], *extras["video"], *extras["test"]]).keys()
    needs = imported(repository / "tests") | imported(repository / "benchmarks")
    assert needs <= asked, needs - asked


def rules(repository):
    """Every rule of the workflow: name, file, text."""
    for path in sorted((repository / "workflow").rglob("*.smk")):
        head, *found = re.split(r"^ *rule (\w+):\n", path.read_text(), flags=re.M)
        assert "\nrule " not in head
        yield from ((name, path, text) for name, text in zip(found[::2], found[1::2], strict=True))


def test_every_rule_that_runs_something_names_the_environment(repository):
    with_jobs = {name: (path, text) for name, path, text in rules(repository) if "shell:" in text}
    assert {"flow", "memory_train", "overlay", "report_latest", "demo", "weights"} <= with_jobs.keys()
    for name, (path, text) in with_jobs.items():
        (file,) = re.findall(r'^ +conda:\n +"(.+)"$', text, re.M) or [None]
        assert file and (path.parent / file).resolve() == repository / ENVIRONMENT, name
    assert not re.search(r"^ *(script|run|notebook|wrapper):", "".join(t for *_, t in rules(repository)), re.M)
    assert [p.name for p in (repository / "envs").iterdir()] == [Path(ENVIRONMENT).name]


def test_the_container_has_the_environments_versions(repository, environment, listed, project):
    recipe = (repository / "Dockerfile").read_text()
    assert f"FROM python:{environment['dependencies'][0].removeprefix('python=')}-slim" in recipe
    cut = re.search(r"^RUN (sed .*) > ", recipe, re.M)[1]
    assert ENVIRONMENT in cut
    done = subprocess.run(cut, shell=True, cwd=repository, capture_output=True, text=True, check=True)
    assert {n: str(r) for n, r in requirements(done.stdout.split()).items()} == {n: str(r) for n, r in listed.items()}
    (snakemake,) = re.findall(r'"(snakemake==[\d.]+)"', recipe)
    version = snakemake.removeprefix("snakemake==")
    assert requirements(project["dependencies"])["snakemake"].specifier.contains(version)
    assert '".[all]"' in recipe


def test_the_gate_runs_on_every_push(repository, environment):
    told = yaml.load((repository / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)
    assert "push" in told["on"]
    steps = told["jobs"]["gate"]["steps"]
    (python,) = [s["with"]["python-version"] for s in steps if s.get("uses", "").startswith("actions/setup-python")]
    assert f"python={python}" in environment["dependencies"]
    assert steps[-1]["run"] == ".ci/run"
    assert (repository / ".ci/run").stat().st_mode & 0o111

"""The workflow as a module of another: all of its rules, or some of them."""

from dataclasses import replace

from tests.workflow.test_plan import ALL

OTHER = """
configfile: "tiny.yaml"

module vosmem:
    snakefile: "{snakefile}"
    config: config

use rule {rules} from vosmem as their_*

rule other:
    input: "results/tiny/{wanted}"
    output: "other.txt"
    shell: "cp {{input}} {{output}}"
"""


def other(workflow, rules, wanted):
    snakefile = workflow.folder / "Snakefile"
    snakefile.write_text(OTHER.format(snakefile=workflow.snakefile, rules=rules, wanted=wanted))
    return replace(workflow, snakefile=snakefile)


def test_all_of_its_rules(workflow):
    theirs = {f"their_{rule}": n for rule, n in ALL.items() if rule not in ("all", "report_latest")}
    assert other(workflow, "*", "report.html").planned(None, "other.txt") == theirs | {"other": 1}


def test_a_prefix_is_refused(workflow):
    """What its shell commands are told in parameters would lie elsewhere, or be another run's."""
    outer = other(workflow, "*", "report.html")
    text = outer.snakefile.read_text().replace("    config: config\n", '    config: config\n    prefix: "seg"\n')
    outer.snakefile.write_text(text)
    done = outer.run("--dry-run", check=False)
    assert done.returncode == 1
    assert "vosmem: as a module it takes no prefix" in done.stdout + done.stderr


def test_some_of_its_rules_run_the_package_beside_them(workflow, monkeypatch):
    """Not what happens to be installed, nor what lies beside the other workflow."""
    for folder in (workflow.folder, workflow.folder.parent):
        (folder / "vosmem").mkdir()
        (folder / "vosmem/__main__.py").write_text("raise SystemExit('the wrong package')")
    outer = other(workflow, "frames, flow, motion", "motion/camera_residual-dis/a.h5")
    outer.run("other.txt")
    assert (workflow.folder / "other.txt").stat().st_size > 1000

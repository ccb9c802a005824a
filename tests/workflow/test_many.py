"""Thousands of sequences: no command grows past what a system takes."""

import json
import shlex

import pytest
import yaml

from tests.workflow.conftest import write_sequences

MANY = 5000
ARGUMENT = 128 * 1024  # bytes that Linux takes in one argument
NAMES = [f"a-sequence-with-a-long-name-{i:04d}" for i in range(MANY)]


@pytest.fixture
def many(workflow, config):
    """A data set of which nothing is there but the sequences' folders and descriptions."""
    for name in NAMES:
        (workflow.folder / "tiny/JPEGImages/480p" / name).mkdir()
    (workflow.folder / "names.txt").write_text("\n".join(NAMES))
    config["data"] |= {"train": "names.txt", "test": "names.txt"}
    folder = workflow.folder / "results/tiny/data"
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / f"{name}.json").write_text(json.dumps({"defects": []}))
    workflow.write(config)
    return workflow


def test_the_rules_that_name_every_sequence_run(many):
    many.run("results/tiny/config.yaml", "results/tiny/data/defects.tsv")
    saved = (many.folder / "results/tiny/config.yaml").read_text()
    assert len(saved) > ARGUMENT
    assert yaml.load(saved, yaml.CSafeLoader)["data"]["test"] == NAMES
    assert (many.folder / "results/tiny/data/defects.tsv").is_file()


def longest_argument(workflow, config, names) -> dict[str, int]:
    """Rule -> bytes of the longest argument of its commands; Snakemake runs long commands from a file, and what stands
    behind <<< is read by the shell.
    """
    config["data"] |= {"train": names, "test": names}
    for name in names:
        (workflow.folder / "tiny/JPEGImages/480p" / name).mkdir(exist_ok=True)
    workflow.write(config)
    rule, longest = "", {}
    for line in workflow.run("--dry-run", "--printshellcmds").stdout.splitlines():
        if line.split()[:1] in (["rule"], ["localrule"]):
            rule = line.split()[1].rstrip(":")
        elif "Shell command:" in line:
            words = shlex.split(line.split("Shell command:", 1)[1])
            arguments = [w for before, w in zip(["", *words], words, strict=False) if before != "<<<"]
            longest[rule] = max(longest.get(rule, 0), *(len(w.encode()) for w in arguments))
    return longest


def test_no_argument_grows_with_the_sequences(workflow, config):
    few, more = (longest_argument(workflow, config, NAMES[:n]) for n in (2, 20))
    assert {"data_check", "memory_train", "evaluate_summary", "config_resolved"} <= few.keys()
    assert more == few


@pytest.mark.parametrize(("options", "more"), [([], False), (["--max-jobs-per-timespan", "50/1s"], True)])
def test_snakemake_looks_for_jobs_when_one_has_ended_and_no_oftener(workflow, config, options, more):
    """Unless it was asked to keep a limit, which it does by looking again and again."""
    names = list("defghijklmno")
    write_sequences(workflow.folder / "tiny", " ".join(names))
    config["data"] |= {"train": names, "test": names}
    workflow.write(config)
    told = workflow.run("--until", "frames", "--cores", "1", "--verbose", *options)
    looks = (told.stdout + told.stderr).count("Resources before job selection")
    assert (looks > len(names) + 3) == more

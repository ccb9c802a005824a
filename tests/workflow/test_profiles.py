"""Profiles and manifests: what is planned by them, and what a sequence that fails does to the others."""

import dataclasses
import re
from pathlib import Path

import yaml


def test_networks_ask_for_a_gpu_where_device_says_so(workflow, config):
    def asked(device, there):
        """With a GPU there or not, which the tests' machine does not decide."""
        workflow.write({**config, "device": device})
        snakefile = workflow.folder / "Snakefile"
        snakefile.write_text(
            f"from vosmem import gpu\ngpu.expected = lambda **_: {there}\ninclude: {str(workflow.snakefile)!r}\n"
        )
        told = dataclasses.replace(workflow, snakefile=snakefile).run("all", "--dry-run").stdout
        return {f"{rule} {gpus}" for rule, gpus in re.findall(r"^rule (\w+):\n(?:    .*\n)*?.*\bgpu=(\d+)", told, re.M)}

    config["memory"] |= {"processes": 2}
    config["refine"] = {"methods": ["raw", "zoom"]}
    # DIS, the camera's residual and unrefined masks need no network
    networks = {"appearance 1", "memory_train 2", "memory_predict 1", "refine 1", "flow 0", "motion 0", "refine 0"}
    assert asked("cuda", False) == asked("auto", True) == networks
    assert {told[-2:] for told in asked("cpu", True) | asked("auto", False)} == {" 0"}


def test_one_network_at_a_time_runs_on_a_gpu_of_this_machine(workflow, config):
    """Snakemake gives a job no more of a resource than there is, so a job that takes both of two takes the one."""
    config["device"] = "cuda"
    config["memory"] |= {"processes": 2}
    workflow.write(config)
    assert set(re.findall(r"\bgpu=(\d+)", workflow.run("--dry-run").stdout)) == {"0", "1"}


def test_shards_are_planned_as_the_manifest_has_them_run(workflow, config, repository):
    profile = repository / "workflow/profiles/kubernetes"
    manifest = yaml.safe_load((profile / "job.yaml").read_text())
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    given = re.search(r'--config "(.*?)"', container["args"][0])[1]
    (workflow.folder / "shards").mkdir()
    (workflow.folder / "shards/1.txt").write_text("b\ntrain\n")
    config["data"] = {"name": "videos", "root": "elsewhere", "layout": "folder", "short_side": 64}
    config["memory"] = {"weights": "shipped"}
    del config["motion"], config["appearance"], config["flow"]  # what the shipped weights were trained on
    workflow.write(config)
    given = given.replace("/work/videos", str(workflow.folder / "tiny/JPEGImages/480p"))
    given = given.replace("/work/", f"{workflow.folder}/").replace("$JOB_COMPLETION_INDEX", "1")
    own = workflow.folder / "run/1"
    planned = workflow.planned(None, "--workflow-profile", str(profile), "--directory", str(own), "--config", given)
    assert (planned["data"], planned["refine"], planned["report"]) == (2, 2, 1)


def test_a_sequence_that_fails_holds_up_no_other_and_is_named(broken):
    (broken.folder / "tiny/JPEGImages/480p/b/00001.jpg").write_bytes(b"no image")
    (broken.folder / "results/tiny/evaluate/lvo/raw/c.csv").unlink()
    done = broken.run("--keep-going", check=False)
    assert done.returncode == 1
    assert (broken.folder / "results/tiny/evaluate/lvo/raw/c.csv").exists()
    failed = re.findall(r"^Error in rule (\w+):\n(?:    .*\n)*?    output: (\S+)", done.stderr, re.M)
    assert sorted(rule for rule, _ in failed) == ["appearance", "data_check", "flow"]  # those of b, and the table
    assert all(Path(made).stem in ("b", "defects") for _, made in failed)
    assert "b/00001.jpg" in done.stderr

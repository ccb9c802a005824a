"""The config files of data sets: dry runs over tiny copies in the layouts in which the data sets are distributed."""

import json
from pathlib import Path

import pytest
import yaml

from tests import copies
from tests.workflow.conftest import Workflow
from vosmem import weights

SEGMENTED = {"memory_adopt": 1}  # by the weights that come with vosmem
TRAINED = {"memory_train": 1}
DATA_SETS = [
    ("fbms59", {"data": 2, "evaluate": 4}, SEGMENTED),
    ("segtrack-v2", {"data": 2, "evaluate": 4}, SEGMENTED),
    ("youtube-objects", {"data": 2, "evaluate": 4}, SEGMENTED),
    ("davis2017", {"data": 2, "evaluate": 2}, TRAINED),
    ("own-masks", {"data": 2, "evaluate": 4}, TRAINED),
]


def copy(folder: Path, name: str) -> None:
    """What the config file `name` expects to find."""
    data = folder / "data"
    match name:
        case "fbms59":
            copies.fbms59(data / "FBMS")
        case "segtrack-v2":
            copies.segtrack_v2(data / "SegTrackv2")
        case "youtube-objects":
            copies.youtube_objects(data / "YouTube-Objects", data / "youtube_masks")
        case "davis2017":
            copies.davis2017(data / "DAVIS-2017")
        case "own-masks":
            copies.own(folder / "frames", folder / "masks")
            (folder / "videos").mkdir()
            for name in ("garden", "street"):
                (folder / f"videos/{name}.mp4").write_bytes(b"")


@pytest.fixture
def planned(tmp_path, repository):
    """``planned(name, change)``: the jobs of a dry run of a file of config/, its sections updated by ``change``."""

    def plan(name, change=None):
        workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
        config = yaml.safe_load((repository / f"config/{name}.yaml").read_text())
        for section, keys in (change or {}).items():
            config.setdefault(section, {}).update(keys)
        return workflow.planned(config)

    return plan


@pytest.mark.parametrize(
    ("name", "sequences", "memory"),
    DATA_SETS,
)
def test_each_file_plans_what_it_says(planned, tmp_path, name, sequences, memory):
    copy(tmp_path, name)
    jobs = planned(name)
    assert {rule: jobs.get(rule) for rule in (*sequences, *memory)} == {**sequences, **memory}


def test_training_on_one_part_of_a_data_set_and_segmenting_another(planned, tmp_path):
    copy(tmp_path, "fbms59")
    jobs = planned("fbms59", {"data": {"train": "Trainingset"}, "memory": {"weights": "train"}})
    assert (jobs["data"], jobs["memory_train"], jobs["memory_predict"]) == (3, 1, 2)
    assert "memory_adopt" not in jobs


def test_a_missing_data_set_is_one_line(planned, tmp_path, repository):
    workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
    workflow.write(yaml.safe_load((repository / "config/fbms59.yaml").read_text()))
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    assert "data.root: data/FBMS is no folder, expected FBMS-59's folders (Trainingset/, Testset/)" in (
        done.stdout + done.stderr
    )
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "changes", "steps"),
    [
        ("fbms59", {"data": {"train": "Trainingset"}, "memory": {"weights": "train"}}, 2),
        pytest.param(
            "segtrack-v2",
            {"data": {"train": ["worm"], "test": ["bmx"]}, "memory": {"weights": "train"}},
            2,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_whole_run(tmp_path, repository, random_weights, config, name, changes, steps):
    """From the files as they are distributed to the page, with the tiny model."""
    copy(tmp_path, name)
    (tmp_path / "random.pth").write_bytes(random_weights.read_bytes())
    workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
    file = yaml.safe_load((repository / f"config/{name}.yaml").read_text())
    config["data"] = {**file["data"], **changes["data"], "short_side": 64}
    config["memory"] |= {"steps": steps, **changes["memory"]}
    config["evaluate"] = file["evaluate"]
    workflow.write(config)
    workflow.run()
    results = tmp_path / "results" / name
    rows = (results / "evaluate/lvo/raw/summary.csv").read_text().splitlines()
    assert rows[0].startswith("sequence,precision" if name == "fbms59" else "sequence,J_mean")
    assert len(rows) == (4 if name == "fbms59" else 3)  # the sequences, and their mean
    assert (tmp_path / "results/report.html").is_file()
    assert workflow.planned() == {}


@pytest.mark.slow
def test_fine_tuning_on_masks_of_ones_own(finished, tmp_path, repository, random_weights, config):
    """From the weights of a run on another data set; the masks are of two frames of one of two videos."""
    copies.own(tmp_path / "frames", tmp_path / "masks")
    (tmp_path / "random.pth").write_bytes(random_weights.read_bytes())
    start = tmp_path / "start.safetensors"
    start.write_bytes((finished.folder / "results/tiny/memory/lvo/weights.safetensors").read_bytes())
    workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
    file = yaml.safe_load((repository / "config/own-masks.yaml").read_text())
    config["data"] = {**file["data"], "root": "frames", "layout": "folder", "short_side": 64}
    config["memory"] |= {**file["memory"], "init": start.name, "steps": 2}
    workflow.write(config)
    workflow.run()
    told = weights.metadata(tmp_path / "results/own-masks/memory/lvo/weights.safetensors")
    assert told["trained_on"] == ["a", "train", "garden"]
    assert told["init"] == weights.sha256(start)
    scores = (tmp_path / "results/own-masks/evaluate/lvo/raw/garden.csv").read_text().splitlines()
    assert [row.split(",")[1] for row in scores[1:]] == ["00001", "00003"]
    assert sorted(p.name for p in (tmp_path / "results/own-masks/refine/lvo/raw").glob("*.json")) == [
        "garden.json", "street.json",
    ]  # fmt: skip
    assert workflow.planned() == {}
    weights.save(
        start, weights.load(start), {**weights.metadata(start), "note": "x"}
    )  # other weights to start from: training runs again
    assert workflow.planned()["memory_train"] == 1


def test_the_weights_that_come_with_vosmem_are_known_by_their_hash(planned, tmp_path):
    copy(tmp_path, "own-masks")
    assert planned("own-masks")["memory_train"] == 1
    shown = Workflow(tmp_path, Path(__file__).parents[2] / "workflow/Snakefile").run("--dry-run", "--printshellcmds")
    assert f"--init-sha256 {weights.entry('lvo').sha256}" in shown.stdout


def test_davis2016_is_fetched_only_by_name(planned, tmp_path, repository):
    """Dry runs: nothing is fetched here."""
    workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
    workflow.write(yaml.safe_load((repository / "config/davis2016.yaml").read_text()))
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    assert "train.txt: cannot be read as a list of sequences" in done.stdout + done.stderr
    config = f"--configfile {workflow.folder / 'tiny.yaml'}"
    assert f"`snakemake download_davis2016 {config}` fetches DAVIS-2016 to data/DAVIS" in done.stdout + done.stderr
    shown = workflow.run("--dry-run", "--printshellcmds", "download_davis2016").stdout
    assert "data download davis2016 --to data/DAVIS --sha256 ''" in shown
    assert workflow.planned(None, "download_davis2016") == {"download_davis2016": 1}
    copy(tmp_path, "davis2017")
    assert "download_davis2016" not in planned("davis2017")


def test_the_hash_to_pin_is_passed_on(tmp_path, repository):
    workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
    config = yaml.safe_load((repository / "config/davis2016.yaml").read_text())
    config["data"]["sha256"] = "ab" * 32
    workflow.write(config)
    shown = workflow.run("--dry-run", "--printshellcmds", "download_davis2016").stdout
    assert f"--sha256 {'ab' * 32}" in shown


def test_a_data_set_that_is_there_is_left_as_it_is(tmp_path, repository):
    """The rule itself runs, and asks no server."""
    workflow = Workflow(tmp_path, repository / "workflow/Snakefile")
    workflow.write(yaml.safe_load((repository / "config/davis2016.yaml").read_text()))
    (tmp_path / "data/DAVIS").mkdir(parents=True)
    (tmp_path / "data/DAVIS/mine.txt").write_text("mine")
    workflow.run("download_davis2016")
    assert (tmp_path / "data/DAVIS/mine.txt").read_text() == "mine"
    told = json.loads((tmp_path / "results/downloads/davis2016.json").read_text())
    assert (told["folder"], told["files"]) == ("data/DAVIS", 0)
    assert "is there already" in (tmp_path / "results/logs/download_davis2016.log").read_text()

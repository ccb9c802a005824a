"""One run from frames to the page: every file that is promised is there and says what it should."""

import csv
import json
import os

import numpy as np
import pytest
import yaml

from tests.workflow.conftest import CONFIG, Workflow, write_videos
from vosmem import cache, video, videofile, weights
from vosmem.config import resolve


def test_every_stage_left_what_it_promises(finished):
    results = finished.folder / "results/tiny"
    for seq in ("a", "b", "c", "train"):
        assert json.loads((results / f"data/{seq}.json").read_text())["sequence"] == seq
        with cache.read(results / f"flow/dis/{seq}.h5", "flow") as file:
            assert file.shape("forward") == (4, 2, 64, 96)
        with cache.read(results / f"appearance/mobilenet_v2/{seq}.h5", "appearance") as file:
            assert file.names == ["block5"]
            assert file.shape("block5") == (4, 32, 8, 12)
            assert file.maker.weights_sha256 == weights.sha256(finished.folder / "random.pth")
        with cache.read(results / f"motion/camera_residual-dis/{seq}.h5", "motion") as file:
            rows = file.rows("probability")
            assert 0 <= rows.min() <= rows.max() <= 1
            assert file.maker.parameters["flow"]["name"] == "dis"
    told = weights.metadata(results / "memory/lvo/weights.safetensors")
    assert told["trained_on"] == ["a", "train"]
    for seq in ("b", "c"):
        with cache.read(results / f"memory/lvo/{seq}.h5", "memory") as file:
            assert file.shape("probability") == (4, 8, 12)
        masks = sorted((results / "refine/lvo/raw" / seq).iterdir())
        assert [p.name for p in masks] == [f"{t:05d}.png" for t in range(4)]
        assert video.read_mask(masks[0]).shape == (64, 96)


def test_scores_are_those_of_the_masks(finished):
    from vosmem.evaluate import measures

    results = finished.folder / "results/tiny"
    rows = list(csv.DictReader((results / "evaluate/lvo/raw/b.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows] == ["00001", "00002"]
    for row in rows:
        mask = video.read_mask(results / f"refine/lvo/raw/b/{row['frame']}.png")
        truth = video.read_mask(finished.folder / f"tiny/Annotations/480p/b/{row['frame']}.png")
        assert float(row["J"]) == np.round(measures.region_similarity(mask, truth), 6)
    summary = list(csv.DictReader((results / "evaluate/lvo/raw/summary.csv").read_text().splitlines()))
    assert [row["sequence"] for row in summary] == ["b", "c", "mean"]
    mean = np.mean([float(row["J_mean"]) for row in summary[:2]])
    assert abs(float(summary[2]["J_mean"]) - mean) < 1e-6


def test_the_page_shows_the_figures(finished):
    page = (finished.folder / "results/report.html").read_text()
    assert page == (finished.folder / "results/tiny/report.html").read_text()
    with open(finished.folder / "results/tiny/evaluate/lvo/raw/summary.csv") as file:
        j = float(list(csv.DictReader(file))[-1]["J_mean"])
    assert f"{100 * j:.1f}" in page


def test_the_configuration_with_every_default_is_beside_the_results(finished):
    saved = yaml.safe_load((finished.folder / "results/tiny/config.yaml").read_text())
    assert saved == resolve(CONFIG)
    assert resolve(saved) == saved


def test_nothing_half_written_is_left(finished):
    left = [p for p in finished.folder.rglob("*") if ".part" in p.name or ".training-" in p.name]
    assert left == []


def test_a_folder_of_video_files(finished, tmp_path, repository, random_weights, config):
    """By the weights of another run, to masks of the videos' own size, the page, and a video to look at."""
    pytest.importorskip("av", reason="needs the extra `video`")
    films = Workflow(tmp_path, repository / "workflow/Snakefile")
    write_videos(tmp_path / "films", "a")
    (tmp_path / "random.pth").write_bytes(random_weights.read_bytes())
    (tmp_path / "lvo.safetensors").write_bytes(
        (finished.folder / "results/tiny/memory/lvo/weights.safetensors").read_bytes()
    )
    config["data"] = {"name": "films", "root": "films", "layout": "videos", "short_side": 80}
    config["memory"] = {"weights": "lvo.safetensors"}
    films.write(config)
    films.run("all", "overlays")
    results = tmp_path / "results/films"
    assert json.loads((results / "frames/a.json").read_text())["working_size"] == [80, 120]
    assert [p.name for p in sorted((results / "frames/a").iterdir())] == [f"{t:05d}.png" for t in range(4)]
    assert video.read_mask(results / "refine/lvo/raw/a/00003.png").shape == (64, 96)
    shown = list(videofile.read(results / "refine/lvo/raw/a.mp4"))
    assert [time for time, _ in shown] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert (tmp_path / "results/report.html").is_file()
    assert films.planned(None, "all", "overlays") == {}
    (results / "frames/a").rename(tmp_path / "away")
    gone = "vosmem: the frames beside 1 file are gone (results/films/frames/a.json); "
    assert f"{gone}`snakemake --forcerun results/films/frames/a.json" in films.run("--dry-run").stderr
    (tmp_path / "away").rename(results / "frames/a")
    os.utime(tmp_path / "films/a.mp4")
    assert films.planned(None, "all", "overlays") == {}
    with open(tmp_path / "films/a.mp4", "ab") as film:
        film.write(b"more")
    assert films.planned()["frames"] == 1
    assert " --cuts " in films.run("--dry-run", "--printshellcmds").stdout
    config["data"]["cuts"] = False
    films.write(config)
    assert " --no-cuts " in films.run("--dry-run", "--printshellcmds").stdout

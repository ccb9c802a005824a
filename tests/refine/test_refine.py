"""Stage refine: probabilities to full-size masks, whole folders, hashes."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.appearance import u2netp_file
from vosmem import cache, config, cores, flow, video
from vosmem.cli import main
from vosmem.data import describe
from vosmem.grid import Axis, Grid, resample
from vosmem.refine import STAGE_VERSION, bilateral, correction, stage, votes, zoom
from vosmem.refine.look import look_by
from vosmem.refine.methods import METHODS, probability

GRID = Grid(Axis(60, 8, 0), Axis(107, 8, 0))


def raw(cells, grid, pixels, threshold):
    return probability("raw", cells, grid, pixels, lambda: None, {}) > threshold


def test_raw_crosses_the_threshold_where_the_map_does():
    """A map that rises linearly from column to column is 0.5 at a known place, at every size of frame."""
    x = GRID.x.centres()
    probability = np.broadcast_to(np.clip((x - 300) / 200, 0, 1), GRID.shape).astype(np.float32)  # 0.5 at x = 400
    for size in ((480, 854), (1080, 1921), (240, 427)):
        mask = raw(probability, GRID, Grid.of_image(size, (480, 854)), 0.5)
        assert mask.shape == size
        edge = mask[size[0] // 2].argmax() - 0.5  # between the last pixel outside and the first inside
        assert (edge + 0.5) * 854 / size[1] - 0.5 == pytest.approx(400, abs=0.6 * 854 / size[1] + 0.5)


def test_a_perfect_soft_map_gives_the_mask_back():
    y, x = np.mgrid[:480, :854]
    disk = (x - 400) ** 2 + (y - 200) ** 2 < 100**2
    pixels = Grid.of_image((480, 854), (480, 854))
    soft = resample(disk.astype(np.float64), pixels, GRID, "area")
    mask = raw(soft, GRID, pixels, 0.5)
    assert (mask & disk).sum() / (mask | disk).sum() > 0.97
    centre = np.argwhere(mask).mean(0)
    np.testing.assert_allclose(centre, [200, 400], atol=0.3)


@pytest.fixture
def written(tmp_path):
    clip = cache.Clip("a.b", ("f1", "f2"), (48, 64))
    grid = Grid(Axis(6, 8, 0), Axis(8, 8, 0))
    with cache.write(
        tmp_path / "p.h5", clip, cache.Maker("memory", cache.stage_version("memory"), "visual-memory")
    ) as file:
        file.create("probability", grid.shape, grid)
        file.append("probability", np.random.default_rng(0).random((2, 6, 8)))
    described = {
        "sequence": "a.b", "root": ".", "frames": ["f1.jpg", "f2.jpg"], "masks": [None, None], "size": [96, 128],
        "working_size": [48, 64], "defects": [],
    }  # fmt: skip
    described["root"] = str(tmp_path)
    rng = np.random.default_rng(1)
    for name in described["frames"]:
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 255, (96, 128, 3), np.uint8))
    (tmp_path / "d.json").write_text(json.dumps(described))
    return tmp_path


@pytest.fixture(scope="session")
def look(tmp_path_factory):
    """A network to look by that has random weights: as options."""
    path = u2netp_file.write(tmp_path_factory.mktemp("weights") / "random.onnx", u2netp_file.numbers())
    return ["--look", str(path), "--threads", "1"]


def test_probabilities_of_other_frames_are_refused(written, capsys):
    told = json.loads((written / "d.json").read_text())
    told |= {"frames": [*told["frames"], "f1.jpg"], "masks": [None] * 3}
    (written / "d.json").write_text(json.dumps(told))
    assert refine(written) == 1
    assert "p.h5: is of other frames than" in capsys.readouterr().err
    assert not (written / "out/a.b").exists()


def refine(folder, *more):
    return main(["refine", str(folder / "d.json"), str(folder / "p.h5"), "-o", str(folder / "out/a.b.json"), *more])


def test_nothing_comes_before_raw(written, capsys):
    for option in ("--flow", "--appearance"):
        assert refine(written, option, str(written / "p.h5")) == 1
        assert "nothing comes before method raw; give another --method" in capsys.readouterr().err


def test_masks_and_hashes(written):
    assert refine(written) == 0
    told = json.loads((written / "out/a.b.json").read_text())
    assert list(told["masks"]) == ["f1.png", "f2.png"]
    for name, digest in told["masks"].items():
        path = written / "out/a.b" / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        assert video.read_mask(path).shape == (96, 128)
    assert sorted(p.name for p in (written / "out").iterdir()) == ["a.b", "a.b.json"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tells_what_it_did(written, look, method):
    small = {"zoom": {"network": "u2netp"}}
    settings = dict(config.section_defaults("refine", small).get(method, {})) if method != "temporal" else {}
    settings |= {"votes": {"weight": 0.6}} if method != "raw" else {}
    settings |= {"weights": correction.summed_by(zoom.shipped("u2netp").path())} if method == "zoom" else {}
    assert refine(written, "--method", method, *look, "--settings", json.dumps(small)) == 0
    told = json.loads((written / "out/a.b.json").read_text())
    assert (told["version"], told["method"], told["threshold"]) == (STAGE_VERSION, method, 0.5)
    assert told["parameters"] == settings
    assert video.read_mask(written / "out/a.b/f2.png").shape == (96, 128)


@pytest.mark.parametrize(("given", "taken"), [(None, 3), (1, 1), (2, 2), (9, 3)])
def test_as_many_threads_as_were_asked_for_and_no_more_than_there_are_cores(written, monkeypatch, given, taken):
    monkeypatch.setattr(cores, "count", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    seen = []
    monkeypatch.setattr(stage, "run", lambda *given: seen.append(given[7]) or 2)
    assert refine(written, *([] if given is None else ["--threads", str(given)])) == 0
    assert seen == [taken]


def test_no_threads_are_told_in_a_line(written, capsys):
    assert refine(written, "--threads", "0") == 1
    assert "threads: got 0, expected a whole number, at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("method", sorted({*METHODS} - {"zoom"}))
def test_only_the_closer_look_waits_for_pytorch(written, method):
    """Its import takes longer than the masks of a short video, and is paid by every sequence."""
    options = [str(written / "d.json"), str(written / "p.h5"), "-o", str(written / "out/a.b.json"), "--method", method]
    code = f"import sys; from vosmem.cli import main; sys.exit(main({['refine', *options]}) or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (written / "out/a.b.json").is_file()


def write_flow(path, names=("forward", "backward"), frames=("f1", "f2")):
    """Nothing moves."""
    with cache.write(path, cache.Clip("a.b", frames, (48, 64)), cache.Maker("flow", flow.STAGE_VERSION, "toy")) as file:
        for name in names:
            file.create(name, (2, 24, 32), Grid.of_image((24, 32), (48, 64)))
            file.append(name, np.zeros((len(frames), 2, 24, 32)))


@pytest.mark.parametrize(
    ("corrected", "mirrored", "steadied"),
    [(False, False, False), (True, False, False), (False, True, False), (True, True, True)],
)
def test_the_closer_look_is_what_the_network_sees_in_the_window(written, look, corrected, mirrored, steadied):
    """The whole way once more by hand; the agreement is such that it counts by half.

    Nothing moves, so steadied with the weight 1 the maps are the mean of both frames, before the look and after it.
    """
    path = written / "correction.safetensors" if corrected else None
    if corrected:
        torch.manual_seed(0)
        model = correction.Correction(4)
        torch.nn.init.normal_(model.out.weight)
        correction.save(path, model, "u2netp", [])
    settings = (
        "{zoom: {network: u2netp, weights: [0.5, 0.4, 0, 0, 0, 0, -0.3, 0.1], agreement: [0, 1], rounds: 0, "
        f"correction: {json.dumps(str(path or 'none'))}, mirrored: {json.dumps(mirrored)}, steady: {{weight: 1}}}}, "
        "temporal: {weight: 1}, votes: {weight: 0}}"
    )
    write_flow(written / "flow.h5")
    along = ["--flow", str(written / "flow.h5")] if steadied else []
    assert refine(written, "--method", "zoom", *look, *along, "--settings", settings) == 0
    network, size = look_by("u2netp", Path(look[1]), torch.device("cpu"), path), (48, 64)
    with cache.read(written / "p.h5") as file:
        maps, grid = file.rows("probability").astype(np.float32), file.grid("probability")
    maps = np.repeat(maps.mean(0, keepdims=True), 2, 0) if steadied else maps
    windows = zoom.windows(np.stack([zoom.extent(m, grid) for m in maps]), size, 0.35)
    frames = [video.resize(video.read_frame(written / f"{name}.jpg"), size) for name in ("f1", "f2")]
    logits = [zoom.logits(m, grid, zoom.covering(w, (320, 320))) for m, w in zip(maps, windows, strict=True)]
    seen = []
    for t, w in enumerate(windows):
        views = network(frames[t][w], logits[t])
        if mirrored:
            ((sides, added),) = network(frames[t][w][:, ::-1].copy(), logits[t][:, ::-1])
            views.append((sides[:, :, ::-1], None if added is None else added[:, ::-1]))
        seen.append(zoom.Seen.of(t, maps[t], grid, w, views))
    assert all((one.correction is not None and np.ptp(one.correction) > 0.1) == corrected for one in seen)
    mean = np.mean([one.agreement for one in seen])
    assert 0.1 < mean < 0.9
    weights = np.array([0.5, 0.4, 0, 0, 0, 0, -0.3, 0.1], np.float32)
    found = np.stack([zoom.fused(one, grid, size, weights, mean) for one in seen])
    assert np.abs(found[0] - found[1]).max() > 0.1
    for one, cells, frame in zip(seen, found, frames, strict=True):
        cells = found.mean(0) if steadied else cells
        refined = bilateral.refine(cells, zoom.fine_grid(size), frame, 12, 7, 2, 0)
        expected = video.resize(refined, (96, 128)) > 0.5
        assert np.mean(video.read_mask(written / f"out/a.b/f{one.t + 1}.png") != expected) < 1e-3


def test_a_correction_that_was_trained_brings_its_sum_s_weights(written, look):
    """The same masks as with a file and weights that the settings name."""
    torch.manual_seed(0)
    model, path, summed = correction.Correction(4), written / "c.safetensors", [0.5, 1.5, 0, 0, 0, 0, -0.3, 0.1]
    torch.nn.init.normal_(model.out.weight)
    correction.save(path, model, "u2netp", [], summed)
    zoom_, masks = {"network": "u2netp", "agreement": [0, 0.01], "mirrored": False}, []
    named = {"weights": summed, "correction": str(path)}
    for more, options in (
        (named, []), ({"correction": "trained"}, ["--correction", str(path)]), ({"correction": "none"}, [])
    ):  # fmt: skip
        settings = json.dumps({"zoom": zoom_ | more})
        assert refine(written, "--method", "zoom", *look, *options, "--settings", settings) == 0
        told = json.loads((written / "out/a.b.json").read_text())
        masks.append(told["masks"])
        if more != {"correction": "none"}:
            assert told["parameters"]["weights"] == summed
    assert masks[0] == masks[1] != masks[2]


def test_a_correction_that_is_to_be_trained_must_be_named(written, look, capsys):
    settings = "{zoom: {correction: trained}}"
    assert refine(written, "--method", "zoom", *look, "--settings", settings) == 1
    assert "refine.zoom.correction: got trained, which the workflow alone can do" in capsys.readouterr().err


def test_weights_that_are_not_the_networks_are_one_line(written, capsys):
    (written / "bad.onnx").write_bytes(b"no weights")
    assert refine(written, "--method", "zoom", "--look", str(written / "bad.onnx")) == 1
    told = capsys.readouterr().err
    assert "bad.onnx" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("method", sorted({*METHODS} - {"raw", "zoom"}))
def test_probabilities_are_steadied_before_any_method(written, method):
    """Nothing moves, so with the weight 1 every frame becomes the mean of both."""
    write_flow(written / "flow.h5")
    with cache.read(written / "p.h5") as file:
        mean, grid = file.rows("probability").astype(np.float32).mean(0), file.grid("probability")
    told = ["--settings", "{votes: {weight: 0}, temporal: {weight: 1, tolerance: 0.5}}"]
    assert refine(written, "--method", method, "--flow", str(written / "flow.h5"), *told) == 0
    pixels = Grid.of_image((96, 128), (48, 64))
    for name in ("f1", "f2"):
        frame = video.resize(video.read_frame(written / f"{name}.jpg"), (48, 64))
        keys = config.section_defaults("refine").get(method, {}) if method != "temporal" else {}
        expected = probability(method, mean, grid, pixels, lambda frame=frame: frame, keys) > 0.5
        assert np.mean(video.read_mask(written / f"out/a.b/{name}.png") != expected) < 1e-3
    told = json.loads((written / "out/a.b.json").read_text())
    assert told["parameters"]["temporal"] == {"weight": 1, "tolerance": 0.5}
    assert list(told["masks"]) == ["f1.png", "f2.png"]


def write_features(path, frames=("f1", "f2")):
    """Two maps of a network, in which the frames look alike, mirrored."""
    maker = cache.Maker("appearance", cache.stage_version("appearance"), "u2netp", {"layers": ["a", "b"]})
    grid, coarse = Grid.of_image((24, 32), (48, 64)), Grid.of_image((3, 4), (48, 64))
    seen = np.random.default_rng(2).normal(size=(5, 24, 32)).astype(np.float32)
    with cache.write(path, cache.Clip("a.b", frames, (48, 64)), maker) as file:
        file.create("a", (5, 24, 32), grid)
        file.create("b", (1, 3, 4), coarse)
        file.append("a", np.stack([seen, seen[..., ::-1]]))
        file.append("b", np.zeros((2, 1, 3, 4)))
    return seen


@pytest.mark.parametrize("method", sorted({*METHODS} - {"raw", "zoom"}))
def test_cells_that_look_alike_vote_before_any_method(written, method):
    write_features(written / "features.h5")
    options = ["--method", method, "--appearance", str(written / "features.h5")]
    assert refine(written, *options) == 0
    sequence, size = describe.read(written / "d.json"), (48, 64)
    with cache.read(written / "p.h5") as file, cache.read(written / "features.h5") as features:
        maps, grid = file.rows("probability").astype(np.float32), file.grid("probability")
        looks = [
            lambda t: np.concatenate([votes.on_cells(features.rows(n)[t], features.grid(n), size) for n in ("a", "b")]),
            lambda t: votes.colours(stage.working_frame(sequence, t), size),
        ]
        voted = dict(votes.voted(maps.__getitem__, grid, 2, size, looks, 0.6))
    assert np.abs(voted[0] - maps[0]).max() > 0.1
    keys = config.section_defaults("refine").get(method, {}) if method != "temporal" else {}
    pixels = Grid.of_image((96, 128), size)
    for t, name in enumerate(("f1", "f2")):
        frame = stage.working_frame(sequence, t)
        expected = probability(method, voted[t], grid, pixels, lambda frame=frame: frame, keys) > 0.5
        np.testing.assert_array_equal(video.read_mask(written / f"out/a.b/{name}.png"), expected)


def test_features_of_other_frames_are_refused(written, capsys):
    write_features(written / "other.h5", frames=("f1", "f3"))
    assert refine(written, "--method", "temporal", "--appearance", str(written / "other.h5")) == 1
    assert "other.h5: is of other frames than a.b; run the workflow again" in capsys.readouterr().err
    assert not (written / "out/a.b").exists()


def test_a_flow_that_does_not_fit_is_one_line(written, capsys):
    write_flow(written / "one.h5", names=("forward",))
    assert refine(written, "--method", "temporal", "--flow", str(written / "one.h5")) == 1
    assert "one.h5: holds no /backward, which refine.temporal needs; set flow.backward" in capsys.readouterr().err
    write_flow(written / "other.h5", frames=("f1", "f3"))
    assert refine(written, "--method", "temporal", "--flow", str(written / "other.h5")) == 1
    assert "other.h5: is of other frames than" in capsys.readouterr().err


def test_a_methods_own_keys_count(written):
    masks = []
    for radius in (2, 40):
        assert refine(written, "--method", "guided", "--settings", f"{{guided: {{radius: {radius}}}}}") == 0
        masks.append(video.read_mask(written / "out/a.b/f1.png"))
    assert (masks[0] != masks[1]).any()


def test_frames_at_working_size_do_too(written):
    """`vosmem segment` keeps no others."""
    for name in ("f1.jpg", "f2.jpg"):
        cv2.imwrite(str(written / name), np.zeros((48, 64, 3), np.uint8))
    assert refine(written, "--method", "guided") == 0
    assert video.read_mask(written / "out/a.b/f1.png").shape == (96, 128)


def test_frames_that_cannot_be_used_are_one_line(written, capsys):
    cv2.imwrite(str(written / "f2.jpg"), np.zeros((50, 60, 3), np.uint8))
    assert refine(written, "--method", "crf") == 1
    assert "f2.jpg: got 60x50 pixels, described as 128x96; run `vosmem data` again" in capsys.readouterr().err
    (written / "f1.jpg").unlink()
    assert refine(written, "--method", "crf") == 1
    assert "f1.jpg: cannot be read as an image" in capsys.readouterr().err
    assert list((written / "out").glob("*")) == []
    assert refine(written) == 0  # raw reads no frames


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{guided: {radius: 0}}", "config: refine.guided.radius: got 0, expected an integer, at least 1"),
        ("{crf: {sdims: 3}}", "config: refine.crf.sdims: no such key; known are iterations"),
        ("{bilateral: 3}", "config: refine.bilateral: got 3, expected keys with values"),
    ],
)
def test_mistaken_settings_are_one_line(written, capsys, given, message):
    assert refine(written, "--settings", given) == 1
    assert message in capsys.readouterr().err


def test_the_threshold_counts(written):
    area = []
    for threshold in (0.2, 0.8):
        refine(written, "--settings", f"{{threshold: {threshold}}}")
        area.append(video.read_mask(written / "out/a.b/f1.png").sum())
    assert area[0] > area[1]


def test_a_failure_leaves_the_old_masks(written, capsys):
    refine(written)
    before = (written / "out/a.b/f1.png").read_bytes()
    (written / "p.h5").write_bytes(b"spoilt")
    assert refine(written) == 1
    assert "not a whole HDF5 file" in capsys.readouterr().err
    assert (written / "out/a.b/f1.png").read_bytes() == before
    assert sorted(p.name for p in (written / "out").iterdir()) == ["a.b", "a.b.json"]

"""Flow file to motion file: the right grid, the right provenance, every network."""

import json

import h5py
import numpy as np
import pytest
import torch

from vosmem import cache, cli, config, weights
from vosmem.errors import UserError
from vosmem.grid import Grid
from vosmem.motion import STAGE_VERSION, checkpoint, stage
from vosmem.motion.mpnet import MPNet

SIZE = (96, 170)
CPU = torch.device("cpu")
SETTINGS = config.section_defaults("motion", {"size": [116, 212], "pool": False})


@pytest.fixture
def flow_file(tmp_path):
    """11 frames, more than go through at once: a box moves right over a still background."""
    path = tmp_path / "flow.h5"
    clip = cache.Clip("cat", tuple(f"{t:05d}" for t in range(11)), SIZE)
    with cache.write(path, clip, cache.Maker("flow", cache.stage_version("flow"), "dis", {"preset": "medium"})) as file:
        file.create("forward", (2, *SIZE), Grid.of_image(SIZE, SIZE))
        for t in range(11):
            flow = np.zeros((1, 2, *SIZE), np.float32)
            flow[:, 0, 24:72, 20 + 6 * t : 80 + 6 * t] = 6
            file.append("forward", flow)
    return path


@pytest.fixture
def tiny_weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(MPNet(0.07, 6), path, width=0.07, encoding="residual", settings={})
    return path


def test_input_size():
    assert stage.input_size((480, 854), (116, 212)) == (116, 212)
    assert stage.input_size((480, 854), (232, 424)) == (232, 424)
    assert stage.input_size((960, 1708), (232, 424)) == (232, 424)
    height, width = stage.input_size((640, 480), (232, 424))
    assert height % 4 == width % 4 == 0
    assert height / width == pytest.approx(640 / 480 * (232 / 424) / (480 / 854), rel=0.02)
    assert height * width == pytest.approx(232 * 424, rel=0.02)
    assert stage.input_size((480, 8000), (32, 32))[0] == 32


@pytest.mark.parametrize("shape", [(24, 40), (192, 340), (30, 50)])
def test_flow_keeps_its_meaning_at_another_size(shape):
    """A field that is linear in the position is sampled where the new pixels are, in their units."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    flow = np.stack([0.02 * x - 0.01 * y + 1, 0.03 * y + 0.5])[None]
    got = stage.bring_to(flow, shape)
    sy, sx = SIZE[0] / shape[0], SIZE[1] / shape[1]
    ny, nx = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    ny, nx = (ny + 0.5) * sy - 0.5, (nx + 0.5) * sx - 0.5
    expected = np.stack([(0.02 * nx - 0.01 * ny + 1) / sx, (0.03 * ny + 0.5) / sy])[None]
    inner = np.s_[:, :, 2:-2, 2:-2]
    np.testing.assert_allclose(got[inner], expected[inner], atol=2e-3)


@pytest.mark.parametrize("size", [(48, 85), (47, 86), (80, 140), (192, 340)])
@pytest.mark.parametrize("shape", [(24, 40), (60, 104)])
def test_flow_of_another_size_than_the_frame_counts_in_the_frame_s_pixels(size, shape):
    """The same motion comes out, whatever grid it was computed on; a grid that lies elsewhere is heeded."""
    grid = Grid.of_image(size, SIZE)
    y, x = grid.y.centres()[:, None], grid.x.centres()[None]
    flow = np.stack([0.02 * x - 0.01 * y + 1, 0.03 * y + 0.0 * x + 0.5])[None]
    got = stage.bring_to(flow, shape, SIZE)
    assert got.shape == (1, 2, *shape) and got.dtype == np.float32
    target = Grid.of_image(shape, SIZE)
    y, x = target.y.centres()[:, None], target.x.centres()[None]
    sy, sx = target.stride
    expected = np.stack([(0.02 * x - 0.01 * y + 1) / sx, (0.03 * y + 0.0 * x + 0.5) / sy])[None]
    inner = np.s_[:, :, 3:-3, 3:-3]
    np.testing.assert_allclose(got[inner], expected[inner], atol=2e-3)
    shifted = Grid.of(size, grid.stride, (grid.offset[0], grid.offset[1] + 5))
    moved = stage.bring_to(flow, shape, SIZE, shifted)
    inner = np.s_[0, 0, 3:-3, 6:-6]  # further in, as the first columns now lie outside the field
    np.testing.assert_allclose(moved[inner], got[inner] - 0.02 * 5 / sx, atol=2e-3)


def test_run_reads_flow_on_its_own_grid(flow_file, tmp_path):
    """Flow at half the frame's size, with its weights on record, gives what the full size gives, nearly."""
    small, weights_sha256 = tmp_path / "small.h5", "f" * 64
    half = (SIZE[0] // 2, SIZE[1] // 2)
    with cache.read(flow_file) as whole:
        fields = whole.rows("forward").reshape(11, 2, half[0], 2, half[1], 2).mean((3, 5))
        maker = cache.Maker("flow", cache.stage_version("flow"), "raft", {"scale": 0.5}, weights_sha256)
        with cache.write(small, whole.clip, maker) as file:
            file.create("forward", (2, *half), Grid.of_image(half, SIZE))
            file.append("forward", fields)
    maps = []
    for path in (flow_file, small):
        stage.run(path, tmp_path / "m.h5", "camera_residual", SETTINGS, None, CPU)
        with cache.read(tmp_path / "m.h5", "motion") as file:
            maps.append((file.rows("probability").astype(float), file.grid("probability")))
            above = file.maker.parameters["flow"]
    version = cache.stage_version("flow")
    assert above == {"name": "raft", "version": version, "parameters": {"scale": 0.5}, "weights": weights_sha256}
    assert maps[0][1] == maps[1][1]
    assert np.abs(maps[0][0] - maps[1][0]).mean() < 0.01


@pytest.mark.parametrize(("pool", "cells"), [(False, 2), (True, 4)])
def test_cells_lie_where_the_grid_says(pool, cells):
    """An edge of motion is found at the same place of the frame as the file's stride and offset put it."""
    frame = (120, 240)
    flow = np.zeros((1, 2, *frame), np.float32)
    edge = 120  # motion begins with this column, so the edge lies at 119.5
    flow[:, 0, :, edge:] = 8

    def estimate(field):  # mean motion of 2x2 pixels, which is what a perfect network's half-size output would tell
        return torch.nn.functional.avg_pool2d(field[:, :1].abs() / field[:, :1].abs().max(), 2)

    p = stage.probabilities(flow, estimate, (56, 104), pool, CPU)
    height, width = stage.input_size(frame, (56, 104))
    assert p.shape == (1, height // cells, width // cells)
    grid = Grid.of_image(p.shape[1:], frame)
    assert grid.x.stride == pytest.approx(cells * frame[1] / width)
    # cell j covers field pixels cells * j ..., and field pixel i has its centre at (i + 0.5) * W / width - 0.5
    first = np.mean([(i + 0.5) * frame[1] / width - 0.5 for i in range(cells)])
    assert grid.x.offset == pytest.approx(first)
    found = np.interp(0.5, p[0, 0], grid.x.centres())
    assert abs(found - (edge - 0.5)) <= (grid.x.stride if pool else grid.x.stride / 4)


@pytest.mark.parametrize("network", stage.ESTIMATORS)
def test_run(network, flow_file, tiny_weights, tmp_path):
    out = tmp_path / "motion.h5"
    assert stage.run(flow_file, out, network, SETTINGS, tiny_weights, CPU) == 11
    with cache.read(out, "motion") as file:
        p = file.rows("probability")
        grid = file.grid("probability")
        assert file.clip.frame_size == SIZE and file.clip.sequence == "cat"
        assert file.maker.version == STAGE_VERSION and file.maker.name == network
        assert file.maker.parameters["flow"] == {
            "name": "dis",
            "version": cache.stage_version("flow"),
            "parameters": {"preset": "medium"},
        }
        assert file.maker.weights_sha256 == (weights.sha256(tiny_weights) if network == "mpnet" else "")
    assert p.dtype == np.float16 and p.shape[0] == 11
    assert p.min() >= 0 and p.max() <= 1
    assert grid == Grid.of_image(p.shape[1:], SIZE)
    if network != "mpnet":  # untrained, it finds nothing
        y, x = (np.round(axis.centres()).astype(int) for axis in (grid.y, grid.x))
        for t in (0, 5, 10):
            inside = np.outer((y > 30) & (y < 66), (x > 26 + 6 * t) & (x < 74 + 6 * t))
            outside = np.outer(y < 18, x >= 0)
            assert p[t][inside].min() > 0.6 > 0.2 > p[t][outside].max()


def test_frames_do_not_depend_on_how_many_go_at_once(flow_file, tiny_weights, tmp_path, monkeypatch):
    results = []
    for n in (8, 3):
        monkeypatch.setattr(stage, "FRAMES_AT_ONCE", n)
        stage.run(flow_file, tmp_path / "m.h5", "mpnet", SETTINGS, tiny_weights, CPU)
        with h5py.File(tmp_path / "m.h5") as file:
            results.append(file["probability"][:].astype(np.float32))
    np.testing.assert_allclose(results[0], results[1], atol=2e-3)


def test_mpnet_without_weights_is_refused(flow_file, tmp_path):
    with pytest.raises(UserError, match="mpnet needs a weight file"):
        stage.run(flow_file, tmp_path / "m.h5", "mpnet", SETTINGS, None, CPU)


def test_command(flow_file, tiny_weights, tmp_path, capsys):
    out = tmp_path / "m.h5"
    command = ["motion", "predict", str(flow_file), "-o", str(out), "--threads", str(torch.get_num_threads())]
    settings = {"network": "mpnet", "weights": str(tiny_weights), "size": [64, 112], "pool": True}
    assert cli.main([*command, "--settings", json.dumps(settings)]) == 0
    with h5py.File(out) as file:
        assert file["probability"].shape == (11, 16, 28)
    assert cli.main([*command, "--settings", "{network: none}"]) == 1
    assert "motion.network: none" in capsys.readouterr().err
    assert cli.main([*command, "--settings", "{network: [mpnet, residual]}"]) == 1
    assert "motion.network: mpnet, residual, but a file holds one; say which" in capsys.readouterr().err
    assert cli.main([*command, "--settings", "{network: mpnet, weights: absent.safetensors}"]) == 1
    assert "absent.safetensors: no such weight file" in capsys.readouterr().err


def test_training_command(tmp_path, capsys):
    out = tmp_path / "w.safetensors"
    small = [
        "--width",
        "0.07",
        "--size",
        "32",
        "48",
        "--steps",
        "2",
        "--batch-size",
        "2",
        "--threads",
        str(torch.get_num_threads()),
    ]
    assert cli.main(["motion", "train", "-o", str(out), *small]) == 0
    assert checkpoint.load(out)[1] == "residual"
    assert out.with_suffix(".csv").is_file()
    assert cli.main(["motion", "train", "-o", str(out), *small, "--size", "16", "48"]) == 1
    assert "--size: got 16 48" in capsys.readouterr().err

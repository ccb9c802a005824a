"""RAFT in the stage: padding, sizes, units; and, where its weights are, that it finds what moved."""

import json

import cv2
import numpy as np
import pytest
import torch

from vosmem import cache, config, precision, weights
from vosmem.cli import main
from vosmem.data import describe, layout
from vosmem.errors import UserError
from vosmem.flow import network, stage
from vosmem.grid import Grid

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [(8, 16), (9, 15), (240, 427), (1, 1)])
def test_padding_makes_multiples_of_the_stride_on_both_sides(size):
    left, right, top, bottom = network.padding(size)
    assert (size[0] + top + bottom) % 8 == (size[1] + left + right) % 8 == 0
    assert 0 <= right - left <= 1 and 0 <= bottom - top <= 1
    assert max(left + right, top + bottom) < 8


@pytest.mark.parametrize("size", [(16, 24), (17, 23), (33, 9), (5, 5)])
def test_fields_have_the_size_of_the_frames(random_file, size):
    estimate = network.Frames(random_file, 1, 0.5, "float32", CPU)
    rng = np.random.default_rng(0)
    first, second = (estimate.prepare(rng.integers(0, 255, (*size, 3), np.uint8)) for _ in range(2))
    both = estimate(first, second, True)
    assert both.shape == (2, 2, *size) and both.dtype == np.float32
    np.testing.assert_allclose(estimate(first, second, False)[0], both[0], atol=1e-4)
    np.testing.assert_allclose(estimate(second, first, True), both[::-1], atol=1e-4)


def test_the_frame_lies_in_the_middle_of_its_padded_image(random_file):
    """A frame whose sides are multiples already, and the same less its outermost pixels, which padding repeats."""
    rng = np.random.default_rng(0)
    whole = [np.repeat(np.repeat(rng.integers(0, 255, (8, 8, 3), np.uint8), 3, 0), 3, 1) for _ in range(2)]
    estimate = network.Frames(random_file, 1, 1.0, "float32", CPU)
    expected = estimate(*(estimate.prepare(f) for f in whole), True)[..., 1:-2, 2:-2]
    got = estimate(*(estimate.prepare(np.ascontiguousarray(f[1:-2, 2:-2])) for f in whole), True)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.fixture
def panning(tmp_path):
    """Four frames of 128 x 192 in which everything moves 6 px right and 4 px down a frame."""
    rng = np.random.default_rng(0)
    scene = sum(
        cv2.resize(rng.uniform(-1, 1, (260 // s, 320 // s, 3)), (320, 260), interpolation=cv2.INTER_CUBIC) * s**0.5
        for s in (2, 5, 13, 40)
    )
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    folder = tmp_path / "set" / "pan"
    folder.mkdir(parents=True)
    for t in range(4):
        cv2.imwrite(str(folder / f"{t}.png"), scene[60 - 4 * t : 188 - 4 * t, 60 - 6 * t : 252 - 6 * t])
    path = tmp_path / "pan.json"
    place = layout.Place(tmp_path / "set", "folder")
    describe.write(path, describe.describe(place, "pan", 128, False, tmp_path / "made"))
    return path


def run(description, out, path, **settings):
    stage.run(description, out, "raft", config.section_defaults("flow", {"estimator": "raft", **settings}), path, CPU)
    with cache.read(out, "flow") as file:
        return file.rows("forward").astype(float), file.rows("backward").astype(float), file.grid("forward"), file.maker


@pytest.mark.parametrize(("scale", "size"), [(0.5, (64, 96)), (1.0, (128, 192)), (0.8, (102, 154))])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_known_translation_is_found_in_working_pixels(panning, tmp_path, sintel_file, scale, size, precision):
    forward, backward, grid, maker = run(panning, tmp_path / "f.h5", sintel_file, scale=scale, precision=precision)
    assert forward.shape == backward.shape == (4, 2, *size)
    assert grid == Grid.of_image(size, (128, 192))
    assert maker.parameters["scale"] == scale and maker.parameters["precision"] == precision
    assert maker.weights_sha256 == weights.entry("raft").sha256
    inner = np.s_[:, :, size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4]
    moved = np.array([6, 4])[None, :, None, None]
    assert np.abs(forward[inner][:-1] - moved).max() < 0.5
    assert np.abs(forward[inner][-1:] + moved).max() < 0.5
    assert np.abs(backward[inner][1:] + moved).max() < 0.5
    np.testing.assert_array_equal(backward[0], forward[0])


def test_equal_input_gives_equal_output(panning, tmp_path, random_file):
    results = [run(panning, tmp_path / f"{i}.h5", random_file, iterations=2)[:2] for i in range(2)]
    np.testing.assert_array_equal(results[0], results[1])


def test_a_reversed_clip_swaps_the_directions(panning, tmp_path, random_file):
    told = json.loads(panning.read_text())
    there = run(panning, tmp_path / "a.h5", random_file, iterations=2, precision="float32")
    told["frames"] = told["frames"][::-1]
    panning.write_text(json.dumps(told))
    back = run(panning, tmp_path / "b.h5", random_file, iterations=2, precision="float32")
    np.testing.assert_allclose(back[0][::-1], there[1], atol=2e-2, rtol=2e-3)
    np.testing.assert_allclose(back[1][::-1], there[0], atol=2e-2, rtol=2e-3)


def test_precision_chosen_by_the_hardware(random_file):
    assert network.Frames(random_file, 1, 0.5, "auto", CPU).parameters["precision"] == precision.choose("auto", CPU)


def test_command(panning, tmp_path, random_file, capsys):
    out = tmp_path / "a.h5"
    command = ["flow", str(panning), "-o", str(out), "--device", "cpu", "--threads", str(torch.get_num_threads())]
    settings = {"estimator": "raft", "weights": str(random_file), "iterations": 1}
    assert main([*command, "--settings", json.dumps(settings)]) == 0
    assert "4 frames" in capsys.readouterr().err
    out.unlink()
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    for name, told in (("absent.pth", "no such weight file"), ("bad.pth", "not a readable weight file")):
        assert main([*command, "--settings", json.dumps({**settings, "weights": str(tmp_path / name)})]) == 1
        error = capsys.readouterr().err.strip()
        assert told in error and error.count("\n") == 0
    assert main([*command, "--settings", "{estimator: raft, scale: 2}"]) == 1
    assert "config: flow.scale: got 2, expected a number, at least 0.1, at most 1" in capsys.readouterr().err
    assert not out.exists()


def test_raft_without_weights_is_refused(panning, tmp_path):
    with pytest.raises(UserError, match=r"raft needs a weight file; set flow\.weights"):
        stage.run(panning, tmp_path / "a.h5", "raft", config.section_defaults("flow", {"estimator": "raft"}))

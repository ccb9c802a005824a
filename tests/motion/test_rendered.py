"""Rendered scenes: the frames show what the scene's flow says, and what is estimated of them comes back as written."""

import numpy as np
import pytest
import torch

from vosmem import weights
from vosmem.cli import main
from vosmem.errors import UserError
from vosmem.motion import rendered
from vosmem.motion.rendered import Source, pair, write
from vosmem.motion.scene import random_scene
from vosmem.motion.train import sample, train

HEIGHT, WIDTH = 72, 128


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(H, W) at points within it, by the four neighbours, in float64."""
    left, top = np.clip(np.floor(x).astype(int), 0, WIDTH - 2), np.clip(np.floor(y).astype(int), 0, HEIGHT - 2)
    a, b = x - left, y - top
    above = image[top, left] * (1 - a) + image[top, left + 1] * a
    below = image[top + 1, left] * (1 - a) + image[top + 1, left + 1] * a
    return above * (1 - b) + below * b


@pytest.mark.parametrize("seed", [3, 4, 5, 6])
def test_the_second_frame_is_the_first_moved_by_the_scenes_flow(seed, monkeypatch):
    monkeypatch.setattr(rendered, "_lit", lambda rng, first, second: [first, second])
    monkeypatch.setattr(rendered, "_filmed", lambda rng, frame: frame.transpose(1, 2, 0))
    smooth = rendered._kind(np.random.default_rng(0)) | {"slope": 2.2, "pattern": 0.0, "plain": 0.0}
    monkeypatch.setattr(rendered, "_kinds", lambda rng: [smooth] * 17)
    scene, got = random_scene(1, HEIGHT, WIDTH, seed), pair(HEIGHT, WIDTH, seed)
    flow = scene.flow()[0].double().numpy()
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    x, y = x + flow[0], y + flow[1]
    inside = (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)
    first, second = (frame.mean(axis=2).astype(float) for frame in got.frames)
    moved = np.abs(bilinear(second, np.clip(x, 0, WIDTH - 1), np.clip(y, 0, HEIGHT - 1)) - first)[inside]
    assert np.median(moved) < 0.03 * first.std()  # interpolated twice
    still = np.abs(second - first)[inside]
    assert np.abs(flow).max() > 1 and np.median(moved) < 0.5 * np.median(still)


def test_what_moves_is_what_the_scene_says_and_goes_where_it_goes():
    for seed in (2, 6, 7):
        scene, moving = random_scene(1, HEIGHT, WIDTH, seed), pair(HEIGHT, WIDTH, seed).moving
        label, flow = scene.label()[0, 0].bool().numpy(), scene.flow()[0].numpy()
        np.testing.assert_array_equal(moving[0], label)
        y, x = np.nonzero(label)
        to_x, to_y = np.rint(x + flow[0, y, x]).astype(int), np.rint(y + flow[1, y, x]).astype(int)
        inside = (to_x >= 0) & (to_x < WIDTH) & (to_y >= 0) & (to_y < HEIGHT)
        assert moving[1][to_y[inside], to_x[inside]].mean() > 0.85  # the rest is behind others by then, or an edge
        assert abs(moving[1].mean() - label.mean()) < 0.05


def test_frames_depend_on_the_seed_alone():
    a, b, c = pair(HEIGHT, WIDTH, 1), pair(HEIGHT, WIDTH, 1), pair(HEIGHT, WIDTH, 2)
    assert np.array_equal(a.frames, b.frames) and np.array_equal(a.moving, b.moving)
    assert not np.array_equal(a.frames, c.frames)
    assert a.frames.shape == (2, HEIGHT, WIDTH, 3) and a.frames.dtype == np.uint8


def test_fields_are_in_their_own_pixels_whatever_the_estimators(tmp_path):
    """An estimator that works at half the frames' size, and finds 4 of its pixels, found 2 of a field's."""

    def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        assert first.shape == second.shape == (rendered.FINER * 32, rendered.FINER * 48, 3)
        return np.full((2, 2, 64, 96), 4.0)

    write(tmp_path / "a.npz", 5, (32, 48), {"half": estimate})
    with np.load(tmp_path / "a.npz") as file:
        assert {*file.files} == {"half", "moving"}
        np.testing.assert_array_equal(file["half"], np.full((2, 2, 32, 48), 2.0, np.float16))
        moving = pair(rendered.FINER * 32, rendered.FINER * 48, 5).moving
        expected = moving.reshape(2, 32, rendered.FINER, 48, rendered.FINER).mean((2, 4))
        np.testing.assert_allclose(file["moving"], expected, atol=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.fixture
def fields(tmp_path):
    """A folder of three files; in all of them things move to the right and down, more so at the right and below."""
    y, x = np.mgrid[:32, :48].astype(np.float16)
    flow = np.stack([np.stack([x, 100 + y])] * 2)  # (2, 2, 32, 48)
    moving = np.stack([x / 64, x / 64])
    for seed in range(3):
        np.savez(tmp_path / f"{seed:06}.npz", raft=flow, moving=moving)
    return tmp_path


def test_a_mirrored_field_runs_the_other_way(fields):
    flow, moving = Source.of(fields, 0).batch(0, 24, torch.device("cpu"))
    assert flow.shape == (24, 2, 32, 48) and moving.shape == (24, 1, 32, 48)
    seen = set()
    for (u, v), share in zip(flow.numpy(), moving.numpy()[:, 0], strict=True):
        left, up = u[0, 0] < 0 or u[0, -1] < 0, v[0, 0] < 0
        seen.add((bool(left), bool(up)))
        expected_u, expected_share = np.arange(48.0), np.arange(48.0) / 64
        expected_v = 100 + np.arange(32.0)
        assert np.array_equal(u[0], -expected_u[::-1] if left else expected_u)
        assert np.array_equal(v[:, 0], -expected_v[::-1] if up else expected_v)
        np.testing.assert_allclose(share[0], expected_share[::-1] if left else expected_share)
    assert len(seen) == 4


def test_each_file_once_an_epoch(fields, monkeypatch):
    taken = []
    monkeypatch.setattr(rendered, "_one", lambda path, rng: (taken.append(path.name), (np.zeros(1), np.zeros(1)))[1])
    source = Source.of(fields, 3)
    for step in range(3):
        source.batch(step, 2, torch.device("cpu"))
    assert sorted(taken[:3]) == sorted(taken[3:]) == ["000000.npz", "000001.npz", "000002.npz"]


def test_half_of_a_step_is_of_the_fields(fields):
    source = Source.of(fields, 0)
    x, y = sample(0, 1, 5, (32, 48), "uv", torch.device("cpu"), source)
    alone, _ = sample(0, 1, 3, (32, 48), "uv", torch.device("cpu"))
    assert x.shape == (5, 2, 32, 48) and y.shape == (5, 1, 16, 24)
    assert torch.equal(x[:3], alone)
    assert not torch.equal(x[3:], sample(0, 2, 5, (32, 48), "uv", torch.device("cpu"), source)[0][3:])
    with pytest.raises(UserError, match="--size: got 64 48, but the fields are of 32 48"):
        sample(0, 1, 4, (64, 48), "uv", torch.device("cpu"), source)


def test_training_on_fields_goes_on_as_if_it_had_not_stopped(fields, tmp_path):
    tiny = {"width": 0.07, "size": (32, 48), "batch_size": 2, "steps": 4, "save_every": 2, "fields": fields}
    whole = train(tmp_path / "a.pt", tmp_path / "a.csv", **tiny)
    train(tmp_path / "b.pt", tmp_path / "b.csv", stop_after=2, **tiny)
    resumed = train(tmp_path / "b.pt", tmp_path / "b.csv", **tiny)
    states = (network.state_dict().values() for network in (whole, resumed))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_files_that_hold_no_fields_are_told(fields, tmp_path):
    with pytest.raises(UserError, match=r"holds no fields; make them: vosmem motion render -o "):
        Source.of(tmp_path / "nowhere", 0)
    for content in (b"", b"PK\x03\x04 cut short"):
        (fields / "000001.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"000001.npz: holds no fields \(.*delete it"):
            Source.of(fields, 0).batch(0, 3, torch.device("cpu"))
    np.savez(fields / "000001.npz", raft=np.zeros((2, 3, 32, 48)), moving=np.zeros((2, 32, 48)))
    with pytest.raises(UserError, match=r"000001.npz: holds no fields \(flow is \(3, 32, 48\)"):
        Source.of(fields, 0).batch(0, 3, torch.device("cpu"))


def test_the_command_renders_what_is_not_there_and_training_takes_it(tmp_path, capsys):
    out = tmp_path / "fields"
    command = ["motion", "render", "-o", str(out), "--size", "32", "48", "--estimator", "dis", "--device", "cpu"]
    assert main([*command, "--scenes", "1"]) == 0
    first = (out / "000000.npz").read_bytes()
    assert main([*command, "--scenes", "2"]) == 0
    assert "1 scenes" in capsys.readouterr().err.splitlines()[-1]
    assert (out / "000000.npz").read_bytes() == first
    with np.load(out / "000001.npz") as file:
        assert {*file.files} == {"dis", "moving"} and file["dis"].shape == (2, 2, 32, 48)
    trained = tmp_path / "w.safetensors"
    options = ["--fields", str(out), "--size", "32", "48", "--steps", "2", "--batch-size", "2", "--width", "0.07"]
    assert main(["motion", "train", "-o", str(trained), *options, "--device", "cpu"]) == 0
    assert weights.metadata(trained)["settings"]["fields"] == "fields"  # not where they lay on this machine


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["render", "--scenes", "0"], "--scenes"),
        (["render", "--size", "16", "48"], "32 at least"),
        (["train", "--fields", "x", "--data", "y"], "leave --data or --fields out"),
        (["train", "--fields", "nowhere"], "vosmem motion render"),
    ],
)
def test_bad_options_are_told(tmp_path, capsys, options, told):
    action, *rest = options
    out = tmp_path / "out"
    assert main(["motion", action, "-o", str(out), *rest, "--device", "cpu"]) == 1
    assert told in capsys.readouterr().err

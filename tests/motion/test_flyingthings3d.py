"""FlyingThings3D: its files, and labels from scenes where it is known what moves."""

import csv

import numpy as np
import pytest
import torch
import yaml

from tests.motion import things
from tests.motion.things import WALL, Card
from vosmem import weights
from vosmem.cli import main
from vosmem.errors import UserError
from vosmem.motion import flyingthings3d, pfm
from vosmem.motion.encoding import ENCODINGS
from vosmem.motion.train import train

STILL = Card((-4, -2, -1.5, 1), 10)
ASIDE = Card((-1, 1.5, -1, 1), 8, (0.4, 0.1, 0))
CLOSER = Card((2, 4, -2, 1), 9, (0, 0, -1.5))
TURN, WAY = (0.01, -0.02, 0.015), (0.3, -0.1, 0.4)
SCENE = {"A/0000": ((WALL, STILL, ASIDE, CLOSER), TURN, WAY)}


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3)])
def test_pfm(tmp_path, little, shape):
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    things.write_pfm(tmp_path / "a.pfm", values, little, scale=2.5)
    np.testing.assert_array_equal(pfm.read(tmp_path / "a.pfm"), values)
    assert (tmp_path / "a.pfm").read_bytes()[-4:] == values[0].astype("<f4" if little else ">f4").tobytes()[-4:]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "begins with b''"),
        (b"P5\n2 2\n255\n1234", "expected the header of a PFM file"),
        (b"Pf\n2 2\n-1.0\n" + bytes(15), "15 bytes of values, expected 16 for 2x2x1"),
        (b"PF\n2 2\n-1.0\n" + bytes(49), "49 bytes of values, expected 48 for 2x2x3"),
        (b"Pf\n999999 999999\n-1\n", "0 bytes of values, expected 3999992000004"),
        (b"Pf\n0 2\n-1\n", "0 bytes of values, expected 0"),
        (b"Pf\n2 2\n0\n" + bytes(16), "expected the header"),
        (b"Pf\n2 2\n--\n" + bytes(16), "expected the header"),
    ],
)
def test_other_files_are_refused(tmp_path, content, told):
    (tmp_path / "a.pfm").write_bytes(content)
    with pytest.raises(UserError, match=told):
        pfm.read(tmp_path / "a.pfm")


def test_pairs_are_those_whose_cameras_are_known(tmp_path):
    found = flyingthings3d.pairs(things.write(tmp_path, SCENE | {"B/0012": SCENE["A/0000"]}))
    assert [(p.flow.parts[-5:-3], p.frame) for p in found] == [
        (("A", "0000"), 6), (("A", "0000"), 7), (("B", "0012"), 6), (("B", "0012"), 7)
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"no optical_flow/TEST/.*give the folder"):
        flyingthings3d.pairs(tmp_path, "TEST")


def test_a_rigid_world_has_the_flow_that_is_rendered(tmp_path):
    things.write(tmp_path, {"A/0000": ((WALL, STILL), TURN, WAY)})
    for pair in flyingthings3d.pairs(tmp_path):
        disparity, flow = pfm.read(pair.disparity), pfm.read(pair.flow)
        known = flyingthings3d.cameras(pair.camera)
        still = flyingthings3d.rigid(disparity, known[pair.frame], known[pair.frame + 1])
        assert np.abs(flow).max() > 2
        np.testing.assert_allclose(still[:2], flow.transpose(2, 0, 1)[:2], atol=2e-4)
        np.testing.assert_allclose(still[2], pfm.read(pair.change), atol=2e-4)
        assert not flyingthings3d.moving(pair)[1].any()


def test_what_moves_by_itself_is_labelled_and_nothing_else(tmp_path):
    things.write(tmp_path, SCENE)
    for pair in flyingthings3d.pairs(tmp_path):
        number = pfm.read(pair.objects)
        assert {*np.unique(number)} == {1, 2, 3, 4}
        flow, label = flyingthings3d.moving(pair)
        np.testing.assert_array_equal(label, number >= 3)
        np.testing.assert_array_equal(flow, pfm.read(pair.flow).transpose(2, 0, 1)[:2])


def test_what_comes_straight_closer_shows_in_the_disparity_alone(tmp_path):
    """Small, and on the optical axis: its flow is that of what stands still."""
    scene = {"A/0000": ((WALL, Card((-0.1, 0.1, -0.1, 0.1), 10, (0, 0, -0.5))), (0, 0, 0), (0, 0, 0))}
    (pair, _) = flyingthings3d.pairs(things.write(tmp_path / "with", scene))
    np.testing.assert_array_equal(flyingthings3d.moving(pair)[1], pfm.read(pair.objects) == 2)
    (pair, _) = flyingthings3d.pairs(things.write(tmp_path / "without", scene, change=False))
    assert not flyingthings3d.moving(pair)[1].any()


def test_an_object_does_what_most_of_it_does():
    objects = np.array([[5.0, 5, 5, 7], [7, 7, 9, 9]])
    moves = np.array([[1, 1, 0, 1], [0, 0, 1, 0]], bool)
    known = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
    expected = [[1, 1, 1, 0], [0, 0, 1, 1]]
    np.testing.assert_array_equal(flyingthings3d.vote(moves, known, objects), expected)
    assert not flyingthings3d.vote(moves, np.zeros_like(known), objects).any()


def test_points_behind_the_camera_tell_nothing():
    after = np.eye(4)
    after[2, 3] = -30  # forward in Blender's axes, beyond what was seen
    still = flyingthings3d.rigid(np.full((4, 6), 1050 / 960 * 6 / 20), np.eye(4), after)
    assert np.isnan(still).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [("L 1 2 3\n", "line 1: expected L and 16"), ("L" + " 1" * 16, "line 1: expected `Frame N`"),
     ("Frame 6\nL" + " 0" * 16, "line 2: expected `Frame N`")],
)  # fmt: skip
def test_bad_cameras_are_told_by_line(tmp_path, text, told):
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(UserError, match=told):
        flyingthings3d.cameras(tmp_path / "c.txt")


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    (pair, _) = flyingthings3d.pairs(things.write(tmp_path, SCENE))
    things.write_pfm(pair.disparity, np.ones((3, 4)))
    with pytest.raises(UserError, match=r"of shape \(64, 96, 3\), but disparity and object index are \(3, 4\)"):
        flyingthings3d.moving(pair)


def test_an_epoch_is_every_pair_once_and_a_step_depends_on_nothing_before_it(tmp_path):
    pairs = list(range(7))
    source = flyingthings3d.Source(pairs, (32, 48), 3)
    seen = [p for step in range(7) for p in source.chosen(step, 3)]
    assert [sorted(seen[i : i + 7]) for i in (0, 7, 14)] == [pairs] * 3
    assert seen[:7] != seen[7:14]
    assert flyingthings3d.Source(pairs, (32, 48), 3).chosen(5, 3) == seen[15:18]
    assert flyingthings3d.Source(pairs, (32, 48), 4).chosen(0, 7) != seen[:7]


def test_a_batch_is_cropped_from_encoded_fields_of_half_the_size(tmp_path):
    found = flyingthings3d.pairs(things.write(tmp_path, SCENE, size=(96, 144)))[:1]
    whole = flyingthings3d.Source(found, (48, 72), 0)
    x, y = whole.batch(0, 1, lambda flow: flow, torch.device("cpu"))
    flow, label = flyingthings3d.moving(found[0])
    halved = flow.reshape(2, 48, 2, 72, 2).mean((2, 4)) / 2
    np.testing.assert_allclose(x[0], halved, atol=1e-5)
    np.testing.assert_allclose(y[0, 0], label.reshape(24, 4, 36, 4).mean((1, 3)), atol=1e-6)
    crops = flyingthings3d.Source(found, (32, 40), 0)
    x, y = crops.batch(5, 2, ENCODINGS["published"], torch.device("cpu"))
    assert x.shape == (2, 2, 32, 40) and y.shape == (2, 1, 16, 20)
    encoded = ENCODINGS["published"](torch.from_numpy(halved)[None])[0].numpy()
    places = [(i, j) for i in range(17) for j in range(33)
              if np.allclose(encoded[:, i : i + 32, j : j + 40], x[0], atol=1e-5)]  # fmt: skip
    assert len(places) == 1 and not torch.equal(x[0], x[1])
    with pytest.raises(UserError, match="--size: got 50 40, expected at most 48 72"):
        flyingthings3d.Source(found, (50, 40), 0).batch(0, 1, ENCODINGS["uv"], torch.device("cpu"))


def test_training_on_it_goes_on_where_it_stopped(tmp_path):
    settings = {"width": 0.07, "encoding": "published", "size": (32, 48), "batch_size": 2, "steps": 4, "save_every": 2}
    settings["data"] = things.write(tmp_path / "things", SCENE)
    whole = train(tmp_path / "a.pt", tmp_path / "a.csv", **settings).state_dict()
    train(tmp_path / "b.pt", tmp_path / "b.csv", stop_after=3, **settings)
    again = train(tmp_path / "b.pt", tmp_path / "b.csv", **settings).state_dict()
    assert all(torch.equal(whole[k], again[k]) for k in whole)


def test_the_published_schedule_is_a_file(repository, tmp_path, monkeypatch):
    """config/motion/flyingthings3d.yaml, as it is but for its width and size, on a tiny copy."""
    given = repository / "config/motion/flyingthings3d.yaml"
    told = yaml.safe_load(given.read_text())
    monkeypatch.chdir(tmp_path)
    things.write(tmp_path / told["data"], SCENE | {f"B/{i:04d}": SCENE["A/0000"] for i in range(6)})
    out = tmp_path / "w.safetensors"
    args = ["motion", "train", "--config", str(given), "-o", str(out), "--width", "0.07", "--size", "32", "48"]
    assert main([*args, "--epochs", "2", "--device", "cpu"]) == 0
    settings = weights.metadata(out)["settings"]
    assert settings["steps"] == 3  # 2 epochs of 14 pairs in batches of 13
    assert (settings["lr"], settings["weight_decay"], settings["optimizer"]) == (0.003, 0.005, "sgd")
    assert (settings["schedule"], settings["batch_size"], settings["bfloat16"]) == ("published", 13, False)
    assert (settings["averaging"], settings["data"]) == (0, "FlyingThings3D")  # its name, not where it lay
    with (tmp_path / "w.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["3"]
    assert (told["epochs"], told["size"], told["width"]) == (27, [200, 360], 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crops: 3", "expected keys among data, fields"), ("[1]", "expected keys among data"),
        ("a: b: c", "cannot be read as YAML"), ("steps: 1.5", "--steps: got 1.5, expected a whole number, more than 0"),
        ("lr: fast", "--lr: got 'fast', expected a number, more than 0"), ("averaging: 2", "at least 0, at most 1"),
        ("epochs: 3", "--epochs: is for --data"), ("size: [200]", "--size: got [200], expected height and width"),
        ("optimizer: adam", "--optimizer: got 'adam', expected one of adamw, sgd"), ("data: [a]", "--data: got ['a']"),
        ("size: [16, 48]", "--size: got 16 48, expected 32 at least"), ("data: nowhere", "nowhere: no optical_flow"),
    ],
)  # fmt: skip
def test_bad_options_are_told(tmp_path, capsys, text, told):
    (tmp_path / "bad.yaml").write_text(text)
    command = ["motion", "train", "--config", str(tmp_path / "bad.yaml"), "-o", str(tmp_path / "w.safetensors")]
    assert main(command) == 1
    assert told in capsys.readouterr().err

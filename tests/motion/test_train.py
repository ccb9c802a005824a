"""Training: repeatable, resumable, and it learns."""

import csv

import pytest
import torch

from vosmem import weights
from vosmem.errors import UserError
from vosmem.motion import checkpoint
from vosmem.motion.mpnet import MPNet
from vosmem.motion.train import learning_rate, sample, train, train_to_file

CPU = torch.device("cpu")
TINY = {"width": 0.07, "size": (32, 48), "batch_size": 2, "steps": 6, "seed": 3, "save_every": 2}


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_two_runs_are_equal_bit_for_bit_and_so_is_an_interrupted_one(tmp_path):
    first = train(tmp_path / "a.pt", tmp_path / "a.csv", **TINY)
    second = train(tmp_path / "b.pt", tmp_path / "b.csv", **TINY)
    assert same(first, second)
    other = train(tmp_path / "c.pt", tmp_path / "c.csv", **{**TINY, "seed": 4})
    assert not same(first, other)
    train(tmp_path / "d.pt", tmp_path / "d.csv", stop_after=3, **TINY)
    torch.manual_seed(99)  # whatever happens between
    resumed = train(tmp_path / "d.pt", tmp_path / "d.csv", **TINY)
    assert same(first, resumed)


def test_every_seed_and_every_step_has_fields_of_its_own():
    one, other, later = (sample(*at, 2, (32, 48), "uv", CPU)[0] for at in ((0, 3), (1, 3), (0, 4)))
    assert not torch.equal(one, other)
    assert not torch.equal(one, later)


def test_log(tmp_path):
    train(tmp_path / "a.pt", tmp_path / "log.csv", **TINY)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == [6]
    assert 0 < float(rows[0]["loss"]) < 5 and 0 <= float(rows[0]["iou"]) <= 1


def test_the_log_is_of_one_run(tmp_path):
    """A second run to the same file begins it anew; one that goes on leaves out what it trains again."""
    log = tmp_path / "log.csv"
    for _ in range(2):
        train(tmp_path / "s", log, **TINY)
        whole = [row.split(",")[0] for row in log.read_text().splitlines()]
        (tmp_path / "s").unlink()
    assert len({*whole}) == len(whole)
    train(tmp_path / "s", log, stop_after=2, **TINY)
    with log.open("a") as file:
        file.write("4,0.1,0.1,0.1,0.1\n")
    train(tmp_path / "s", log, **TINY)
    steps = [int(row.split(",")[0]) for row in log.read_text().splitlines()[1:]]
    assert steps == sorted({*steps}) and steps[-1] == 6 and 4 not in steps


def test_a_state_of_other_settings_is_refused(tmp_path):
    train(tmp_path / "a.pt", tmp_path / "a.csv", stop_after=1, **TINY)
    with pytest.raises(UserError, match=r"other settings \(lr: 0.002 there, 0.5 now\)"):
        train(tmp_path / "a.pt", tmp_path / "a.csv", lr=0.5, **TINY)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_loss_falls(tmp_path, optimizer):
    settings = {**TINY, "steps": 40, "optimizer": optimizer, "lr": 2e-3 if optimizer == "adamw" else 0.05}
    train(tmp_path / "a.pt", tmp_path / "log.csv", **settings)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_schedules():
    assert learning_rate(0, 100, 1.0, "cosine") == pytest.approx(1 / 3)
    assert learning_rate(50, 100, 1.0, "cosine") == pytest.approx(0.5)
    assert learning_rate(99, 100, 1.0, "cosine") < 0.001
    steps = [learning_rate(s, 27, 0.003, "published") for s in (0, 9, 10, 18, 19, 26)]
    assert steps == pytest.approx([0.003, 0.003, 0.0003, 0.0003, 0.00003, 0.00003])


def test_weights_come_back_as_they_went(tmp_path):
    path = tmp_path / "out" / "tiny.safetensors"
    train_to_file(path, tmp_path / "log.csv", **TINY)
    assert not path.with_name(path.name + ".state").exists()
    trained = train(tmp_path / "a.pt", tmp_path / "a.csv", **TINY)
    network, encoding = checkpoint.load(path)
    assert encoding == "residual"
    x = torch.randn(1, 6, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(network(x), trained(x), atol=0.02, rtol=0.02)  # float16 on the way
    told = weights.metadata(path)
    assert told["trained_on"] == [] and told["width"] == 0.07


def test_other_files_are_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(UserError, match="does not hold MP-Net"):
        checkpoint.load(path)
    checkpoint.save(MPNet(0.07, 2), path, width=0.14, encoding="uv", settings={})
    with pytest.raises(UserError, match=r"does not hold MP-Net.*got .4, 2, 7, 7., expected"):
        checkpoint.load(path)
    with pytest.raises(UserError, match="no such weight file"):
        checkpoint.load(tmp_path / "absent.safetensors")

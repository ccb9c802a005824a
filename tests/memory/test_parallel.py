"""Several processes train as one would; one that fails ends all."""

from functools import partial

import pytest
import torch
from safetensors.torch import load_file

from vosmem.errors import UserError
from vosmem.memory import parallel, train

CPU = torch.device("cpu")


@pytest.fixture
def paths(write_streams):
    return [write_streams("a", 6, 0), write_streams("b", 5, 1)]


@pytest.fixture
def settings(settings):
    return settings | {"precision": "float32", "batch": 3, "steps": 6}  # clips that two cannot share alike


def fit(paths, out, settings, processes, steps=None):
    described, appearance, motion = zip(*paths, strict=True)
    folders = [[stream[0].parent] for stream in (appearance, motion)]
    task = partial(_until if steps else train.train, *([steps] if steps else []), described, *folders,
                   out / "w.safetensors", out / "h.csv", settings)  # fmt: skip
    parallel.run(task, processes, CPU)


def _until(steps, *arguments, **more):
    """Train, and fail after some steps, whose states are all saved."""
    train.SAVE_EVERY = 0.0
    add_up, calls = parallel.Group.add_up, []

    def failing(self, model, loss):
        calls.append(1)
        if len(calls) > steps:
            raise UserError(f"process {self.rank} had enough") if self.rank else RuntimeError("was left alone")
        return add_up(self, model, loss)

    parallel.Group.add_up = failing
    train.train(*arguments, **more)


def losses(out):
    return [list(map(float, row.split(",")[:3])) for row in (out / "h.csv").read_text().splitlines()[1:]]


def test_two_processes_come_to_what_one_does_though_they_fail_on_the_way(paths, tmp_path, settings):
    fit(paths, tmp_path / "one", settings, 1)
    with pytest.raises(UserError, match="process 1 had enough"):
        fit(paths, tmp_path / "two", settings, 2, steps=3)
    assert [p.name[:12] for p in (tmp_path / "two").iterdir()] == [".w.training-"]
    fit(paths, tmp_path / "two", settings, 2)
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["h.csv", "w.safetensors"]
    one, two = (load_file(tmp_path / out / "w.safetensors") for out in ("one", "two"))
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)
    for row, same in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert row == pytest.approx(same, rel=1e-5)


def _precise(folder, device, group):
    (folder / str(group.rank)).write_text(f"{torch.backends.cudnn.allow_tf32} {torch.get_num_threads()}")


def test_each_process_computes_as_one_would(tmp_path, monkeypatch):
    """In float32 where it says so: on a GPU PyTorch would convolve in TF32."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    parallel.run(partial(_precise, tmp_path), 2, CPU)
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["False 1", "False 1"]


def test_one_process_of_a_group_takes_its_clips_only():
    assert [[parallel.Group(rank, 3).takes(clip) for clip in range(4)] for rank in range(3)] == [
        [True, False, False, True], [False, True, False, False], [False, False, True, False],
    ]  # fmt: skip


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=r"memory.processes: got 2, from cuda:1 on, but PyTorch sees 2 GPUs"):
        parallel.run(print, 2, torch.device("cuda:1"))

"""Training: it learns, is deterministic, goes on after a kill, and refuses what does not fit together."""

import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch

from vosmem import weights
from vosmem.errors import UserError
from vosmem.memory import clips, predict, train
from vosmem.memory.model import upsample
from vosmem.memory.streams import Streams, soft_labels

CPU = torch.device("cpu")


def fit(paths, out, settings, **more):
    described, appearance, motion = zip(*paths, strict=True)
    folders = [[stream[0].parent] for stream in (appearance, motion)]
    train.train(described, *folders, out / "w.safetensors", out / "h.csv", settings, CPU, **more)
    return (out / "w.safetensors").read_bytes()


@pytest.fixture
def paths(write_streams):
    return [write_streams("a", 6, 0), write_streams("b", 5, 1)]


def test_twice_the_same_and_another_seed_not(paths, tmp_path, settings):
    first = fit(paths, tmp_path / "1", settings)
    assert fit(paths, tmp_path / "2", settings) == first
    assert fit(paths, tmp_path / "3", settings | {"seed": 1}) != first
    rows = (tmp_path / "1/h.csv").read_text().splitlines()
    assert rows[0] == "step,loss,learning_rate,seconds"
    assert len(rows) == 1 + 12


def killed_at(monkeypatch, call):
    """Have a training end where it chooses a clip for the ``call``-th time; gives a list with an entry a choice."""
    choose, calls = clips.choose, []

    def killed(*args):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return choose(*args)

    monkeypatch.setattr(clips, "choose", killed)
    return calls


@pytest.mark.parametrize("averaging", [0, 0.9])
def test_a_killed_run_goes_on_and_ends_the_same(paths, tmp_path, settings, monkeypatch, averaging):
    settings |= {"averaging": averaging}
    unbroken = fit(paths, tmp_path / "1", settings)
    monkeypatch.setattr(train, "SAVE_EVERY", 0.0)
    calls = killed_at(monkeypatch, 8)
    with pytest.raises(KeyboardInterrupt):
        fit(paths, tmp_path / "2", settings)
    (state,) = (tmp_path / "2").iterdir()
    assert state.name.startswith(".w.training-")
    (tmp_path / "2/.w.training-0.pt").touch()  # of settings that were changed since
    assert fit(paths, tmp_path / "2", settings) == unbroken
    assert len(calls) == settings["batch"] * (8 + 12 - 7)
    assert sorted(p.name for p in (tmp_path / "2").iterdir()) == ["h.csv", "w.safetensors"]
    one, two = ((tmp_path / run / "h.csv").read_text().splitlines() for run in "12")
    assert [row.rpartition(",")[0] for row in one] == [row.rpartition(",")[0] for row in two]  # all but the seconds


def test_a_long_training_is_saved_between_two_rows_of_its_history(paths, tmp_path, settings, monkeypatch):
    """Of which there are two hundred: of 30,000 steps one every 150, which take minutes."""
    monkeypatch.setattr(train, "SAVE_EVERY", 0.0)
    killed_at(monkeypatch, 8)
    with pytest.raises(KeyboardInterrupt):
        fit(paths, tmp_path / "1", settings | {"steps": 30_000})
    (state,) = (tmp_path / "1").iterdir()
    saved = torch.load(state, weights_only=True)
    assert saved["step"] == len(saved["losses"]) > 0 and saved["history"] == []


def test_averaged_weights_are_kept_in_the_place_of_the_last(paths, tmp_path, settings, monkeypatch):
    last = fit(paths, tmp_path / "1", settings)
    average, states = train.average, []

    def watched(mean, network, step, decay):
        assert decay == 0.9
        average(mean, network, step, decay)
        states.append([step, *({k: v.clone() for k, v in of.state_dict().items()} for of in (mean, network))])

    monkeypatch.setattr(train, "average", watched)
    assert fit(paths, tmp_path / "2", settings | {"averaging": 0.9}) != last
    assert [step for step, *_ in states] == [*range(12)]
    kept = [predict.load(tmp_path / run / "w.safetensors")[0].state_dict() for run in "12"]
    for name in kept[0]:
        assert torch.equal(kept[0][name], states[-1][2][name])  # training itself is as it was
        assert torch.equal(kept[1][name], states[-1][1][name])


def test_a_changed_setting_does_not_take_up_the_state_of_another(paths, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(train, "SAVE_EVERY", 0.0)
    calls = killed_at(monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt):
        fit(paths, tmp_path, settings)
    fit(paths, tmp_path, settings | {"flip": False})
    assert len(calls) == 5 + settings["batch"] * 12


def test_it_learns_what_the_motion_stream_shows(paths, tmp_path, settings):
    fit(paths, tmp_path, settings | {"steps": 80, "crop": [], "stop_and_go": 0})
    losses = [float(row.split(",")[1]) for row in (tmp_path / "h.csv").read_text().splitlines()[1:]]
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:5])


def test_the_weights_say_what_they_were_made_of(paths, tmp_path, settings):
    fit(paths, tmp_path, settings)
    told = weights.metadata(tmp_path / "w.safetensors")
    assert told["trained_on"] == ["a", "b"]
    assert told["settings"]["state"] == 4
    assert told["streams"]["motion"][0]["name"] == "toy"
    assert told["channels"] == {"appearance": 5, "motion": 3, "fine": 2}
    model, made_of = predict.load(tmp_path / "w.safetensors")
    assert made_of["trained_on"] == ["a", "b"]
    assert model.memory.state == 4


def test_streams_of_different_making_are_refused(write_streams, tmp_path, settings):
    with pytest.raises(UserError, match="caches of a and b were made by different networks"):
        fit([write_streams("a"), write_streams("b", parameters={"layers": ["x"]})], tmp_path, settings)


def test_streams_of_other_frames_are_refused(write_streams, tmp_path, settings):
    description, *_ = write_streams("a", 6)
    _, appearance, motion = write_streams("a", 5)
    told = json.loads(description.read_text())
    told["frames"] = [*told["frames"], "a/00005.jpg"]
    told["masks"] = [*told["masks"], "a/00005.png"]
    description.write_text(json.dumps(told))
    with pytest.raises(UserError, match="a: the cached streams are of other frames than the data set"):
        fit([(description, appearance, motion)], tmp_path, settings)


def test_labels_are_the_share_of_object_and_unknown_without_annotation(write_streams):
    from vosmem.data import describe

    description, appearance, _ = write_streams("a", 3)
    told = json.loads(description.read_text())
    told["masks"][1] = None
    description.write_text(json.dumps(told))
    with Streams([appearance], []) as streams:
        labels = soft_labels(describe.read(description), streams.grid)
    assert labels.shape == (3, 8, 12)
    assert np.isnan(labels[1]).all()
    # cell (3, 2) covers rows 20..28 and columns 12..20, which the square holds; (3, 1) columns 4..12, half of it
    assert labels[0, 3, 2] == pytest.approx(1)
    assert labels[0, 3, 1] == pytest.approx(0.5, abs=0.07)


def test_unknown_cells_do_not_count():
    logits = torch.tensor([[[0.0, 3.0]]])
    labels = torch.tensor([[[1.0, float("nan")]]])
    assert train.loss_of(logits, labels, 0).item() == pytest.approx(np.log(2))


def test_the_overlap_loss_is_one_minus_the_soft_jaccard_index():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((2, 4, 5)), rng.random((2, 4, 5))
    labels[0, 1, 2] = np.nan
    labels[1] = 0  # a frame without object has no Jaccard index to raise
    p, y = 1 / (1 + np.exp(-logits)), labels
    known = ~np.isnan(y)
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))[known].mean()
    p, y = p[0][known[0]], y[0][known[0]]
    jaccard = (p * y).sum() / (p + y - p * y).sum()
    got = train.loss_of(torch.tensor(logits), torch.tensor(labels), 0.7).item()
    assert got == pytest.approx(entropy + 0.7 * (1 - jaccard), rel=1e-9)


@pytest.mark.parametrize("stream", ["appearance", "motion", "fine"])
def test_a_whole_stream_is_read_frame_by_frame(write_streams, stream):
    """And needs no more room than it takes in the end, a frame's maps aside."""
    _, appearance, motion = write_streams("a", 60)
    with Streams([appearance], [motion], 2) as streams:
        streams.rows(stream, 0, 1)
        tracemalloc.start()
        whole = streams.whole(stream)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        np.testing.assert_array_equal(whole, streams.rows(stream, 0, 60))
    assert whole.dtype == np.float32 and peak < 1.2 * whole.nbytes + 50_000
    with Streams([appearance], []) as streams:
        assert streams.whole("motion") is None


def test_standing_frames_have_no_motion_and_flips_are_of_the_whole_clip(write_streams):
    _, appearance, motion = write_streams("a", 6)
    with Streams([appearance], [motion], 2) as streams:
        rows = streams.rows("motion", 0, 6)
        sequence = train.TrainingSequence(streams, np.zeros((6, 16, 24), np.float32), rows)
        window = slice(1, 7), slice(2, 10)
        clip = clips.Clip(0, np.array([2, 2, 2, 3, 4]), np.array([True, True, False, False, False]), window, True)
        maps, labels = train.load_clip(clip, sequence, 2)
        assert {k: tuple(m.shape) for k, m in maps.items()} == {
            "appearance": (5, 5, 6, 8), "motion": (5, 3, 6, 8), "fine": (5, 2, 12, 16),
        }  # fmt: skip
        assert labels.shape == (5, 12, 16)
        whole, fine = streams.rows("appearance", 0, 6), streams.rows("fine", 0, 6)
    for stream in ("motion", "fine"):
        assert maps[stream][:2].isnan().all() and not maps[stream][2:].isnan().any()
    mirrored = rows[2][:, 1:7, 2:10] * np.array([1, -1, 1], np.float32)[:, None, None]
    np.testing.assert_array_equal(maps["motion"][2].flip(-1).numpy(), mirrored)
    expected = fine[3][:, 2:14, 4:20] * np.array([-1, 1], np.float32)[:, None, None]
    np.testing.assert_allclose(maps["fine"][3].flip(-1)[..., 1:].numpy(), expected[..., :-1], rtol=1e-5)
    np.testing.assert_allclose(maps["fine"][3].flip(-1)[..., 0].numpy(), expected[..., 0], rtol=1e-5)
    np.testing.assert_allclose(maps["appearance"][3].flip(-1).numpy(), whole[3][:, 1:7, 2:10], rtol=1e-5, atol=1e-6)
    assert (rows[2] != 0).any()  # the stream itself is left as it was


@pytest.mark.parametrize("finer", [1, 2, 4])
def test_in_a_mirror_fine_cells_lie_where_the_read_out_brings_the_state(finer):
    """Both maps hold the place of each cell, in pixels."""
    coarse, fine = (np.arange(0, 96, 8 / f).reshape(1, 1, 1, -1) for f in (1, finer))
    brought = upsample(torch.from_numpy(train.mirrored(coarse, 1)), finer)
    np.testing.assert_allclose(train.mirrored(fine, finer)[0, 0, 0], brought[0, 0, 0], atol=1e-12)


@pytest.mark.parametrize("without", ["appearance", "motion"])
def test_a_stream_that_is_left_out_is_unknown_throughout(write_streams, without):
    _, appearance, motion = write_streams("a", 6)
    with Streams([appearance], [motion], 2) as streams:
        # a fine map of appearance too, beside that of motion
        streams.maps["fine"] = [streams.maps["appearance"][0], *streams.maps["fine"]]
        sequence = train.TrainingSequence(streams, np.zeros((6, 16, 24), np.float32), streams.rows("motion", 0, 6))
        window, still = (slice(0, 8), slice(0, 12)), np.zeros(3, bool)
        known, _ = train.load_clip(clips.Clip(0, np.arange(3), still, window, False), sequence, 2)
        maps, _ = train.load_clip(clips.Clip(0, np.arange(3), still, window, False, without), sequence, 2)
    other = {"appearance": "motion", "motion": "appearance"}[without]
    assert maps[without].isnan().all() and torch.equal(maps[other], known[other])
    of_appearance = slice(0, 3), slice(3, None)
    gone, stays = of_appearance if without == "appearance" else of_appearance[::-1]
    assert maps["fine"][:, gone].isnan().all() and torch.equal(maps["fine"][:, stays], known["fine"][:, stays])
    assert not any(m.isnan().any() for m in known.values())


@pytest.mark.parametrize("streams", [("appearance", "motion"), ("appearance",), ("motion",)])
def test_the_only_stream_is_never_left_out(paths, tmp_path, settings, monkeypatch, streams):
    load, seen = train.load_clip, set()

    def watched(clip, *args):
        seen.add(clip.without)
        return load(clip, *args)

    monkeypatch.setattr(train, "load_clip", watched)
    described, appearance, motion = zip(*paths, strict=True)
    folders = [[of[0].parent] if name in streams else [] for name, of in
               (("appearance", appearance), ("motion", motion))]  # fmt: skip
    changed = settings | {"stream_dropout": 1}
    train.train(described, *folders, tmp_path / "w.safetensors", tmp_path / "h.csv", changed, CPU)
    assert seen == ({"appearance", "motion"} if len(streams) == 2 else {""})


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_schedules(schedule):
    rates = [train.learning_rate(s, 100, 0.5, schedule) for s in range(100)]
    assert rates[0] == 0.5
    assert rates == sorted(rates, reverse=True)
    assert rates[50] == pytest.approx(0.5 if schedule == "constant" else 0.25)


def test_moments_are_those_of_the_features(write_streams):
    _, appearance, _ = write_streams("a", 6)
    with Streams([appearance], []) as streams:
        sequence = train.TrainingSequence(streams, None, None)
        mean, deviation = train.moments([sequence], "appearance", every=1)
        rows = streams.rows("appearance", 0, 6).astype(np.float64)
    np.testing.assert_allclose(mean[:, 0, 0], rows.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(deviation[:, 0, 0], rows.std((0, 2, 3)), rtol=1e-5)


def test_more_files_than_usual_may_be_open():
    """In a process of its own, whose limits stay its own."""
    script = """
import resource
from vosmem.errors import UserError
from vosmem.memory import train
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 600))
train._may_open(10)
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (200, 600)
train._may_open(400)
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (528, 600)
try:
    train._may_open(3000)
except UserError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("training reads 3000 cache files at once, this user may hold 600 open; raise")


def test_a_step_without_annotated_frame_learns_nothing(paths, tmp_path, settings, monkeypatch):
    load, calls = train.load_clip, []

    def unknown_in_the_second_step(*args):
        maps, labels = load(*args)
        calls.append(1)
        second = settings["batch"] < len(calls) <= 2 * settings["batch"]
        return maps, torch.full_like(labels, torch.nan) if second else labels

    monkeypatch.setattr(train, "load_clip", unknown_in_the_second_step)
    fit(paths, tmp_path, settings)
    rows = (tmp_path / "h.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == [1, *range(3, 13)]


def test_maps_that_are_left_out_are_not_seen(paths, tmp_path, settings):
    without = ["appearance/toy/fine", "motion/toy/velocity"]
    fit(paths, tmp_path, settings | {"without": without})
    told = weights.metadata(tmp_path / "w.safetensors")
    assert told["channels"] == {"appearance": 2, "motion": 1, "fine": 0}
    _, appearance, motion = paths[0]
    assert predict.run([appearance], [motion], tmp_path / "w.safetensors", tmp_path / "p.h5", CPU, False) == 6
    with pytest.raises(UserError, match=r"memory\.without: got motion/toy/nothing, which is not cached; the"):
        fit(paths, tmp_path / "2", settings | {"without": ["motion/toy/nothing"]})
    with Streams([appearance], [motion]) as streams:
        every = [f"{stage}/{m.title}" for stage in ("appearance", "motion") for m in streams.maps[stage]]
    with pytest.raises(UserError, match=r"memory\.without: leaves nothing"):
        Streams([appearance], [motion], without=every)

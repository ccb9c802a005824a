"""One video through all stages, with random weights in the place of those that are fetched or shipped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import vosmem
from tests.appearance import u2netp_file
from tests.pipeline.conftest import moving
from vosmem import appearance, config, flow, motion, videofile, weights
from vosmem.appearance import mobile
from vosmem.cli import main
from vosmem.errors import UserError
from vosmem.memory import shape
from vosmem.memory.model import VisualMemory
from vosmem.motion import checkpoint
from vosmem.motion.mpnet import MPNet
from vosmem.pipeline import segmentation, stages
from vosmem.pipeline.output import RECORD
from vosmem.weights import fetch


@pytest.fixture
def random_weights(tmp_path, monkeypatch):
    """Weight files with random content in the registry's place: two networks of motion, one of them without weights."""
    torch.manual_seed(0)
    files = {name: tmp_path / f"{name}.safetensors" for name in ("mpnet", "lvo")}
    files["efficientnet_lite0"] = tmp_path / "efficientnet_lite0.pth"
    files["u2netp"] = u2netp_file.write(tmp_path / "u2netp.onnx", u2netp_file.numbers())
    settings = config.section_defaults("appearance")
    network = mobile.efficientnet_lite0(["block4", "block10", "block15"], settings["output_stride"])
    torch.save(network.state_dict(), files["efficientnet_lite0"])
    checkpoint.save(MPNet(0.05, 6), files["mpnet"], width=0.05, encoding="residual", settings={})
    memory = config.section_defaults("memory", {"projection": 4, "state": 4, "finer": 2})
    channels = {"appearance": 472, "motion": 9, "fine": 8}
    model = VisualMemory(**channels, **shape(memory))
    ends = {"last_row": "T-1 -> T-2", "first_row": "0 -> 1"}
    dis = {"name": "dis", "version": flow.STAGE_VERSION, "parameters": {"preset": "fast", **ends}}
    streams = {
        "appearance": [{
            "name": "efficientnet_lite0", "version": appearance.STAGE_VERSION,
            "weights": weights.sha256(files["efficientnet_lite0"]),
            "parameters": {"layers": ["block4", "block10", "block15"], "output_stride": settings["output_stride"]},
        }],
        "motion": [{
            "name": "mpnet", "version": motion.STAGE_VERSION, "weights": weights.sha256(files["mpnet"]),
            "parameters": {"size": [116, 212], "pool": False, "flow": dis},
        }, {
            "name": "residual", "version": motion.STAGE_VERSION, "weights": "",
            "parameters": {"stride": 4, "flow": dis},
        }],
    }  # fmt: skip
    told = {"settings": memory, "channels": channels, "fine": ["residual/residual"], "streams": streams}
    told |= {"trained_on": [], "version": 1}
    weights.save(files["lvo"], model.state_dict(), told)
    known = {n: replace(weights.entry(n), sha256=weights.sha256(path)) for n, path in files.items()}
    small = "zoom-u2netp"
    known[small] = weights.entry(small)  # it comes with vosmem, so it need not be fetched
    rules = config.schema()["properties"]["refine"]["properties"]["zoom"]["properties"]
    monkeypatch.setitem(rules["network"], "default", "u2netp")
    monkeypatch.setattr(weights, "registry", lambda: known)
    monkeypatch.setattr(fetch, "fetch", lambda name, folder=None: files[name])
    return files


@pytest.mark.parametrize("size", [(60, 90), (90, 61), (16, 16), (1, 1), (10, 300)])
def test_a_mask_a_frame_at_the_frames_size(random_weights, size):
    masks = vosmem.segment((np.full((*size, 3), 80 * t, np.uint8) for t in range(2)), device="cpu", short_side=64)
    assert masks.shape == (2, *size)
    assert masks.dtype == bool


def test_one_frame_is_segmented(random_weights):
    assert vosmem.segment(moving(1), device="cpu", short_side=64).shape == (1, 60, 90)


def test_pytorch_has_as_many_threads_as_before(random_weights, monkeypatch):
    before = torch.get_num_threads()
    inside = []
    run = segmentation.run
    monkeypatch.setattr(segmentation, "run", lambda *a: inside.append(torch.get_num_threads()) or run(*a))
    vosmem.segment(moving(2), threads=1)
    assert inside == [1]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": None}, "frames: got NoneType, expected frames"),
        ({"short_side": 64.5}, "short side: got 64.5, expected 64 to 2160 pixels"),
        ({"short_side": None}, "short side: got None, expected"),
        ({"method": ""}, "methods"),
        ({"frames": ""}, "frames: got an empty path"),
        ({"device": None}, "device: got None, expected auto, cpu, cuda or cuda:N"),
        ({"device": 3}, "device: got 3, expected"),
        ({"threads": "2"}, "threads: got '2', expected a whole number"),
        ({"threads": 1.5}, "threads: got 1.5, expected a whole number"),
        ({"threads": True}, "threads: got True, expected a whole number"),
        ({"work": 3.5}, "work: got 3.5, expected a folder"),
        ({"weights": None}, "weights: got None, expected shipped, shipped-isnet, or the path of a file"),
    ],
)
def test_what_cannot_be_used_is_told(random_weights, arguments, message):
    with pytest.raises(UserError, match=message):
        vosmem.segment(**{"frames": moving(2), **arguments})


def test_masks_are_made_by_the_method_that_was_asked_for(random_weights):
    found = {
        method: vosmem.segment(moving(3), device="cpu", short_side=64, method=method)
        for method in ("raw", "bilateral", "zoom", None)
    }
    assert (found["zoom"] == found[None]).all()
    for other in ("raw", "bilateral"):
        assert (found[other] != found["zoom"]).any()
    with pytest.raises(UserError, match=r"refine.methods.0: got 'sharp', expected one of raw, temporal"):
        vosmem.segment(moving(1), device="cpu", method="sharp")


def test_nothing_crosses_a_cut(random_weights, tmp_path):
    """Neither flow nor memory: each shot comes out as it would alone."""
    clips, made = (moving(3, background=0), moving(2, background=1)), segmentation.ready("cpu", 1, 64)

    def run(frames, name, **options):
        timed = ((None, frame) for frame in frames)
        return np.stack(list(segmentation.run(timed, tmp_path / name, made, 64, **options).probabilities()))

    whole = run(np.concatenate(clips), "whole")
    alone = np.concatenate([run(clip, str(k)) for k, clip in enumerate(clips)])
    np.testing.assert_array_equal(whole, alone)
    assert np.abs(run(np.concatenate(clips), "one", cuts=False) - whole).max() > 1e-3


def test_weights_of_another_version_are_told_before_anything_runs(random_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(appearance, "STAGE_VERSION", 99)
    message = r"lvo.safetensors: .* version \d+ of the stage appearance \(efficientnet_lite0\), this is version 99"
    with pytest.raises(UserError, match=message):
        vosmem.segment(moving(1), device="cpu", short_side=64, work=tmp_path)


def test_a_video_file_with_all_there_is_to_write(random_weights, tmp_path):
    pytest.importorskip("av", reason="needs the extra `video`")
    videofile.write(tmp_path / "in.mp4", moving(), [t / 10 for t in range(4)])
    command = ["segment", tmp_path / "in.mp4", "-o", tmp_path / "out", "--short-side", 64, "--device", "cpu"]
    assert main([*map(str, command), "--overlay", "--probability"]) == 0
    for name in ("masks", "probability"):
        assert sorted(p.name for p in (tmp_path / "out" / name).iterdir()) == [f"{t:05d}.png" for t in range(4)]
    assert len(list(videofile.read(tmp_path / "out/overlay.mp4"))) == 4
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [RECORD, "masks", "overlay.mp4", "probability"]


@pytest.mark.parametrize(
    ("section", "name", "own"),
    [
        ("flow", "raft", {"scale": 0.75, "iterations": 5}),
        ("appearance", "u2netp", {"layers": ["sides"], "saliency_size": 64}),
        ("motion", "u2netp", {"saliency_size": [64, 96]}),
    ],
)
def test_networks_run_as_in_the_training_but_in_this_hardwares_precision(section, name, own):
    """A memory that was trained where bfloat16 is native had processors that only emulate it take minutes a frame."""
    made = {"name": name, "parameters": {**own, "precision": "bfloat16", "first_row": "0 -> 1"}}
    settings = config.settings_for(section, stages._as_made(section, made), name)
    assert settings["precision"] == "auto"
    assert {key: settings[key] for key in own} == own


@pytest.mark.parametrize("backward", [True, False])
def test_flow_runs_both_ways_where_it_did_in_the_training(backward):
    ends = {"last_row": "T-1 -> T-2"} | ({"first_row": "0 -> 1"} if backward else {})
    made = {"name": "dis", "parameters": {"preset": "fast", **ends}}
    assert stages._as_made("flow", made)["backward"] == backward


def test_weights_that_are_not_to_be_had_are_told_before_the_first_stage(monkeypatch, tmp_path):
    """Not when the flow of a long video was computed: here not even the description is read."""

    def fetch(name, folder=None):
        raise UserError(f"weights {name!r} could not be fetched")

    monkeypatch.setattr("vosmem.weights.fetch.fetch", fetch)
    made = {"name": "isnet", "weights": weights.entry("isnet").sha256, "parameters": {}}
    for streams, method, name in (([made], "bilateral", "isnet"), ([], "zoom", "u2net")):
        told = {"streams": {"appearance": streams, "motion": []}}
        refine = config.section_defaults("refine", {"methods": [method]})
        with pytest.raises(UserError, match=f"weights '{name}' could not be fetched"):
            stages.Stages(tmp_path / "memory", told, torch.device("cpu"), refine).run(tmp_path / "none.json", tmp_path)

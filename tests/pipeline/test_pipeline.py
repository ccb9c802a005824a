"""One video through all stages, with random weights in the place of those that are fetched or shipped."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

import vosmem
from vosmem import config, video, weights
from vosmem.appearance import mobile
from vosmem.cli import main
from vosmem.memory.model import SHAPE, VisualMemory
from vosmem.motion import checkpoint
from vosmem.motion.mpnet import MPNet
from vosmem.weights import fetch


@pytest.fixture
def random_weights(tmp_path, monkeypatch):
    """Weight files with random content in the registry's place: two networks of motion, one of them without weights."""
    torch.manual_seed(0)
    files = {name: tmp_path / f"{name}.safetensors" for name in ("mpnet", "lvo")}
    files["efficientnet_lite0"] = tmp_path / "efficientnet_lite0.pth"
    settings = config.section_defaults("appearance")
    network = mobile.efficientnet_lite0(["block4", "block10", "block15"], settings["output_stride"])
    torch.save(network.state_dict(), files["efficientnet_lite0"])
    checkpoint.save(MPNet(0.05, 6), files["mpnet"], width=0.05, encoding="residual", settings={})
    memory = config.section_defaults("memory", {"projection": 4, "state": 4})
    channels = {"appearance": 472, "motion": 9, "fine": 8}
    model = VisualMemory(**channels, **{key: memory[key] for key in SHAPE})
    ends = {"last_row": "T-1 -> T-2", "first_row": "0 -> 1"}
    flow = {"name": "dis", "version": 2, "parameters": {"preset": "fast", **ends}}
    streams = {
        "appearance": [{
            "name": "efficientnet_lite0", "version": 1, "weights": weights.sha256(files["efficientnet_lite0"]),
            "parameters": {"layers": ["block4", "block10", "block15"], "output_stride": settings["output_stride"]},
        }],
        "motion": [{
            "name": "mpnet", "version": 1, "weights": weights.sha256(files["mpnet"]),
            "parameters": {"size": [116, 212], "pool": False, "flow": flow},
        }, {"name": "residual", "version": 1, "weights": "", "parameters": {"stride": 4, "flow": flow}}],
    }  # fmt: skip
    told = {"settings": memory, "channels": channels, "fine": ["residual/residual"], "streams": streams}
    told |= {"trained_on": [], "version": 1}
    weights.save(files["lvo"], model.state_dict(), told)
    known = {n: replace(weights.entry(n), sha256=weights.sha256(path)) for n, path in files.items()}
    monkeypatch.setattr(weights, "registry", lambda: known)
    monkeypatch.setattr(fetch, "fetch", lambda name, folder=None: files[name])
    return files


def clip(length=4, size=(60, 90)):
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (*size, 3), np.uint8), (0, 0), 1.5)
    frames = np.stack([scene] * length)
    for t in range(length):
        frames[t, 20:40, 10 + 5 * t : 30 + 5 * t] = (250, 30, 30)
    return frames


def test_segment_gives_a_mask_a_frame_at_the_frames_size(random_weights):
    masks = vosmem.segment(clip(), device="cpu", short_side=96)
    assert masks.shape == (4, 60, 90)
    assert masks.dtype == bool


def test_one_frame_is_segmented(random_weights):
    assert vosmem.segment(clip(1), device="cpu", short_side=96).shape == (1, 60, 90)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "the video holds no frames"),
        (np.zeros((2, 5, 5)), r"frames\[0\]: got float64 of shape \(5, 5\), expected uint8 of shape \(H, W, 3\)"),
        ([np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)], "frame 1: 8x9 pixels, the first has 9x9"),
    ],
)
def test_frames_that_cannot_be_used(random_weights, frames, message):
    from vosmem.errors import UserError

    with pytest.raises(UserError, match=message):
        vosmem.segment(frames, device="cpu", short_side=96)


@pytest.mark.parametrize("labels", ["255", "01"])
def test_a_folder_of_images_keeps_its_names(random_weights, tmp_path, labels, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for t, frame in enumerate(clip()):
        cv2.imwrite(str(folder / f"frame-{t}.png"), frame)
    command = [
        "segment",
        folder,
        "-o",
        tmp_path / "out",
        "--short-side",
        96,
        "--device",
        "cpu",
        "--probability",
        "--labels",
        labels,
    ]
    assert main([*map(str, command)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out/masks'}\n"
    names = [f"frame-{t}.png" for t in range(4)]
    assert sorted(p.name for p in (tmp_path / "out/masks").iterdir()) == names
    assert sorted(p.name for p in (tmp_path / "out/probability").iterdir()) == names
    mask = cv2.imread(str(tmp_path / "out/masks/frame-0.png"), cv2.IMREAD_UNCHANGED)
    probability = cv2.imread(str(tmp_path / "out/probability/frame-0.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == probability.shape == (60, 90)
    assert set(np.unique(mask)) <= {0, 255 if labels == "255" else 1}
    np.testing.assert_array_equal(mask[probability > 130] > 0, True)
    np.testing.assert_array_equal(mask[probability < 125] > 0, False)


def test_a_video_file_with_overlay(random_weights, tmp_path):
    pytest.importorskip("av", reason="needs the extra `video`")
    video.write_video(tmp_path / "in.mp4", clip(), 10)
    command = [
        "segment",
        tmp_path / "in.mp4",
        "-o",
        tmp_path / "out",
        "--short-side",
        96,
        "--device",
        "cpu",
        "--overlay",
    ]
    assert main([*map(str, command)]) == 0
    assert sorted(p.name for p in (tmp_path / "out/masks").iterdir()) == [f"{t:05d}.png" for t in range(4)]
    assert len(list(video.read_video(tmp_path / "out/overlay.mp4"))) == 4


def test_what_is_no_video_is_one_line(random_weights, tmp_path, capsys):
    (tmp_path / "in.mp4").write_bytes(b"no video")
    assert main(["segment", str(tmp_path / "in.mp4"), "-o", str(tmp_path / "out"), "--device", "cpu"]) == 1
    assert "in.mp4: cannot be opened as a video; give a video file or a folder of images" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

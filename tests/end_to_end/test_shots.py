"""A video of several shots through all stages: each shot comes out as if it were a video by itself."""

import json

import cv2
import h5py
import numpy as np
import pytest

from tests.appearance import u2netp_file
from vosmem import cache, video
from vosmem.cli import main
from vosmem.memory.clips import choose

SHOTS = (range(0, 5), range(5, 9))
MEMORY = "{projection: 4, state: 4, steps: 150, learning_rate: 0.02, clip_length: 3, crop: [6, 8], reach: 2}"


def vosmem(*arguments):
    assert main([*map(str, arguments)]) == 0


def describe(path, frames, masks, starts=(0,)):
    told = {
        "sequence": "film", "root": str(path.parent.parent / "frames"), "frames": frames, "masks": masks,
        "size": [64, 96], "working_size": [64, 96], "defects": [], "shots": list(starts),
    }  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders ``film``, ``shot0`` and ``shot1``, each with all that the stages make of the frames that it tells of."""
    folder = tmp_path_factory.mktemp("shots")
    (folder / "frames").mkdir()
    rng, names, masks = np.random.default_rng(0), [], []
    for k, shot in enumerate(SHOTS):
        scene = cv2.GaussianBlur(rng.integers(0, 120 + 100 * k, (64, 96, 3), np.uint8), (0, 0), 2)
        for i, t in enumerate(shot):
            mask = np.zeros((64, 96), np.uint8)
            left = 20 + 6 * i if k == 0 else 60 - 6 * i
            mask[20:44, left : left + 24] = 255
            names.append(f"{t}.png")
            masks.append(f"m{t}.png")
            cv2.imwrite(str(folder / "frames" / names[-1]), np.where(mask[..., None] > 0, 230 - 130 * k, scene))
            cv2.imwrite(str(folder / "frames" / masks[-1]), mask)
    u2netp = u2netp_file.write(folder / "u2netp.onnx", u2netp_file.numbers())
    describe(folder / "film/d.json", names, masks, [shot.start for shot in SHOTS])
    for k, shot in enumerate(SHOTS):
        describe(folder / f"shot{k}/d.json", names[shot.start : shot.stop], masks[shot.start : shot.stop])
    weights = folder / "weights.safetensors"
    for one in ("film", "shot0", "shot1"):
        inside = folder / one
        vosmem("flow", inside / "d.json", "--settings", "{estimator: dis}", "-o", inside / "flow.h5")
        vosmem(
            "motion",
            "predict",
            inside / "flow.h5",
            "--settings",
            "{network: residual}",
            "-o",
            inside / "motion/film.h5",
        )
        vosmem("appearance", inside / "d.json", "--settings", "{network: rgb}", "-o", inside / "appearance/film.h5")
        streams = ["--appearance", inside / "appearance/film.h5", "--motion", inside / "motion/film.h5"]
        if not weights.exists():
            folders = ["--appearance", inside / "appearance", "--motion", inside / "motion"]
            vosmem("memory", "train", inside / "d.json", *folders, "--out", weights, "--history", folder / "h.csv",
                   "--settings", MEMORY)  # fmt: skip
        vosmem("memory", "predict", weights, *streams, "-o", inside / "memory.h5")
        for method in ("temporal", "bilateral", "zoom"):
            vosmem("refine", inside / "d.json", inside / "memory.h5", "-o", inside / method / "film.json",
                   "--flow", inside / "flow.h5", "--appearance", inside / "appearance/film.h5", "--method", method,
                   "--look", u2netp, "--settings", "{zoom: {network: u2netp}}")  # fmt: skip
    return folder


@pytest.mark.parametrize("file", ["flow.h5", "motion/film.h5", "appearance/film.h5", "memory.h5"])
def test_caches_hold_what_each_shot_gives_by_itself(made, file):
    with cache.read(made / "film" / file) as whole:
        assert whole.clip.shots == [*SHOTS]
        for k, shot in enumerate(SHOTS):
            with cache.read(made / f"shot{k}" / file) as alone:
                assert alone.clip == whole.part(shot).clip
                for name in whole.names:
                    rows = whole.part(shot).rows(name)
                    np.testing.assert_array_equal(rows, whole.rows(name, shot.start, shot.stop))
                    np.testing.assert_array_equal(rows, alone.rows(name))
                    np.testing.assert_array_equal(whole.part(shot).rows(name, 1, 3), rows[1:3])
                    assert whole.part(shot).shape(name) == rows.shape
                    assert rows.astype(float).std() > 0


@pytest.mark.parametrize("method", ["temporal", "bilateral", "zoom"])
def test_masks_are_those_of_each_shot_by_itself(made, method):
    shown = 0
    for k, shot in enumerate(SHOTS):
        for t in shot:
            masks = [video.read_mask(made / one / method / f"film/{t}.png") for one in ("film", f"shot{k}")]
            np.testing.assert_array_equal(*masks)
            shown += masks[0].mean()
    assert 0 < shown < 9
    assert list(json.loads((made / f"film/{method}/film.json").read_text())["masks"]) == [f"{t}.png" for t in range(9)]


def test_without_its_shots_the_film_gives_something_else(made, tmp_path):
    """Or the tests above would say nothing."""
    told = json.loads((made / "film/d.json").read_text())
    del told["shots"]
    (tmp_path / "d.json").write_text(json.dumps(told))
    vosmem("flow", tmp_path / "d.json", "--settings", "{estimator: dis}", "-o", tmp_path / "flow.h5")
    with cache.read(tmp_path / "flow.h5") as one, cache.read(made / "film/flow.h5") as two:
        differ = [
            t for t in range(9) if not np.array_equal(one.rows("forward", t, t + 1), two.rows("forward", t, t + 1))
        ]
    assert differ == [4]


def test_files_with_other_shots_do_not_go_together(made, tmp_path, capsys):
    told = json.loads((made / "film/d.json").read_text()) | {"shots": [0, 4]}
    (tmp_path / "d.json").write_text(json.dumps(told))
    assert main(["refine", str(tmp_path / "d.json"), str(made / "film/memory.h5"), "-o", str(tmp_path / "o.json")]) == 1
    assert "memory.h5: is of other frames than film" in capsys.readouterr().err


@pytest.mark.parametrize("shots", ["[0, 9]", "[1, 5]", "[0, 5, 5]", "[]", '["0"]', "{}", "3", "[0, 2.5]"])
def test_shots_that_cannot_be_are_told(made, tmp_path, capsys, shots):
    told = (made / "film/d.json").read_text().replace("[0, 5]", shots)
    (tmp_path / "d.json").write_text(told)
    assert main(["refine", str(tmp_path / "d.json"), str(made / "film/memory.h5"), "-o", str(tmp_path / "o.json")]) == 1
    assert "d.json: not a description of a sequence" in capsys.readouterr().err
    (tmp_path / "f.h5").write_bytes((made / "film/flow.h5").read_bytes())
    with h5py.File(tmp_path / "f.h5", "a") as file:
        file.attrs["shots"] = np.bytes_(shots)
    assert (
        main(
            [
                "motion",
                "predict",
                str(tmp_path / "f.h5"),
                "--settings",
                "{network: residual}",
                "-o",
                str(tmp_path / "m.h5"),
            ]
        )
        == 1
    )
    assert "f.h5: its heading cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("annotated", [None, [2, 7], [8]])
def test_no_training_clip_reaches_across_a_cut(annotated):
    shown = np.ones(9, bool) if annotated is None else np.isin(range(9), annotated)
    seen = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        clip = choose(rng, [9], [(8, 12)], 4, 2, None, True, 0.3, [shown], 0.2, [[*SHOTS]])
        (shot,) = (shot for shot in SHOTS if {*clip.frames} <= {*shot})
        assert len(clip.frames) == 4
        assert shown[clip.frames].any()
        seen.add(shot)
    assert len(seen) == (1 if annotated == [8] else 2)

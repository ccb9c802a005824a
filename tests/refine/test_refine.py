"""Stage refine: probabilities to full-size masks, whole folders, hashes."""

import hashlib
import json

import numpy as np
import pytest

from vosmem import cache, video
from vosmem.cli import main
from vosmem.grid import Axis, Grid, resample
from vosmem.refine.methods import raw

GRID = Grid(Axis(60, 8, 0), Axis(107, 8, 0))


def test_raw_crosses_the_threshold_where_the_map_does():
    """A map that rises linearly from column to column is 0.5 at a known place, at every size of frame."""
    x = GRID.x.centres()
    probability = np.broadcast_to(np.clip((x - 300) / 200, 0, 1), GRID.shape).astype(np.float32)  # 0.5 at x = 400
    for size in ((480, 854), (1080, 1921), (240, 427)):
        mask = raw(probability, GRID, Grid.of_image(size, (480, 854)), 0.5)
        assert mask.shape == size
        edge = mask[size[0] // 2].argmax() - 0.5  # between the last pixel outside and the first inside
        assert (edge + 0.5) * 854 / size[1] - 0.5 == pytest.approx(400, abs=0.6 * 854 / size[1] + 0.5)


def test_a_perfect_soft_map_gives_the_mask_back():
    y, x = np.mgrid[:480, :854]
    disk = (x - 400) ** 2 + (y - 200) ** 2 < 100**2
    pixels = Grid.of_image((480, 854), (480, 854))
    soft = resample(disk.astype(np.float64), pixels, GRID, "area")
    mask = raw(soft, GRID, pixels, 0.5)
    assert (mask & disk).sum() / (mask | disk).sum() > 0.97
    centre = np.argwhere(mask).mean(0)
    np.testing.assert_allclose(centre, [200, 400], atol=0.3)


@pytest.fixture
def written(tmp_path):
    clip = cache.Clip("a.b", ("f1", "f2"), (48, 64))
    grid = Grid(Axis(6, 8, 0), Axis(8, 8, 0))
    with cache.write(tmp_path / "p.h5", clip, cache.Maker("memory", 1, "visual-memory")) as file:
        file.create("probability", grid.shape, grid)
        file.append("probability", np.random.default_rng(0).random((2, 6, 8)))
    described = {
        "sequence": "a.b", "root": ".", "frames": ["f1.jpg", "f2.jpg"], "masks": [None, None], "size": [96, 128],
        "working_size": [48, 64], "defects": [],
    }  # fmt: skip
    (tmp_path / "d.json").write_text(json.dumps(described))
    return tmp_path


def refine(folder, *more):
    return main(["refine", str(folder / "d.json"), str(folder / "p.h5"), "-o", str(folder / "out/a.b.json"), *more])


def test_masks_and_hashes(written):
    assert refine(written) == 0
    told = json.loads((written / "out/a.b.json").read_text())
    assert list(told["masks"]) == ["f1.png", "f2.png"]
    for name, digest in told["masks"].items():
        path = written / "out/a.b" / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        assert video.read_mask(path).shape == (96, 128)
    assert sorted(p.name for p in (written / "out").iterdir()) == ["a.b", "a.b.json"]


def test_the_threshold_counts(written):
    area = []
    for threshold in (0.2, 0.8):
        refine(written, "--settings", f"{{threshold: {threshold}}}")
        area.append(video.read_mask(written / "out/a.b/f1.png").sum())
    assert area[0] > area[1]


def test_a_failure_leaves_the_old_masks(written, capsys):
    refine(written)
    before = (written / "out/a.b/f1.png").read_bytes()
    (written / "p.h5").write_bytes(b"spoilt")
    assert refine(written) == 1
    assert "not a whole HDF5 file" in capsys.readouterr().err
    assert (written / "out/a.b/f1.png").read_bytes() == before
    assert sorted(p.name for p in (written / "out").iterdir()) == ["a.b", "a.b.json"]

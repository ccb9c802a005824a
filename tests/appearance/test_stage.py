"""The stage's registry: what every network promises alike."""

import numpy as np
import pytest
import torch

from vosmem import cache, config, video
from vosmem.appearance import DEFAULT_LAYERS, stage
from vosmem.data import describe

SETTINGS = config.section_defaults("appearance", {"saliency_size": 64})


@pytest.mark.parametrize("frame", [(480, 854), (97, 131), (64, 64), (66, 83)])
@pytest.mark.parametrize("name", stage.NETWORKS)
def test_every_layer_has_the_cells_that_its_grid_tells(name, frame):
    with torch.device("meta"):
        network = stage.NETWORKS[name].make(list(stage.NETWORKS[name].layers), SETTINGS).eval()
        maps = network(torch.zeros(1, 3, *frame))
    assert set(maps) == set(stage.NETWORKS[name].layers)
    for layer, map_ in maps.items():
        assert tuple(map_.shape[-2:]) == network.grid(layer, frame).shape, layer


def test_each_network_depends_on_its_own_settings():
    """So that a key of one network does not make another's caches anew."""
    read = {name: config.settings_for("appearance", SETTINGS, name).keys() for name in stage.NETWORKS}
    shared = {"network", "layers", "weights"}
    assert read["deeplab_largefov"] == shared
    assert read["mobilenet_v2"] == read["efficientnet_lite0"] == shared | {"output_stride"}
    assert read["u2netp"] == shared | {"saliency_size", "precision"}


def test_the_config_knows_every_network():
    for name in stage.NETWORKS:
        assert config.section_defaults("appearance", {"network": name})


@pytest.mark.parametrize("name", ["mobilenet_v2", "u2netp"])
def test_frames_several_at_a_time_give_what_one_by_one_gives(name, tmp_path, monkeypatch):
    """In one batch, as on a GPU, whose last is not full; and side by side, in threads."""
    row, settings = stage.NETWORKS[name], {**SETTINGS, "network": name, "precision": "float32"}
    torch.manual_seed(0)
    weights_of = row.make(list(DEFAULT_LAYERS[name]), settings)
    torch.save(weights_of.state_dict(), tmp_path / "weights.pth")
    monkeypatch.setattr(stage, "build", lambda *_: weights_of.eval().requires_grad_(False))
    for t in range(7):
        video.write_frame(tmp_path / f"{t}.png", np.random.default_rng(t).integers(0, 255, (64, 96, 3), np.uint8))
    describe.write(tmp_path / "a.json", {
        "sequence": "a", "root": str(tmp_path), "frames": [f"{t}.png" for t in range(7)], "masks": [None] * 7,
        "size": (64, 96), "working_size": (64, 96), "defects": [],
    })  # fmt: skip
    found = {}
    for n, threads in ((1, 1), (3, 1), (2, 3)):
        monkeypatch.setitem(stage.BATCH, "cpu", n)
        monkeypatch.setattr(stage, "threads_for_frames", lambda device, n=threads: n)
        out = tmp_path / f"{n}.h5"
        run = tmp_path / "a.json", out, name, settings, tmp_path / "weights.pth", torch.device("cpu")
        assert stage.run(*run) == 7
        with cache.read(out, "appearance") as file:
            found[n] = {layer: file.rows(layer).astype(np.float32) for layer in file.names}
    assert list(found[1]) == list(DEFAULT_LAYERS[name])
    for layer, rows in found[1].items():
        assert len(rows) == 7 and (rows[0] != rows[6]).any()
        for several in (2, 3):
            np.testing.assert_allclose(found[several][layer], rows, rtol=2e-3, atol=2e-3 * rows.std())

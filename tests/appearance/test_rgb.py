"""The frame's own colours on the memory's grid."""

import json

import numpy as np
import pytest
import torch

from vosmem import cache
from vosmem.appearance import stage
from vosmem.cli import main
from vosmem.config import section_defaults


@pytest.mark.parametrize("size", [(64, 80), (17, 29), (3, 8)])
def test_a_cell_is_the_mean_of_what_it_covers(size):
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    network = stage.build("rgb", section_defaults("appearance", {"network": "rgb"}), None)
    (maps,) = stage.features(network, frames, torch.device("cpu")).values()
    height, width = size
    for i in range(-(-height // 8)):
        for j in range(-(-width // 8)):
            # cell i covers 8 i - 4 to 8 i + 4, of a pixel on either edge half
            y, x = (np.clip(np.minimum(8 * k + 4, np.arange(n) + 0.5) - np.maximum(8 * k - 4, np.arange(n) - 0.5), 0, 1)
                    for k, n in ((i, height), (j, width)))  # fmt: skip
            share = np.outer(y, x) / np.outer(y, x).sum()
            expected = (share[..., None] * frames[..., ::-1] / 255).sum((1, 2))
            np.testing.assert_allclose(maps[:, :, i, j], expected, atol=1e-5)
    assert maps.shape == (2, 3, -(-height // 8), -(-width // 8))


def test_the_command_needs_no_weights(tiny_davis, tmp_path):
    root, out = tmp_path / "a.json", tmp_path / "a.h5"
    assert main(["data", "describe", "left", "--root", str(tiny_davis), "-o", str(root)]) == 0
    assert main(["appearance", str(root), "--settings", json.dumps({"network": "rgb"}), "-o", str(out)]) == 0
    with cache.read(out, "appearance") as file:
        assert file.names == ["rgb"]
        assert file.maker.weights_sha256 == ""
        assert file.rows("rgb", 0, 5).min() >= 0 and file.rows("rgb", 0, 5).max() <= 1

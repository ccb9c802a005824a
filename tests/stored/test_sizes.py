"""What is told beforehand is what the networks write."""

import numpy as np
import pytest
import torch

from vosmem import cache, config
from vosmem.appearance import DEFAULT_LAYERS
from vosmem.appearance import stage as appearance
from vosmem.flow import stage as flow
from vosmem.grid import Grid
from vosmem.motion import SALIENT, residual
from vosmem.motion import stage as motion
from vosmem.stored import sizes

FRAMES = [(480, 854), (240, 432), (97, 131), (854, 480), (64, 64)]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", appearance.NETWORKS)
@pytest.mark.parametrize("changes", [{}, {"output_stride": 8, "saliency_size": [96, 64]}])
def test_every_layer_of_every_network(name, frame, changes):
    given = config.section_defaults("appearance", changes)
    row = appearance.NETWORKS[name]
    for layers in (list(row.layers), []):
        settings = {**given, "layers": layers}
        with torch.device("meta"):
            network = row.make(layers or list(DEFAULT_LAYERS[name]), settings).eval()
            maps = network(torch.zeros(1, 3, *frame))
        told = dict(zip(layers or DEFAULT_LAYERS[name], sizes.appearance(name, settings, frame), strict=True))
        assert told == {layer: tuple(m.shape[1:]) for layer, m in maps.items()}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("pool", [False, True])
def test_motion_of_one_probability(frame, pool):
    settings = config.section_defaults("motion", {"pool": pool})
    field = np.zeros((1, 2, *frame), np.float32)
    for name in motion.ESTIMATORS:
        estimate = motion.ESTIMATORS["flow_magnitude"](None, torch.device("cpu"))
        maps = motion.probabilities(field, estimate, tuple(settings["size"]), pool, torch.device("cpu"))
        assert sizes.motion(name, settings, frame) == [maps.shape]


def test_every_method_is_known():
    size = (480, 854)
    for section, names in (
        ("flow", flow.METHODS),
        ("appearance", appearance.NETWORKS),
        ("motion", [*motion.ESTIMATORS, "residual", *SALIENT]),
    ):
        key = config.schema()["properties"][section]["properties"][config.NAMED_CACHES[section]]
        allowed = key.get("enum") or key["oneOf"][1]["items"]["enum"]
        assert {*names} == {*allowed}
        for name in names:
            assert sizes.bytes_of(section, name, config.section_defaults(section), 10, size) > 0


def test_the_sides_and_the_residual():
    settings = config.section_defaults("motion")
    assert sizes.motion("u2netp", settings, (480, 854)) == [(14, 160, 160)]
    channels = 2 * residual.PER_DIRECTION
    assert sizes.motion("residual", settings, (481, 854)) == [(channels, 121, 214)] and residual.STRIDE == 4


@pytest.mark.parametrize(("frames", "size"), [(1, (8, 8)), (30, (64, 96)), (500, (32, 48))])
def test_a_file_is_as_large_as_was_told(tmp_path, frames, size):
    clip = cache.Clip("a", tuple(f"{t:05d}" for t in range(frames)), size)
    with cache.write(tmp_path / "a.h5", clip, cache.Maker("flow", 1, "dis")) as file:
        for name in ("forward", "backward"):
            file.create(name, (2, *size), Grid.of_image(size, size))
            file.append(name, np.zeros((frames, 2, *size)))
    told = sizes.bytes_of("flow", "dis", config.section_defaults("flow", {"estimator": "dis"}), frames, size)
    assert abs(told - (tmp_path / "a.h5").stat().st_size) < sizes.HEADING + 0.02 * told

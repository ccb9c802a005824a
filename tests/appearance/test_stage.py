"""The stage's registry: what every network promises alike."""

import pytest
import torch

from vosmem import config
from vosmem.appearance import stage

SETTINGS = config.section_defaults("appearance", {"saliency_size": 64})


@pytest.mark.parametrize("frame", [(480, 854), (97, 131), (64, 64), (66, 83)])
@pytest.mark.parametrize("name", stage.NETWORKS)
def test_every_layer_has_the_cells_that_its_grid_tells(name, frame):
    with torch.device("meta"):
        network = stage.NETWORKS[name].make(list(stage.NETWORKS[name].layers), SETTINGS)
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

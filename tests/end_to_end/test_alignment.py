"""An edge at a known place, through every stage's file: it must come out where it went in, to a tenth of a cell."""

import json

import cv2
import numpy as np
import pytest
import torch

from vosmem import cache, config, video
from vosmem.data import describe
from vosmem.grid import Axis, Grid
from vosmem.memory.streams import Streams, soft_labels
from vosmem.motion import stage as motion
from vosmem.refine import stage as refine

SIZE = (480, 854)
CELL = 8
FRAMES = ("0", "1", "2", "3")
CLIP = cache.Clip("edge", FRAMES, SIZE)


def columns(edge):
    """1 from column ``edge`` on, 0 before."""
    return (np.arange(SIZE[1]) >= edge).astype(np.float32)


@pytest.fixture
def description(tmp_path):
    """Masks whose object is everything right of the edge, a different edge in every frame."""

    def write(edges):
        for name, edge in zip(FRAMES, edges, strict=True):
            mask = np.broadcast_to(columns(edge) * 255, SIZE).astype(np.uint8)
            cv2.imwrite(str(tmp_path / f"{name}.png"), mask)
        told = {
            "sequence": "edge", "root": str(tmp_path), "frames": [f"{f}.jpg" for f in FRAMES],
            "masks": [f"{f}.png" for f in FRAMES], "size": SIZE, "working_size": SIZE, "defects": [],
        }  # fmt: skip
        (tmp_path / "edge.json").write_text(json.dumps(told))
        return tmp_path / "edge.json"

    return write


def write_features(path, grid):
    with cache.write(path, CLIP, cache.Maker("appearance", cache.stage_version("appearance"), "toy")) as file:
        file.create("layer", (1, *grid.shape), grid)
        file.append("layer", np.zeros((4, 1, *grid.shape)))


def refined_edges(tmp_path, description, probability, grid, threshold):
    """Where the edge lies in the masks that stage refine makes of a probability."""
    with cache.write(
        tmp_path / "p.h5", CLIP, cache.Maker("memory", cache.stage_version("memory"), "visual-memory")
    ) as file:
        file.create("probability", grid.shape, grid)
        file.append("probability", probability)
    refine.run(description, tmp_path / "p.h5", tmp_path / "out/edge.json", "raw", {"threshold": threshold})
    return [video.read_mask(tmp_path / "out/edge" / f"{f}.png")[240].argmax() for f in FRAMES]


# A pixel is object or not, so an edge comes back within half a pixel of where the map crosses the threshold; edges in
# several phases of the grid average that out.
EDGES = np.arange(300, 380, 5).reshape(4, 4)  # every phase of cells of 8 and of 16 pixels, once or twice
GRIDS = {
    "mobile": Grid(Axis(60, 8, 0), Axis(107, 8, 0)),
    "largefov": Grid(Axis(61, 8, 0), Axis(108, 8, 0)),
    "stride 16": Grid(Axis(30, 16, 0), Axis(54, 16, 0)),
}


@pytest.mark.parametrize("finer", [1, 2])
@pytest.mark.parametrize("name", GRIDS)
def test_labels_and_masks(tmp_path, description, name, finer):
    """Masks -> soft labels on the read-out's grid, as trained on -> a model that predicts them -> masks."""
    shifts = []
    write_features(tmp_path / "a.h5", GRIDS[name])
    for edges in EDGES:
        path = description(edges)
        with Streams([tmp_path / "a.h5"], [], finer) as streams:
            grid = streams.fine_grid
            labels = soft_labels(describe.read(path), grid)
        shifts += [
            got - want for got, want in zip(refined_edges(tmp_path, path, labels, grid, 0.5), edges, strict=True)
        ]
    assert abs(np.mean(shifts)) < 0.1 * CELL


@pytest.mark.parametrize("pool", [False, True], ids=["half", "pooled"])
@pytest.mark.parametrize("size", [(116, 212), (232, 424)])
def test_motion(tmp_path, description, size, pool):
    """A step in the flow -> the motion stage's map -> the features' grid -> masks."""
    grid = GRIDS["mobile"]
    write_features(tmp_path / "a.h5", grid)
    settings = config.section_defaults("motion", {"network": "flow_magnitude", "size": list(size), "pool": pool})

    def maps(edges, speed):
        flow = np.zeros((4, 2, *SIZE), np.float32)
        flow[:, 0] = speed * np.stack([columns(e) for e in edges])[:, None]
        flow[:, 0, :, -300:] = 0  # the still part is the larger, so the median is the camera's
        with cache.write(tmp_path / "f.h5", CLIP, cache.Maker("flow", cache.stage_version("flow"), "toy")) as file:
            file.create("forward", (2, *SIZE), Grid.of_image(SIZE, SIZE))
            file.append("forward", flow)
        motion.run(tmp_path / "f.h5", tmp_path / "m.h5", "flow_magnitude", settings, None, torch.device("cpu"))
        with Streams([tmp_path / "a.h5"], [tmp_path / "m.h5"]) as streams:
            return streams.rows("motion", 0, 4)[:, 0]

    # slow, since the map of speed to probability bends; what half of the speed gives, far from any edge
    half = maps((300,) * 4, 0.1)[0, 30, 45]
    shifts = []
    for edges in EDGES:
        path = description(edges)
        masks = refined_edges(tmp_path, path, maps(edges, 0.2), grid, float(half))
        shifts += [got - want for got, want in zip(masks, edges, strict=True)]
    # max pooling widens what moves, by the half of the cell that it throws away
    widened = -0.5 * (SIZE[1] / (size[1] // 2)) if pool else 0
    assert abs(np.mean(shifts) - widened) < 0.1 * CELL

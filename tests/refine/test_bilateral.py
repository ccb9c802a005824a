"""Joint bilateral up-sampling beside its definition over all pairs of pixels."""

import numpy as np

from vosmem.grid import Axis, Grid, resample
from vosmem.refine import bilateral


def test_near_to_the_definition():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :40]
    frame = np.where((x + y < 34)[..., None], (40, 90, 160), (150, 120, 60)) + rng.normal(0, 8, (32, 40, 3))
    frame = np.clip(frame, 0, 255).astype(np.uint8)
    grid = Grid(Axis(4, 8, 0), Axis(5, 8, 0))
    cells = resample((x + y > 38).astype(np.float64), Grid.of_image((32, 40), (32, 40)), grid, "area")
    features = np.concatenate([np.stack([y, x], -1) / 8, frame / 20.0], -1).reshape(-1, 5)
    weights = np.exp(-0.5 * ((features[:, None] - features[None]) ** 2).sum(-1))
    up = resample(cells, grid, Grid.of_image((32, 40), (32, 40)))
    expected = (weights @ up.ravel() / weights.sum(1)).reshape(32, 40)
    ours = bilateral.refine(cells, grid, frame, sdims=8, schan=20, subsample=1, rounds=0)
    assert ours.shape == (32, 40)
    assert np.abs(ours - expected).mean() < 0.02
    assert np.abs(up - expected).mean() > 0.08
    assert ours.min() >= 0
    assert ours.max() <= 1 + 1e-5

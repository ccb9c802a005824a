"""The fully connected CRF beside a mean field over all pairs of pixels in float64, and beside its authors' code."""

import numpy as np
import pytest

from vosmem.grid import Axis, Grid, resample
from vosmem.refine import crf

DEFAULTS = {
    "iterations": 5, "gaussian_sdims": 3, "gaussian_compat": 3, "bilateral_sdims": 50, "bilateral_schan": 10,
    "bilateral_compat": 5,
}  # fmt: skip


def scene(height, width, seed=0):
    """A frame of two colours with noise, and a map whose edge lies some pixels beside the colours'."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 3) ** 2
    frame = np.clip(
        np.where(inside[..., None], (180, 90, 60), (60, 120, 150)) + rng.normal(0, 6, (height, width, 3)), 0, 255
    )
    shifted = (y - height / 2) ** 2 + (x - width / 2 - 2) ** 2 < (height / 3) ** 2
    probability = 0.25 + 0.5 * shifted + rng.uniform(-0.1, 0.1, (height, width))
    return frame.astype(np.uint8), probability.astype(np.float32), inside


def pixel_grid(frame):
    return Grid.of_image(frame.shape[:2], frame.shape[:2])


def all_pairs(features):
    """The exact kernel (N, N) of positions (N, d), between the square roots of its row sums."""
    kernel = np.exp(-0.5 * ((features[:, None] - features[None]) ** 2).sum(-1))
    scale = 1 / np.sqrt(kernel.sum(1))
    return scale[:, None] * kernel * scale


def reference(probability, kernels, iterations):
    """Mean field over both labels as Algorithm 1 has it, float64. ``kernels``: (weight, (N, N))."""
    p = np.clip(probability.astype(np.float64).ravel(), crf.EPSILON, 1 - crf.EPSILON)
    unary = -np.log(np.stack([1 - p, p]))  # (2, N)
    q = np.stack([1 - p, p])
    for _ in range(iterations):
        messages = [weight * (kernel @ q.T).T for weight, kernel in kernels]  # (2, N)
        # compatibility: a pixel pays for the others' belief in the other label
        energy = -unary - sum(m[::-1] for m in messages)
        energy -= energy.max(0)
        q = np.exp(energy) / np.exp(energy).sum(0)
    return q[1].reshape(probability.shape)


def features(frame, sdims, schan=None):
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    places = [y.ravel() / sdims, x.ravel() / sdims]
    colours = [] if schan is None else list(frame.reshape(-1, 3).T.astype(np.float64) / schan)
    return np.stack([*places, *colours], 1)


def test_mean_field_with_exact_kernels():
    """The rule for one difference of two labels is the rule for both of them."""
    frame, probability, _ = scene(14, 19)
    exact = all_pairs(features(frame, 5, 20))
    ours = crf.mean_field(probability, [(2.5, lambda v: (exact @ v.ravel()).reshape(v.shape))], 5)
    np.testing.assert_allclose(ours, reference(probability, [(2.5, exact)], 5), atol=1e-5)
    assert np.abs(ours - probability).max() > 0.1


def test_the_gaussian_kernel_is_exact():
    frame, probability, _ = scene(17, 22)
    exact = all_pairs(features(frame, 2.0))
    kernel = crf.normalised(crf.gaussian(2.0), frame.shape[:2])
    np.testing.assert_allclose(kernel(probability).ravel(), exact @ probability.ravel(), atol=2e-3)


def test_near_to_the_brute_force_mean_field():
    frame, probability, inside = scene(30, 41)
    settings = {**DEFAULTS, "bilateral_sdims": 10, "bilateral_schan": 20}
    ours = crf.refine(probability, pixel_grid(frame), frame, **settings)
    kernels = [(3, all_pairs(features(frame, 3))), (5, all_pairs(features(frame, 10, 20)))]
    theirs = reference(probability, kernels, 5)
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).mean() < 0.01
    assert ((ours > 0.5) != (theirs > 0.5)).mean() < 0.005
    assert ((ours > 0.5) != inside).sum() < ((probability > 0.5) != inside).sum() / 2  # it went to the colours' edge


def test_beside_the_authors_code():
    densecrf = pytest.importorskip("pydensecrf.densecrf", reason="needs pydensecrf2: pip install pydensecrf2")
    frame, probability, _ = scene(120, 161)
    field = densecrf.DenseCRF2D(161, 120, 2)
    field.setUnaryEnergy(np.ascontiguousarray(-np.log(np.stack([1 - probability, probability])).reshape(2, -1)))
    field.addPairwiseGaussian(sxy=3, compat=3)
    field.addPairwiseBilateral(sxy=50, srgb=10, rgbim=np.ascontiguousarray(frame), compat=5)
    theirs = np.array(field.inference(5))[1].reshape(120, 161)
    ours = crf.refine(probability, pixel_grid(frame), frame, **DEFAULTS)
    assert np.abs(ours - theirs).mean() < 0.005  # theirs has a lattice for the Gaussian too, where ours is exact
    assert ((ours > 0.5) != (theirs > 0.5)).mean() < 0.002


def test_without_kernels_it_is_the_unary():
    frame, _, _ = scene(16, 24)
    grid = Grid(Axis(2, 8, 0), Axis(3, 8, 0))
    cells = np.float32([[0, 0.3, 1], [0.2, 0.5, 0.9]])
    out = crf.refine(cells, grid, frame, **{**DEFAULTS, "gaussian_compat": 0, "bilateral_compat": 0})
    np.testing.assert_allclose(out, resample(cells, grid, pixel_grid(frame)), atol=2e-5)
    np.testing.assert_allclose(out[0, 0], crf.EPSILON, rtol=0.1)


def test_a_pixel_that_the_model_is_sure_of_can_turn():
    frame = np.full((20, 30, 3), 100, np.uint8)
    probability = np.full((20, 30), 0.9, np.float32)
    probability[10, 15] = 0
    out = crf.refine(probability, pixel_grid(frame), frame, **{**DEFAULTS, "gaussian_compat": 10})
    assert out[10, 15] > 0.5

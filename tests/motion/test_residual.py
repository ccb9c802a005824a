"""The residual's maps: against plain loops, and against the frames that they belong to."""

import numpy as np
import pytest
import torch

from vosmem import cache, config
from vosmem.errors import UserError
from vosmem.grid import Grid, resample
from vosmem.motion import residual, stage
from vosmem.motion.camera import diagonal, fit_camera
from vosmem.motion.encoding import ONE_PIXEL

CPU = torch.device("cpu")
SETTINGS = config.section_defaults("motion")


def test_following_a_flow_against_a_loop():
    rng = np.random.default_rng(0)
    field, flow = rng.standard_normal((1, 2, 6, 7)), 3 * rng.standard_normal((1, 2, 6, 7))
    expected = np.empty_like(field)
    for y in range(6):
        for x in range(7):
            at_x, at_y = np.clip(x + flow[0, 0, y, x], 0, 6), np.clip(y + flow[0, 1, y, x], 0, 5)
            left, top = min(int(at_x), 5), min(int(at_y), 4)
            a, b = at_x - left, at_y - top
            f = field[0, :, top : top + 2, left : left + 2]
            expected[0, :, y, x] = (1 - b) * ((1 - a) * f[:, 0, 0] + a * f[:, 0, 1]) + b * (
                (1 - a) * f[:, 1, 0] + a * f[:, 1, 1]
            )
    np.testing.assert_allclose(residual.follow(torch.tensor(field), torch.tensor(flow)), expected, atol=1e-12)


def test_maps_are_what_they_are_said_to_be():
    torch.manual_seed(0)
    flow, back = torch.randn(2, 2, 48, 64, dtype=torch.float64), torch.randn(2, 2, 48, 64, dtype=torch.float64)
    flow[:, 0, 10:30, 20:40] += 9
    camera, scale = fit_camera(flow)
    pixel = ONE_PIXEL * diagonal(48, 64)
    r = flow - camera
    length = torch.sqrt(r[:, 0] ** 2 + r[:, 1] ** 2)
    c = torch.maximum(5 * scale[:, 0], torch.tensor(pixel, dtype=torch.float64))
    e = (flow + residual.follow(back, flow)).square().sum(1).sqrt()
    expected = torch.stack(
        [r[:, 0] / (length + c), r[:, 1] / (length + c), length / (length + 4 * pixel), e / (e + pixel)], dim=1
    )
    torch.testing.assert_close(residual.describe(flow, back), expected)


def test_a_camera_that_pans_leaves_nothing_and_a_consistent_flow_is_trusted():
    flow = torch.full((1, 2, 48, 64), 3.0)
    maps = residual.describe(flow, -flow)
    assert maps.abs().max() < 1e-3


def test_a_mirror_turns_the_sign_of_the_odd_channels_only():
    torch.manual_seed(0)
    flow, back = 4 * torch.randn(1, 2, 33, 41), torch.randn(1, 2, 33, 41)  # odd sizes: the fit's points are symmetric
    sign = torch.tensor([-1.0, 1.0])[:, None, None]
    mirrored = residual.describe(flow.flip(-1) * sign, back.flip(-1) * sign)
    expected = residual.describe(flow, back).flip(-1)
    expected[:, list(residual.ODD)] *= -1
    torch.testing.assert_close(mirrored, expected, atol=1e-3, rtol=0)


def write_flow(path, length, backward=True, size=(64, 96)):
    """Random flow at half the working frame's size, in its pixels."""
    rng = np.random.default_rng(0)
    shape = (size[0] // 2, size[1] // 2)
    clip = cache.Clip("cat", tuple(f"{t:05d}" for t in range(length)), size)
    with cache.write(path, clip, cache.Maker("flow", cache.stage_version("flow"), "toy")) as file:
        for name in ("forward", "backward") if backward else ("forward",):
            file.create(name, (2, *shape), Grid.of_image(shape, size))
            file.append(name, 5 * rng.standard_normal((length, 2, *shape)))


@pytest.mark.parametrize("length", [1, 2, 3, 8, 9, 17])
def test_each_flow_is_checked_by_the_one_that_leads_back(tmp_path, length):
    write_flow(tmp_path / "flow.h5", length)
    out = tmp_path / "motion.h5"
    assert stage.run(tmp_path / "flow.h5", out, "residual", SETTINGS, None, CPU) == length
    with cache.read(tmp_path / "flow.h5") as file:
        own = file.grid("forward")
        forward, backward = (torch.from_numpy(file.rows(n).astype(np.float32)) / 2 for n in ("forward", "backward"))
    with cache.read(out, "motion") as file:
        grid = file.grid("residual")
        assert (grid.stride, grid.offset) == ((4, 4), (0, 0))
        assert file.odd("residual") == (0, 4)
        rows = file.rows("residual").astype(np.float32)
    assert rows.shape == (length, 8, 16, 24)
    for t in range(length):
        ahead = backward[t + 1] if t + 1 < length else forward[max(t - 1, 0)]
        behind = forward[t - 1] if t else backward[min(t + 1, length - 1)]
        if length == 1:
            ahead, behind = forward[0], backward[0]  # the one frame leads to itself
        maps = torch.cat(
            [residual.describe(forward[t][None], ahead[None]), residual.describe(backward[t][None], behind[None])], 1
        )
        expected = resample(maps[0].numpy(), own, grid, "area")
        np.testing.assert_allclose(rows[t], expected, atol=2e-3)


def test_flow_of_one_direction_is_refused(tmp_path):
    write_flow(tmp_path / "flow.h5", 3, backward=False)
    with pytest.raises(UserError, match=r"holds no /backward, .* set flow\.backward: true"):
        stage.run(tmp_path / "flow.h5", tmp_path / "motion.h5", "residual", SETTINGS, None, CPU)

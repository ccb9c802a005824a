"""Pictures of flow: against a plain reference; and what the detector's file holds for them."""

import colorsys

import numpy as np
import pytest
import torch

from vosmem import cache, config
from vosmem.errors import UserError
from vosmem.motion import saliency, stage
from vosmem.motion.camera import diagonal, fit_camera
from vosmem.motion.encoding import ONE_PIXEL

CPU = torch.device("cpu")


def moving_square(height: int = 48, width: int = 64) -> torch.Tensor:
    """(1, 2, H, W) float64: a camera that pans, noise, and a square that goes up and to the left."""
    generator = torch.Generator().manual_seed(0)
    flow = 0.05 * torch.randn(1, 2, height, width, generator=generator, dtype=torch.float64) + 2
    flow[:, :, 10:30, 20:40] -= 5
    return flow


def test_the_picture_against_the_library_s_colours():
    flow = moving_square()
    residual = (flow - fit_camera(flow)[0])[0].numpy()  # (2, H, W)
    length = np.hypot(*residual)
    longest = max(np.quantile(length, 0.99), 2 * ONE_PIXEL * diagonal(48, 64))
    drawn = saliency.picture(flow)[0].numpy()
    for y, x in [(0, 0), (12, 22), (29, 39), (30, 40), (47, 63), (20, 5)]:
        hue = 0.5 + np.arctan2(residual[1, y, x], residual[0, y, x]) / (2 * np.pi)
        expected = colorsys.hsv_to_rgb(hue, min(1.0, length[y, x] / longest), 1.0)
        np.testing.assert_allclose(drawn[:, y, x] / 255, expected, atol=1e-9)


def test_a_still_or_panning_field_is_white_and_noise_is_pale():
    assert saliency.picture(torch.full((1, 2, 32, 48), 3.0)).min() > 254
    noise = 0.05 * torch.randn(1, 2, 32, 48, generator=torch.Generator().manual_seed(0))  # of a field a tenth the size
    assert saliency.picture(noise * diagonal(32, 48) / diagonal(480, 854)).min() > 200


def test_every_field_has_a_scale_of_its_own():
    both = saliency.picture(torch.cat([moving_square(), 7 * moving_square()]))
    torch.testing.assert_close(both[1:], saliency.picture(7 * moving_square()))


class Halved(torch.nn.Module):
    """In the place of the detector: seven multiples of the picture's red, at half of the size."""

    def forward(self, pictures):
        red = torch.nn.functional.avg_pool2d(pictures[:, :1], 2)
        return {"sides": red * torch.arange(1, 8).view(7, 1, 1)}


@pytest.mark.slow
def test_fields_of_more_pixels_together_than_a_quantile_takes():
    flow = torch.zeros(2, 2, 2900, 2900)
    flow[:, 0, :1450] = 40
    assert saliency.picture(flow).shape == (2, 3, 2900, 2900)


def test_the_two_directions_stand_side_by_side():
    forward, backward = moving_square().float(), -moving_square().float()
    maps = saliency.sides(Halved(), forward, backward, "float32")
    assert maps.shape == (1, 14, 24, 32)
    for half, flow in zip(maps.chunk(2, dim=1), (forward, backward), strict=True):
        red = torch.nn.functional.avg_pool2d(saliency.picture(flow)[:, :1], 2)
        torch.testing.assert_close(half, torch.cat([red * k for k in range(1, 8)], dim=1))


def test_run(flow_both_ways, tmp_path, monkeypatch):
    """The grid is the frame's, edge to edge, and the flow counts in pixels of its own field."""
    seen = []
    monkeypatch.setattr(stage, "threads_for_frames", lambda device: 1)
    monkeypatch.setattr(stage.appearance, "build", lambda *_: Halved())
    monkeypatch.setattr(
        stage.saliency, "picture", lambda flow: seen.append(flow) or flow[:, :1].expand(-1, 3, -1, -1).clone()
    )
    settings = config.settings_for("motion", config.section_defaults("motion"), "u2netp")
    weights_file = tmp_path / "weights"
    weights_file.write_bytes(b"x")
    assert stage.run(flow_both_ways, tmp_path / "m.h5", "u2netp", settings, weights_file, CPU) == 4
    with cache.read(tmp_path / "m.h5", "motion") as file, cache.read(flow_both_ways) as flow:
        assert file.shape("sides") == (4, 14, 16, 24)
        assert file.grid("sides").y.stride == 64 / 16 and file.grid("sides").x.stride == 96 / 24
        assert file.maker.parameters["saliency_size"] == [320, 320] and file.maker.weights_sha256
        for t, given in enumerate(seen):
            rows = np.concatenate([flow.rows(n, t, t + 1) for n in ("forward", "backward")]).astype(np.float32)
            np.testing.assert_allclose(given.numpy(), rows / 2, rtol=1e-6)  # the field has half of the frame's size


def test_frames_side_by_side_are_those_in_turn(flow_both_ways, tmp_path, monkeypatch):
    monkeypatch.setattr(stage.appearance, "build", lambda *_: Halved())
    settings = config.settings_for("motion", config.section_defaults("motion"), "u2netp")
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(stage, "threads_for_frames", lambda device, n=threads: n)
        assert stage.run(flow_both_ways, tmp_path / f"{threads}.h5", "u2netp", settings, None, CPU) == 4
        with cache.read(tmp_path / f"{threads}.h5", "motion") as file:
            found.append(file.rows("sides", 0, 4))
    np.testing.assert_array_equal(*found)
    assert len({rows.tobytes() for rows in found[0]}) == 4


def test_both_directions_are_needed(flow_both_ways, tmp_path):
    one_way = tmp_path / "one.h5"
    with cache.read(flow_both_ways) as flow, cache.write(one_way, flow.clip, flow.maker) as file:
        file.create("forward", flow.shape("forward")[1:], flow.grid("forward"))
        file.append("forward", flow.rows("forward"))
    settings = config.settings_for("motion", config.section_defaults("motion"), "u2netp")
    with pytest.raises(UserError, match="backward: true"):
        stage.run(one_way, tmp_path / "m.h5", "u2netp", settings, None, CPU)


@pytest.fixture
def flow_both_ways(tmp_path):
    """Four frames of 64x96 pixels, flow in both directions at half of their size."""
    from vosmem.grid import Grid

    clip = cache.Clip("bear", ("0", "1", "2", "3"), (64, 96))
    generator = np.random.default_rng(0)
    with cache.write(tmp_path / "flow.h5", clip, cache.Maker("flow", cache.stage_version("flow"), "raft")) as file:
        for name in ("forward", "backward"):
            file.create(name, (2, 32, 48), Grid.of_image((32, 48), (64, 96)))
            file.append(name, generator.standard_normal((4, 2, 32, 48)))
    return tmp_path / "flow.h5"

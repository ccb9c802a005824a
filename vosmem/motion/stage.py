"""Flow file to motion file: ``/probability`` (T, h, w), or the maps of a network that reads both directions of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vosmem import cache, config, precision, weights
from vosmem.ahead import side_by_side
from vosmem.appearance import stage as appearance
from vosmem.device import threads_for_frames
from vosmem.errors import UserError
from vosmem.grid import Axis, Grid, resample
from vosmem.motion import BOTH_DIRECTIONS, SALIENT, STAGE_VERSION, checkpoint, residual, rivals, saliency
from vosmem.motion.encoding import ENCODINGS

# Flow (N, 2, H, W) in pixels of the field -> probability (N, 1, H // 2, W // 2), both float32.
Estimator = Callable[[Tensor], Tensor]

WITH_WEIGHTS = ("mpnet", *SALIENT)
REFERENCE = (480, 854)  # the frame that `size` speaks of
FRAMES_AT_ONCE = 8


def _mpnet(path: Path | None, device: torch.device) -> Estimator:
    if path is None:
        raise UserError("motion.network: mpnet needs a weight file; set motion.weights")
    network, encoding = checkpoint.load(path)
    network = network.to(device, memory_format=torch.channels_last)

    def estimate(flow: Tensor) -> Tensor:
        x = ENCODINGS[encoding](flow).contiguous(memory_format=torch.channels_last)  # (N, C, H, W)
        return torch.sigmoid(network(x))  # (N, 1, H // 2, W // 2)

    return estimate


# name -> how to make the estimator from its weight file (None where it has none)
ESTIMATORS: dict[str, Callable[[Path | None, torch.device], Estimator]] = {
    "mpnet": _mpnet,
    "camera_residual": lambda path, device: rivals.camera_residual,
    "flow_magnitude": lambda path, device: rivals.flow_magnitude,
}


def input_size(frame: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The (H, W) that a frame's flow is brought to: ``size`` for 480x854; for others its area at their own aspect.

    Multiples of 4, so that every pooling before the memory's grid divides evenly; 32 at least.
    """
    stretch = ((frame[0] / frame[1]) / (REFERENCE[0] / REFERENCE[1])) ** 0.5
    height, width = (max(32, 4 * round(n / 4)) for n in (size[0] * stretch, size[1] / stretch))
    return height, width


def bring_to(
    flow: np.ndarray, shape: tuple[int, int], frame: tuple[int, int] | None = None, source: Grid | None = None
) -> np.ndarray:
    """Flow (N, 2, h, w) in pixels of the working frame -> (N, 2, *shape) in pixels of that shape, float32.

    ``frame``: the working frame's (H, W), (h, w) if not given; ``source``: where the flow's cells lie in it, edge to
    edge if not given.
    """
    size = (int(flow.shape[2]), int(flow.shape[3]))
    frame = frame or size
    coarser = shape[0] * shape[1] <= size[0] * size[1]
    source, target = source or Grid.of_image(size, frame), Grid.of_image(shape, frame)
    field = resample(flow.astype(np.float32), source, target, "area" if coarser else "linear")
    return field * np.array([shape[1] / frame[1], shape[0] / frame[0]], np.float32)[:, None, None]


def probabilities(
    flow: np.ndarray,
    estimate: Estimator,
    size: tuple[int, int],
    pool: bool,
    device: torch.device,
    frame: tuple[int, int] | None = None,
    source: Grid | None = None,
) -> np.ndarray:
    """Flow (N, 2, H, W) in pixels -> probability of independent motion (N, h, w) float32, covering the same frame.

    ``frame``, ``source``: where the flow lies, see :func:`bring_to`.

    Cell j of the estimator's output covers pixels 2j and 2j + 1 of the field, and with ``pool`` a cell is the largest
    of 2x2 such cells; the field covers the frame edge to edge, so the result lies on ``Grid.of_image((h, w), (H, W))``.
    """
    frame = frame or (int(flow.shape[2]), int(flow.shape[3]))
    field = bring_to(flow, input_size(frame, size), frame, source)  # (N, 2, H', W')
    with torch.inference_mode():
        probability = estimate(torch.from_numpy(field).to(device))  # (N, 1, H'/2, W'/2)
        if pool:
            probability = F.max_pool2d(probability, 2)  # (N, 1, H'/4, W'/4)
    return probability[:, 0].float().cpu().numpy()


def run(
    flow: Path, out: Path, network: str, settings: Mapping[str, Any], path: Path | None, device: torch.device
) -> int:
    """Read the flow of one sequence, write its motion maps. Returns the number of frames.

    Estimators of :data:`ESTIMATORS` read ``/forward`` and write ``/probability``; the last row of ``/forward`` points
    backwards in time, and what moves by itself does so in either direction. Those of :data:`BOTH_DIRECTIONS` write
    ``/residual`` and ``/sides``.
    """
    own = precision.settled(config.settings_for("motion", settings, network), device)
    told = {key: value for key, value in own.items() if key not in ("network", "weights")}
    if network == "residual":
        told["stride"] = residual.STRIDE
    with cache.read(flow, "flow") as source:
        if network in BOTH_DIRECTIONS and "backward" not in source.names:
            raise UserError(
                f"{flow}: holds no /backward, which motion.network: {network} needs; set flow.backward: true"
            )
        above = {
            "name": source.maker.name,
            "version": source.maker.version,
            "parameters": dict(source.maker.parameters),
        }
        if source.maker.weights_sha256:
            above["weights"] = source.maker.weights_sha256
        sha256 = weights.sha256(path) if path is not None and network in WITH_WEIGHTS else ""
        maker = cache.Maker("motion", STAGE_VERSION, network, {**told, "flow": above}, sha256)
        with cache.write(out, source.clip, maker) as file, torch.inference_mode():
            if network == "residual":
                _write_residual(source, file, device)
            elif network in SALIENT:
                precise = own["precision"]
                detector = appearance.build(network, {**own, "layers": ["sides"]}, path, device, precise)
                _write_sides(source, file, detector, precise, device)
            else:
                _write_probability(source, file, ESTIMATORS[network](path, device), own, device)
        return len(source)


def _write_probability(
    source: cache.Reader, file: cache.Writer, estimate: Estimator, settings: Mapping[str, Any], device: torch.device
) -> None:
    """``/probability`` (T, h, w): what an estimator makes of the forward flow."""
    size, pool, grid = (int(settings["size"][0]), int(settings["size"][1])), settings["pool"], source.grid("forward")
    for t in range(0, len(source), FRAMES_AT_ONCE):
        rows = source.rows("forward", t, min(t + FRAMES_AT_ONCE, len(source)))  # (n, 2, h, w)
        maps = probabilities(rows, estimate, size, pool, device, source.clip.frame_size, grid)  # (n, h, w)
        if t == 0:
            file.create("probability", maps.shape[1:], Grid.of_image(maps.shape[1:], source.clip.frame_size))
        file.append("probability", maps)


def _write_sides(
    source: cache.Reader, file: cache.Writer, detector: nn.Module, precise: str, device: torch.device
) -> None:
    """``/sides`` (T, 14, h, w): :func:`saliency.sides`."""
    scale = _to_cells(source.grid("forward"))
    flows = ([source.rows(n, t, t + 1) * scale for n in ("forward", "backward")] for t in range(len(source)))

    def look(both: list[np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            forward, backward = (torch.from_numpy(flow).to(device) for flow in both)
            return saliency.sides(detector, forward, backward, precise).cpu().numpy()  # (1, 14, h, w)

    for t, maps in enumerate(side_by_side(look, flows, threads_for_frames(device))):
        if t == 0:
            file.create("sides", maps.shape[1:], Grid.of_image(maps.shape[2:], source.clip.frame_size))
        file.append("sides", maps)


def _to_cells(grid: Grid) -> np.ndarray:
    """(2, 1, 1) float32: what takes flow in pixels of the frame to cells of the flow's own grid."""
    return np.array([1 / grid.x.stride, 1 / grid.y.stride], np.float32)[:, None, None]


def _write_residual(source: cache.Reader, file: cache.Writer, device: torch.device) -> None:
    """``/residual`` (T, 8, h, w): :func:`residual.describe` of the forward, then of the backward flow."""
    own = source.grid("forward")
    grid = Grid(*(Axis(-(-n // residual.STRIDE), residual.STRIDE, 0) for n in source.clip.frame_size))
    n = residual.PER_DIRECTION
    odd = [direction * n + c for direction in range(2) for c in residual.ODD]
    file.create("residual", (2 * n, *grid.shape), grid, odd=odd)
    for shot in source.clip.shots:
        for maps in _residuals(source.part(shot), device):
            file.append("residual", resample(maps, own, grid, "area" if own.x.stride < residual.STRIDE else "linear"))


def _residuals(source: cache.Reader, device: torch.device) -> Iterator[np.ndarray]:
    """The maps of one shot on the flow's own grid, some frames at a time, (n, 8, H, W)."""
    length, to_cells = len(source), _to_cells(source.grid("forward"))
    for t in range(0, length, FRAMES_AT_ONCE):
        stop = min(t + FRAMES_AT_ONCE, length)
        # The flow back from where forward[t] leads is backward[t + 1], and that from backward[t] is forward[t - 1]; at
        # the shot's ends both directions lead to the one neighbour.
        low, high = max(t - 1, 0), min(stop + 1, length)
        forward, backward = (
            torch.from_numpy(source.rows(name, low, high).astype(np.float32) * to_cells).to(device)
            for name in ("forward", "backward")
        )
        at = torch.arange(t, stop) - low
        after, before = (at + 1).clamp(max=high - 1 - low), (at - 1).clamp(min=0)
        from_next, from_last = backward[after], forward[before]
        if stop == length:
            from_next[-1] = forward[before[-1]]
        if t == 0:
            from_last[0] = backward[after[0]]
        maps = torch.cat([residual.describe(forward[at], from_next), residual.describe(backward[at], from_last)], dim=1)
        yield maps.cpu().numpy()

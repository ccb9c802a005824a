"""How near to the machine's peak is the extraction of features? Ours beside the same network run plainly.

    python -m benchmarks.appearance [--network deeplab_largefov efficientnet_lite0 u2netp] [--size 480 854]
                                    [--threads N] [--rounds 5] [--device cpu] [--precision bfloat16 ...]

`plain` is the loop that one writes first: the network as defined (its batch normalisations where they were trained),
float32, one frame at a time, channels first, each ReLU by itself. `ours` is what the stage runs, with bfloat16 factors
too where they are native; `apart` is the largest difference of a map's values from plain's, in deviations of that map.
The peak is the best rate that matrix products and 3x3 convolutions of any of several shapes reach in the same type, in
the same run.
Weights are random, which changes no time; what bfloat16 does to the maps of trained networks is told by --weights
registry.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.rounds import fastest
from vosmem import fused, precision, weights
from vosmem.appearance import DEFAULT_LAYERS
from vosmem.appearance.stage import NETWORKS, features, fold_batch_norm
from vosmem.config import section_defaults

NETWORK = ("deeplab_largefov", "efficientnet_lite0", "u2netp")


def peak(dtype: torch.dtype, device: torch.device, rounds: int) -> dict[str, float]:
    """The best rates, in operations a second, of matrix products and of convolutions (``matrix``, ``convolution``)."""
    work: dict[str, Callable[[], object]] = {}
    operations: dict[str, float] = {}

    def add(name: str, count: float, run: Callable[[], object]) -> None:
        work[name], operations[name] = run, count

    for n in (1024, 2048):
        a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
        add(f"matrix {n}", 2 * n**3, lambda a=a, b=b: a @ b)
    for channels, height, width in ((64, 240, 427), (256, 120, 214), (512, 60, 107)):
        x = torch.randn(1, channels, height, width, device=device, dtype=dtype)
        conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False, device=device, dtype=dtype)
        x, conv = x.to(memory_format=torch.channels_last), conv.to(memory_format=torch.channels_last)
        add(f"convolution {channels}", 2 * 9 * channels**2 * height * width, lambda x=x, c=conv: c(x))
    with torch.inference_mode():
        seconds = fastest({k: _waiting(run, device) for k, run in work.items()}, rounds)
    rates = {name: operations[name] / seconds[name] for name in work}
    return {kind: max(r for k, r in rates.items() if k.startswith(kind)) for kind in ("matrix", "convolution")}


def _waiting(run: Callable[[], object], device: torch.device) -> Callable[[], object]:
    def waited() -> None:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return waited


def network(name: str, folder: Path | None) -> tuple[nn.Module, nn.Module]:
    """The network as defined, and as the stage prepares it, with the same weights."""
    row, settings = NETWORKS[name], section_defaults("appearance", {"network": name})
    torch.manual_seed(0)
    plain, ours = (row.make(list(DEFAULT_LAYERS[name]), settings).eval().requires_grad_(False) for _ in range(2))
    if folder is None:
        _settle(plain)
    else:
        plain.load_state_dict(row.convert(weights.load(folder), plain), strict=False)
    ours.load_state_dict(plain.state_dict())
    fold_batch_norm(ours)
    row.for_bfloat16(ours)
    return plain, ours


def _settle(model: nn.Module) -> None:
    """Random weights that neither drown nor blow up what passes through them."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)


def measure(name: str, args: argparse.Namespace, peaks: dict[str, dict[str, float]]) -> float:
    """Print the rows of one network; returns how many times as fast as plain the fastest of ours is."""
    device = torch.device(args.device)
    path = weights.file_for(name, "registry") if args.weights == "registry" else None
    plain, ours = network(name, path)
    plain = plain.to(device)
    ours = ours.to(device, memory_format=torch.channels_last)
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.integers(0, 255, (1, 3, 12, 20), np.uint8)).float()
    frame = nn.functional.interpolate(coarse, args.size, mode="bicubic").clamp(0, 255).byte()
    frame = frame.permute(0, 2, 3, 1).contiguous().numpy()  # (1, H, W, 3)

    def plainly() -> dict[str, Tensor]:
        x = torch.from_numpy(frame[..., ::-1].copy()).permute(0, 3, 1, 2).contiguous().float()  # (1, 3, H, W)
        with torch.inference_mode(), mock.patch.object(fused, "_types", frozenset):
            return {k: m.cpu() for k, m in plain(x.to(device)).items()}

    work: dict[str, Callable[[], object]] = {"plain": plainly}
    work |= {p: (lambda p=p: features(ours, frame, device, p)) for p in peaks}
    with FlopCounterMode(display=False) as counter:
        reference = {k: m.numpy() for k, m in plainly().items()}
    operations = counter.get_total_flops()
    seconds = fastest(work, args.rounds)
    for kind in work:
        multiplied = "float32" if kind == "plain" else kind
        rate = operations / seconds[kind]
        apart = ""
        if kind != "plain":
            maps = features(ours, frame, device, kind)
            apart = f"{max(np.abs(maps[k] - m).max() / m.std() for k, m in reference.items()):.1e}"
        print(
            f"{name:<20}{'plain' if kind == 'plain' else 'ours ' + kind:<16}{1e3 * seconds[kind]:>9.1f}"
            f"{rate / 1e9:>9.0f}{rate / peaks[multiplied]['convolution']:>9.0%}{seconds['plain'] / seconds[kind]:>9.2f}"
            f"{apart:>9}"
        )
    return seconds["plain"] / min(seconds[p] for p in peaks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=sorted(NETWORKS), default=NETWORK)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 854), metavar=("H", "W"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", nargs="+", choices=precision.TYPES, help="default: those that are native here")
    parser.add_argument("--weights", choices=("random", "registry"), default="random")
    args = parser.parse_args()
    args.size = tuple(args.size)
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    args.precision = args.precision or {"float32", precision.choose("auto", device)}
    types = {name: dtype for name, dtype in precision.TYPES.items() if name in args.precision}
    peaks = {name: peak(dtype, device, args.rounds) for name, dtype in types.items()}
    for name, best in peaks.items():
        told = ", ".join(f"{kind} {rate / 1e9:.0f}" for kind, rate in best.items())
        print(f"peak {name}: {told} billion operations a second, {args.threads} threads")
    print(f"{'network':<20}{'':<16}{'ms/frame':>9}{'Gop/s':>9}{'of peak':>9}{'x plain':>9}{'apart':>9}")
    gains = {name: measure(name, args, peaks) for name in args.network}
    first = args.network[0]
    print(f"appearance: {gains[first]:.2f}x the plain loop ({first})")


if __name__ == "__main__":
    main()

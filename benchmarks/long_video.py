"""What `vosmem segment` takes, by the length of the video: python -m benchmarks.long_video [--frames 100 1000 10000]

A film is rendered and segmented by the command, in a process of its own, with masks, probabilities and overlay; told
are the most memory that the process held (its resident set), and how long it took. A film is one shot, the worst case.

By default small networks stand in for those that the shipped weights name: DIS, EfficientNet-Lite0, and a memory as
large as the shipped one, with random weights, since masks are not what is measured. --shipped takes the real ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

SHIPPED = ["--shipped"]


def film(length: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8: a disc on a way of its own over a ground that passes by."""
    import cv2

    (height, width), rng = size, np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 255, (12, 40, 3), np.uint8), (3 * width, 2 * height))
    for t in range(length):
        x, y = round(width * (1 + 0.6 * np.sin(t / 60))), round(height * (0.5 + 0.1 * np.sin(t / 23)))
        frame = ground[y : y + height, x : x + width].copy()
        middle = round(width * (0.5 + 0.3 * np.sin(t / 11))), round(height * (0.5 + 0.2 * np.cos(t / 17)))
        yield cv2.circle(frame, middle, height // 6, (40, 90, 230), -1)


def stand_ins(folder: Path) -> None:
    """Have the package find small networks, and a memory over them, in ``folder``, where it looks for the shipped."""
    import torch

    from vosmem import appearance, config, flow, motion, weights
    from vosmem.appearance import mobile, u2netp
    from vosmem.memory import shape
    from vosmem.memory.model import VisualMemory
    from vosmem.weights import fetch

    torch.manual_seed(0)
    layers, stride = ["block4", "block10", "block15"], config.section_defaults("appearance")["output_stride"]
    names = {"efficientnet_lite0": "small.pth", "u2netp": "look.pth", "lvo": "lvo.safetensors"}
    files = {name: folder / file for name, file in names.items()}
    torch.save(_as_upstream(u2netp.U2NetP([], 320).state_dict()), files["u2netp"])
    torch.save(mobile.efficientnet_lite0(layers, stride).state_dict(), files["efficientnet_lite0"])
    dis = {
        "name": "dis",
        "version": flow.STAGE_VERSION,
        "parameters": {"preset": "fast", "last_row": "T-1 -> T-2", "first_row": "0 -> 1"},
    }
    lite0 = {
        "name": "efficientnet_lite0",
        "version": appearance.STAGE_VERSION,
        "weights": weights.sha256(files["efficientnet_lite0"]),
        "parameters": {"layers": layers, "output_stride": stride},
    }
    residual = {
        "name": "residual",
        "version": motion.STAGE_VERSION,
        "weights": "",
        "parameters": {"stride": 4, "flow": dis},
    }
    streams = {"appearance": [lite0], "motion": [residual]}
    settings, channels = config.section_defaults("memory"), {"appearance": 472, "motion": 8, "fine": 0}
    model = VisualMemory(**channels, **shape(settings))
    told = {"settings": settings, "channels": channels, "fine": [], "streams": streams}
    weights.save(files["lvo"], model.state_dict(), {**told, "trained_on": [], "version": 1})
    known = {name: replace(weights.entry(name), sha256=weights.sha256(path)) for name, path in files.items()}
    known["zoom-u2netp"] = weights.entry("zoom-u2netp")  # comes with vosmem, small already
    rules = config.schema()["properties"]["refine"]["properties"]["zoom"]["properties"]
    rules["network"]["default"] = "u2netp"
    weights.registry = lambda: known
    fetch.fetch = lambda name, folder=None: files[name]


def _as_upstream(tensors: dict) -> dict:
    """U2-Net-p's tensors by the names of its file: the sides' and the fusion's, and numbers."""
    named = {f"side.{i}": f"side{i + 1}" for i in range(6)} | {"fuse": "outconv"}
    found = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        found[f"{named[layer]}.{kind}" if layer in named else f"{len(found)}"] = tensor
    return found


def measure(length: int, size: tuple[int, int], method: str, shipped: bool) -> tuple[float, float]:
    """One film in a process of its own: the most memory that it held, in bytes, and its seconds."""
    from vosmem import videofile

    with tempfile.TemporaryDirectory() as folder:
        videofile.write(Path(folder) / "film.mp4", film(length, size), [t / 25 for t in range(length)])
        options = ["--inside", folder, "--size", *map(str, size), "--method", method, *SHIPPED * shipped]
        begin = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.long_video", *options])
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit("vosmem segment failed")
        return used.ru_maxrss * 1024, time.perf_counter() - begin


def segment(folder: Path, size: tuple[int, int], method: str) -> None:
    from vosmem.cli import main as vosmem

    options = ["--method", method, "--overlay", "--probability", "--no-cuts", "--device", "cpu", "--threads", "1"]
    paths = [str(folder / "film.mp4"), "-o", str(folder / "out")]
    if vosmem(["segment", *paths, *options, "--short-side", str(min(size))]):
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 1000, 10000], help="(default: 100 1000 10000)")
    parser.add_argument("--size", type=int, nargs=2, default=(96, 160), metavar=("H", "W"), help="(default: 96 160)")
    parser.add_argument("--method", default="zoom", help="as of vosmem segment (default: %(default)s)")
    parser.add_argument(*SHIPPED, action="store_true", help="the shipped weights and their networks, which are fetched")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    size = (args.size[0], args.size[1])
    if args.inside:
        if not args.shipped:
            stand_ins(args.inside)
        segment(args.inside, size, args.method)
        return
    most = {}
    print(f"{'frames':>7}{'MiB at most':>13}{'seconds':>9}{'ms/frame':>10}   ({size[1]}x{size[0]} pixels, one shot)")
    for length in args.frames:
        held, seconds = measure(length, size, args.method, args.shipped)
        most[length] = held
        print(f"{length:>7}{held / 2**20:>13.0f}{seconds:>9.0f}{1e3 * seconds / length:>10.1f}", flush=True)
    short, long = min(most), max(most)
    print(f"long_video: {most[long] / most[short]:.2f}x the memory for {long / short:g} times the frames")


if __name__ == "__main__":
    main()

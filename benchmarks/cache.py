"""What compression of the caches costs and saves, on real features, and what share of training is spent reading them.

    python -m benchmarks.cache results/davis2016-train [--files appearance/u2netp motion/residual-raft flow/raft]
                               [--sequences 3] [--clips 30] [--clip-length 8] [--memory lvo] [--cold]

First table: the first data set of each cache, written anew by each codec as the cache writes it (float16, one frame a
chunk, with checksums), then read back in random clips; a raw memory map without checksums is the floor. Rates are of
uncompressed bytes, read from the system's page cache, or with --cold from the disk. Codecs of hdf5plugin are asked only
where it is installed. Second table: seconds of a training step of the config's memory, and of it those that pass
before the maps are there.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vosmem import cache, config

CODECS: dict[str, Mapping[str, Any]] = {
    "none": {},
    "lzf": {"compression": "lzf"},
    "lzf, shuffled": {"compression": "lzf", "shuffle": True},
    "gzip 1, shuffled": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
    "gzip 4, shuffled": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
}


def codecs() -> dict[str, Mapping[str, Any]]:
    """All codecs at hand: those of h5py, and those of hdf5plugin where it is installed."""
    try:
        import hdf5plugin
    except ImportError:
        return CODECS
    return CODECS | {
        "zstd 1": dict(hdf5plugin.Zstd(clevel=1)),
        "zstd 1, shuffled": {**hdf5plugin.Zstd(clevel=1), "shuffle": True},
        "blosc2 lz4, bits": dict(hdf5plugin.Blosc2("lz4", clevel=1, filters=hdf5plugin.Blosc2.BITSHUFFLE)),
        "blosc2 zstd, bits": dict(hdf5plugin.Blosc2("zstd", clevel=1, filters=hdf5plugin.Blosc2.BITSHUFFLE)),
    }


def forget(path: Path) -> None:
    """Have the system drop what it keeps of a file in memory."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def reading(rows: Callable[[int], np.ndarray], starts: np.ndarray) -> float:
    """Seconds of reading the clips that begin at ``starts``."""
    begin = time.perf_counter()
    for start in starts:
        rows(int(start))
    return time.perf_counter() - begin


def compare(features: np.ndarray, args: argparse.Namespace) -> dict[str, list[float]]:
    """For each codec: bytes on disk, seconds to write, seconds to read the clips, of (T, C, h, w) float16."""
    n = args.clip_length
    starts = np.random.default_rng(0).integers(0, len(features) - n, args.clips)
    told = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for name, options in codecs().items():
            path = Path(folder) / "codec.h5"
            begin = time.perf_counter()
            with h5py.File(path, "w", libver=("v110", "v110")) as file:
                data = file.create_dataset(
                    "x", features.shape, "float16", chunks=(1, *features.shape[1:]), fletcher32=True, **options
                )
                for t, row in enumerate(features):
                    data[t] = row
            seconds = time.perf_counter() - begin
            if args.cold:
                forget(path)
            with h5py.File(path) as file:
                data = file["x"]
                told[name] = [path.stat().st_size, seconds, reading(lambda s, d=data: d[s : s + n], starts)]
        path = Path(folder) / "raw"
        begin = time.perf_counter()
        features.tofile(path)
        seconds = time.perf_counter() - begin
        if args.cold:
            forget(path)
        mapped = np.memmap(path, np.float16, "r", shape=features.shape)
        told["memory map"] = [path.stat().st_size, seconds, reading(lambda s: np.array(mapped[s : s + n]), starts)]
    return told


def share_of_reading(args: argparse.Namespace, settings: Mapping[str, Any]) -> tuple[float, float]:
    """Median seconds of loading the clips of a training step, and of what the step computes with them."""
    import torch

    from vosmem import precision
    from vosmem.memory import clips, train
    from vosmem.memory.streams import Streams

    names = sorted(p.stem for p in (args.folder / args.files[0]).glob("*.h5"))[: args.sequences]
    files = {s: [f for f in args.files if f.startswith(s)] for s in ("appearance", "motion")}
    with ExitStack() as stack:
        sequences = []
        for name in names:
            paths = ([args.folder / f / f"{name}.h5" for f in files[s]] for s in ("appearance", "motion"))
            streams = stack.enter_context(Streams(*paths, settings["finer"]))
            labels = np.zeros((len(streams), *streams.fine_grid.shape), np.float32)  # what they say takes no time
            sequences.append(train.TrainingSequence(streams, labels, streams.whole("motion")))
        model = train._new(sequences, {**settings, "standardise": False})
        lengths, shapes = [len(s.streams) for s in sequences], [s.streams.grid.shape for s in sequences]
        load, compute, cpu = [], [], torch.device("cpu")
        for step in range(args.clips):
            begin = time.perf_counter()
            clip = clips.choose(
                np.random.default_rng(step), lengths, shapes, settings["clip_length"], settings["clip_stride"],
                tuple(settings["crop"]) or None, settings["flip"], settings["stop_and_go"],
            )  # fmt: skip
            maps, labels = train.load_clip(clip, sequences[clip.sequence], settings["finer"])
            load.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            with precision.multiplying(settings["precision"], cpu):
                logits = model(maps).float()
            train.loss_of(logits, labels, settings["overlap_loss"]).backward()
            compute.append(time.perf_counter() - begin)
    return float(np.median(load)), float(np.median(compute))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of a data set's results")
    default = ["appearance/u2netp", "motion/residual-raft", "motion/u2netp-raft", "flow/raft"]
    parser.add_argument("--files", nargs="+", default=default, metavar="STAGE/NAME")
    parser.add_argument("--sequences", type=int, default=3)
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--clip-length", type=int, default=8)
    parser.add_argument("--cold", action="store_true")
    args = parser.parse_args()
    worst = float("inf")
    print(f"{'cache':<24}{'codec':<20}{'size':>7}{'write MB/s':>12}{'read MB/s':>11}{'read, x none':>14}")
    for name in args.files:
        files = sorted((args.folder / name).glob("*.h5"))[: args.sequences]
        total: dict[str, np.ndarray] = {}
        written = read = 0
        for path in files:
            with cache.read(path) as file:
                features = file.rows(file.names[0])
            features = features.astype(np.float16, copy=False)
            written += features.nbytes
            read += args.clips * args.clip_length * features[0].nbytes
            for codec, row in compare(features, args).items():
                total[codec] = total.get(codec, 0) + np.array(row)
        for codec, (size, write, seconds) in total.items():
            rates = f"{written / write / 1e6:>12.0f}{read / seconds / 1e6:>11.0f}{total['none'][2] / seconds:>14.2f}"
            print(f"{name:<24}{codec:<20}{size / written:>7.0%}{rates}", flush=True)
        worst = min(worst, total["memory map"][2] / total["none"][2])
    args.files = [f for f in args.files if not f.startswith("flow")]
    load, compute = share_of_reading(args, config.section_defaults("memory"))
    print(f"a training step: {1e3 * load:.0f} ms until the maps are there, {1e3 * compute:.0f} ms of computing")
    print(f"reading: {load / (load + compute):.1%} of a training step")
    print(f"cache: {worst:.2f}x the raw memory map at worst (reading, no codec)")


if __name__ == "__main__":
    main()

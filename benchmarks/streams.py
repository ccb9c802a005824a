"""What each stream tells of the object, frame by frame and without memory: a table over the folds in minutes.

    python -m benchmarks.streams results/davis2016-train \\
        appearance/u2netp:sides motion/residual-raft motion/u2netp-raft +appearance/efficientnet_lite0 [--every 4]

Each row is a small head trained on every N-th frame of the other folds' sequences and scored (J and F of the bilinear
answer, every N-th frame but the first and last) on the fold held out: two 1x1 convolutions for wide maps, the dilated
context of the memory, one output. A row has the caches of the rows above as well; a name with + in front is tried
alone beside them. ``:layer,...`` takes some of a cache's data sets. Differences are paired, to the row above, with the
95 % bootstrap interval over sequences. Megabytes are of the caches in full.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vosmem import precision, video
from vosmem.data import describe, layout
from vosmem.evaluate import bootstrap, measures
from vosmem.grid import Axis, Grid, resample
from vosmem.memory.model import Context, Standardise
from vosmem.memory.streams import STRIDE, Streams, soft_labels
from vosmem.memory.train import loss_of

WIDE = 16  # channels above which maps are projected first
WIDTH, PROJECTION, DILATIONS = 48, 32, (1, 2, 4, 8)
BATCH, LEARNING_RATE = 3, 2e-3
CPU = torch.device("cpu")


class Head(nn.Module):
    """One frame's maps to its logits. ``channels``: of each cache."""

    def __init__(self, channels: list[int]):
        super().__init__()
        self.standardise = nn.ModuleList(Standardise(c) for c in channels)
        self.project = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, PROJECTION, 1), nn.Tanh()) if c > WIDE else nn.Identity() for c in channels
        )
        self.context = Context(sum(PROJECTION if c > WIDE else c for c in channels), WIDTH, DILATIONS)
        self.output = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """(n, C_i, h, w) of each cache -> (n, h, w)."""
        x = [p(s(m)) for m, s, p in zip(maps, self.standardise, self.project, strict=True)]
        return self.output(self.context(torch.cat(x, 1)))[:, 0]


class Frames:
    """Every N-th frame of all sequences: soft labels, and the maps of caches, (frames, C, h, w) float16 each."""

    def __init__(self, results: Path, names: list[str], every: int):
        self.results, self.every = results, every
        self.told = [describe.read(results / "data" / f"{name}.json") for name in names]
        self.sequence, self.frame, labels = [], [], []
        for s, told in enumerate(self.told):
            frames = range(1, len(told.frames) - 1, every)
            self.sequence += [s] * len(frames)
            self.frame += frames
            labels.append(soft_labels(told, self.grid(told))[1 : len(told.frames) - 1 : every])
        self.sequence, self.labels = np.array(self.sequence), np.concatenate(labels)
        self.loaded: dict[str, tuple[np.ndarray, list[int]]] = {}

    def grid(self, told: describe.Sequence) -> Grid:
        return Grid(*(Axis(-(-n // STRIDE), STRIDE, 0) for n in told.working_size))

    def maps(self, what: str) -> np.ndarray:
        """The maps of ``<stage>/<folder>[:layer,...]``."""
        return self._load(what)[0]

    def odd(self, what: str) -> list[int]:
        """Its channels that a mirror negates."""
        return self._load(what)[1]

    def _load(self, what: str) -> tuple[np.ndarray, list[int]]:
        if what not in self.loaded:
            folder, _, layers = what.partition(":")
            stage, rows, odd = folder.partition("/")[0], [], []
            for told in self.told:
                files = {"appearance": [], "motion": [], stage: [self.results / folder / f"{told.name}.h5"]}
                with Streams(**files) as streams:
                    maps = [m for m in streams.maps[stage] if not layers or m.name in layers.split(",")]
                    streams.maps[stage] = maps
                    odd = streams.odd(stage)
                    for t in range(1, len(told.frames) - 1, self.every):
                        parts = [m.rows(t, t + 1, self.grid(told)) for m in maps]
                        rows.append(np.concatenate(parts, axis=1).astype(np.float16))
            self.loaded[what] = np.concatenate(rows), odd
        return self.loaded[what]

    def megabytes(self, what: str) -> float:
        return sum(p.stat().st_size for p in (self.results / what.partition(":")[0]).glob("*.h5")) / 1e6


def batch(frames: Frames, streams: list[str], chosen: np.ndarray, flipped: np.ndarray) -> list[Tensor]:
    """The maps of the frames ``chosen``, those ``flipped`` mirrored: (n, C, h, w) float32 of each stream."""
    maps = []
    for stream in streams:
        rows = frames.maps(stream)[chosen].astype(np.float32)
        rows[flipped] = rows[flipped][..., ::-1]
        rows[np.ix_(flipped, frames.odd(stream))] *= -1
        maps.append(torch.from_numpy(rows))
    return maps


def fit(frames: Frames, streams: list[str], train: np.ndarray, steps: int, seed: int) -> Head:
    """A head trained on the frames ``train`` (indices); sequences are equally likely, however long."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = Head([frames.maps(s).shape[1] for s in streams])
    for stream, standardise in zip(streams, head.standardise, strict=True):
        some = frames.maps(stream)[train[::5]].astype(np.float32)
        moments = (some.mean((0, 2, 3)), some.std((0, 2, 3)) + 1e-3)
        standardise.measured(*(torch.from_numpy(m).view(-1, 1, 1) for m in moments))
    optimizer = torch.optim.AdamW(head.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.1)
    of_sequence = {s: train[frames.sequence[train] == s] for s in np.unique(frames.sequence[train])}
    for _ in range(steps):
        chosen = np.array([rng.choice(of_sequence[s]) for s in rng.choice(list(of_sequence), BATCH, replace=False)])
        flipped = np.flatnonzero(rng.random(BATCH) < 0.5)
        labels = frames.labels[chosen]
        labels[flipped] = labels[flipped][..., ::-1]
        with precision.multiplying("auto", CPU):
            logits = head(batch(frames, streams, chosen, flipped))
        loss = loss_of(logits.float(), torch.from_numpy(labels), 1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return head.eval()


@torch.inference_mode()
def score(frames: Frames, streams: list[str], head: Head, test: np.ndarray) -> dict[int, list[tuple[float, float]]]:
    """J and F of each frame of ``test``, by sequence."""
    scores: dict[int, list[tuple[float, float]]] = {}
    nothing = np.zeros(0, int)
    for i in test:
        told = frames.told[frames.sequence[i]]
        mask = video.read_mask(told.mask_paths[frames.frame[i]])  # (H, W)
        with precision.multiplying("auto", CPU):
            logits = head(batch(frames, streams, np.array([i]), nothing))[0].float().numpy()  # (h, w)
        found = resample(logits, frames.grid(told), Grid.of_image(mask.shape, told.working_size)) > 0
        both = measures.region_similarity(found, mask), measures.contour_accuracy(found, mask)
        scores.setdefault(int(frames.sequence[i]), []).append(both)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<data set>, with its caches")
    parser.add_argument("streams", nargs="+", metavar="STAGE/FOLDER[:LAYER,...]")
    parser.add_argument("--folds", type=Path, default=Path("config/splits/davis2016-folds.tsv"))
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    folds = layout.read_folds(args.folds)
    frames = Frames(args.results, sorted(folds), args.every)
    fold = np.array([folds[told.name] for told in frames.told])[frames.sequence]
    print(
        "| streams | channels | MB | J | F | J, to the row above | F, to the row above | seconds |\n" + "|---" * 8 + "|"
    )
    kept: list[str] = []
    above = None
    for name in args.streams:
        row = [*kept, name.lstrip("+")]
        begin, scores = time.perf_counter(), {}
        for k in np.unique(fold):
            head = fit(frames, row, np.flatnonzero(fold != k), args.steps, args.seed)
            scores |= score(frames, row, head, np.flatnonzero(fold == k))
        seconds = time.perf_counter() - begin
        means = 100 * np.array([np.mean(scores[s], axis=0) for s in sorted(scores)])  # (sequences, 2)
        steps = ["", ""]
        if above is not None:
            steps = [bootstrap.told(paired) for paired in (means - above).T]
        channels, size = frames.maps(row[-1]).shape[1], frames.megabytes(row[-1])
        j, f = means.mean(0)
        print(
            f"| {name} | {channels} | {size:.0f} | {j:.1f} | {f:.1f} | {steps[0]} | {steps[1]} | {seconds:.0f} |",
            flush=True,
        )
        if not name.startswith("+"):
            kept, above = row, means


if __name__ == "__main__":
    main()

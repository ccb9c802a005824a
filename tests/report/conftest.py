"""A small results folder, as the stages would have written it."""

import csv
import json
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import save_file

from vosmem import cache, config, video
from vosmem.data import describe, layout
from vosmem.grid import Grid
from vosmem.report.protocols import PROTOCOLS

COLUMNS = PROTOCOLS["davis"].columns
SIZE = (48, 80)  # H, W of the frames
FRAMES = 12


@dataclass
class Results:
    """Where the folder is, and the configuration it was made with."""

    folder: Path
    config: dict

    def scores(self, model: str, method: str = "raw") -> dict[str, dict[str, str]]:
        """The rows of a summary as text, by sequence."""
        with open(self.folder / "evaluate" / model / method / "summary.csv") as file:
            return {row.pop("sequence"): row for row in csv.DictReader(file)}

    def train(self, model: str, trained_on: list[str]) -> None:
        """Replace a model's weights by some that were trained on other sequences."""
        shutil.rmtree(self.folder / "memory" / model)
        memory(self.folder, model, trained_on)

    def cross_validate(self, model: str, folds: dict[str, str], trained_on: dict[str, list[str]]) -> None:
        """Replace a model's weights by those of folds, trained on some sequences each."""
        table = self.folder.parent / "folds.tsv"
        write_csv(table, ("sequence", "fold"), folds.items(), "\t")
        self.config["models"][model]["memory"]["folds"] = str(table)
        shutil.rmtree(self.folder / "memory" / model)
        for fold, names in trained_on.items():
            memory(self.folder, f"{model}/fold{fold}" if fold else model, names)

    def benchmark(self, path: str, seconds: float, peak: str = "120.5") -> None:
        """A job's table as Snakemake writes it."""
        header = ("s", "h:m:s", "max_rss", "max_vms", "max_uss", "max_pss", "io_in", "io_out", "mean_load", "cpu_time")
        write_csv(self.folder / "benchmarks" / path, header, [(seconds, "0:00:01", peak, *"0000000")], "\t")


def write_csv(path: Path, header, rows, delimiter=",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


def disk(centre: tuple[float, float], radius: float, size=SIZE) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def sequence(root: Path, results: Path, name: str, annotated: bool, size=SIZE, frames: int = FRAMES) -> None:
    """Frames of a bright disk that moves to the right, its masks, its description and its motion cache."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    ground = cv2.GaussianBlur(rng.integers(0, 140, (*size, 3), dtype=np.uint8), (0, 0), 2)
    pictures, masks = root / "JPEGImages/480p" / name, root / "Annotations/480p" / name
    pictures.mkdir(parents=True)
    masks.mkdir(parents=True)
    for t in range(frames):
        shown = disk((size[0] / 2, size[1] * (0.25 + 0.5 * t / frames)), size[0] / 5, size)
        cv2.imwrite(str(pictures / f"{t:05d}.jpg"), np.where(shown[..., None], 220, ground))
        if annotated:
            video.write_mask(masks / f"{t:05d}.png", shown)
    if not annotated:
        masks.rmdir()
    told = describe.describe(layout.Place(root), name, 64, False, results / "data" / name)
    (results / "data").mkdir(parents=True, exist_ok=True)
    describe.write(results / "data" / f"{name}.json", told)
    clip = describe.read(results / "data" / f"{name}.json").clip
    grid = Grid.of_image((12, 20), clip.frame_size)
    with cache.write(
        results / "motion/mpnet-dis" / f"{name}.h5", clip, cache.Maker("motion", cache.stage_version("motion"), "mpnet")
    ) as file:
        file.create("probability", grid.shape, grid)
        for t in range(frames):
            file.append("probability", disk((6, 20 * (0.25 + 0.5 * t / frames)), 3, (12, 20))[None] * np.float32(0.9))


def memory(results: Path, model: str, trained_on, steps: int = 40, seed: int = 0) -> None:
    """Weights that say what they were trained on, and a history."""
    folder = results / "memory" / model
    folder.mkdir(parents=True, exist_ok=True)
    streams = {"appearance": [], "motion": []}
    told = {"trained_on": list(trained_on), "streams": streams, "git_commit": "c0ffee"}
    save_file({"mean": np.float32([seed])}, folder / "weights.safetensors", metadata={"vosmem": json.dumps(told)})
    rows = [(step, f"{0.7 / (1 + step / 9) + 0.01 * seed:.6f}", "1.000e-03", step / 4) for step in range(1, steps + 1)]
    write_csv(folder / "history.csv", ("step", "loss", "learning_rate", "seconds"), rows)


def masks(results: Path, model: str, method: str, name: str, size=SIZE, frames: int = FRAMES) -> None:
    folder = results / "refine" / model / method / name
    folder.mkdir(parents=True, exist_ok=True)
    for t in range(frames):
        video.write_mask(
            folder / f"{t:05d}.png", disk((size[0] / 2, size[1] * (0.3 + t / 2 / frames)), size[0] / 5, size)
        )
    (folder.parent / f"{name}.json").write_text("{}")


def evaluation(results: Path, model: str, method: str, names, frames: int = FRAMES, seed: int = 0) -> None:
    """Scores that differ by model and sequence; the last sequence has no T."""
    rng = np.random.default_rng([seed, len(method), zlib.crc32(model.encode())])
    rows, folder = [], results / "evaluate" / model / method
    for i, name in enumerate(names):
        values = [f"{v:.6f}" for v in rng.uniform(0.3, 0.9, len(COLUMNS))]
        values[2] = f"{rng.uniform(-0.2, 0.2):.6f}"
        if i and i == len(names) - 1:
            values[-1] = ""
        rows.append((name, *values))
        J = np.clip(float(values[0]) + rng.normal(0, 0.1, frames), 0, 1)
        per_frame = [(name, f"{t:05d}", f"{J[t]:.6f}", f"{J[t] / 2:.6f}", "0.3") for t in range(1, frames - 1)]
        write_csv(folder / f"{name}.csv", ("sequence", "frame", "J", "F", "T"), per_frame)
    means = [np.mean([float(r[k]) for r in rows if r[k]]) for k in range(1, 1 + len(COLUMNS))]
    rows.append(("mean", *(f"{v:.6f}" for v in means)))
    write_csv(folder / "summary.csv", ("sequence", *COLUMNS), rows)


@pytest.fixture
def build(tmp_path):
    """``build(models={...}, scored=[...], unscored=[...], ...)`` writes a results folder and returns it."""
    return builder(tmp_path)


def builder(folder: Path):
    """The fixture ``build``, of another folder."""

    def build(
        models=("lvo",), scored=("cat", "dog", "eel"), unscored=(), methods=("raw",), trained_on=("ant", "bee"),
        size=SIZE, frames=FRAMES, source="present", **data,
    ) -> Results:  # fmt: skip
        root, results = folder / "data", folder / "results/tiny"
        rows = models if isinstance(models, dict) else {name: {} for name in models}
        names = [*scored, *unscored]
        told = config.resolve(
            {
                "data": {"name": "tiny", "root": str(root), "train": list(trained_on), "test": names, **data},
                "models": {k: {**v, "memory": {**v.get("memory", {})}} for k, v in rows.items()},
                "flow": {"estimator": "dis"},
                "appearance": {"network": "efficientnet_lite0"},
                "motion": {"network": "mpnet"},
                "refine": {"methods": ["raw"]},
            }
        )
        told["refine"]["methods"] = list(methods)
        told["data"]["source"] = source  # the demo has sequences of its own
        for name in names:
            sequence(root, results, name, name in scored, size, frames)
        for i, model in enumerate(rows):
            memory(results, model, list(trained_on), seed=i)
            for method in methods:
                for name in names:
                    masks(results, model, method, name, size, frames)
                if scored:
                    evaluation(results, model, method, scored, frames, seed=i)
        write_csv(results / "data/defects.tsv", ("fatal", "sequence", "file", "what", "mend"), [], "\t")
        return Results(results, told)

    return build

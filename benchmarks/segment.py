"""What do resolution and method of `vosmem segment` cost and gain? Seconds a frame by stage, beside J and F.

    python -m benchmarks.segment results/davis2016-train [--model lvo] [--short-side 480 320 240] [--frames 16]
                                 [--sequences NAME ...] [--threads N] [--methods zoom bilateral]

Every stage of `vosmem segment` is run on the first frames of annotated sequences, each by that fold's weights of a
cross-validated model which did not see it. So are masks by zoom, where that run trained its corrections
(`refine.zoom.correction: trained`); where not, nothing corrects them. J and F are of those frames but the first and
the last, at full size; the interval is of the difference to the first row, by bootstrap over the sequences. Seconds are
the sum over sequences by the sum of frames; starting Python and fetching weights are not in them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from vosmem import device, video, weights
from vosmem.data import describe
from vosmem.evaluate import bootstrap, measures
from vosmem.pipeline.stages import Stages
from vosmem.refine import correction

TIMED = re.compile(r"^(.+): ([\d.]+) s, \d+ frames", re.M)


def weights_for(sequence: str, model: Path) -> Path:
    """The weights of the fold that holds ``sequence`` out: of a model's memory, or of its correction."""
    for path in sorted(model.glob("fold*/weights.safetensors")):
        if sequence not in weights.metadata(path)["trained_on"]:
            return path
    raise SystemExit(f"{model}: no fold holds {sequence} out")


def unseen(sequence: str, corrections: Path, method: str) -> dict:
    """The section `refine` with the method, and with what was not fitted to ``sequence``."""
    if not corrections.is_dir():
        return {"methods": [method], "zoom": {"correction": "none"}}
    path = weights_for(sequence, corrections)
    return {"methods": [method], "zoom": {"weights": correction.summed_by(path), "correction": str(path)}}


def segment(
    sequence: describe.Sequence, short_side: int, memory: Path, refine: dict, length: int, threads: int | None
) -> tuple[np.ndarray, dict[str, float]]:
    """J and F of each frame but the first and the last, and seconds by stage."""
    size = video.read_frame(sequence.frame_paths[0]).shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "description.json"
        describe.write(path, {
            "sequence": sequence.name, "root": str(sequence.root), "frames": sequence.frames[:length],
            "masks": [None] * length, "size": size, "working_size": video.working_size(size, short_side), "defects": [],
        })  # fmt: skip
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            Stages.of(memory, device.choose("cpu", threads), refine).run(path, Path(folder))
        masks = [video.read_mask(p) for p in sorted((Path(folder) / "masks").glob("*.png"))]
    masks = np.stack(masks[1:-1])  # (n - 2, H, W)
    truth = np.stack([video.read_mask(p) for p in sequence.mask_paths[1 : length - 1]])
    scores = [measures.region_similarity(masks, truth).mean(), measures.contour_accuracy(masks, truth).mean()]
    return np.array(scores), {stage: float(seconds) for stage, seconds in TIMED.findall(said.getvalue())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of a cross-validated data set's results")
    parser.add_argument("--model", default="lvo")
    parser.add_argument("--short-side", type=int, nargs="+", default=[480, 320, 240])
    parser.add_argument("--methods", nargs="+", default=["zoom", "bilateral"])
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--sequences", nargs="+")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    names = args.sequences or sorted(p.stem for p in (args.folder / "data").glob("*.json"))
    rows = [(short_side, method) for short_side in args.short_side for method in args.methods]
    scores: dict[tuple[int, str], list[np.ndarray]] = defaultdict(list)
    seconds: dict[tuple[int, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name in names:
        sequence = describe.read(args.folder / "data" / f"{name}.json")
        memory = weights_for(name, args.folder / "memory" / args.model)
        for row in rows:  # by turns, so that whatever else the machine does befalls all
            refine = unseen(name, args.folder / "correction" / args.model, row[1])
            score, took = segment(sequence, row[0], memory, refine, args.frames, args.threads)
            scores[row].append(score)
            for stage, spent in took.items():
                seconds[row][stage] += spent
    frames = args.frames * len(names)
    stages = list(seconds[rows[0]])
    first = np.array(scores[rows[0]])
    print(f"{len(names)} sequences, {args.frames} frames each; seconds a frame")
    print("| short side | method | " + " | ".join(stages) + " | all | J | F | J, to the first row |")
    print("|---" * (len(stages) + 6) + "|")
    for row in rows:
        mean = np.array(scores[row])
        told = [f"{seconds[row][stage] / frames:.2f}" for stage in stages]
        told += [f"{sum(seconds[row].values()) / frames:.2f}", *(f"{100 * s:.1f}" for s in mean.mean(0))]
        told.append("" if row == rows[0] else bootstrap.told(100 * (mean - first)[:, 0]))
        print(f"| {row[0]} | {row[1]} | " + " | ".join(told) + " |")
    rate = sum(seconds[rows[0]].values()) / sum(seconds[rows[-1]].values())
    print(f"segment: {rate:.2f}x the speed of the first row in the last")


if __name__ == "__main__":
    main()

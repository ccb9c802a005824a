"""Training of the visual memory from cached streams: deterministic on a CPU, and it goes on where it was cut short.

Several processes may do it together (:mod:`vosmem.memory.parallel`); they come to what one would, but for rounding.
"""

from __future__ import annotations

import copy
import glob
import hashlib
import json
import math
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vosmem import precision, weights
from vosmem.ahead import ahead
from vosmem.averaging import average
from vosmem.cache import MEND, git_commit
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.memory import STAGE_VERSION, clips, initial, shape
from vosmem.memory import told as told_of
from vosmem.memory.model import Maps, VisualMemory
from vosmem.memory.parallel import ALONE, Group
from vosmem.memory.streams import Streams, mirrored, soft_labels
from vosmem.whole import replacing

SAVE_EVERY = 30.0  # seconds between two saved states: what a kill costs at most
UNTOLD = (
    "weights",
    "folds",
    "init",
    "processes",
    "checkpoint",
    "mirrored",
)  # keys that say nothing of the result, or are told otherwise
HISTORY = ("step", "loss", "learning_rate", "seconds")


@dataclass
class TrainingSequence:
    """One training sequence: its streams, and what of it is small enough to stay in memory.

    ``labels``: (T, f h, f w) float32, soft, NaN where not annotated; ``motion``: (T, Cm, h, w) float32 or None.
    """

    streams: Streams
    labels: np.ndarray
    motion: np.ndarray | None


def learning_rate(step: int, steps: int, start: float, schedule: str) -> float:
    """The learning rate of step 0 .. steps-1."""
    left = 1 - step / steps
    return start * {"constant": 1.0, "linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * left)}[schedule]


def loss_of(logits: Tensor, labels: Tensor, overlap: float) -> Tensor:
    """Mean binary cross-entropy of (n, h, w) logits and soft labels over the cells whose label is not NaN.

    ``overlap``: weight of one minus the soft Jaccard index, sum(p y) / sum(p + y - p y), of each frame, averaged over
    the frames that show any object. The measure J is of that form, where cross-entropy counts every cell alike.
    """
    known = ~labels.isnan()
    loss = F.binary_cross_entropy_with_logits(logits[known], labels[known])
    if overlap:
        p, y = torch.sigmoid(logits) * known, labels.nan_to_num(0.0)  # (n, h, w) each
        both = (p * y).sum((1, 2))  # (n,)
        either = (p + y - p * y).sum((1, 2))
        shown = y.sum((1, 2)) > 1
        if shown.any():
            loss = loss + overlap * (1 - both[shown] / either[shown]).mean()
    return loss


def moments(sequences: Sequence[TrainingSequence], stream: str, every: int = 8) -> tuple[Tensor, Tensor]:
    """Mean and deviation of every channel of a stream over each ``every``-th frame: (C, 1, 1) float32 each."""
    count, total, squares = 0, 0.0, 0.0
    for sequence in sequences:
        for t in range(0, len(sequence.streams), every):
            rows = sequence.streams.rows(stream, t, t + 1).astype(np.float64)
            count += rows[0, 0].size
            total, squares = total + rows.sum((0, 2, 3)), squares + (rows**2).sum((0, 2, 3))
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-8))
    return tuple(torch.tensor(a, dtype=torch.float32).view(-1, 1, 1) for a in (mean, deviation))


def load_clip(clip: clips.Clip, sequence: TrainingSequence, finer: int) -> tuple[Maps, Tensor]:
    """The maps of a clip, each (n, C, ch, cw) or finer, None where left out; and its labels (n, f ch, f cw).

    Motion is NaN where the object stands still: no map has a value that would say so for all estimators. So is all of
    the stream that the clip is shown without.
    """
    streams = sequence.streams
    fine_window = tuple(slice(finer * s.start, finer * s.stop) for s in clip.window)
    distinct, place = np.unique(clip.frames, return_inverse=True)
    arrays: dict[str, np.ndarray | None] = {"motion": None}
    for stream, window in (("appearance", clip.window), ("fine", fine_window)):
        rows = [streams.rows(stream, t, t + 1, window) for t in distinct]  # (1, C, ...) each
        arrays[stream] = None if rows[0] is None else np.concatenate(rows)[place]  # (n, C, ...)
    if sequence.motion is not None:
        rows, columns = clip.window
        arrays["motion"] = sequence.motion[clip.frames, :, rows, columns]  # (n, Cm, ch, cw), a copy
        arrays["motion"][clip.still] = np.nan
    moving = streams.moving()
    if moving:
        arrays["fine"][np.ix_(clip.still, moving)] = np.nan
    if clip.without:
        arrays[clip.without][:] = np.nan
        if arrays["fine"] is not None:
            arrays["fine"][:, np.isin(range(arrays["fine"].shape[1]), moving) == (clip.without == "motion")] = np.nan
    labels = sequence.labels[(clip.frames, *fine_window)]  # (n, f ch, f cw)
    if clip.flip:
        labels = mirrored(labels, finer)
        for stream, rows in arrays.items():
            if rows is not None:
                arrays[stream] = streams.mirrored(stream, rows)
    maps = {s: None if r is None else torch.from_numpy(np.ascontiguousarray(r)) for s, r in arrays.items()}
    return maps, torch.from_numpy(np.ascontiguousarray(labels))


def train(
    descriptions: Sequence[Path],
    appearance: Sequence[Path],
    motion: Sequence[Path],
    out: Path,
    history_out: Path,
    settings: Mapping[str, Any],
    device: torch.device,
    state_folder: Path | None = None,
    init_sha256: str = "",
    group: Group = ALONE,
) -> None:
    """Train on the given sequences and write the weights (safetensors) and the history (CSV).

    ``appearance``, ``motion``: for each network of the stream the folder of its cache files, ``<sequence>.h5``; empty
    for a stream that is left out. The state is saved in ``state_folder`` (default: beside ``out``) under a name made
    from all that the result depends on, so that the same call goes on after a kill, and a changed one starts anew.
    ``init_sha256``: of the weights to start from, where only those will do. ``group``: the processes that train
    together, each of which calls this alike.
    """
    settings = precision.settled(settings, device)
    torch.manual_seed(settings["seed"])
    torch.use_deterministic_algorithms(device.type == "cpu")
    told = [describe.read(path) for path in descriptions]
    _may_open(len(told) * (len(appearance) + len(motion)))
    start = initial.load(settings["init"], settings, init_sha256) if settings["init"] else None
    with ExitStack() as stack:
        sequences = []
        for sequence in told:
            files = ([folder / f"{sequence.name}.h5" for folder in stream] for stream in (appearance, motion))
            fine = start.fine if start else sequences[0].streams.fine if sequences else None
            streams = stack.enter_context(Streams(*files, settings["finer"], fine, settings["without"]))
            if streams.clip != sequence.clip:
                raise UserError(
                    f"{sequence.name}: the cached streams are of other frames than the data set; run the workflow again"
                )
            labels = soft_labels(sequence, streams.fine_grid)
            if np.isnan(labels).all():
                raise UserError(
                    f"{sequence.name}: has no annotation to train on; add masks, or take the sequence out of data.train"
                )
            sequences.append(TrainingSequence(streams, labels, streams.whole("motion")))
        made_by = same_streams(sequences)
        if start:
            start.check(sequences[0].streams)
        names = [s.name for s in told]
        made_of = {
            "settings": told_of({k: v for k, v in settings.items() if k not in UNTOLD}),
            "channels": sequences[0].streams.channels,
            "fine": sequences[0].streams.fine,
            "streams": made_by,
            "trained_on": start.with_more(names) if start else names,
            "version": STAGE_VERSION,
            **({"init": start.sha256} if start else {}),
        }
        model = start.model if start else _new(sequences, settings)
        model.to(device)
        key = hashlib.sha256(
            json.dumps([made_of, [_content(s) for s in sequences]], sort_keys=True).encode()
        ).hexdigest()
        state = (state_folder or out.parent) / f".{out.stem}.training-{key[:16]}.pt"
        history = _fit(model, sequences, settings, device, state, group)
    if not group.first:
        return
    _write_history(history_out, history)
    weights.save(out, model.state_dict(), {**made_of, "git_commit": git_commit()})
    for old in state.parent.glob(f".{glob.escape(out.stem)}.training-*.pt"):  # of other settings too
        old.unlink()


def _new(sequences: Sequence[TrainingSequence], settings: Mapping[str, Any]) -> VisualMemory:
    """An untrained model for these streams."""
    streams = sequences[0].streams
    model = VisualMemory(**streams.channels, **shape(settings))
    if settings["standardise"]:
        for stream, standardise in model.standardise.items():
            if streams.maps[stream]:
                standardise.measured(*moments(sequences, stream))
    if streams.maps["fine"]:
        model.fine.standardise.measured(*moments(sequences, "fine"))
    return model


def _may_open(files: int) -> None:
    """Ask the system for leave to hold so many files open: all caches of the training set are."""
    needed = files + 128  # the process's own
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed and soft != resource.RLIM_INFINITY:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise UserError(
                f"training reads {files} cache files at once, this user may hold {hard} open; "
                "raise the limit (ulimit -n), or train on fewer sequences"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def same_streams(sequences: Sequence[TrainingSequence]) -> dict[str, object]:
    """What made the streams, which must be the same for all sequences."""
    first = sequences[0].streams
    for sequence in sequences[1:]:
        if sequence.streams.made_by != first.made_by:
            other = sequence.streams.clip.sequence
            raise UserError(
                f"the caches of {first.clip.sequence} and {other} were made by different networks or settings "
                f"({_differing(first, sequence.streams)}); {MEND}"
            )
    return first.made_by


def _differing(first: Streams, other: Streams) -> str:
    """The files of two sequences that were not made alike."""
    pairs = (zip(first.files[stage], other.files[stage], strict=False) for stage in first.files)
    return ", ".join(f"{a.path} and {b.path}" for both in pairs for a, b in both if a.maker != b.maker)


def _content(sequence: TrainingSequence) -> list[str]:
    """What tells two data sets apart without reading the features: frames' names, shots, labels, motion."""
    arrays = [sequence.labels] + ([] if sequence.motion is None else [sequence.motion])
    clip = sequence.streams.clip
    return [
        *clip.frames,
        *map(str, clip.starts[1:]),
        *(hashlib.sha256(np.ascontiguousarray(a)).hexdigest() for a in arrays),
    ]


def _optimizer(model: VisualMemory, settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    make = {"adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop}[settings["optimizer"]]
    return make(model.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"])


def _fit(
    model: VisualMemory,
    sequences: Sequence[TrainingSequence],
    settings: Mapping[str, Any],
    device: torch.device,
    state: Path,
    group: Group,
) -> list[list[float]]:
    """Run the steps that are not done yet; returns the history of all."""
    optimizer = _optimizer(model, settings)
    mean = copy.deepcopy(model) if settings["averaging"] else None
    steps, first = settings["steps"], 0
    history: list[list[float]] = []
    losses: list[float] = []  # since the history's last row
    if state.exists():
        saved = torch.load(state, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        if mean is not None:
            mean.load_state_dict(saved["mean"])
        history, losses, first = saved["history"], saved["losses"], saved["step"]
        if group.first:
            print(f"going on from step {first} of {steps}", file=sys.stderr)
    before = history[-1][-1] if history else 0.0
    begin = saved_at = told_at = time.perf_counter()
    model.train()
    batches = ahead(_batches(sequences, settings, range(first, steps), group))
    for step, batch in zip(range(first, steps), batches, strict=True):
        loss = 0.0
        optimizer.zero_grad()
        for maps, labels in batch:
            maps = {stream: None if m is None else m.to(device) for stream, m in maps.items()}
            with precision.multiplying(settings["precision"], device):
                logits = model(maps, settings["checkpoint"]).float()
            part = loss_of(logits, labels.to(device), settings["overlap_loss"]) / settings["batch"]
            if not math.isfinite(part.item()):
                raise UserError(f"training: the loss is {part.item()} at step {step}; lower memory.learning_rate")
            part.backward()
            loss += part.item()
        loss = group.add_up(model, loss)
        rate = learning_rate(step, steps, settings["learning_rate"], settings["schedule"])
        for parameters in optimizer.param_groups:
            parameters["lr"] = rate
        if any(p.grad is not None for p in model.parameters()):  # else no clip of the step showed an annotated frame
            torch.nn.utils.clip_grad_value_(model.parameters(), settings["gradient_clip"])
            optimizer.step()
            if mean is not None:
                average(mean, model, step, settings["averaging"])
            losses.append(loss)

        now = time.perf_counter()
        if losses and ((step + 1) % max(1, steps // 200) == 0 or step + 1 == steps):
            history.append([step + 1, float(np.mean(losses)), rate, before + now - begin])
            losses = []
            if group.first and (now - told_at > 10 or step + 1 == steps):
                left = (now - begin) / (step + 1 - first) * (steps - step - 1)
                print(
                    f"step {step + 1} of {steps}, loss {history[-1][1]:.4f}, {left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )
                told_at = now
        if group.first and now - saved_at > SAVE_EVERY and step + 1 < steps:
            saved_at = now
            with replacing(state) as temporary:
                torch.save(
                    {
                        "model": model.state_dict(),
                        "mean": None if mean is None else mean.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "history": history,
                        "losses": losses,
                        "step": step + 1,
                    },
                    temporary,
                )
    if mean is not None:
        model.load_state_dict(mean.state_dict())
    return history


def _batches(
    sequences: Sequence[TrainingSequence], settings: Mapping[str, Any], steps: range, group: Group
) -> Iterator[list[tuple[Maps, Tensor]]]:
    """For each of ``steps`` the maps and labels of the clips that this process takes, see :func:`load_clip`.

    Without those that show no annotated frame, of which nothing can be learned.
    """
    lengths = [len(s.streams) for s in sequences]
    shapes = [s.streams.grid.shape for s in sequences]
    annotated = [~np.isnan(s.labels[:, 0, 0]) for s in sequences]  # NaN is all of a frame, or nothing
    shots = [s.streams.clip.shots for s in sequences]
    both = all(sequences[0].streams.channels[stream] for stream in ("appearance", "motion"))
    dropout = settings["stream_dropout"] if both else 0.0
    for step in steps:
        rng = np.random.default_rng([settings["seed"], step])  # one a step: going on needs no generator's state
        chosen = [
            clips.choose(
                rng, lengths, shapes, settings["clip_length"], settings["clip_stride"],
                tuple(settings["crop"]) or None, settings["flip"], settings["stop_and_go"], annotated, dropout, shots,
            )
            for _ in range(settings["batch"])
        ]  # fmt: skip
        mine = (clip for number, clip in enumerate(chosen) if group.takes(number))
        loaded = (load_clip(clip, sequences[clip.sequence], settings["finer"]) for clip in mine)
        yield [(maps, labels) for maps, labels in loaded if not labels.isnan().all()]


def _write_history(path: Path, history: list[list[float]]) -> None:
    with replacing(path) as temporary:
        lines = [",".join(HISTORY)] + [
            f"{int(s)},{loss:.6f},{rate:.3e},{seconds:.2f}" for s, loss, rate, seconds in history
        ]
        temporary.write_text("\n".join(lines) + "\n")

"""Training MP-Net, by default on synthetic flow made as it goes: no data set is needed, no sample is seen twice."""

import csv
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vosmem.averaging import average
from vosmem.errors import UserError
from vosmem.motion import flyingthings3d, rendered
from vosmem.motion.encoding import CHANNELS, ENCODINGS
from vosmem.motion.mpnet import MPNet
from vosmem.motion.synthetic import batch
from vosmem.whole import replacing

COLUMNS = ("step", "loss", "iou", "lr", "seconds")
# Between the first steps of two seeds. Odd, so that no two of 2^32 begin alike: PyTorch's generator on the CPU takes no
# more than 32 bits of a seed and drops the rest without a word.
SEEDS_APART = 0x9E3779B1


def learning_rate(step: int, steps: int, peak: float, schedule: str) -> float:
    """`cosine`: up over the first 3 % of the steps, then down to 0. `published`: x0.1 at 10/27 and 19/27 of them."""
    if schedule == "published":
        return peak * 0.1 ** ((step >= steps * 10 / 27) + (step >= steps * 19 / 27))
    warm = max(1, round(0.03 * steps))
    return peak * min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / steps))


def make_optimizer(network: nn.Module, name: str, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """`adamw`, or `sgd` with momentum 0.9 as published."""
    if name == "sgd":
        return torch.optim.SGD(network.parameters(), lr, momentum=0.9, weight_decay=weight_decay)
    return torch.optim.AdamW(network.parameters(), lr, weight_decay=weight_decay)


def sample(
    seed: int,
    step: int,
    n: int,
    size: tuple[int, int],
    encoding: str,
    device: torch.device,
    fields: rendered.Source | None = None,
) -> tuple[Tensor, Tensor]:
    """One step's batch: encoded flow (N, C, H, W), and the share that moves in each cell (N, 1, H // 2, W // 2).

    Synthetic flow with modelled errors; where there are ``fields``, half of it, and half of those.
    """
    of_files = n // 2 if fields is not None else 0
    with torch.no_grad():
        flow, label = batch(n - of_files, *size, (step + SEEDS_APART * seed) % 2**32, device=device)
        if fields is not None and of_files:
            estimated, moving = fields.batch(step, of_files, device)
            if estimated.shape[2:] != flow.shape[2:]:
                got = " ".join(map(str, estimated.shape[2:]))
                raise UserError(f"--size: got {' '.join(map(str, size))}, but the fields are of {got}")
            flow, label = torch.cat([flow, estimated]), torch.cat([label, moving])
        return ENCODINGS[encoding](flow), F.avg_pool2d(label, 2)


def train_to_file(out: str | os.PathLike, history: str | os.PathLike, **settings: Any) -> None:
    """Train with `settings` (those of `train`) and write the weights to `out`.

    The state of an unfinished run lies beside `out` as `<out>.state`, and is removed at the end.
    """
    from vosmem.motion import checkpoint

    state = Path(out).with_name(Path(out).name + ".state")
    network = train(state, history, **settings)
    told = {key: value for key, value in settings.items() if value is not None}
    told |= {key: Path(told[key]).name for key in ("data", "fields") if key in told}  # not where they lay
    if "device" in told:
        told["device"] = str(told["device"])
    width, encoding = settings.get("width", 0.25), settings.get("encoding", "residual")
    checkpoint.save(network, out, width=width, encoding=encoding, settings=told)
    state.unlink(missing_ok=True)


def train(
    state_path: str | os.PathLike,
    log_path: str | os.PathLike,
    *,
    width: float = 0.25,
    encoding: str = "residual",
    size: tuple[int, int] = (116, 212),
    steps: int = 1800,
    batch_size: int = 8,
    optimizer: str = "adamw",
    schedule: str = "cosine",
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    averaging: float = 0.997,
    seed: int = 0,
    device: str | torch.device = "cpu",
    bfloat16: bool = False,
    save_every: int = 100,
    stop_after: int | None = None,
    data: str | os.PathLike | None = None,
    fields: str | os.PathLike | None = None,
) -> MPNet:
    """Train, or go on from `state_path` where it holds a run of the same settings. Returns the averaged network.

    On the CPU the result depends on nothing but the arguments (and, between machines, on the number of threads);
    an interrupted and resumed run ends like one that never stopped.

    data: the folder of FlyingThings3D, in the place of synthetic fields. fields: a folder of `vosmem motion render`,
    for half of each batch. size: (H, W) of these, or of crops of those.
    optimizer: adamw, sgd. schedule: cosine, published.
    averaging: decay of the running mean of the weights. stop_after: leave after this step, with the state saved.
    The log is a CSV file: step, then for the steps since: loss, intersection over union at 0.5, last rate, seconds.
    """
    device = torch.device(device)
    settings = {
        "width": width, "encoding": encoding, "size": list(size), "steps": steps, "batch_size": batch_size,
        "optimizer": optimizer, "schedule": schedule, "lr": lr, "weight_decay": weight_decay,
        "averaging": averaging, "seed": seed, "bfloat16": bfloat16,
        **{key: str(folder) for key, folder in (("data", data), ("fields", fields)) if folder},
    }  # fmt: skip
    source = flyingthings3d.Source(flyingthings3d.pairs(data), size, seed) if data else None
    estimated = rendered.Source.of(fields, seed) if fields else None
    torch.manual_seed(seed)
    network = MPNet(width, CHANNELS[encoding]).to(device, memory_format=torch.channels_last).train()
    mean = MPNet(width, CHANNELS[encoding]).to(device)
    mean.load_state_dict(network.state_dict())
    descent = make_optimizer(network, optimizer, lr, weight_decay)
    start = _resume(Path(state_path), settings, network, mean, descent)
    _begin_log(Path(log_path), start)
    end = steps if stop_after is None else min(steps, stop_after)

    losses: list[float] = []
    overlap = torch.zeros(2)
    begin = time.perf_counter()
    for step in range(start, end):
        if source:
            x, y = source.batch(step, batch_size, ENCODINGS[encoding], device)
        else:
            x, y = sample(seed, step, batch_size, size, encoding, device, estimated)
        x = x.contiguous(memory_format=torch.channels_last)
        rate = learning_rate(step, steps, lr, schedule)
        for group in descent.param_groups:
            group["lr"] = rate
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits = network(x)
        logits = logits.float()
        loss = F.binary_cross_entropy_with_logits(logits, y)
        descent.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        descent.step()
        average(mean, network, step, averaging)

        losses.append(loss.item())
        found, true = logits > 0, y > 0.5
        overlap += torch.stack([(found & true).sum(), (found | true).sum()]).float().cpu()
        done = step + 1
        if done % 20 == 0 or done == end:
            seconds = time.perf_counter() - begin
            iou = (overlap[0] / overlap[1].clamp_min(1)).item()
            row = (done, f"{sum(losses) / len(losses):.4f}", f"{iou:.4f}", f"{rate:.3e}", f"{seconds:.1f}")
            _log(Path(log_path), row)
            print(
                f"step {done}/{steps}  loss {row[1]}  IoU {row[2]}  {seconds / len(losses):.2f} s a step",
                file=sys.stderr,
                flush=True,
            )
            losses, overlap, begin = [], torch.zeros(2), time.perf_counter()
        if done % save_every == 0 or done == end:
            _save(Path(state_path), settings, done, network, mean, descent)
    return mean.eval()


def _save(
    path: Path, settings: dict[str, Any], step: int, network: nn.Module, mean: nn.Module, descent: torch.optim.Optimizer
) -> None:
    parts = {"network": network.state_dict(), "mean": mean.state_dict(), "optimizer": descent.state_dict()}
    with replacing(path) as temporary:
        torch.save({"settings": json.dumps(settings), "step": step, **parts}, temporary)


def _resume(
    path: Path, settings: dict[str, Any], network: nn.Module, mean: nn.Module, descent: torch.optim.Optimizer
) -> int:
    """Load the state where there is one of this very run; returns the number of steps done."""
    if not path.is_file():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["settings"] != json.dumps(settings):
        was = json.loads(state["settings"])
        differ = ", ".join(f"{k}: {was.get(k)} there, {v} now" for k, v in settings.items() if was.get(k) != v)
        raise UserError(f"{path}: holds a run of other settings ({differ}); name another file or delete it")
    network.load_state_dict(state["network"])
    mean.load_state_dict(state["mean"])
    descent.load_state_dict(state["optimizer"])
    return int(state["step"])


def _begin_log(path: Path, start: int) -> None:
    """Leave the header and the rows up to step ``start``: what comes after them is trained again."""
    rows = list(csv.reader(path.read_text().splitlines())) if path.is_file() and start else []
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        kept = (row for row in rows[1:] if row and row[0].isdecimal() and int(row[0]) <= start)
        csv.writer(file).writerows([COLUMNS, *kept])


def _log(path: Path, row: tuple) -> None:
    with path.open("a", newline="") as file:
        csv.writer(file).writerow(row)

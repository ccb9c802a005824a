"""Prediction: cached streams and trained weights to the probability of object in every cell of every frame."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from vosmem import cache, weights
from vosmem.errors import UserError
from vosmem.memory import STAGE_VERSION
from vosmem.memory.model import VisualMemory
from vosmem.memory.streams import Streams


def load(path: Path) -> tuple[VisualMemory, dict[str, object]]:
    """A trained model in evaluation mode, and what its file says of it: settings, streams, trained_on, version."""
    told = weights.metadata(path) if path.is_file() else {}
    tensors = weights.load(path)
    try:
        made_of = {key: told[key] for key in ("settings", "streams", "trained_on", "version")}
        settings = made_of["settings"]
        channels = tensors["mean"].shape[0], 0 if made_of["streams"]["motion"] is None else 1
        model = VisualMemory(
            *channels, settings["projection"], settings["state"], settings["kernel"], settings["bidirectional"]
        )
        model.load_state_dict(tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        what = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path}: not the weights of a visual memory ({what}); give a weights.safetensors of another run"
        ) from None
    return model.eval().requires_grad_(False), made_of


def check_streams(path: Path, wanted: dict[str, object], streams: Streams) -> None:
    """Raise UserError unless the streams were made by the networks and settings that the weights were trained with."""
    for stage, made in streams.made_by.items():
        if made != wanted[stage]:
            got, expected = (json.dumps(m and {k: m[k] for k in ("name", "parameters")}) for m in (made, wanted[stage]))
            raise UserError(
                f"{path}: was trained with {stage} {expected}, but the cached {stage} is {got}; "
                f"set the config's section {stage} (and flow) as in that run, or train"
            )


def run(appearance: Path | None, motion: Path | None, path: Path, out: Path, device: torch.device) -> int:
    """Predict one sequence and write ``/probability`` (T, h, w) to ``out``. Returns the number of frames."""
    model, made_of = load(path)
    model.to(device)
    with Streams(appearance, motion) as streams:
        check_streams(path, made_of["streams"], streams)

        def tensors(start: int, stop: int):
            rows = streams.appearance_rows(start, stop), streams.motion_rows(start, stop)
            return tuple(None if r is None else torch.from_numpy(r).to(device) for r in rows)

        maker = cache.Maker(
            "memory", STAGE_VERSION, "visual-memory", {"trained_on": made_of["trained_on"]}, weights.sha256(path)
        )
        with cache.write(out, streams.clip, maker) as file:
            file.create("probability", streams.grid.shape, streams.grid)
            for block in model.probabilities(tensors, len(streams)):
                file.append("probability", block.cpu().numpy())
        return len(streams)

"""Prediction: cached streams and trained weights to the probability of object in every cell of every frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import torch

from vosmem import cache, weights
from vosmem.errors import UserError
from vosmem.memory import LATER, STAGE_VERSION, adopted, shape
from vosmem.memory.model import VisualMemory
from vosmem.memory.streams import Streams, mirrored


def load(path: Path) -> tuple[VisualMemory, dict[str, object]]:
    """A trained model in evaluation mode, and what its file says of it: settings, streams, trained_on, version."""
    told = weights.metadata(path) if path.is_file() else {}
    tensors = weights.load(path)
    try:
        made_of = {key: told[key] for key in ("settings", "channels", "fine", "streams", "trained_on", "version")}
        settings = made_of["settings"]
        if not adopted.is_told(told):
            raise ValueError("it does not say what it was trained on")
        model = weights.fitted(tensors, lambda: VisualMemory(**made_of["channels"], **shape(settings)))
        int(settings["reach"])  # what prediction needs besides
        for stage in ("appearance", "motion"):
            if not all({"version", "weights"} <= {*made} for made in made_of["streams"][stage]):
                raise ValueError(f"it does not say how its {stage} was made")
        model.load_state_dict(tensors)
    except (KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError) as error:
        what = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path}: not the weights of a visual memory ({what}); give a weights.safetensors of another run"
        ) from None
    return model.eval().requires_grad_(False), made_of


def check_streams(path: Path, wanted: dict[str, list[dict]], streams: Streams) -> None:
    """Raise UserError unless the streams were made by the networks and settings that the weights were trained with.

    In which precision is no matter: another processor has another one, and the difference is far below what is learned.
    """
    for stage, made in streams.made_by.items():
        if _without_precision(made) != _without_precision(wanted[stage]):
            got, expected = (
                json.dumps([{**m, "weights": m["weights"][:16]} for m in makers]) if makers else "none"
                for makers in (made, wanted[stage])
            )
            raise UserError(
                f"{path}: was trained with {stage} {expected}, but the cached {stage} is {got}; "
                f"set the config's section {stage} (and flow) as in that run, or train; "
                "`vosmem cache verify` tells whether a cache is other than the config has it"
            )


def _without_precision(made: object) -> object:
    """What made the caches, at any depth without the keys `precision`."""
    if isinstance(made, dict):
        return {key: _without_precision(value) for key, value in made.items() if key != "precision"}
    return [_without_precision(m) for m in made] if isinstance(made, list) else made


def run(
    appearance: Sequence[Path], motion: Sequence[Path], path: Path, out: Path, device: torch.device, two_views: bool
) -> int:
    """Predict one sequence and write ``/probability`` (T, h, w) to ``out``. Returns the number of frames.

    ``two_views``: the mean of two, of the streams as they are and mirrored, as half of the clips of training are.
    """
    model, made_of = load(path)
    model.to(device)
    settings = made_of["settings"]
    without = settings.get("without", LATER["without"])
    with Streams(appearance, motion, settings["finer"], made_of["fine"], without) as streams:
        check_streams(path, made_of["streams"], streams)

        read = lru_cache(maxsize=4)(streams.rows)  # the second view asks for what the first has just asked for

        def maps(turned: bool, first: int, stream: str, start: int, stop: int) -> torch.Tensor | None:
            rows = read(stream, first + start, first + stop)
            if rows is None:
                return None
            return torch.from_numpy(streams.mirrored(stream, rows) if turned else rows).to(device)

        told = {"trained_on": made_of["trained_on"], "mirrored": two_views}
        maker = cache.Maker("memory", STAGE_VERSION, "visual-memory", told, weights.sha256(path))
        with cache.write(out, streams.clip, maker) as file:
            file.create("probability", streams.fine_grid.shape, streams.fine_grid)
            for shot in streams.clip.shots:
                views = (
                    model.probabilities(
                        partial(maps, turned, shot.start), len(shot), folder=out.parent, reach=settings["reach"]
                    )
                    for turned in (False, True)[: 1 + two_views]
                )
                for blocks in zip(*views, strict=True):
                    block, *other = (of.cpu().numpy() for of in blocks)  # (n, f h, f w) each
                    file.append("probability", (block + mirrored(*other, settings["finer"])) / 2 if other else block)
        return len(streams)

"""Probability file to a folder of masks, moved into place whole, and a JSON that names and hashes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vosmem import cache, video
from vosmem.ahead import side_by_side
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid
from vosmem.refine import STAGE_VERSION, temporal, votes, zoom
from vosmem.refine.methods import probability
from vosmem.whole import replacing, replacing_folder


def run(
    description: Path,
    cells: Path,
    out: Path,
    method: str,
    settings: Mapping[str, Any],
    flow: Path | None = None,
    look: zoom.Look | None = None,
    threads: int = 1,
    appearance: Sequence[Path] = (),
) -> int:
    """Write the masks of one sequence to the folder ``out`` without its suffix, and what was written to ``out`` (JSON).

    ``cells``: the probability file; ``settings``: the config's section `refine`, of which ``threshold``, the method's
    own keys, ``votes`` and, where ``flow`` is given, ``temporal`` are used: then the maps are steadied along that
    file's flow before the method, and by zoom once more after the look. ``look``: the networks of method zoom;
    ``threads``: on which frames are refined side by side; ``appearance``: feature files, by which cells that vote are
    told to be alike, beside their colours. By method raw there is no vote. The folder appears whole or not at all, and
    before the JSON. Returns the number of frames. Raises UserError where a file is of other frames than the sequence
    has.
    """
    sequence = describe.read(description)
    folder = out.with_suffix("")
    pixels = Grid.of_image(sequence.size, sequence.working_size)
    keys = dict(settings.get(method, {})) if method != "temporal" else {}
    first = before(method, settings, flow)
    hashes = {}
    with cache.read(cells, "memory") as file, replacing_folder(folder) as fresh:
        grid = file.grid("probability")
        found = maps(file, sequence, first, flow, appearance, out.parent)
        if method == "zoom":
            own = {key: keys[key] for key in zoom.KEYS}
            size, frame = sequence.working_size, partial(working_frame, sequence)
            found = zoom.closer(found, grid, len(file), size, frame, look, **own, folder=out.parent, threads=threads)
            grid = zoom.fine_grid(size)
            if "temporal" in first:
                found = steadied(found, grid, file, flow, keys["steady"], out.parent)
        last = {key: keys[key] for key in zoom.FINISH} if method == "zoom" else keys

        def refined(of: tuple[int, np.ndarray]) -> tuple[int, np.ndarray]:
            t, rows = of  # (h, w)
            return t, probability(method, rows, grid, pixels, partial(working_frame, sequence, t), last)

        for t, full in side_by_side(refined, found, threads):
            path = fresh / f"{sequence.frame_names[t]}.png"
            video.write_mask(path, full > settings["threshold"])
            hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    told = {
        "stage": "refine",
        "version": STAGE_VERSION,
        "sequence": sequence.name,
        "method": method,
        "threshold": settings["threshold"],
        "parameters": keys | first,
        "masks": dict(sorted(hashes.items())),
    }
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(told, indent=1) + "\n")
    return len(hashes)


def before(method: str, settings: Mapping[str, Any], flow: Path | None) -> dict[str, dict[str, float]]:
    """The steps before a method, and their settings: the vote, and steadying along the flow where that is given.

    ``settings``: the config's section `refine`.
    """
    steps = {"votes": method != "raw", "temporal": flow is not None}
    return {step: dict(settings[step]) for step, taken in steps.items() if taken and settings[step]["weight"] > 0}


def maps(
    file: cache.Reader, sequence: describe.Sequence, steps: Mapping[str, Mapping[str, float]], flow: Path | None,
    appearance: Sequence[Path], folder: Path,
) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
    """The probabilities of a memory file after ``steps``, see :func:`before`: pairs of t and (h, w), in any order.

    ``folder``: for nameless files. Raises UserError where a file is of other frames than the sequence has.
    """
    grid = file.grid("probability")
    with ExitStack() as stack:
        features = [stack.enter_context(cache.read(path, "appearance")) for path in appearance if "votes" in steps]
        for source in (file, *features):
            if source.clip != sequence.clip:
                raise UserError(f"{source.path}: is of other frames than {sequence.name}; run the workflow again")

        def own(t: int) -> np.ndarray:
            return file.rows("probability", t, t + 1)[0].astype(np.float32)

        found: Iterable[tuple[int, np.ndarray]] = ((t, own(t)) for t in range(len(file)))
        if "votes" in steps:
            looks = votes_by(sequence, features)
            found = votes.voted(own, grid, len(file), sequence.working_size, looks, steps["votes"]["weight"])
        if "temporal" in steps:
            found = steadied(found, grid, file, flow, steps["temporal"], folder)
        yield from found


def votes_by(sequence: describe.Sequence, features: Sequence[cache.Reader]) -> list[votes.Maps]:
    """By what cells of a sequence are told to be alike: the cached features, where there are any, and colours."""
    size = sequence.working_size

    def seen(t: int) -> np.ndarray:
        rows = ((file.rows(name, t, t + 1)[0], file.grid(name)) for file in features for name in file.names)
        return np.concatenate([votes.on_cells(*row, size) for row in rows])

    def coloured(t: int) -> np.ndarray:
        return votes.colours(working_frame(sequence, t), size)

    return [seen, coloured] if features else [coloured]


def steadied(
    found: Iterable[tuple[int, np.ndarray]], grid: Grid, file: cache.Reader, flow: Path, settings: Mapping[str, float],
    folder: Path,
) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
    """The maps ``found`` on ``grid``, pairs of t and (h, w) float32, steadied along a file's flow.

    ``file``: of whose frames they are; ``settings``: ``weight`` and ``tolerance``, that in pixels. Raises UserError
    where the flow is of other frames, or leads one way only.
    """
    if settings["weight"] == 0:
        yield from found
        return
    with cache.read(flow, "flow") as source:
        if "backward" not in source.names:
            raise UserError(f"{flow}: holds no /backward, which refine.temporal needs; set flow.backward: true")
        if source.clip != file.clip:
            raise UserError(f"{flow}: is of other frames than {file.path}; run the workflow again")

        def along(name: str, t: int) -> np.ndarray:
            return temporal.on_grid(source.rows(name, t, t + 1)[0], source.grid(name), grid)

        yield from temporal.steady(
            found, partial(along, "forward"), partial(along, "backward"),
            settings["weight"], settings["tolerance"] / grid.x.stride, folder,
        )  # fmt: skip


def working_frame(sequence: describe.Sequence, t: int) -> np.ndarray:
    """Frame ``t`` at the working size, (H, W, 3) uint8 BGR.

    Raises UserError where the file cannot be read, or is not of the size that was described.
    """
    path = sequence.frame_paths[t]
    frame = video.read_frame(path)
    if frame.shape[:2] not in (sequence.size, sequence.working_size):  # `vosmem segment` keeps working frames only
        got, expected = (f"{w}x{h}" for h, w in (frame.shape[:2], sequence.size))
        raise UserError(f"{path}: got {got} pixels, described as {expected}; run `vosmem data` again")
    return video.resize(frame, sequence.working_size)

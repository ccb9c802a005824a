"""Probability file to a folder of masks, moved into place whole, and a JSON that names and hashes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vosmem import cache, video
from vosmem.ahead import side_by_side
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid
from vosmem.refine import STAGE_VERSION, steps_before, temporal, votes, zoom
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
    told to be alike, beside their colours. Before method raw there is none of this. The folder appears whole or not at
    all, and before the JSON. Returns the number of frames. Raises UserError where a file is of other frames than the
    sequence has.
    """
    sequence = describe.read(description)
    folder = out.with_suffix("")
    keys = dict(settings.get(method, {})) if method != "temporal" else {}
    first = steps_before(method, settings, along_flow=flow is not None)
    hashes = {}
    with opened(sequence, cells, first, flow, appearance) as files, replacing_folder(folder) as fresh:
        for shot in files.shots():
            for name, full in _masks(shot, method, keys, first, look, threads, out.parent):
                path = fresh / f"{name}.png"
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


@dataclass(frozen=True)
class Files:
    """A sequence, its probabilities, and what the steps before a method ask for: its flow, and its features."""

    sequence: describe.Sequence
    cells: cache.Reader
    flow: cache.Reader | None
    appearance: Sequence[cache.Reader]

    def shots(self) -> Iterator[Files]:
        """Those of each shot by itself: what is refined knows of no other."""
        for shot in self.sequence.clip.shots:
            flow = None if self.flow is None else self.flow.part(shot)
            features = [file.part(shot) for file in self.appearance]
            yield Files(self.sequence.part(shot), self.cells.part(shot), flow, features)


@contextmanager
def opened(
    sequence: describe.Sequence, cells: Path, steps: Mapping[str, Mapping[str, float]], flow: Path | None,
    appearance: Sequence[Path],
) -> Iterator[Files]:  # fmt: skip
    """The files of a sequence that ``steps``, see :func:`vosmem.refine.steps_before`, ask for, open.

    Raises UserError where one is of other frames than the sequence has, or the flow leads one way only.
    """
    with ExitStack() as stack:
        file = stack.enter_context(cache.read(cells, "memory"))
        features = [stack.enter_context(cache.read(path, "appearance")) for path in appearance if "votes" in steps]
        along = stack.enter_context(cache.read(flow, "flow")) if flow and "temporal" in steps else None
        if along is not None and "backward" not in along.names:
            raise UserError(f"{flow}: holds no /backward, which refine.temporal needs; set flow.backward: true")
        for source in (file, *features, *([] if along is None else [along])):
            if source.clip != sequence.clip:
                raise UserError(f"{source.path}: is of other frames than {sequence.name}; run the workflow again")
        yield Files(sequence, file, along, features)


def _masks(
    shot: Files, method: str, keys: Mapping[str, Any], steps: Mapping[str, Mapping[str, float]],
    look: zoom.Look | None, threads: int, folder: Path,
) -> Iterator[tuple[str, np.ndarray]]:  # fmt: skip
    """The probabilities of a shot's frames by a method, pairs of the frame's name and (H, W), in any order."""
    sequence, grid = shot.sequence, shot.cells.grid("probability")
    pixels = Grid.of_image(sequence.size, sequence.working_size)
    found = maps(shot, steps, folder)
    if method == "zoom":
        own = {key: keys[key] for key in zoom.KEYS}
        size, frame = sequence.working_size, partial(working_frame, sequence)
        found = zoom.closer(found, grid, len(shot.cells), size, frame, look, **own, folder=folder, threads=threads)
        grid = zoom.fine_grid(size)
        if "temporal" in steps:
            found = steadied(found, grid, shot.flow, keys["steady"], folder)
    last = {key: keys[key] for key in zoom.FINISH} if method == "zoom" else keys

    def refined(of: tuple[int, np.ndarray]) -> tuple[str, np.ndarray]:
        t, rows = of  # (h, w)
        full = probability(method, rows, grid, pixels, partial(working_frame, sequence, t), last)
        return sequence.frame_names[t], full

    yield from side_by_side(refined, found, threads)


def maps(shot: Files, steps: Mapping[str, Mapping[str, float]], folder: Path) -> Iterator[tuple[int, np.ndarray]]:
    """The probabilities of a shot's frames after ``steps``: pairs of t and (h, w), in any order.

    ``steps``: see :func:`vosmem.refine.steps_before`; ``folder``: for nameless files.
    """
    file, grid = shot.cells, shot.cells.grid("probability")

    def own(t: int) -> np.ndarray:
        return file.rows("probability", t, t + 1)[0].astype(np.float32)

    found: Iterable[tuple[int, np.ndarray]] = ((t, own(t)) for t in range(len(file)))
    if "votes" in steps:
        looks = votes_by(shot.sequence, shot.appearance)
        found = votes.voted(own, grid, len(file), shot.sequence.working_size, looks, steps["votes"]["weight"])
    if "temporal" in steps:
        found = steadied(found, grid, shot.flow, steps["temporal"], folder)
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
    found: Iterable[tuple[int, np.ndarray]], grid: Grid, flow: cache.Reader, settings: Mapping[str, float], folder: Path
) -> Iterator[tuple[int, np.ndarray]]:
    """The maps ``found`` on ``grid``, pairs of t and (h, w) float32, steadied along a file's flow of both directions.

    ``settings``: ``weight`` and ``tolerance``, that in pixels.
    """
    if settings["weight"] == 0:
        yield from found
        return

    def along(name: str, t: int) -> np.ndarray:
        return temporal.on_grid(flow.rows(name, t, t + 1)[0], flow.grid(name), grid)

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

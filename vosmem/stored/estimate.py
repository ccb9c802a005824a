"""The disk that a run will take, told before it starts. Cheap: thousands of sequences in a second or two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vosmem import parse, room
from vosmem.errors import UserError
from vosmem.stored import sizes

ASSUMED = 16 / 9  # the frames' aspect, until they were looked at
MARGIN = 1.02  # on what is written, for the file system's own


@dataclass(frozen=True)
class Cache:
    """A cache file that a run will write: by method or network ``name``, with the settings that it depends on."""

    path: Path
    stage: str
    name: str
    settings: Mapping[str, Any]
    sequence: str


@dataclass
class Estimate:
    """Bytes by stage that a run writes beyond what is there.

    ``assumed``: sequences whose frames' size is not known yet; ``unknown``: those of which not even the number of
    frames is, and which therefore are not in the sum.
    """

    stages: dict[str, int] = field(default_factory=dict)
    assumed: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return sum(self.stages.values())

    def __str__(self) -> str:
        told = f"takes {room.readable(self.total)} of disk"
        told += f" ({', '.join(f'{s} {room.readable(n)}' for s, n in self.stages.items())})" if self.total else ""
        if self.assumed:
            told += f"; of {len(self.assumed)} sequences not yet looked at, with frames taken to be 16:9"
        if self.unknown:
            told += f"; {len(self.unknown)} sequences whose length is not yet known are not counted"
        return told


def estimate(
    caches: Iterable[Cache],
    data: Path,
    count_frames: Callable[[str], int],
    short_side: int,
    kept: Iterable[str],
    at_once: int,
) -> Estimate:
    """What a run takes that writes ``caches``. What it replaces is not taken anew.

    ``data``: the folder of descriptions; ``count_frames``: how many frames an undescribed sequence has, 0 where
    that is not known; ``short_side``: of the working frame; ``kept``: the stages whose caches stay, or are all there
    at once. Of other flow only what ``at_once`` jobs write and read at a time is there; of appearance and motion all
    may be, since training reads them together.
    """
    frames: dict[str, tuple[int, sizes.Size]] = {}
    found, kept = Estimate(), set(kept)
    passing: list[int] = []
    for cache in caches:
        if cache.sequence not in frames:
            frames[cache.sequence] = _frames(cache.sequence, data, count_frames, short_side, found)
        length, size = frames[cache.sequence]
        needed = int(MARGIN * sizes.bytes_of(cache.stage, cache.name, cache.settings, length, size)) if length else 0
        needed = max(0, needed - _size(cache.path))
        if cache.stage == "flow" and "flow" not in kept:
            passing.append(needed)
        else:
            found.stages[cache.stage] = found.stages.get(cache.stage, 0) + needed
    if passing:
        found.stages = {"flow": sum(sorted(passing)[-2 * at_once :]), **found.stages}
    return found


def check(found: Estimate, folder: Path) -> str:
    """The line that tells of an estimate and of what is free. Raises UserError where that does not suffice."""
    place = next(p for p in (folder, *folder.absolute().parents) if p.is_dir())
    free = room.free(place)
    if free < found.total:
        raise UserError(
            f"{folder}: this run {found}, {room.readable(free)} are free; make room there (`vosmem cache prune` tells "
            "what no config needs), or keep less (cache.keep)"
        )
    return f"{folder}: this run {found}; {room.readable(free)} are free"


def _frames(
    sequence: str, data: Path, count_frames: Callable[[str], int], short_side: int, found: Estimate
) -> tuple[int, sizes.Size]:
    """How many working frames a sequence has, and their (H, W)."""
    try:
        told = parse.json_file(data / f"{sequence}.json")
        height, width = told["working_size"]
        return len(told["frames"]), (height, width)
    except (OSError, ValueError, KeyError, TypeError):
        length = count_frames(sequence)
        (found.assumed if length else found.unknown).add(sequence)
        return length, (short_side, round(ASSUMED * short_side))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

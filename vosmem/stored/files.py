"""Which cache files there are under `results/`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vosmem import parse
from vosmem.errors import UserError

STAGES = ("flow", "appearance", "motion", "memory")  # in `results/<data set>/<stage>/<name>/<sequence>.h5`


@dataclass(frozen=True)
class Dataset:
    """The results of one data set: a folder of `results/`."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration that was saved beside the results; empty where there is none that can be read."""
        from vosmem import config

        try:
            return config.resolve(parse.yaml_file(self.folder / "config.yaml"))
        except (OSError, UserError, ValueError):
            return {}


@dataclass(frozen=True)
class Stored:
    """One cache file. ``name``: of its folder, that is the estimator, network, network-estimator or model.

    ``linked``: whether it is reached through a link, and so belongs to another data set.
    """

    path: Path
    dataset: Dataset
    stage: str
    name: str
    linked: bool = False

    @property
    def sequence(self) -> str:
        return self.path.stem

    @property
    def made_again(self) -> bool:
        """Whether it lies where a run writes caches, and so is made again where it is deleted."""
        places = ("config.yaml", "frames", "data")  # some of what a run leaves of a data set
        of_a_run = any((self.dataset.folder / name).exists() for name in places)
        return self.stage != "" and self.path.suffix == ".h5" and of_a_run

    @property
    def key(self) -> tuple[str, str, str]:
        """Data set, stage and name: what `vosmem cache list` has a row for."""
        return self.dataset.name, self.stage, self.name


def find(results: Path) -> list[Stored]:
    """Every cache file under ``results``, by data set, stage, name and sequence.

    Only files where the workflow itself would write them; no hidden ones, which are half written. Raises UserError
    where there is no such folder.
    """
    if not results.is_dir():
        raise UserError(f"{results}: no such folder; give the folder that holds the data sets' results, with --results")
    return [
        Stored(path, dataset, stage, folder.name, linked)
        for dataset in map(Dataset, _folders(results))
        for stage in STAGES
        for folder in _folders(dataset.folder / stage)
        for linked in [any(p.is_symlink() for p in (dataset.folder, folder.parent, folder))]
        for path in sorted(folder.glob("*.h5"))
        if not path.name.startswith(".") and path.is_file()
    ]


def at(path: Path) -> Stored:
    """The cache file ``path``, which lies anywhere; stage and name are empty where its folders do not tell them."""
    folder = path.absolute().parent
    stage = folder.parent.name if folder.parent.name in STAGES else ""
    return Stored(path, Dataset(folder.parent.parent), stage, folder.name if stage else "")


def half_written(folders: set[Path]) -> Iterator[Path]:
    """What processes that live no more left half written in folders of caches."""
    from vosmem.whole import leftovers

    for folder in sorted(folders):
        for name in sorted(os.listdir(folder)):
            if name.startswith(".") and name.endswith(".part.h5"):
                final = folder / f"{name[1 : -len('.part.h5')].rpartition('.')[0]}.h5"
                if folder / name in leftovers(final):
                    yield folder / name


def description(file: Stored) -> dict[str, Any]:
    """What `frames/<sequence>.json`, of which caches are made, tells of the file's sequence; empty where nothing does.

    Where runs of before kept no such description, `data/<sequence>.json`.
    """
    for folder in ("frames", "data"):
        with suppress(OSError, ValueError):
            told = parse.json_file(file.dataset.folder / folder / f"{file.sequence}.json")
            if isinstance(told, dict):
                return told
    return {}


def _folders(parent: Path) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith(".")) if parent.is_dir() else []

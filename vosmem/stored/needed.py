"""Which caches configurations need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from vosmem import ablation, config, parse
from vosmem.data import asked
from vosmem.errors import UserError
from vosmem.stored.files import Stored

PRUNED = ("flow", "appearance", "motion")  # what a run makes anew by itself; `memory` may have cost a training


class Needed:
    """What some configurations need: of each data set that they name, which folders of caches, for which sequences."""

    def __init__(self) -> None:
        self.files: list[Path] = []  # the configurations
        self._sequences: dict[tuple[str, str, str], set[str] | None] = {}  # None: all that there are
        self.datasets: set[str] = set()

    def add(self, path: Path, resolved: Mapping[str, Any]) -> None:
        """Count in the resolved configuration of file ``path``.

        Where it cannot be told which sequences it asks for, since its data set is not here, it needs all there are.
        """
        self.files.append(path)
        dataset = resolved["data"]["name"]
        self.datasets.add(dataset)
        try:
            names = {*asked.sequences(resolved["data"], "train"), *asked.sequences(resolved["data"], "test")}
        except UserError:
            names = None
        for stage, name in folders(resolved):
            before = self._sequences.setdefault((dataset, stage, name), set())
            both = None if names is None or before is None else before | names
            self._sequences[dataset, stage, name] = both

    def __contains__(self, file: Stored) -> bool:
        """Whether any configuration needs a cache file. One of a data set that none of them names counts as needed."""
        if file.dataset.name not in self.datasets:
            return True
        names = self._sequences.get(file.key, set())
        return names is None or file.sequence in names


def folders(resolved: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Stage and name of every folder of caches that a resolved configuration needs."""
    found: set[tuple[str, str]] = set()
    for model, settings in {**resolved["models"], **ablation.models(resolved)}.items():
        (estimator,) = config.names("flow", settings["flow"])
        motion = config.names("motion", settings["motion"])
        found |= {("appearance", network) for network in config.names("appearance", settings["appearance"])}
        found |= {("motion", f"{network}-{estimator}") for network in motion}
        found |= {("flow", estimator)} if motion else set()
        found.add(("memory", model))
    return found


def read(given: Sequence[Path], results: Path) -> Needed:
    """What the ``given`` config files need, else all that are at hand.

    Those are `config.yaml` and `config/*.yaml`, and what runs saved beside their results. Raises UserError where one of
    them cannot be read: nothing can then be said to be needed by none.
    """
    needed = Needed()
    for path in given or [*_own(results.absolute().parent), *sorted(results.glob("*/config.yaml"))]:
        try:
            raw = parse.yaml_file(path)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read as a configuration ({type(error).__name__}); {_MEND}") from None
        if not isinstance(raw, dict):
            raise UserError(f"{path}: not a configuration; {_MEND}")
        try:
            with chdir(results.absolute().parent):  # whence its paths lead
                needed.add(path, config.resolve(raw))
        except UserError as error:
            raise UserError(f"{path}: {str(error).splitlines()[0]}; {_MEND}") from None
    if not needed.files:
        raise UserError(f"no configuration beside {results}; say which caches are needed with --configfile")
    return needed


_MEND = "mend it, or name the configurations that count with --configfile"


def _own(folder: Path) -> Iterable[Path]:
    """The config files of a working folder."""
    found = [folder / "config.yaml", *sorted((folder / "config").glob("*.yaml"))]
    return (path for path in found if path.is_file())

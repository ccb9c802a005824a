"""The models of a run, what their weights were trained on, and which of them differ only in their seed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vosmem import config, weights
from vosmem.data import layout
from vosmem.memory import adopted
from vosmem.report.scores import MEAN, Spread, Summary, number, read_rows, read_summary


@dataclass(frozen=True)
class MemoryWeights:
    """What a weights.safetensors says of itself. ``streams``: stage -> what made its networks' caches."""

    sha256: str
    trained_on: tuple[str, ...]
    streams: Mapping[str, Any]
    git_commit: str


@dataclass(frozen=True)
class Model:
    """One row of the config's ``models``.

    ``parts``: its weights by fold, "" for those that are of none; ``history``: (step, loss, seconds) of the training,
    of the first fold where there are several; ``scores`` by method.
    """

    name: str
    settings: Mapping[str, Any]
    parts: Mapping[str, MemoryWeights]
    history: tuple[tuple[float, float, float], ...]
    scores: Mapping[str, Summary] = field(default_factory=dict)

    @property
    def trained_here(self) -> bool:
        return self.settings["memory"]["weights"] == "train"

    @property
    def weights(self) -> MemoryWeights | None:
        """The weights, the first fold's where there are several."""
        return next(iter(self.parts.values()), None)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Every sequence that any of the weights was trained on."""
        return tuple(sorted({s for weights in self.parts.values() for s in weights.trained_on}))

    @property
    def folds(self) -> Mapping[str, str]:
        """Sequence -> fold; empty where the model is not cross-validated, or the table of folds is gone."""
        return read_folds(self.settings)

    def networks(self, stage: str) -> tuple[str, ...]:
        """What the model runs of a stage (flow, appearance, motion); no flow where no motion needs it."""
        if stage == "flow" and not self.networks("motion"):
            return ()
        return config.names(stage, self.settings[stage])

    @property
    def motion_folders(self) -> list[str]:
        """The motion caches that the model reads."""
        return [f"{network}-{self.settings['flow']['estimator']}" for network in self.networks("motion")]

    def not_held_out(self, trained_on: Mapping[str, Iterable[str]]) -> set[str]:
        """Fold -> what something was trained on: of these the sequences that are segmented by just that."""
        folds = self.folds
        return {s for fold, names in trained_on.items() for s in names if folds.get(s, "") == fold}

    def seen(self, is_davis: Callable[[str], bool]) -> frozenset[str]:
        """Sequences that the weights which segment them, or a network below, were trained on.

        ``is_davis`` tells DAVIS-2016's sequences by name.
        """
        trained_on = self.not_held_out({fold: weights.trained_on for fold, weights in self.parts.items()})
        for stage in ("flow", "appearance", "motion"):
            for network in self.networks(stage):
                entry = registry_entry(self, stage, network)
                trained_on |= {s for s in (entry.saw_davis if entry else ()) if is_davis(s)}
        return frozenset(trained_on)


@dataclass(frozen=True)
class Group:
    """Models that differ only in memory.seed, under one name. Figures are means over them."""

    name: str
    models: tuple[Model, ...]

    def spread(self, method: str, column: str, sequence: str = MEAN) -> Spread | None:
        """One column of the summaries, over the seeds: of one sequence, or of the mean row."""
        summaries = [m.scores[method] for m in self.models if method in m.scores]
        rows = [s.mean if sequence == MEAN else s.rows.get(sequence, {}) for s in summaries]
        return Spread.of(row.get(column) for row in rows)


def read_weights(path: Path) -> MemoryWeights | None:
    """What a memory's weights say of themselves; None where the file is absent."""
    if not path.is_file():
        return None
    told = weights.metadata(path)
    told = told if adopted.is_told({**told, "streams": {}}) else {}
    trained_on = told.get("trained_on", [])
    # weights of before networks could be several told of them otherwise; what made their caches is then not shown
    streams = told.get("streams", {}) if adopted.is_told(told) else {}
    return MemoryWeights(weights.sha256(path), tuple(trained_on), streams, told.get("git_commit", ""))


def read_folds(settings: Mapping[str, Any]) -> dict[str, str]:
    """Sequence -> fold of a row of the config; empty without a table of folds."""
    path = settings["memory"]["folds"]
    return layout.read_folds(Path(path)) if path and Path(path).is_file() else {}


def part_folder(folder: Path, fold: str) -> Path:
    """Where a fold's weights are below a model's folder; "" is what is of none."""
    return folder / f"fold{fold}" if fold else folder


def read_model(results: Path, name: str, settings: Mapping[str, Any], methods: Sequence[str]) -> Model:
    """One model from its files under the data set's results, without the folds that an earlier run left behind."""
    memory = results / "memory" / name
    folders = {fold: part_folder(memory, fold) for fold in ["", *sorted({*read_folds(settings).values()})]}
    told = {
        fold: weights for fold, folder in folders.items() if (weights := read_weights(folder / "weights.safetensors"))
    }
    history = folders[next(iter(told), "")] / "history.csv"
    steps = [[number(row.get(key)) for key in ("step", "loss", "seconds")] for row in read_rows(history)]
    found = {method: read_summary(results / "evaluate" / name / method / "summary.csv") for method in methods}
    return Model(
        name,
        settings,
        told,
        tuple((step, loss, seconds or 0.0) for step, loss, seconds in steps if step is not None and loss is not None),
        {method: summary for method, summary in found.items() if summary},
    )


def made_with(model: Model, stage: str, network: str) -> Mapping[str, Any]:
    """What the memory's weights say of a network's cache, which they were trained on; empty where they say nothing."""
    streams = model.weights.streams if model.weights else {}
    if stage == "flow":
        made = [m["parameters"]["flow"] for m in streams.get("motion", ()) if "flow" in m["parameters"]]
    else:
        made = streams.get(stage, ())
    return next((m for m in made if m["name"] == network), {})


def registry_entry(model: Model, stage: str, network: str) -> weights.Entry | None:
    """The registry's row of the weights that a network ran on: by what made the model's cache, else by the config."""
    if made := made_with(model, stage, network):
        return next((e for e in weights.registry().values() if e.known_by(made.get("weights", ""))), None)
    section = config.settings_for(stage, model.settings[stage], network)
    return weights.registry().get(network) if section.get("weights") == "registry" else None


def group(models: Sequence[Model]) -> list[Group]:
    """Models with the same settings except for memory.seed, in the order of their first member."""
    alike: dict[str, list[Model]] = {}
    for model in models:
        memory = {k: v for k, v in model.settings["memory"].items() if k != "seed"}
        alike.setdefault(json.dumps({**model.settings, "memory": memory}, sort_keys=True), []).append(model)
    groups: list[Group] = []
    taken = {model.name for model in models}
    for members in alike.values():
        names = [m.name for m in members]
        name = common_name(names)
        if len(names) > 1 and name in taken - set(names):
            name = " + ".join(names)
        taken.add(name)
        groups.append(Group(name, tuple(members)))
    return groups


def common_name(names: Sequence[str]) -> str:
    """``both-0``, ``both-1`` are ``both``; so are ``both-seed0``, ``both-seed1``. Else all names, joined."""
    if len(names) == 1:
        return names[0]
    alike = [len(set(letters)) == 1 for letters in zip(*names, strict=False)]
    prefix = names[0][: [*alike, False].index(False)]
    if any(name[len(prefix) :][:1].isdigit() for name in names):
        prefix = re.sub(r"\d+$", "", prefix)  # lvo-10, lvo-11: the seeds begin alike
    stem = re.sub(r"[-_.]+(seed|s)?[-_.]*$", "", prefix)
    return stem or prefix or " + ".join(names)

"""Where the figures come from: versions of the software, and the weights with their licences and training data."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import vosmem
from vosmem import config, davis2016, weights
from vosmem.refine import CORRECTIONS, TRAINED, zoom
from vosmem.report.models import Model, made_with, part_folder, registry_entry

# Name to show -> names under which it is distributed, the first installed one counts.
PACKAGES = {
    "torch": ("torch",),
    "numpy": ("numpy",),
    "opencv": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "h5py": ("h5py",),
    "snakemake": ("snakemake", "snakemake-minimal"),
}
DAVIS_LICENCE = "data: DAVIS-2016, CC BY-NC 4.0; some clips keep their owners' terms"
OWN_LICENCE = "depends on the training data"


@dataclass(frozen=True)
class WeightsUsed:
    """One file of weights that a model ran on. ``trained_on``: what, in words; ``sequences``: of video, by name."""

    used_by: str
    name: str
    licence: str
    sha256: str
    trained_on: str
    sequences: tuple[str, ...] = ()


def versions() -> dict[str, str]:
    """The software that this page was made with; nothing is imported to find out."""
    found = {"vosmem": vosmem.__version__, "python": platform.python_version()}
    for shown, names in PACKAGES.items():
        found[shown] = next((v for name in names if (v := _version(name))), "not installed")
    return found | {"platform": f"{platform.system()} {platform.machine()}"}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def weights_used(models: Sequence[Model]) -> list[WeightsUsed]:
    """Every file of weights that the models ran on, once each: the frozen networks', then the memories'."""
    rows: dict[WeightsUsed, None] = {}  # a set that keeps the order
    for stage in ("flow", "appearance", "motion"):
        for model in models:
            rows |= dict.fromkeys(_networks(model, stage))
    return [*rows, *(_memory(model, fold) for model in models for fold in model.parts)]


def weights_of_refinement(refine: Mapping[str, Any]) -> list[WeightsUsed]:
    """The weights that the section `refine` of the config runs on: those of the closer look, where it is asked for.

    Not those that the run trains, see :func:`trained_corrections`.
    """
    if "zoom" not in refine["methods"]:
        return []
    setting, network = refine["zoom"]["correction"], refine["zoom"]["network"]
    used = [_entry_used("refine", weights.entry(network))]
    if setting == "shipped" or (setting == "none" and not refine["zoom"]["weights"]):  # whose sum is the shipped one
        used.append(_entry_used("refine", zoom.shipped(network)))
    elif setting not in CORRECTIONS and Path(setting).is_file():
        used.append(_correction(f"correction: {setting}", Path(setting)))
    return used


def trained_corrections(results: Path, model: Model, refine: Mapping[str, Any]) -> dict[str, WeightsUsed]:
    """The corrections of the closer look that a run has trained for a model, by fold."""
    if "zoom" not in refine["methods"] or refine["zoom"]["correction"] != TRAINED:
        return {}
    folder, found = results / "correction" / model.name, {}
    for fold in model.parts:
        path = part_folder(folder, fold) / "weights.safetensors"
        if path.is_file():
            found[fold] = _correction(f"correction of {model.name}{f' (fold {fold})' if fold else ''}", path)
    return found


def _correction(name: str, path: Path) -> WeightsUsed:
    told = weights.metadata(path).get("trained_on", [])
    names = tuple(map(str, told)) if isinstance(told, list) else ()
    return WeightsUsed("refine", name, OWN_LICENCE, weights.sha256(path), _counted(names), names)


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} sequence{'s' * (len(names) != 1)}" if names else "not stated"


def seen_by(used: Sequence[WeightsUsed], is_davis: Callable[[str], bool]) -> frozenset[str]:
    """Sequences that weights were trained on.

    Those that the registry names are DAVIS-2016's, which ``is_davis`` tells by name; a user's own file is taken to
    speak of the data set at hand.
    """
    known = weights.registry()
    return frozenset(s for row in used for s in row.sequences if row.name not in known or is_davis(s))


def _entry_used(stage: str, entry: weights.Entry) -> WeightsUsed:
    return WeightsUsed(stage, entry.name, entry.licence, entry.sha256, entry.trained_on, entry.saw_davis)


def _networks(model: Model, stage: str) -> list[WeightsUsed]:
    """The weights of a stream's frozen networks; none for one without, as the camera's residual."""
    used = []
    for network in model.networks(stage):
        made, entry = made_with(model, stage, network), registry_entry(model, stage, network)
        if entry:
            used.append(_entry_used(stage, entry))
        elif made.get("weights"):
            file = config.settings_for(stage, model.settings[stage], network)["weights"]
            used.append(WeightsUsed(stage, f"{network}: {file}", "not known", made["weights"], "not known"))
    return used


def _memory(model: Model, fold: str) -> WeightsUsed:
    own = model.parts[fold]
    settings = model.settings["memory"]
    begun = f" from {settings['init']} on" if settings["init"] else ""
    source = f"trained here{begun}" if model.trained_here else f"taken over: {settings['weights']}"
    source = f"fold {fold}, {source}" if fold else source
    davis = own.trained_on and {*own.trained_on} <= {*davis2016.facts()}
    licence = DAVIS_LICENCE if davis else OWN_LICENCE
    return WeightsUsed(
        "memory", f"{model.name} ({source})", licence, own.sha256, _counted(own.trained_on), own.trained_on
    )

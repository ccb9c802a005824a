# What is trained: folds, who is trained on what, and with which settings.
from pathlib import Path

from vosmem.data import layout
from vosmem.errors import UserError
from vosmem.memory import told as told_of


def models_by_weights(trained):
    """Names of the models that are trained here, or of those that take weights from elsewhere."""
    return [n for n, m in MODELS.items() if (m["memory"]["weights"] == "train") == trained]


def folds_of(model):
    """Sequence -> fold of a model that is cross-validated; empty where it is not."""
    path = MODELS[model]["memory"]["folds"]
    try:
        return layout.read_folds(Path(path)) if path else {}
    except UserError as error:
        stop(f"config: models.{model}.memory.folds: {error}")


FOLDS = {model: folds_of(model) for model in MODELS}


def part_of(model, seq):
    """The folder, under the model's, of the weights that segment a sequence: a fold's that holds it out, or none."""
    return f"fold{FOLDS[model][seq]}/" if seq in FOLDS[model] else ""


def parts(model):
    """All of a model's weights that its sequences need."""
    return sorted({part_of(model, seq) for seq in TEST})


def trained_on(model, part):
    """The training sequences of the weights of a fold, or of all."""
    return [seq for seq in TRAIN if not part or part_of(model, seq) != part]


def training_threads(model):
    """Cores for each training: those there are, shared among those that can run side by side."""
    beside = REPORTED if model in REPORTED else MODELS
    trainings = sum(len(parts(m)) for m in models_by_weights(trained=True) if m in beside)
    return max(1, CORES // max(1, trainings))


def training_version(model):
    """The stage's version; one of its own where a finer read-out makes the difference, so that no other is trained anew."""
    version = stage_version("memory")
    return version if MODELS[model]["memory"]["finer"] == 1 else f"{version}, fine cells mirrored in place"


def training_options(model):
    """What a training depends on. A key that came later is left out where it says nothing, or all would run again."""
    settings = told_of({**MODELS[model]["memory"], "folds": ""})
    del settings["mirrored"]  # says how it is predicted with
    for key, nothing in (("init", ""), ("processes", 1), ("checkpoint", 0)):
        if settings[key] == nothing:
            del settings[key]
    sha256 = shipped_hash(model, "init")
    return as_json(settings) + (f" --init-sha256 {sha256}" if sha256 else "")

# Cached streams: where a model's are, and which of them stay.
import shlex

from vosmem import config as configuration


def views(model):
    """Which views of its streams a model predicts from, as an option."""
    return "--mirrored" if MODELS[model]["memory"]["mirrored"] else "--no-mirrored"


def caches(stage, model):
    """The folders of a model's cached appearance or motion, one for each network."""
    estimator = MODELS[model]["flow"]["estimator"]
    suffix = {"appearance": "", "motion": f"-{estimator}"}[stage]
    return [f"{RESULTS}/{stage}/{name}{suffix}" for name in configuration.names(stage, MODELS[model][stage])]


def cached(model, names):
    """A model's cached streams of some sequences, by stage."""
    return {
        stage: [f"{folder}/{seq}.h5" for folder in caches(stage, model) for seq in names]
        for stage in ("appearance", "motion")
    }


def stream_options(model, seq=None, stages=("appearance", "motion")):
    """Where a job finds its streams, as command-line options: folders, or the files of one sequence."""
    places = {stage: [f"{folder}/{seq}.h5" if seq else folder for folder in caches(stage, model)] for stage in stages}
    return " ".join(f"--{stage} {shlex.join(paths)}" for stage, paths in places.items() if paths)


def kept(stage, path):
    """A cache that stays, or one that goes once nothing needs it any more, as cache.keep has it."""
    return path if stage in CONFIG["cache"]["keep"] else temp(path)

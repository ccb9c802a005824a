# What rules ask of the configuration: here what all of them do, in common/ the rest by subject. Rule files hold rules only.
import functools
import importlib
import json
import os
import re
import shlex
import sys
import time
from pathlib import Path

os.environ.pop("VOSMEM_WEIGHTS", None)  # here weights are what a rule writes, in one place

# Of this file, not of the workflow: that may be another, which has this one as a module.
ROOT = Path(str(workflow.current_basedir)).resolve().parent.parent
if not (ROOT / "vosmem/config.py").is_file():
    raise WorkflowError(
        f"vosmem: the package is not beside the workflow ({ROOT}), as where Snakemake fetches single files from GitHub; "
        "clone the repository, and give the path of its workflow/Snakefile"
    )
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from vosmem import CACHE_FORMAT, ablation, compare
from vosmem import config as configuration
from vosmem import lock
from vosmem.data import asked, layout, seen
from vosmem.errors import UserError


def stop(error):
    """End with the user's mistake, as lines of text and without a traceback."""
    raise WorkflowError(str(error))


if workflow.modifier.path_modifier.prefix:
    stop(
        "vosmem: as a module it takes no prefix, which paths in its parameters would lack; give Snakemake another --directory"
    )

# Held until this process ends. A live run is told of here; that two do not write the same files is Snakemake's to see.
if workflow.is_main_process:
    try:
        LOCK, busy = lock.enter(Path(".snakemake"))
    except UserError as error:
        stop(error)
    if busy:
        print(
            "vosmem: another run goes on in this folder; wait for it, or end it, before you start one here",
            file=sys.stderr,
        )

try:
    if workflow.is_main_process:
        configuration.check_files(workflow.configfiles)
    CONFIG = configuration.resolve(config)
    REPORTED = CONFIG["models"]
    MODELS = {**REPORTED, **ablation.models(CONFIG)}  # what may be asked for; only those of `models` are by default
    ABLATION = ablation.rows(CONFIG)
    COMPARED = compare.rows(CONFIG, MODELS)
except UserError as error:
    stop(error)

# Jobs run the package of this clone, in whichever environment and folder. Where networks run, and that folders of files are
# a job's own to replace, is no part of a result: so it travels beside the parameters that decide what is run again.
shell.prefix(
    "set -euo pipefail; "
    f"export PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(str(ROOT))}${{{{PYTHONPATH:+:$PYTHONPATH}}}} VOSMEM_WORKFLOW=1 VOSMEM_DEVICE={CONFIG['device']}; "
)

DATASET = CONFIG["data"]["name"]
RESULTS = f"results/{DATASET}"
STARTED = time.time()
CORES = workflow.resource_settings.cores or 1  # None on a cluster, whose profile says what a training gets
CACHES = ("flow", "appearance", "motion", "memory")  # the stages that write HDF5 files
PLACE = asked.place(CONFIG["data"])


def rendered():
    """Whether the workflow itself makes the data set."""
    return CONFIG["data"]["source"] == "demo"


# Whoever asks for the download has no sequences yet, nor lists of them. Snakemake tells its targets only later.
DOWNLOADING = "download_davis2016" in sys.argv[1:]
DOWNLOADED_TO = "data/DAVIS" if rendered() else CONFIG["data"]["root"]


def annotated():
    """Whether there can be anything to score: masks within the data set, or where data.masks says."""
    return layout.LAYOUTS[PLACE.layout].masks != "apart" or PLACE.masks is not None


def with_this_config(command):
    """A command to tell, with the configuration files that this run was given."""
    given = "".join(f" {shlex.quote(str(path))}" for path in workflow.config_settings.configfiles)
    return f"`{command} --configfile{given}`" if given else f"`{command}`"


def fetches():
    """How the data set can be fetched to where the configuration has it."""
    return f"{with_this_config('snakemake download_davis2016')} fetches DAVIS-2016 to {PLACE.root}"


def sequences(key):
    """The sequences that data.train or data.test means."""
    try:
        names = asked.sequences(CONFIG["data"], key)
        if names and not rendered():
            asked.check(CONFIG["data"], key, names)
        return names
    except UserError as error:
        if DOWNLOADING:
            return []
        absent = PLACE.layout == "davis" and not PLACE.root.is_dir()
        stop(f"{error}; {fetches()}" if absent else error)


TRAIN, TEST = sequences("train"), sequences("test")
SEQUENCES = sorted({*TRAIN, *TEST})
if not TEST and not DOWNLOADING:
    stop("config: data.test: names no sequence; name some, or say all")
if "summary" in SEQUENCES:
    stop("config: data: a sequence is called summary, as the table of scores is; rename its folders")


def any_of(names):
    """A pattern that matches these names only; one that matches nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    seq="[^/]+",
    model=any_of(MODELS),
    method=any_of(CONFIG["refine"]["methods"]),
    estimator="[^/-]+",
    network="[^/-]+",


def as_json(settings):
    """Settings as one word of a shell command."""
    return shlex.quote(json.dumps(settings, sort_keys=True))


def settings_of(section, name):
    """What the estimator or network `name` depends on; the config makes sure that all models that use it agree."""
    using = next(m[section] for m in MODELS.values() if name in configuration.names(section, m[section]))
    return configuration.settings_for(section, using, name)


@functools.cache
def fingerprints(seq):
    """What tells that a sequence's `frames`, or its `masks`, have changed: their files are listed once for both rules.

    A data set that is rendered is an input.
    """
    if rendered():
        return {"frames": "rendered", "masks": "rendered"}
    sources = layout.sources(PLACE, seq)
    parts = {"frames": ("frames", sources[:1]), "masks": ("data", sources[1:])}  # where they are described, their files
    return {
        kind: json.dumps(seen.identity(Path(RESULTS, folder, f"{seq}.json"), files))
        for kind, (folder, files) in parts.items()
    }


def placed_by(kind):
    """The keys of the section `data` by which a sequence's `frames`, or its `masks`, are found.

    Where frames are only those between masks, masks say where frames are.
    """
    apart = kind == "masks" or layout.LAYOUTS[PLACE.layout].masks == "either"
    given = [key for key in ("masks", "frames") if CONFIG["data"][key] and (key == "frames" or apart)]
    return ["root", "layout", "resolution", *given]


def cut():
    """Whether the shots of videos are told apart, as an option; images are one shot."""
    if PLACE.layout != "videos":
        return ""
    return " --cuts" if CONFIG["data"]["cuts"] else " --no-cuts"


def descriptions(names):
    """Of frames and masks."""
    return [f"{RESULTS}/data/{seq}.json" for seq in names]


def as_arguments(settings, *keys):
    """Settings as command-line options: short_side becomes --short-side."""
    return " ".join(f"--{key.replace('_', '-')} {shlex.quote(str(settings[key]))}" for key in keys)


def stage_version(stage):
    """A stage's version, which is raised when what it computes changes: then its files are made anew.

    So they are when the format of caches changes.
    """
    version = importlib.import_module(f"vosmem.{stage}").STAGE_VERSION
    return f"{version}, format {CACHE_FORMAT}" if stage in CACHES and CACHE_FORMAT > 1 else version


include: "common/weights.smk"
include: "common/streams.smk"
include: "common/training.smk"
include: "common/refinement.smk"
include: "common/pages.smk"
include: "common/resources.smk"
include: "common/checks.smk"

# Everything that rules ask of the configuration. The rule files themselves hold rules only.
import importlib
import json
import re
import shlex
import sys
import time
from pathlib import Path

ROOT = Path(workflow.basedir).parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from vosmem import CACHE_FORMAT, ablation, compare
from vosmem import config as configuration
from vosmem import lock, weights
from vosmem.data import asked, check, layout, seen
from vosmem.errors import UserError
from vosmem.evaluate import summed_up
from vosmem.memory import adopted
from vosmem.memory import told as told_of
from vosmem.refine import zoom
from vosmem.stored import estimate


def stop(error):
    """End with the user's mistake, as lines of text and without a traceback."""
    raise WorkflowError(str(error))


# Held until this process ends. A live run is told of here; that two do not write the same files is Snakemake's to see.
if workflow.is_main_process:
    LOCK, busy = lock.enter(Path(".snakemake"))
    if busy:
        print(
            "vosmem: another run goes on in this folder; wait for it, or end it, before you start one here",
            file=sys.stderr,
        )

try:
    CONFIG = configuration.resolve(config)
    REPORTED = CONFIG["models"]
    MODELS = {**REPORTED, **ablation.models(CONFIG)}  # what may be asked for; only those of `models` are by default
    ABLATION = ablation.rows(CONFIG)
    COMPARED = compare.rows(CONFIG, MODELS)
except UserError as error:
    stop(error)

# Jobs run the package of this clone, in whichever environment and folder; where networks run is no part of a result,
# so it travels beside the parameters that decide what is run again.
shell.prefix(
    "set -euo pipefail; "
    f"export PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(str(ROOT))}${{{{PYTHONPATH:+:$PYTHONPATH}}}} VOSMEM_DEVICE={CONFIG['device']}; "
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


def sequences(key):
    """The sequences that data.train or data.test means."""
    try:
        return asked.sequences(CONFIG["data"], key)
    except UserError as error:
        if DOWNLOADING:
            return []
        absent = PLACE.layout == "davis" and not PLACE.root.is_dir()
        stop(f"{error}; `snakemake download_davis2016` fetches DAVIS-2016 to {PLACE.root}" if absent else error)


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


def fingerprint(wildcards):
    """What tells that a sequence's files have changed. The rule that renders a data set is tracked by its output."""
    if rendered():
        return "rendered"
    described = Path(RESULTS, "data", f"{wildcards.seq}.json")
    return json.dumps(seen.identity(described, layout.sources(PLACE, wildcards.seq)))


def as_arguments(settings, *keys):
    """Settings as command-line options: short_side becomes --short-side."""
    return " ".join(f"--{key.replace('_', '-')} {shlex.quote(str(settings[key]))}" for key in keys)


def stage_version(stage):
    """A stage's version, which is raised when what it computes changes: then its files are made anew.

    So they are when the format of caches changes.
    """
    version = importlib.import_module(f"vosmem.{stage}").STAGE_VERSION
    return f"{version}, format {CACHE_FORMAT}" if stage in CACHES and CACHE_FORMAT > 1 else version


def network_weights(section, network):
    """The weight file that a network of a section waits for: a fetched one, or the user's; [] where there is none.

    A file that comes with vosmem is no input: it is known by its hash, and where the clone lies is no part of a result.
    """
    setting = settings_of(section, network).get("weights", "registry")
    if setting != "registry":
        return ancient(str(weights.entry(setting).path())) if weights.is_address(setting) else setting
    entry = weights.registry().get(network)
    return [] if entry is None or entry.shipped else ancient(str(entry.path()))


def weights_hash(section, network):
    """The hash of a network's registered weights, so that new ones make anew what was made with the old."""
    entry = weights.registry().get(network)
    setting = settings_of(section, network).get("weights", "registry")
    if weights.is_address(setting):
        return weights.entry(setting).sha256
    return entry.sha256 if entry and setting == "registry" else ""


def fetched():
    """Every file that can be fetched, the registry's and those whose address the config gives: its name by its file."""
    given = [path for key, path in configuration.files(CONFIG) if ".memory." not in key]
    addresses = filter(weights.is_address, given)
    return {weights.entry(name).file: name for name in (*weights.registry(), *addresses)}


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


def stream_options(model, seq=None):
    """Where a job finds its streams, as command-line options: folders, or the files of one sequence."""
    places = {
        stage: [f"{folder}/{seq}.h5" if seq else folder for folder in caches(stage, model)]
        for stage in ("appearance", "motion")
    }
    return " ".join(f"--{stage} {shlex.join(paths)}" for stage, paths in places.items() if paths)


def kept(stage, path):
    """A cache that stays, or one that goes once nothing needs it any more, as cache.keep has it."""
    return path if stage in CONFIG["cache"]["keep"] else temp(path)


WRITERS = {"flow": "flow", "appearance": "appearance", "motion": "motion", "memory_predict": "memory"}


def caches_to_write():
    """The cache of each job that is to run, and what it depends on."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name in WRITERS:
            stage, w = WRITERS[job.rule.name], job.wildcards
            name = {"flow": "estimator", "memory": "model"}.get(stage, "network")
            settings = MODELS[w.model]["memory"] if stage == "memory" else settings_of(stage, w[name])
            yield estimate.Cache(Path(job.output[0]), stage, w[name], settings, w.seq)


def frames_of(seq):
    """How many frames a sequence has that was not looked at yet; 0 where only its video would tell."""
    if rendered() or PLACE.layout == "videos":
        return 0
    return len((layout.sources(PLACE, seq) or [[]])[0])


def check_disk():
    """Tell the disk that this run will take, and end it before it starts where there is not as much."""
    try:
        found = estimate.estimate(
            caches_to_write(),
            Path(RESULTS, "data"),
            frames_of,
            CONFIG["data"]["short_side"],
            CONFIG["cache"]["keep"],
            CORES,
        )
        if found.total or found.unknown:
            print(f"vosmem: {estimate.check(found, Path(RESULTS))}", file=sys.stderr)
    except UserError as error:
        stop(error)


def look_once_for_each_job():
    """Have Snakemake look for jobs to start when one has ended, not every second besides.

    Its limit of 100 jobs a second has it look again a second after each look at jobs that must wait (9.27), so that every
    job that ends adds one look a second: some hundred jobs on, with as many ready, its process does nothing else. It was
    asked for by nobody; a limit that was is left.
    """
    limit = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def tell_results():
    """After a run that succeeded: where the results are, and what they say of the first model."""
    model, method = next(iter(MODELS)), CONFIG["refine"]["methods"][-1]
    print(f"vosmem: {summed_up.line(Path(RESULTS), model, method)}", file=sys.stderr)


def tell_defects():
    """After a run that failed: every defect that is known, unless the rule that tells of them has done so."""
    told = Path(RESULTS, "logs/data/check.log")
    if told.exists() and told.stat().st_mtime > STARTED:
        return
    known = [path for path in map(Path, descriptions(SEQUENCES)) if path.exists()]
    fatal = [defect for defect in check.defects_of(known) if defect.fatal]
    if fatal:
        print("vosmem: what must be mended in the data set, as far as it was looked at:", file=sys.stderr)
        print(check.table(fatal), file=sys.stderr)


def descriptions(names):
    return [f"{RESULTS}/data/{seq}.json" for seq in names]


def models_by_weights(trained):
    """Names of the models that are trained here, or of those that take weights from elsewhere."""
    return [n for n, m in MODELS.items() if (m["memory"]["weights"] == "train") == trained]


def folds_of(model):
    """Sequence -> fold of a model that is cross-validated; empty where it is not."""
    path = MODELS[model]["memory"]["folds"]
    try:
        return layout.read_folds(Path(path)) if path else {}
    except UserError as error:
        stop(error)


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


def check_files():
    """Stop where a file that the config names is neither there nor made here, or was trained on other streams."""
    known = {*fetched().values(), *(str(weights.entry(name).path()) for name in fetched().values())}
    told = [
        f"config: {key}: got {path}, which is no file; correct the path, which is taken from {Path.cwd()}"
        for key, path in configuration.files(CONFIG)
        if not Path(path).is_file() and path not in known and not path.startswith(f"{RESULTS}/memory/")
    ]
    for name, model in MODELS.items():
        for key in ("weights", "init"):
            setting = model["memory"][key]
            path = weights.memory_file(setting)
            if setting not in ("train", "") and path.is_file():
                lines = adopted.differences(path, model, shape=key == "init")
                told += [f"config: models.{name}.{line}" for line in lines]
    if told:
        stop("\n".join(told))


def check_training():
    """Stop where there is nothing to train on, or where no fold holds out what is segmented."""
    for model in models_by_weights(trained=True):
        if not TRAIN:
            stop(f"config: data.train: names no sequence, but {model} is trained; name some, or set memory.weights")
        if FOLDS[model] and not {*FOLDS[model]} & {*TEST}:
            stop(
                f"config: models.{model}.memory.folds: names no sequence of data.test; give the table of this data set"
            )
        for part in parts(model):
            if not trained_on(model, part):
                stop(f"config: models.{model}.memory.folds: {part[:-1]} holds all of data.train; make more folds")


if not DOWNLOADING:
    check_files()
    check_training()


def megabytes(first):
    """Memory of a job: twice as much each time that it is tried again, as one is that a cluster killed for too little."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


WITHOUT_NETWORK = {"dis", "camera_residual", "residual", "flow_magnitude"}


def gpus(section, processes=1):
    """GPUs that a job of a section asks a cluster for, where `device` says that networks run there and there are any."""
    names = {name for m in MODELS.values() for name in configuration.names(section, m[section])} if section else {""}
    return processes * int(CONFIG["device"].startswith("cuda") and not names <= WITHOUT_NETWORK)


def training_threads(model):
    """Cores for each training: those there are, shared among those that can run side by side."""
    beside = REPORTED if model in REPORTED else MODELS
    trainings = sum(len(parts(m)) for m in models_by_weights(trained=True) if m in beside)
    return max(1, CORES // max(1, trainings))


def ablation_models():
    """The models of all rows of the ablation. Asked only where its page is."""
    if not ABLATION:
        stop("config: ablation.seeds: is empty, so there is nothing to compare; give some, e.g. [0, 1, 2]")
    if not annotated():
        stop("config: ablation.seeds: this data set has no masks to score rows by; leave the key out")
    return sorted({model for row in ABLATION for model in row.models})


def compared(what):
    """What the page of the comparison needs of its rows: their `masks` of this run, or the `scores` of all."""
    if what == "masks":
        of = [row for row in COMPARED if row.results is None]
        return [f"{row.masks(Path(RESULTS), seq)}.json" for row in of for seq in TEST]
    found = [row.summary(Path(RESULTS)) for row in COMPARED] if annotated() else []
    for row, path in zip(COMPARED, found):
        if row.results not in (None, Path(RESULTS)) and not path.is_file():
            stop(f"config: compare.rows: {row.name!r}: {path}: no such file; run that workflow first")
    return found


def given_weights(model, key):
    """The user's weight file of memory.weights or memory.init, [] where there is none or it comes with vosmem."""
    setting = MODELS[model]["memory"][key]
    return [] if setting in ("", "train", *weights.MEMORIES) else setting


def shipped_hash(model, key):
    """The hash of the weights that come with vosmem, where they are meant: with new ones all is made anew."""
    name = weights.memory_name(MODELS[model]["memory"][key])
    return weights.entry(name).sha256 if name else ""


def training_options(model):
    """What a training depends on. A key that came later is left out where it says nothing, or all would run again."""
    settings = told_of({**MODELS[model]["memory"], "folds": ""})
    for key, nothing in (("init", ""), ("processes", 1), ("checkpoint", 0)):
        if settings[key] == nothing:
            del settings[key]
    sha256 = shipped_hash(model, "init")
    return as_json(settings) + (f" --init-sha256 {sha256}" if sha256 else "")


def refine_settings(model, method):
    """What a method of the section `refine` looks at: the threshold, and the method's own keys. The rest is others'."""
    keys = ["threshold", method, *(["temporal"] if steadied(model, method) else [])]
    return as_json({key: CONFIG["refine"][key] for key in keys if key in CONFIG["refine"]})


def steadied(model, method):
    """Whether a method's masks are made of probabilities that are steadied along the flow."""
    return method != "raw" and CONFIG["refine"]["temporal"]["weight"] > 0 and bool(caches("motion", model))


def look_weights(method):
    """The weight file of the network by which a method of refinement looks at frames; [] where it has none."""
    return ancient(str(weights.entry(zoom.NETWORK).path())) if method == "zoom" else []


def correction_weights(method):
    """The user's weight file that corrects what was seen; [] where there is none or it comes with vosmem."""
    setting = CONFIG["refine"]["zoom"]["correction"]
    return [] if method != "zoom" or setting in ("shipped", "none") else setting


def look_hashes(method):
    """The hashes of all weights of known content, so that new ones make anew what was made with the old."""
    if method != "zoom":
        return ""
    shipped = ["zoom"] if CONFIG["refine"]["zoom"]["correction"] == "shipped" else []
    return " ".join(weights.entry(name).sha256 for name in (zoom.NETWORK, *shipped))


def flow_to_follow(wildcards):
    """The flow that a sequence's probabilities are steadied along; [] where they are not."""
    if not steadied(wildcards.model, wildcards.method):
        return []
    return f"{RESULTS}/flow/{MODELS[wildcards.model]['flow']['estimator']}/{wildcards.seq}.h5"

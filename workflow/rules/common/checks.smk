# What is looked at before a run, and told after it.
import shlex
import sys
from pathlib import Path

from vosmem import config as configuration
from vosmem import weights
from vosmem.data import check, layout
from vosmem.demo.ours import check_ours
from vosmem.errors import UserError
from vosmem.evaluate import summed_up
from vosmem.memory import INIT_KEYS, adopted
from vosmem.stored import estimate

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


def stages_that_stay():
    """The stages whose caches are all there at once: those that are kept, and flow to steady along after a training."""
    waits = any(
        steadied(model, method) for model in models_by_weights(trained=True) for method in CONFIG["refine"]["methods"]
    )
    return {*CONFIG["cache"]["keep"], *["flow"] * waits}


def check_disk():
    """Tell the disk that this run will take, and end it before it starts where there is not as much."""
    try:
        found = estimate.estimate(
            caches_to_write(),
            Path(RESULTS, "frames"),
            frames_of,
            CONFIG["data"]["short_side"],
            stages_that_stay(),
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
    asked_for = {job.rule.name for job in workflow.dag.jobs}
    print(f"vosmem: {summed_up.line(Path(RESULTS), model, method, asked_for)}", file=sys.stderr)


def tell_defects():
    """After a run that failed: every defect that is known, unless the rule that tells of them has done so."""
    told = Path(RESULTS, "logs/data_check.log")
    if told.exists() and told.stat().st_mtime > STARTED:
        return
    places = ([Path(RESULTS, stage, f"{seq}.json") for stage in ("data", "frames")] for seq in SEQUENCES)
    known = [
        path for both in places for path in [p for p in both if p.exists()][:1]
    ]  # the former tells all of the latter
    fatal = [defect for defect in check.defects_of(known) if defect.fatal]
    if fatal:
        print("vosmem: what must be mended in the data set, as far as it was looked at:", file=sys.stderr)
        print(check.table(fatal), file=sys.stderr)


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
                asked_for = INIT_KEYS if key == "init" else configuration.beside_weights(config, name)
                lines = adopted.differences(path, model, asked_for)
                told += [f"config: models.{name}.{line}" for line in lines]
    if told:
        stop("\n".join(told))


def tell_lost(what, rule, told):
    """Tell of folders of images that are gone or empty: of them Snakemake knows the JSON beside them alone."""
    lost = [str(path) for path in told if path.exists() and not any(path.with_suffix("").glob("*.png"))]
    if lost:
        some = f"{', '.join(lost[:3])}{', ...' * (len(lost) > 3)}"
        again = with_this_config(f"snakemake --forcerun {shlex.join(lost) if len(lost) < 4 else rule}")
        whose = f"beside {len(lost)} file{'s' * (len(lost) > 1)} are gone ({some})"
        print(f"vosmem: the {what} {whose}; {again} makes them anew", file=sys.stderr)


def tell_lost_images():
    """Of masks, and of the frames of videos."""
    places = (Path(RESULTS, "refine", model, method) for model in MODELS for method in CONFIG["refine"]["methods"])
    tell_lost("masks", "refine", [place / f"{seq}.json" for place in places for seq in TEST])
    if PLACE.layout == "videos":
        tell_lost("frames", "frames", [Path(RESULTS, "frames", f"{seq}.json") for seq in SEQUENCES])


def check_demo():
    """Stop where the demo would be rendered to a folder of the user's: Snakemake empties it before the job begins."""
    if rendered():
        try:
            check_ours(Path(CONFIG["data"]["root"]))
        except UserError as error:
            stop(f"config: data.source: {error}; where data.root is a data set of yours, leave out data.source")


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


def check_correction():
    """Stop where a correction is to be trained, and there is nothing that it could learn from, or is for another look."""
    given = [correction_key(method) for method in CONFIG["refine"]["methods"]]
    for path in {*given} - {*CORRECTIONS}:
        try:
            zoom.check_network(Path(path), look_network())
        except UserError as error:
            stop(f"config: refine.zoom.correction: {error}")
    for model, part in trained_corrections():
        if not correction_trained_on(model, part):
            stop(
                "config: refine.zoom.correction: got trained, but it can learn only from masks of sequences that the "
                f"weights of models.{model} did not see; give data.train and memory.folds, or set it shipped or none"
            )


check_demo()
if not DOWNLOADING:
    check_files()
    check_training()
    check_correction()
    if workflow.is_main_process:
        tell_lost_images()

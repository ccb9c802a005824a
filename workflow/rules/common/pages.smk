# What the pages need: the report, the ablation and the comparison.
import hashlib
import json
import shlex
from pathlib import Path


class KnownByHash(str):
    """A parameter that Snakemake records, and tells a change of, by its hash: all of it, twice, would fill a screen."""

    def __repr__(self):
        return hashlib.sha256(self.encode()).hexdigest()[:12]


def resolved_config():
    """The configuration with every default and every sequence by name, as one word of a shell command.

    Not sorted: the first model is the one that the page's first sentence is about.
    """
    return KnownByHash(shlex.quote(json.dumps({**CONFIG, "data": {**CONFIG["data"], "train": TRAIN, "test": TEST}})))


def reported_masks(suffix="json"):
    """The masks of the models that the page is about, which their JSON stands for; with mp4, the videos that show them."""
    return expand(
        f"{RESULTS}/refine/{{model}}/{{method}}/{{seq}}.{suffix}",
        model=REPORTED,
        method=CONFIG["refine"]["methods"],
        seq=TEST,
    )


def reported_scores():
    """The summaries of their scores; none where there is nothing to score by."""
    summary = f"{RESULTS}/evaluate/{{model}}/{{method}}/summary.csv"
    return expand(summary, model=REPORTED, method=CONFIG["refine"]["methods"]) if annotated() else []


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

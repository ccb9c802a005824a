# What a method of refinement depends on.
import shlex

from vosmem import weights
from vosmem.refine import CORRECTIONS, TRAINED, steps_before, zoom


def refine_settings(model, method):
    """What a method of the section `refine` looks at: the threshold, and the method's own keys. The rest is others'."""
    keys = ["threshold", method]
    settings = {key: CONFIG["refine"][key] for key in keys if key in CONFIG["refine"]} | steps(model, method)
    if correction_key(method) == TRAINED:
        settings["zoom"] = {key: value for key, value in settings["zoom"].items() if key != "weights"}
    return as_json(settings)


def steps(model, method):
    """What a job is told of the steps before a method.

    Of a vote that weighs nothing too, or it would take that of the defaults; steadying it leaves where it has no flow.
    """
    told = {"votes": method != "raw", "temporal": steadied(model, method)}
    return {step: CONFIG["refine"][step] for step, wanted in told.items() if wanted}


def voted(method):
    """Whether a method's masks are made of probabilities that cells which look alike have a vote on."""
    return "votes" in steps_before(method, CONFIG["refine"], along_flow=False)


def told_alike_by(model, method, names):
    """The cached features of sequences by which cells are told to be alike, beside colours; [] where none votes."""
    return cached(model, names)["appearance"] if voted(method) else []


def alike_options(model, method, seq=None):
    """Where a job finds what cells are told to be alike by, as a command-line option; "" where none votes."""
    return stream_options(model, seq, ["appearance"]) if voted(method) else ""


def steadied(model, method):
    """Whether a method's masks are made of probabilities that are steadied along the flow."""
    return "temporal" in steps_before(method, CONFIG["refine"], along_flow=bool(caches("motion", model)))


def look_network():
    """The network by which method zoom looks at frames."""
    return CONFIG["refine"]["zoom"]["network"]


def look_weights(method):
    """The weight file of the network by which a method of refinement looks at frames; [] where it has none."""
    return ancient(str(weights.entry(look_network()).path())) if method == "zoom" else []


def correction_key(method):
    """What corrects that which a method of refinement sees: refine.zoom.correction, none for methods that do not look."""
    return CONFIG["refine"]["zoom"]["correction"] if method == "zoom" else "none"


def correction_weights(model, method, seq):
    """The weight file that corrects what was seen, the user's or one of this run; [] where there is none of them."""
    setting = correction_key(method)
    if setting == TRAINED:
        return trained_correction(model, part_of(model, seq))
    return [] if setting in CORRECTIONS else setting


def look_options(method, look, correction):
    """By what a method looks, as command-line options; "" where it does not. Of other corrections the settings tell."""
    trained = f" --correction {shlex.quote(correction)}" if correction_key(method) == TRAINED else ""
    return f"--look {shlex.quote(look)}{trained}" if look else ""


def trained_correction(model, part):
    """The correction of a fold, or that of none, where this run trains it."""
    return f"{RESULTS}/correction/{model}/{part}weights.safetensors"


def trained_corrections():
    """The model and the fold of every correction that this run trains for its page."""
    if TRAINED not in map(correction_key, CONFIG["refine"]["methods"]):
        return []
    return [(model, part) for model in REPORTED for part in parts(model)]


def look_hashes(method):
    """The hashes of all weights of known content, so that new ones make anew what was made with the old."""
    if method != "zoom":
        return ""
    shipped = [] if correction_key(method) == TRAINED else [zoom.shipped(look_network())]  # which tells the sum, too
    return " ".join(entry.sha256 for entry in (weights.entry(look_network()), *shipped))


def correction_trained_on(model, part):
    """The training sequences that teach the correction of a fold, or that of none.

    A memory that is trained here must not have seen them: so they are those of other folds. Of one that was taken over
    it is the user's to know.
    """
    if MODELS[model]["memory"]["weights"] != "train":
        return TRAIN
    return [seq for seq in TRAIN if part_of(model, seq) not in ("", part)]


def correction_settings(model):
    """What the training of a correction depends on."""
    keys = {key: CONFIG["refine"]["zoom"][key] for key in ("network", "margin", "agreement")}
    return as_json({"zoom": keys} | steps(model, "zoom"))


def flow_to_follow(model, method, seq):
    """The flow that a sequence's probabilities are steadied along; [] where they are not."""
    if not steadied(model, method):
        return []
    return f"{RESULTS}/flow/{MODELS[model]['flow']['estimator']}/{seq}.h5"

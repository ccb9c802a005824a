# What a method of refinement depends on.
from vosmem import weights
from vosmem.refine import zoom


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

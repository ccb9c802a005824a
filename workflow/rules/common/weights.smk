# Weight files: which ones a job waits for, and what tells that they have changed.
from vosmem import config as configuration
from vosmem import weights


def network_weights(section, network):
    """The weight file that a network of a section waits for: a fetched one, or the user's; [] where there is none.

    A file that comes with vosmem is no input: it is known by its hash, and where the clone lies is no part of a result.
    """
    setting = settings_of(section, network).get("weights", "registry")
    if setting != "registry":
        return ancient(str(weights.entry(setting).path())) if weights.is_address(setting) else setting
    entry = weights.registry().get(network)
    return [] if entry is None or entry.shipped else ancient(str(entry.path()))


def has_weights(section, network):
    """Whether what has the name of a network, or of an estimator, is one: DIS, for one, is none."""
    return settings_of(section, network).get("weights", "registry") != "registry" or network in weights.registry()


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


def given_weights(model, key):
    """The user's weight file of memory.weights or memory.init, [] where there is none or it comes with vosmem."""
    setting = MODELS[model]["memory"][key]
    return [] if setting in ("", "train", *weights.MEMORIES) else setting


def shipped_hash(model, key):
    """The hash of the weights that come with vosmem, where they are meant: with new ones all is made anew."""
    name = weights.memory_name(MODELS[model]["memory"][key])
    return weights.entry(name).sha256 if name else ""

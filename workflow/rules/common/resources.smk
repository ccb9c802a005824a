# What a job asks of a cluster.
from vosmem import config as configuration


def doubled(first):
    """Twice as much each time that a job is tried again, as one is that a cluster ended for want of memory, or of time."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


megabytes = minutes = doubled


WITHOUT_NETWORK = {"dis", "camera_residual", "residual", "flow_magnitude"}


def gpus(section, processes=1):
    """GPUs that a job of a section asks a cluster for, where `device` says that networks run there and there are any."""
    names = {name for m in MODELS.values() for name in configuration.names(section, m[section])} if section else {""}
    return processes * int(CONFIG["device"].startswith("cuda") and not names <= WITHOUT_NETWORK)

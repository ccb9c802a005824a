# What a job asks of a cluster.
from vosmem import gpu


def doubled(first):
    """Twice as much each time that a job is tried again, as one is that a cluster ended for want of memory, or of time."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


megabytes = minutes = doubled


@functools.cache
def on_gpus():
    """Whether networks run on GPUs: `device` says so, or leaves it open and jobs run here, where there is one.

    What another machine than this has only `device` can tell.
    """
    device, here = CONFIG["device"], not workflow.non_local_exec
    own = not workflow.deployment_settings.deployment_method  # whether jobs run in this environment
    return device.startswith("cuda") or (device == "auto" and here and gpu.expected(of_this_environment=own))


def gpus(processes):
    """GPUs for a job that runs networks in so many processes, 0 where it runs none: one each, where they run on GPUs.

    A profile for one machine says how many there are, or as many networks would share them as there are cores.
    """
    return int(processes) if on_gpus() else 0

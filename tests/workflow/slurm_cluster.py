"""A Slurm of one node on this machine, of Debian's packages, in a folder of its own; it touches nothing else."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
# proctrack/linuxproc and task/none need no cgroups, which a container may not have; no accounting needs no database.
# Without it, `squeue` is what tells how jobs ended, as long as MinJobAge keeps them.
CONFIG = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
MinJobAge=3600
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 State=UNKNOWN
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


class Unavailable(Exception):
    """Why there can be no Slurm here."""


@contextmanager
def running(folder: Path, cpus: int = 2):
    """Start it; gives the environment in which its commands speak to it. Raises :class:`Unavailable`, saying why."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    absent = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if absent:
        raise Unavailable(f"no {', '.join(absent)}; on Debian: apt-get install slurmctld slurmd slurm-client munge")
    if os.getuid():
        raise Unavailable("slurmd must be started by root")
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, user=getpass.getuser(), cpus=cpus, ports=_free_ports(2)))
    environment = {**os.environ, "PATH": f"{_told_where(folder / 'bin', config, path)}{os.pathsep}{path}"}
    commands = {
        "munged": [
            "munged", "--foreground", "--force", "--socket", folder / "munge.socket", "--key-file", key, "--pid-file",
            folder / "munge.pid", "--log-file", folder / "munge.log", "--seed-file", folder / "munge.seed",
        ],
        "slurmctld": ["slurmctld", "-D", "-f", config],
        "slurmd": ["slurmd", "-D", "-f", config, "-N", "localhost"],
    }  # fmt: skip
    with ExitStack() as stack:
        for name, command in commands.items():
            told = stack.enter_context(open(folder / f"{name}.told", "w"))
            process = subprocess.Popen(list(map(str, command)), env=environment, stdout=told, stderr=told)
            stack.callback(_end, process)
            if name == "munged":
                _until(lambda: (folder / "munge.socket").exists(), process, folder / "munged.told", 10)
        _until(lambda: _idle(environment), process, folder / "slurmd.told", 30)
        try:
            yield environment
        finally:
            subprocess.run(["scancel", "--user", getpass.getuser()], env=environment, check=False)


def _told_where(folder: Path, config: Path, path: str) -> Path:
    """A folder of Slurm's commands that know the configuration: the executor takes $SLURM_CONF from its jobs."""
    folder.mkdir()
    for name in ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun"):
        command = folder / name
        command.write_text(f'#!/bin/sh\nSLURM_CONF="{config}" exec "{shutil.which(name, path=path)}" "$@"\n')
        command.chmod(0o755)
    return folder


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _idle(environment: dict[str, str]) -> bool:
    command = ["sinfo", "--noheader", "--format=%T"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() == "idle"


def _until(there, process: subprocess.Popen, told: Path, seconds: float) -> None:
    begin = time.monotonic()
    while not there():
        if process.poll() is not None or time.monotonic() - begin > seconds:
            last = told.read_text().strip().splitlines()[-1:] or ["no word of it"]
            raise Unavailable(f"{told.stem} does not come up: {last[0]}")
        time.sleep(0.1)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

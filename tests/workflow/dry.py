"""Dry runs of Snakemake, each in a process of its own, forked from one that has Snakemake imported already.

To import it takes twice as long as to plan a tiny data set, and the tests plan hundreds of times. A dry run is told and
tells what the command is told and tells: its arguments, its environment, its two streams, its exit status.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["snakemake.cli", "jsonschema"])


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess:
    """What ``snakemake`` with these arguments comes to."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _SERVER.Process(target=_snakemake, args=(list(arguments), dict(environment), out, err))
        process.start()
        process.join()
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def _snakemake(arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main(arguments)

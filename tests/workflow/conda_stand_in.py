"""A stand-in for the program `conda`, for tests only: no conda is to be had where the tests run.

It answers what Snakemake 9.27 asks of conda (``snakemake/deployment/conda.py``), and no more::

    conda info --json | --version | config --get channel_priority --json
    conda env create --quiet --no-default-packages --file ENV.yaml --prefix FOLDER
    conda clean -y --tarballs
    source <conda's prefix>/bin/activate FOLDER

An environment is a virtual environment of the Python that runs this file, in which pip installs what the file lists
below ``pip:``, with their dependencies, as conda itself has it done. What it does not try: the solver, conda-forge's
packages (it takes ``python`` and ``pip`` only, and refuses a file that asks for another Python than the one at hand),
channels, and whatever else conda is.

Where ``CONDA_STAND_IN_BORROWS`` is set, nothing is installed: the packages beside this file's Python are lent.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import yaml

VERSION = "24.7.1"  # the oldest that Snakemake takes
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def install(base: Path) -> Path:
    """Put the stand-in below ``base``, as a conda installation has its files; returns the folder for PATH."""
    programs = base / "bin"
    programs.mkdir(parents=True)
    command = shlex.join([sys.executable, str(Path(__file__).resolve()), str(base)])
    (programs / "conda").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text(ACTIVATE)
    return programs


def requirements(file: Path) -> list[str]:
    """What the environment file has pip install; refuses what the stand-in cannot do."""
    described = yaml.safe_load(file.read_text())
    pip: list[str] = []
    for wanted in described["dependencies"]:
        if isinstance(wanted, dict) and wanted.keys() == {"pip"}:
            pip += wanted["pip"]
        elif wanted not in ("pip", f"python={sys.version_info.major}.{sys.version_info.minor}"):
            here = f"python={sys.version_info.major}.{sys.version_info.minor}"
            sys.exit(f"conda stand-in: {file}: got {wanted!r}; it knows pip, {here}, and what is below `pip:`")
    return pip


def create(file: Path, prefix: Path) -> None:
    """The environment of ``file`` at ``prefix``."""
    wanted = requirements(file)
    lent = os.environ.get("CONDA_STAND_IN_BORROWS")
    subprocess.run([sys.executable, "-m", "venv", *(["--without-pip"] if lent else []), prefix], check=True)
    if lent:
        (where,) = prefix.glob("lib/python3*/site-packages")
        (where / "lent.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    else:
        subprocess.run([prefix / "bin/python", "-m", "pip", "install", "--quiet", *wanted], check=True)


def main(base: str, *words: str) -> None:
    """Answer one command."""
    if words == ("--version",):
        print(f"conda {VERSION}")
    elif words == ("info", "--json"):
        print(json.dumps({"conda_prefix": base, "platform": "linux-64"}))
    elif words == ("config", "--get", "channel_priority", "--json"):
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif words[:2] == ("env", "create"):
        parser = argparse.ArgumentParser(prog="conda env create")
        parser.add_argument("--quiet", action="store_true")
        parser.add_argument("--no-default-packages", action="store_true")
        parser.add_argument("--file", type=Path, required=True)
        parser.add_argument("--prefix", type=Path, required=True)
        given = parser.parse_args(words[2:])
        create(given.file, given.prefix)
    elif words != ("clean", "-y", "--tarballs"):  # there are none
        sys.exit(f"conda stand-in: got `conda {shlex.join(words)}`, which it does not know")


if __name__ == "__main__":
    main(*sys.argv[1:])

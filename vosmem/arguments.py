"""Command-line arguments that several stages take."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vosmem import config, parse
from vosmem.allowed import shown
from vosmem.errors import UserError
from vosmem.progress import Progress, watched


def add_actions(parser: argparse.ArgumentParser) -> Callable[..., argparse.ArgumentParser]:
    """A function (name, what it does) that adds an action to a command, and returns the parser of its arguments."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")

    def add(name: str, told: str, more: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(name, help=told, description=" ".join(filter(None, (sentence(told), more))))

    return add


def path(text: str) -> Path:
    """The path that an argument is; nothing, as of a variable that is not set, would be the folder one is in."""
    if not text:
        raise argparse.ArgumentTypeError("got nothing, expected a path")
    return Path(text)


def folder_beside(out: Path, *parts: str) -> Path:
    """The folder of the name of ``out``, or one in it, which a command fills and replaces beside what it tells there.

    Raises UserError where ``out`` has no suffix .json, and where that folder holds what vosmem did not make, as far as
    is told beside it. In the workflow it does not ask: Snakemake deletes what was told before a job makes it anew.
    """
    if out.suffix != ".json":
        raise UserError(f"--out: got {out}, expected a name that ends in .json; files go to the folder of that name")
    folder = out.with_suffix("").joinpath(*parts)
    if "VOSMEM_WORKFLOW" not in os.environ and folder.is_dir() and any(folder.iterdir()):
        try:
            made = "stage" in parse.json_file(out)
        except (OSError, ValueError, TypeError):
            made = False
        if not made:
            raise UserError(
                f"{folder}: would be replaced, and no {out} tells that vosmem made it; "
                "move it away, or give another --out"
            )
    return folder


def sentence(told: str) -> str:
    """A phrase of the overview as a sentence."""
    return f"{told[0].upper()}{told[1:]}."


def add_settings(parser: argparse.ArgumentParser, section: str) -> None:
    """``--settings``: the config's section of the stage."""
    parser.add_argument(
        "--settings",
        default="{}",
        metavar="YAML",
        help=f"keys of the config's section `{section}`, as YAML or JSON (see config/README.md); the rest default",
    )


def settings(args: argparse.Namespace, section: str) -> dict[str, Any]:
    """What ``--settings`` says over the section's defaults, checked."""
    try:
        given = parse.json(args.settings)  # first: YAML 1.1 takes JSON's 1e-05 for a word
    except ValueError:
        try:
            given = parse.yaml(args.settings)
        except ValueError:
            given = None
    if not isinstance(given, dict):
        raise UserError(
            f"--settings: got {shown(args.settings)}, expected keys and values, e.g. '{json.dumps({'key': 1})}'"
        )
    return config.section_defaults(section, given)


def network_settings(args: argparse.Namespace, section: str) -> tuple[str, dict[str, Any]]:
    """The one network that the settings name, since a command writes one file, and what it depends on."""
    all_settings = settings(args, section)
    names = config.names(section, all_settings)
    if not names:
        raise UserError(f"{section}.network: none, so there is nothing to compute; name a network in --settings")
    if len(names) > 1:
        raise UserError(
            f"{section}.network: {', '.join(names)}, but a file holds one; "
            f"say which, e.g. --settings '{{network: {names[0]}}}'"
        )
    return names[0], config.settings_for(section, all_settings, names[0])


def add_device(parser: argparse.ArgumentParser) -> None:
    """``--device`` and ``--threads``; the device is also read from VOSMEM_DEVICE, which the workflow sets."""
    default = os.environ.get("VOSMEM_DEVICE", "auto")
    parser.add_argument(
        "--device",
        default=default,
        metavar="NAME",
        help="where networks run: auto (a GPU where there is one), cpu, cuda or cuda:N (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads (default: OMP_NUM_THREADS, else all cores that this process may use)",
    )


def keep_to(threads: int | None) -> None:
    """Have BLAS and OpenMP take no more than ``threads`` (None: what they like). To be called before NumPy is loaded.

    PyTorch's own limit holds for the thread that sets it; what loads clips is another, and NumPy's BLAS knows of none.
    Two trainings on a core each, as a cross-validation runs them, would wait for each other half of the time.
    """
    if threads is None or threads < 1 or "numpy" in sys.modules:
        return
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)


@contextmanager
def timed(what: str, unit: str = "frames", total: int | None = None) -> Iterator[list[int]]:
    """Tell on stderr how far the block is, see :mod:`vosmem.progress`, and in the end how long it took.

    The block may append a count of ``unit`` to the list it is given.
    """
    begin, count = time.perf_counter(), []
    with watched(Progress(what, unit, total)):
        yield count
    seconds = time.perf_counter() - begin
    rate = f", {sum(count)} {unit}, {sum(count) / max(seconds, 1e-9):.1f} a second" if count else ""
    print(f"{what}: {seconds:.1f} s{rate}", file=sys.stderr)

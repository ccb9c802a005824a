"""A folder for results of the user's own: what is there stays there, and what is new appears whole or not at all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from vosmem import weights
from vosmem.errors import UserError
from vosmem.whole import replacing, scratch

SUFFIXES = {"masks": ".png", "probability": ".png"}  # of the files in folders that are written here
RECORD = ".vosmem.json"  # of every file that was written here its hash: what has another since is the user's


@contextmanager
def output(out: Path, names: Sequence[str], overwrite: bool, source: Path) -> Iterator[Path]:
    """A hidden folder inside ``out``; when the block ends well, the files or folders ``names`` move from it to ``out``.

    It is removed in any case, if the process is killed by the next one that writes to ``out``, and so is ``out`` where
    it was made here and stays empty. Raises UserError, before the block, where ``out`` holds one of ``names`` already,
    unless ``overwrite`` says that it may be replaced: by another of its kind, and never where it is the ``source``, or
    holds what was not written here, or what was changed since, as the `RECORD` in ``out`` tells. What comes to be there
    while the block runs stays too; what is new then goes beside it, as ``new-<name>``, and that is told.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; give a folder, which is made where there is none")
    record = recorded(out)
    for name in names:
        _check_free(out / name, overwrite, source, record)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    out.mkdir(parents=True, exist_ok=True)
    try:
        with scratch(out / "vosmem") as hidden:
            yield hidden
            record = recorded(out)  # again, for the block may have taken hours
            for name in names:
                try:
                    _check_free(out / name, overwrite, source, record)
                except UserError as error:
                    beside = _beside(out / name)
                    os.replace(hidden / name, beside)
                    print(f"{error}. What was made is {beside}", file=sys.stderr)
                    continue
                record = {path: sha256 for path, sha256 in record.items() if path.split("/")[0] != name}
                record |= {path: weights.sha256(hidden / path) for path in _files(hidden, name)}
                if (out / name).exists():
                    os.replace(out / name, hidden / f"old-{name}")
                os.replace(hidden / name, out / name)
            with replacing(out / RECORD) as path:
                path.write_text(json.dumps(record))
    finally:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _files(folder: Path, name: str) -> list[str]:
    """The files ``folder``/``name``, or those in that folder, by their paths below ``folder``."""
    if (folder / name).is_dir():
        return sorted(f"{name}/{path.name}" for path in (folder / name).iterdir())
    return [name]


def recorded(out: Path) -> dict[str, str]:
    """What ``out`` tells of the files that were written there, path -> SHA-256; empty where it does not."""
    try:
        told = json.loads((out / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return {str(path): str(sha256) for path, sha256 in told.items()} if isinstance(told, dict) else {}


def _beside(path: Path) -> Path:
    """A name that is free, for what cannot be at ``path``."""
    names = (path.with_name(f"{'new-' * n}{path.name}") for n in count(1))
    return next(name for name in names if not name.exists())


def _check_free(path: Path, overwrite: bool, source: Path, record: Mapping[str, str]) -> None:
    held = sorted(path.iterdir()) if path.is_dir() else []
    if not path.exists() or (path.is_dir() and not held):
        return
    if source.exists() and source.resolve() == path.resolve():
        raise UserError(f"{path}: is the input, which would be replaced; give another folder to write to")
    if not overwrite:
        raise UserError(
            f"{path}: is there already; give another folder to write to, or add --overwrite to have it replaced"
        )
    foreign = next((p.name for p in held if p.is_dir() or p.suffix != SUFFIXES.get(path.name)), None)
    if foreign or path.is_dir() != (path.name in SUFFIXES):
        raise UserError(f"{path}: is not replaced, since it holds what vosmem did not write: {foreign or path.name}")
    files = _files(path.parent, path.name)
    changed = next((file for file in files if record.get(file) != weights.sha256(path.parent / file)), None)
    if changed:
        raise UserError(
            f"{path}: is not replaced, since {changed} is not as vosmem wrote it there, by what {RECORD} tells; move "
            "what is yours away, or give another folder to write to"
        )

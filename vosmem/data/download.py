"""`vosmem data download`: data sets that may be fetched by anyone, into the folder that the config expects."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from vosmem.data import archive
from vosmem.errors import UserError
from vosmem.whole import replacing


@dataclass(frozen=True)
class Source:
    """An archive. ``inside``: its folder with the data set; ``md5``: as its authors publish it; ``terms``: of use."""

    url: str
    inside: str
    md5: str
    terms: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


# Address and MD5 are those of the authors' own script, data/get_davis.sh of github.com/davisvideochallenge/davis.
# No SHA-256 is published.
SOURCES = {
    "davis2016": Source(
        "https://graphics.ethz.ch/Downloads/Data/Davis/DAVIS-data.zip",
        "DAVIS",
        "0cb3cf9c5617209fa3cc4794e52a2ffa",
        "DAVIS-2016: CC BY-NC 4.0, for research; eight clips keep their owners' terms (davischallenge.org)",
    )
}


def download(name: str, to: Path, sha256: str = "", source: Source | None = None) -> bool:
    """Bring data set ``name`` to the folder ``to``, and print what was done as JSON; whether there was anything to do.

    ``sha256``: the archive's, if it is known: then it alone decides. Otherwise the MD5 of its authors does, and the
    SHA-256 that is found is written beside, as ``<archive>.sha256``; an archive of another one is refused from then on.
    A folder that is there already is left as it is. ``source``: where from, by default SOURCES.
    """
    source = source or SOURCES[name]
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        print(f"{to}: is there already, and left as it is", file=sys.stderr)
        print(json.dumps({"data": name, "folder": str(to), "files": 0}))
        return False
    given = to.parent / source.name  # the user's own copy, or a download that was not unpacked
    had = given.is_file()
    print(f"{source.terms}\n{source.url} -> {to}", file=sys.stderr)
    path = archive.fetch(source.url, given)
    note = path.with_name(f"{path.name}.sha256")
    found = archive.digest(path, "sha256")
    known = sha256.lower() or _recorded(note)
    if known and found != known:
        whose = "data.sha256" if sha256 else str(note)
        raise UserError(
            f"{path}: SHA-256 {found}, expected {known} by {whose}; delete the file to fetch it again, "
            "or correct the hash if you know that it was replaced"
        )
    if not known and source.md5 and (md5 := archive.digest(path, "md5")) != source.md5:
        raise UserError(
            f"{path}: MD5 {md5}, its authors publish {source.md5}; delete the file to fetch it again, or, if you know "
            f"that it was replaced, accept it by --sha256 {found}"
        )
    count = archive.unpack(path, source.inside, to)
    with replacing(note) as temporary:
        temporary.write_text(f"{found}  {path.name}\n")
    if not had:
        path.unlink()
    print(json.dumps({"data": name, "folder": str(to), "files": count, "sha256": found}))
    return True


def _recorded(note: Path) -> str:
    """The SHA-256 that an earlier download wrote down; empty without one."""
    try:
        return note.read_text().split()[0].lower()
    except (OSError, IndexError):
        return ""

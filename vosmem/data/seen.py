"""What a sequence's files were when they were looked at, so that a change is told from a mere touch.

Times and sizes are asked first, at a stat a file. Where they, or the time of the files' last change of any kind, are
other than before, the bytes decide: files that were touched, copied or given another owner are the same, and files that
were replaced are not, even by some of the same size and time. This is kept in a hidden file beside the description; it
is no output of a rule, since Snakemake deletes those before a job starts. Cheap to import: the workflow asks it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vosmem import parse
from vosmem.data.files import fingerprint
from vosmem.whole import replacing

Parts = Sequence[Sequence[Path]]  # files of a sequence: those of frames, those of masks, or both


def identity(description: Path, parts: Parts) -> list[dict[str, int]]:
    """What stands for a sequence's files: equal as long as their names and bytes are.

    ``description``: where the sequence is described. Of files that were never looked at it is their fingerprint.
    """
    now, before = look(parts), _read(_place(description))
    if before is None:
        return now[:-1]
    if now == before["look"]:
        return before["identity"]
    if content(parts) == before["content"]:
        with suppress(OSError):  # else they are read again the next time
            _keep(description, {**before, "look": now})
        return before["identity"]
    return now[:-1] if now[:-1] != before["identity"] else now


def look(parts: Parts) -> list[dict[str, int]]:
    """The fingerprint of each part, and when a file was last changed in whatever way (ns): a stat a file."""
    changed = max((os.stat(path).st_ctime_ns for part in parts for path in part), default=0)
    return [*(fingerprint(part) for part in parts), {"changed": changed}]


def note(description: Path, parts: Parts, looked: list[dict[str, int]], of: str) -> None:
    """Keep what the files are: what :func:`look` told before they were read, and their :func:`content`."""
    _keep(description, {"identity": identity(description, parts), "look": looked, "content": of})


def _keep(description: Path, told: dict[str, Any]) -> None:
    with replacing(_place(description)) as temporary:
        temporary.write_text(json.dumps(told))


def content(parts: Parts) -> str:
    """SHA-256 of the names and bytes of each part's files, one behind the other."""
    return " ".join(map(_content, parts))


def _content(part: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in part:
        with open(path, "rb") as file:
            whole.update(os.fsencode(path.name))  # which need not be Unicode
            whole.update(f"\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _place(description: Path) -> Path:
    return description.with_name(f".{description.stem}.seen")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = parse.json_file(path)
        return told if {"identity", "look", "content"} <= told.keys() else None
    except (OSError, ValueError, AttributeError):
        return None

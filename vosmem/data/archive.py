"""An archive from the internet: fetched piece by piece, going on where it was cut off, and unpacked within a folder."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import json
import lzma
import stat
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from vosmem import parse, progress, room
from vosmem.errors import FORBIDDEN, FULL, UserError
from vosmem.whole import replacing, replacing_folder

PIECE = 1 << 20  # bytes
TRIES = 4  # in a row without a byte more
WAIT = 1.0  # seconds before the second try, twice as long before each further one
TIMEOUT = 60.0  # seconds in which a server must say something


def fetch(url: str, path: Path, wait: float = WAIT) -> Path:
    """Fetch ``url`` to ``path``. Returns the path.

    What came so far is kept in ``<name>.part`` beside it, with what tells whether the server still has the same file; a
    cut connection goes on there, and so does the next call after a kill. Raises UserError where nothing more comes.
    """
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, tries = path.with_name(f"{path.name}.part"), 0
    with _alone(part) as file:
        while True:
            before = file.seek(0, 2)
            try:
                if _go_on(url, file, part.with_name(f"{part.name}.json")):
                    break
                reason = "the connection was cut"
            except urllib.error.HTTPError as error:
                raise _stuck(url, path, f"the server says {error.code} {error.reason}", before) from None
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in (*FULL, *FORBIDDEN):
                    raise  # the disk's, not the server's
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            tries = 0 if file.seek(0, 2) > before else tries + 1
            if tries >= TRIES:
                raise _stuck(url, path, reason, file.seek(0, 2))
            time.sleep(wait * 2 ** max(tries - 1, 0))
        part.with_name(f"{part.name}.json").unlink(missing_ok=True)
        part.rename(path)
    return path


def _go_on(url: str, file: IO[bytes], told: Path) -> bool:
    """Append what is still missing of ``url``; whether all is there then."""
    have, known = file.seek(0, 2), _read(told)
    request = urllib.request.Request(url, headers={"User-Agent": "vosmem", "Accept-Encoding": "identity"})
    if have and known.get("url") == url and known.get("version"):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known["version"])  # another file by now: all of it, not its end
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have and have == known.get("bytes"):  # nothing behind the last byte: it is whole
            return True
        raise
    with answer:
        if answer.status != 206:
            file.truncate(0)
            have = 0
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise OSError(f"got {answer.headers.get('Content-Range')!r}, expected what follows byte {have}")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        version = answer.headers.get("ETag", "")
        version = answer.headers.get("Last-Modified", "") if not version or version.startswith("W/") else version
        with replacing(told) as temporary:
            temporary.write_text(json.dumps({"url": url, "version": version, "bytes": total}))
        if total:
            room.check(told.parent, total - have, "the archive")
        progress.advance(have // PIECE, total and total // PIECE)
        while piece := answer.read(PIECE):
            file.write(piece)
            progress.advance(1, total and total // PIECE)
        file.flush()
        return total is None or file.seek(0, 2) == total


def _read(told: Path) -> dict[str, Any]:
    try:
        known = parse.json_file(told)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


@contextmanager
def _alone(part: Path) -> Iterator[IO[bytes]]:
    """The file to append to, of which no other process may write at the same time."""
    with open(part, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{part}: is being fetched by another process; wait for that one") from None
        yield file


def _stuck(url: str, path: Path, reason: str, have: int) -> UserError:
    kept = f", {room.readable(have)} of it are kept, so run again to go on" if have else ""
    return UserError(
        f"{url}: could not be fetched ({reason}){kept}; without internet, fetch it elsewhere and put it here: {path}"
    )


def digest(path: Path, kind: str) -> str:
    """A file's ``sha256`` or ``md5``, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def unpack(path: Path, inside: str, to: Path) -> int:
    """Unpack what a zip archive has within its folder ``inside`` as the folder ``to``, whole or not at all.

    Returns how many files. Raises UserError for a damaged archive, and for one that holds links, or names that would
    lead out of the folder: no archive of data has any, so it is not what it seems.
    """
    try:
        with zipfile.ZipFile(path) as archive, replacing_folder(to) as fresh:
            wanted = [(entry, _within(entry, inside, path)) for entry in archive.infolist()]
            wanted = [(entry, name) for entry, name in wanted if name is not None]
            room.check(fresh, sum(entry.file_size for entry, _ in wanted), f"what {path.name} holds")
            for entry, name in wanted:
                place = fresh / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, open(place, "xb") as file:
                    while piece := source.read(PIECE):
                        file.write(piece)
                progress.advance(1, len(wanted))
            if not wanted:
                raise UserError(f"{path}: holds no folder {inside}; it is not the archive that was asked for")
    except OSError as error:
        if error.errno not in (None, errno.EEXIST):  # the system's, of the disk; without a number they are bz2's
            raise
        raise _damaged(path, error) from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(path, error) from None
    return len(wanted)


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: a damaged archive ({error}); delete it and run again")


def _within(entry: zipfile.ZipInfo, inside: str, path: Path) -> PurePosixPath | None:
    """The name of an entry within the folder ``inside``; None for folders, and for what lies elsewhere."""
    name = PurePosixPath(entry.filename)
    link = stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)
    if link or name.is_absolute() or ".." in name.parts or "\\" in entry.filename:
        raise UserError(f"{path}: holds {entry.filename!r}, which leads out of the archive; do not use it")
    if entry.is_dir() or len(name.parts) < 2 or name.parts[0] != inside:
        return None
    return name.relative_to(inside)

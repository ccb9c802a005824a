"""Weights: anyone can get them, nobody can swap them.

``registry.yaml`` names each file, its SHA-256 and where it can be had. Loading never runs code.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vosmem import parse
from vosmem.errors import UserError
from vosmem.whole import replacing

if TYPE_CHECKING:
    from torch import nn  # which takes a second to import

HERE = Path(__file__).resolve().parent
METADATA = "vosmem"  # the entry of a .safetensors file's metadata that vosmem writes
# Where fetched files are kept, relative to the working directory. The workflow has its own in any case.
FOLDER = Path(os.environ.get("VOSMEM_WEIGHTS") or "resources/weights")
MEMORIES = {"shipped": "lvo", "shipped-isnet": "lvo-isnet"}  # the words for memories that come with vosmem


@dataclass(frozen=True)
class Entry:
    """One row of the registry. ``sources``: dicts as registry.yaml tells.

    ``sha256``: of the file, or its beginning where its makers publish no more, or nothing: what is fetched first is
    then recorded, as ``<file>.sha256`` beside it, and nothing else taken from then on.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    licence: str
    trained_on: str
    saw_davis: tuple[str, ...]  # sequences of DAVIS-2016 that the weights were trained on
    sources: tuple[dict[str, str], ...]

    @property
    def shipped(self) -> Path | None:
        """The file that comes with vosmem, where there is one."""
        names = [s["shipped"] for s in self.sources if "shipped" in s]
        return HERE / "shipped" / names[0] if names else None

    def known_by(self, sha256: str) -> bool:
        """Whether a file of this SHA-256 may be the one."""
        return bool(sha256) and sha256.startswith(self.sha256)

    def path(self, folder: Path = FOLDER) -> Path:
        """Where the file is, or will be once fetched."""
        return self.shipped or folder / self.file


def place(source: Mapping[str, str]) -> str:
    """Where a source that does not come with vosmem is, for a line that tells of it."""
    return source.get("package") or (f"npm's {source['npm']}" if "npm" in source else source["url"])


@cache
def registry() -> dict[str, Entry]:
    """Every known weight file by its name."""
    rows = parse.shipped(HERE / "registry.yaml")
    return {name: Entry(name, **{**row, "saw_davis": tuple(row["saw_davis"]), "sources": tuple(row["sources"])})
            for name, row in rows.items()}  # fmt: skip


def entry(name: str) -> Entry:
    """The registry's row ``name``, or that of an address; UserError where there is none."""
    if is_address(name):
        return of_address(name)
    try:
        return registry()[name]
    except KeyError:
        raise UserError(
            f"weights {name!r}: not known; known are {', '.join(registry())}, or give the path of a file"
        ) from None


def is_address(setting: str) -> bool:
    """Whether a key ``weights`` of the config names a file on the internet."""
    return re.match(r"[a-z]+://", setting) is not None


def of_address(address: str) -> Entry:
    """The row of ``https://host/file``, or ``https://host/file#sha256=...``, which pins the file.

    The file's name begins with the address's hash, so that two of one name do not meet. Raises UserError for other
    kinds of addresses.
    """
    url, _, told = address.partition("#")
    try:
        parts, pin = urlsplit(url), told.removeprefix("sha256=").lower()
    except ValueError as error:
        raise UserError(f"weights {address}: no address of a file ({error}); expected https://host/file") from None
    name = re.sub(r"[^A-Za-z0-9._-]", "_", parts.path.rsplit("/", 1)[-1])
    if told and not re.fullmatch("sha256=[0-9a-f]{64}", told.lower()):
        raise UserError(f"weights {address}: got #{told}, expected #sha256= and 64 hexadecimal digits")
    if not parts.netloc or not name or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not pin):
        raise UserError(
            f"weights {address}: expected https://host/file, or http://host/file#sha256=..., which says what file it is"
        )
    file = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}"
    return Entry(address, file, pin, 0, "its maker's", "not known", (), ({"url": url},))


def file_for(network: str, setting: str, folder: Path = FOLDER) -> Path:
    """The weight file of ``network``: the registry's where ``setting`` is ``registry``, else what ``setting`` names.

    ``setting`` may be a path or an address; of the latter the file is where it is once it was fetched.
    """
    known = network if setting == "registry" else setting
    return entry(known).path(folder) if setting == "registry" or is_address(setting) else Path(setting)


def memory_name(setting: str) -> str:
    """The registry's name of the memory that ``memory.weights`` or ``memory.init`` means, "" where it is no word."""
    return MEMORIES.get(setting, "")


def memory_file(setting: str) -> Path:
    """The file that ``memory.weights`` or ``memory.init`` means: one that comes with vosmem, or that of a path."""
    return entry(MEMORIES[setting]).path() if setting in MEMORIES else Path(setting)


def sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes, in hexadecimal. Raises UserError where there is no such file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise _absent(path) from None


def _absent(path: str | os.PathLike) -> UserError:
    return UserError(f"{path}: no such weight file; `vosmem weights` lists those that can be fetched")


def note(path: Path) -> Path:
    """Where the SHA-256 is recorded of a file whose registry's row does not tell all of it."""
    return path.with_name(f"{path.name}.sha256")


def recorded(path: Path) -> str:
    """What :func:`note` says of the file ``path``; empty where there is none."""
    try:
        return note(path).read_text().split()[0].lower()
    except (OSError, IndexError):
        return ""


def verify(path: Path, expected: Entry, known: str = "") -> str:
    """The SHA-256 of ``path``. Raises UserError unless it is the very file that the registry names.

    ``known``: what was recorded of the file before.
    """
    got = sha256(path)
    for wanted, where in ((expected.sha256, f"for weights {expected.name!r}"), (known, "as it was when first fetched")):
        if not got.startswith(wanted):
            raise UserError(
                f"{path}: SHA-256 {got[:16]}..., expected {wanted[:16]}... {where}; delete the file and fetch it again"
            )
    return got


def load(path: str | os.PathLike) -> dict[str, Any]:
    """The tensors of a weight file (.safetensors, .onnx, .caffemodel, or a PyTorch state dict), float32, by name.

    On the CPU. Never runs code from the file. Raises UserError where it cannot be read.
    """
    import torch
    from safetensors.torch import load_file

    from vosmem.weights import caffe, onnx

    path = Path(path)
    if not path.is_file():
        raise _absent(path)
    try:
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        elif path.suffix == ".onnx":
            tensors = {name: torch.from_numpy(values) for name, values in onnx.initialisers(path).items()}
        elif path.suffix == ".caffemodel":
            tensors = {name: torch.from_numpy(values) for name, values in caffe.parameters(path).items()}
        else:
            _check_packed(path)
            tensors = torch.load(path, map_location="cpu", weights_only=True)
            tensors = tensors.get("state_dict", tensors)
        return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    except Exception as error:
        # whatever a foreign file provokes in a parser is the file's fault
        what = "".join(c if c.isprintable() else " " for c in " ".join(str(error).split()))
        raise UserError(f"{path}: not a readable weight file ({type(error).__name__}: {what[:120]})") from None


def _check_packed(path: Path) -> None:
    """Raise ValueError where a zip archive, as PyTorch's files are, unpacks to more than it can hold unpacked."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > 2 * path.stat().st_size + (1 << 20):
            raise ValueError(f"unpacks to {size} bytes")


def fitted(tensors: Mapping[str, Any], build: Callable[[], nn.Module]) -> nn.Module:
    """The module that ``build`` makes, made only where ``tensors`` are of its shapes.

    So no room is taken for what a file merely says of itself. Raises ValueError that names the first that differs.
    """
    import torch

    with torch.device("meta"):
        expected = build().state_dict()
    for name, tensor in expected.items():
        got = tuple(tensors[name].shape) if name in tensors else "none"
        if got != tuple(tensor.shape) and tensor.ndim:  # batch normalisation counts batches, which is left out
            raise ValueError(f"{name}: got {got}, expected {tuple(tensor.shape)}")
    return build()


def save(path: str | os.PathLike, tensors: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Write tensors and what is to be told of them (JSON values) as .safetensors, whole or not at all.

    Equal content gives an equal file: all that is told is one entry of the metadata, since safetensors writes
    several in no fixed order.
    """
    from safetensors import torch as safetensors

    with replacing(path) as temporary:
        rows = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        whole = safetensors.save(rows, metadata={METADATA: json.dumps(told, sort_keys=True)})
        temporary.write_bytes(whole)  # save_file would make it readable by its owner alone


def metadata(path: str | os.PathLike) -> dict[str, Any]:
    """What a .safetensors file that vosmem wrote tells of itself; empty for other files."""
    if Path(path).suffix != ".safetensors":
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), "np") as file:
            told = parse.json((file.metadata() or {}).get(METADATA, "{}"))
    except (SafetensorError, ValueError, OSError):
        return {}
    return told if isinstance(told, dict) else {}

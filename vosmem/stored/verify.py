"""Whether a cache file is whole and what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache as memoise
from pathlib import Path
from typing import Any

from vosmem import cache, config, weights
from vosmem.errors import UserError
from vosmem.stored.files import Dataset, Stored, description


def fault(file: Stored) -> str | None:
    """What is wrong with a cache file, None where nothing is.

    Every chunk is read. The file must be of this format, of its stage as that is now, and complete; where its folders
    tell the data set, also of the sequence's frames as they are described, made with the weights that the configuration
    saved beside the results names, and, of motion, made from the flow that is there. Raises OSError where the system
    does not let it be read, so that none of this can be told.
    """
    try:
        with cache.read(file.path, file.stage or None) as reader:
            reader.check_whole()
            if not file.stage:
                return None
            return _elsewhere(file, reader) or _frames(file, reader) or _weights(file, reader) or _flow(file, reader)
    except UserError as error:
        return str(error).removeprefix(f"{file.path}: ").removesuffix(f"; {cache.MEND}")


def _elsewhere(file: Stored, reader: cache.Reader) -> str | None:
    """Whether it is another sequence's or network's file."""
    if reader.clip.sequence != file.sequence:
        return f"is of sequence {reader.clip.sequence}, expected {file.sequence}"
    if file.stage == "memory":
        return None
    made, flow = reader.maker.name, reader.maker.parameters.get("flow", {})
    name = f"{made}-{flow.get('name')}" if file.stage == "motion" else made
    return None if name == file.name else f"was made by {name}, expected {file.name}"


def _frames(file: Stored, reader: cache.Reader) -> str | None:
    """Whether it is of other frames than its sequence has now."""
    told = description(file)
    if not told.get("working_size"):
        return None
    names = tuple(Path(frame).stem for frame in told["frames"])
    if len(names) != len(reader):
        return f"holds {len(reader)} frames, but the sequence has {len(names)}"
    if names != reader.clip.frames:
        return "is of frames of other names than the sequence has"
    if tuple(told.get("shots", (0,))) != reader.clip.starts:
        return "was made with other cuts than the sequence has"
    if tuple(told["working_size"]) != reader.clip.frame_size:
        return f"is of frames of {reader.clip.frame_size} pixels, but they are worked on at {told['working_size']}"
    return None


def _weights(file: Stored, reader: cache.Reader) -> str | None:
    """Whether it was made with other weights than it would be made with now."""
    if file.stage == "memory":
        folder = file.dataset.folder / "memory" / file.name
        expected = [sha256(path) for path in sorted(folder.rglob("weights.safetensors"))]
    else:
        expected = expected_weights(file.dataset, file.stage, reader.maker.name)
    got = reader.maker.weights_sha256
    if expected and got not in expected:
        return f"was made with weights {_short(got)}, expected {' or '.join(map(_short, expected))}"
    above = reader.maker.parameters.get("flow") if file.stage == "motion" else None
    if above:
        expected, got = expected_weights(file.dataset, "flow", above["name"]), above.get("weights", "")
        if expected and got not in expected:
            return f"was made from flow with weights {_short(got)}, expected {' or '.join(map(_short, expected))}"
    return None


def _flow(file: Stored, reader: cache.Reader) -> str | None:
    """Whether motion was made from another flow than is there, or from one of another version of that stage."""
    above = reader.maker.parameters.get("flow") if file.stage == "motion" else None
    if not above:
        return None
    if above["version"] != cache.stage_version("flow"):
        return f"was made from flow of version {above['version']}, this is version {cache.stage_version('flow')}"
    path = file.dataset.folder / "flow" / above["name"] / file.path.name
    try:
        with cache.read(path, "flow") as flow:
            now = {"name": flow.maker.name, "version": flow.maker.version, "parameters": dict(flow.maker.parameters)}
    except (UserError, OSError):  # not there, or spoilt, which is told of by itself
        return None
    made = {key: above[key] for key in now}
    return None if made == now else f"was made from flow with other settings ({made['parameters']}) than {path}"


def expected_weights(dataset: Dataset, section: str, network: str) -> list[str]:
    """The SHA-256 that a network's weights should have by the saved configuration; [""] of one that has none.

    Nothing where that cannot be told: the configuration does not name the network, or the user's file is gone.
    """
    setting = weights_setting(dataset.config, section, network)
    if setting is None:
        return []
    entry = weights.registry().get(network)
    if setting == "registry" and (entry is None or len(entry.sha256) == 64):
        return [entry.sha256 if entry else ""]
    path = dataset.folder.parent.parent / weights.file_for(network, setting)
    return [sha256(path)] if path.is_file() else []


def weights_setting(resolved: Mapping[str, Any], section: str, network: str) -> str | None:
    """The key `weights` of a network in a resolved configuration; None where no model runs the network."""
    using = (m[section] for m in resolved.get("models", {}).values())
    found = next((s for s in using if network in config.names(section, s)), None)
    return None if found is None else config.settings_for(section, found, network).get("weights", "registry")


def sha256(path: Path) -> str:
    """SHA-256 of a weight file, read once as long as it stays the same."""
    told = path.stat()
    return _sha256(path.resolve(), told.st_mtime_ns, told.st_size)


@memoise
def _sha256(path: Path, *_: int) -> str:
    return weights.sha256(path)


def _short(sha256: str) -> str:
    return f"{sha256[:12]}..." if sha256 else "none"

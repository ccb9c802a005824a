"""All stages above the masks, for one shot, with the networks that a memory's weights tell of."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch

from vosmem import config
from vosmem.arguments import timed
from vosmem.data import describe
from vosmem.device import threads_for_frames
from vosmem.errors import UserError


@dataclass(frozen=True)
class Stages:
    """How a memory was trained: its weight file, what that tells; where its networks are to run; and what makes masks
    of its probabilities, the config's section `refine`, the last of whose methods counts."""

    memory: Path
    told: Mapping[str, Any]
    device: torch.device
    refine: Mapping[str, Any]

    @property
    def two_views(self) -> bool:
        """Whether the memory predicts from its streams' mirror image too: by the default, which no training decides."""
        return config.section_defaults("memory")["mirrored"]

    @classmethod
    def of(cls, memory: Path, device: torch.device, refine: Mapping[str, Any] | None = None) -> Stages:
        """The stages that the weight file ``memory`` tells of, and ``refine``, keys of the config's section.

        Raises UserError, before any of them runs, where one computes something else since the training.
        """
        from vosmem.memory import predict

        _, told = predict.load(memory)
        for stage, made in _caches(told["streams"]):
            now = importlib.import_module(f"vosmem.{stage}").STAGE_VERSION
            if "version" not in made:  # as where there is nothing of the flow
                raise UserError(f"{memory}: does not tell by which {stage} it was trained; train anew")
            if made["version"] != now:
                raise UserError(
                    f"{memory}: was trained with version {made['version']} of the stage {stage} ({made['name']}), "
                    f"this is version {now}; install the vosmem that the weights came with, or train anew"
                )
        return cls(memory, told, device, config.section_defaults("refine", refine))

    def fetch(self) -> dict[str | None, Path | None]:
        """Fetch the weights of the streams' networks that are not here yet: their files, each checked, by SHA-256.

        And those of the closer look. Raises UserError where some are not to be had.
        """
        from vosmem.weights.fetch import fetch

        if self.refine["methods"][-1] == "zoom":
            fetch(self.refine["zoom"]["network"])
        return {made.get("weights"): _weights(made) for _, made in _caches(self.told["streams"])}

    def run(self, description: Path, folder: Path, title: str | None = "") -> int:
        """One shot from its description to ``folder``: memory.h5 and masks/<frame>.png. What lies between is deleted.

        ``title`` is put before a stage's name where its progress is told; None has nothing told. Returns how many bytes
        of disk were in use at most, in files that have a name.
        """
        from vosmem.appearance import stage as appearance
        from vosmem.flow import stage as flow
        from vosmem.memory import predict
        from vosmem.motion import stage as motion
        from vosmem.refine import stage as refine
        from vosmem.refine.look import prepared
        from vosmem.weights.fetch import fetch

        fetched = self.fetch()  # all of them, before anything takes long
        length = len(describe.read(description).frames)
        streams = self.told["streams"]
        used = Usage(folder)
        flows: dict[str, Path] = {}
        both = True  # directions of time, without which nothing is steadied along the flow

        def step(name: str) -> AbstractContextManager[list[int]]:
            return nullcontext([]) if title is None else timed(f"{title}{name}", total=length)

        files: dict[str, list[Path]] = {"appearance": [], "motion": []}
        for made in streams["motion"]:
            above, out = made["parameters"]["flow"], folder / "motion" / f"{made['name']}.h5"
            name = above["name"]
            if name not in flows:
                flows[name] = folder / "flow" / f"{name}.h5"
                with step(f"flow {name}") as count:
                    settings = _as_made("flow", above)
                    both = both and settings["backward"]
                    count.append(
                        flow.run(description, flows[name], name, settings, fetched[above.get("weights")], self.device)
                    )
            with step(f"motion {made['name']}") as count:
                settings = _as_made("motion", made)
                count.append(
                    motion.run(flows[name], out, made["name"], settings, fetched[made.get("weights")], self.device)
                )
            files["motion"].append(out)
        for made in streams["appearance"]:
            out = folder / "appearance" / f"{made['name']}.h5"
            with step(f"appearance {made['name']}") as count:
                settings = _as_made("appearance", made)
                count.append(
                    appearance.run(description, out, made["name"], settings, fetched[made.get("weights")], self.device)
                )
            files["appearance"].append(out)
        with step("memory") as count:
            out = folder / "memory.h5"
            streams = (files["appearance"], files["motion"])
            count.append(predict.run(*streams, self.memory, out, self.device, self.two_views))
        used.delete(files["motion"])
        with step("refine") as count:
            settings, look = dict(self.refine), None
            method = settings["methods"][-1]
            along = next(iter(flows.values()), None) if method != "raw" and both else None
            if method == "zoom":
                file = fetch(settings["zoom"]["network"])
                settings["zoom"], look = prepared(settings["zoom"], file, self.device)
            threads = threads_for_frames(self.device) if look else torch.get_num_threads()
            masks = folder / "masks.json"
            alike = files["appearance"]
            count.append(refine.run(description, out, masks, method, settings, along, look, threads, alike))
        used.delete([*flows.values(), *files["appearance"]])
        return used.most()

    def states(self, working_size: tuple[int, int]) -> int:
        """The bytes a frame, at most, of files without a name, in which one pass over a shot waits for the other.

        The memory's backward states, where it spans a shot; later the maps that are steadied, with what the frames
        before them add; and then those that wait for the closer look, with what it makes of them, steadied again.
        """
        from vosmem.memory.streams import STRIDE
        from vosmem.refine import zoom

        settings = self.told["settings"]
        cells = -(-working_size[0] // STRIDE) * -(-working_size[1] // STRIDE)
        kept = settings["bidirectional"] and not settings["reach"]
        states = (1 + self.two_views) * 2 * settings["state"] * cells if kept else 0
        first, fine = cells * settings["finer"] ** 2, prod(zoom.fine_grid(working_size).shape)
        return max(states, 3 * 4 * first, 4 * first + 3 * 4 * fine)


class Usage:
    """How much disk the files of a folder took at most."""

    def __init__(self, folder: Path):
        self._folder, self._most = folder, 0

    def most(self) -> int:
        """Bytes, the most of what they were when asked."""
        now = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        self._most = max(self._most, now)
        return self._most

    def delete(self, files: Sequence[Path]) -> None:
        """Delete files that were read for the last time."""
        self.most()
        for path in files:
            path.unlink()


def _caches(streams: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Stage and maker of each cache that a memory was trained on."""
    for made in streams["appearance"]:
        yield "appearance", made
    for made in streams["motion"]:
        yield "motion", made
        yield "flow", made["parameters"].get("flow", {})


def _as_made(section: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """A section of the config that has a cache made as the one that ``made`` tells of, in this hardware's precision."""
    known = config.schema()["properties"][section]["properties"]
    own = {key: value for key, value in made["parameters"].items() if key in known and key != "precision"}
    if section == "flow":
        own["backward"] = "first_row" in made["parameters"]
    return config.section_defaults(section, {**own, config.NAMED_CACHES[section]: made["name"]})


def _weights(made: Mapping[str, Any]) -> Path | None:
    """The registry's file that a cache was made with, fetched; None where it was made without weights."""
    from vosmem import weights
    from vosmem.weights.fetch import fetch

    sha256 = made.get("weights")
    if not sha256:
        return None
    name = next((e.name for e in weights.registry().values() if e.known_by(sha256)), None)
    if name is None:
        raise UserError(
            f"the memory was trained with weights of {made['name']} (SHA-256 {sha256[:16]}...) that vosmem does not "
            "know; run the workflow with memory.weights set to them"
        )
    return fetch(name)

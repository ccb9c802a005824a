"""Whether a folder is one that the demo was rendered to. Cheap to import: the workflow asks before each run."""

from __future__ import annotations

from pathlib import Path

from vosmem.errors import UserError

MARKER = "demo.json"  # what tells a folder of the demo from any other
OURS = {"JPEGImages", "Annotations", "ImageSets", "Flow", MARKER, ".snakemake_timestamp"}


def check_ours(root: Path) -> None:
    """Raises UserError where ``root`` holds anything that the demo did not write."""
    if not root.exists() and not root.is_symlink():
        return
    if root.is_symlink() or not root.is_dir():
        raise UserError(f"demo: {root} is there and is not a folder; move it away, or choose another with --out")
    entries = {entry.name for entry in root.iterdir()}
    if not entries:
        return
    foreign = sorted(entries - OURS) if MARKER in entries else sorted(entries)
    if foreign:
        raise UserError(
            f"demo: {root} holds {foreign[0]!r}, which this command did not write, so it is left as it is; "
            "choose another folder with --out, or move that one away"
        )

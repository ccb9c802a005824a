"""``vosmem demo``: its options, and what goes to which stream."""

from __future__ import annotations

import argparse
from pathlib import Path

from vosmem.demo import SEQUENCES, command, folder


def _parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_defaults():
    args = _parse()
    assert (args.out, args.seed) == (Path("resources/demo"), 0)
    assert command.HELP


def test_run_tells_progress_on_stderr_and_the_folder_on_stdout(tmp_path, monkeypatch, capsys):
    written = []
    monkeypatch.setattr(folder, "_write_sequence", lambda root, name, seed, size, frames: written.append((name, seed)))
    (root := tmp_path / "set").mkdir()
    monkeypatch.setattr(folder, "_write_lists", lambda made, names, frames: made.mkdir())
    assert command.run(_parse("-o", str(root), "--seed", "3")) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(root)
    assert [line.split()[1] for line in err.splitlines()] == list(SEQUENCES)
    assert written == [(name, 3) for name in SEQUENCES]

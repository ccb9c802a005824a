"""A command that is run as a user would, in an empty folder, and what must hold whatever it is given."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from vosmem.cli import main

PATIENCE = 60  # seconds after which a command hangs
ROOM = 2 << 30  # bytes of address space that reading a small file may take


def some(values):
    """Every second value for the usual run, the others for `-m slow`."""
    return [pytest.param(v, marks=[pytest.mark.slow] if k % 2 else []) for k, v in enumerate(values)]


class Door:
    """Runs commands in ``folder``, in this process: an exception that a command lets out fails the test.

    ``outs``: what may be written there; all else must stay as it is, beside the folder too.
    """

    def __init__(self, folder: Path, capsys, outs: tuple[str, ...] = ("out", "results")):
        self.folder, self._capsys, self._outs = folder, capsys, outs

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit status, stdout and stderr."""
        before, here, room = self._files(), Path.cwd(), address_space()
        os.chdir(self.folder)
        try:
            with no_longer_than(PATIENCE):
                status = main([str(a) for a in arguments])
        finally:
            os.chdir(here)
        out, err = self._capsys.readouterr()
        assert self._files() == before, "wrote where it was not asked to"
        assert address_space() - room < ROOM, "took gigabytes"
        assert status in (0, 1)
        assert "Traceback" not in err
        return status, out, err

    def refuses(self, *arguments: object, table: bool = False) -> str:
        """The one line with which a command ends that cannot be done; ``table``: lines that tell more may follow."""
        status, _, err = self.run(*arguments)
        lines = [line for line in err.splitlines() if line.startswith("vosmem")]
        assert status == 1, err
        assert len(lines) == 1 and (table or err.endswith(f"{lines[0]}\n")), err
        assert tidy(lines[0]), err
        return lines[0]

    def _files(self) -> dict[str, tuple[int, int]]:
        """Size and time of all files of the folder and beside it, but those that may be written."""
        found = {}
        for parent, folders, files in os.walk(self.folder.parent):
            if Path(parent) == self.folder:
                folders[:] = [f for f in folders if f not in self._outs]
            for name in files:
                told = os.lstat(os.path.join(parent, name))
                found[os.path.join(parent, name)] = (told.st_size, told.st_mtime_ns)
        return found


def tidy(line: str) -> bool:
    """Whether a line does nothing to a terminal or a page but show itself, and can be written as UTF-8."""
    return not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", line)


@contextmanager
def no_longer_than(seconds: int):
    """Fail where the block takes longer, as what hangs would."""

    def late(*_):
        raise AssertionError(f"still at it after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def address_space() -> int:
    """The most bytes of address space that this process ever had; 0 where that is not told."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmPeak:")[1].split()[0]) << 10

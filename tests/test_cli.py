"""The command line as a whole."""

import errno
import signal
import subprocess
import sys

import pytest
import torch

from vosmem import __version__
from vosmem.cli import COMMANDS, main

STAGES = ["data", "flow", "appearance", "motion", "memory", "refine", "evaluate", "report"]


def test_every_stage_has_its_command_and_is_listed(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in (*STAGES, "segment", "overlay", "weights", "demo"):
        assert name in COMMANDS
        assert f"\n  {name} " in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert f"usage: vosmem {name}" in capsys.readouterr().out


def test_an_unknown_command_is_one_line(capsys):
    assert main(["segmnet"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("vosmem: 'segmnet' is no command, expected one of segment, overlay, evaluate")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("segment", "segment: the following arguments are required: INPUT, -o/--out; `vosmem segment --help` tells"),
        ("segment --nope", "segment: the following arguments are required"),
        ("segment in -o out --threads x", "segment: argument --threads: invalid int value: 'x'; `vosmem segment"),
        ("data", "data: the following arguments are required: ACTION; `vosmem data --help`"),
        ("data describe", "data: the following arguments are required: NAME, --root, -o/--out; `vosmem data describe"),
        ("memory nope", "memory: argument ACTION: invalid choice: 'nope' (choose from"),
        ("demo more", "demo: unrecognized arguments: more; `vosmem demo --help` tells what it takes"),
    ],
)
def test_mistaken_arguments_are_one_line(arguments, told, capsys):
    assert main(arguments.split()) == 1
    out, line = capsys.readouterr()
    assert line.startswith(f"vosmem {told}")
    assert line.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (IsADirectoryError(errno.EISDIR, "x", "out"), "out: cannot be used as it is asked for (Is a directory); corr"),
        (FileNotFoundError(errno.ENOENT, "x", "in"), "in: cannot be used as it is asked for (No such file or direct"),
        (
            OSError(errno.ENOSPC, "x", "out/a.png"),
            "out/a.png: no room left on the disk (No space left on device); make",
        ),
        (OSError(errno.ENOSPC, "x"), "no room left on the disk"),
        (PermissionError(errno.EACCES, "x", "in"), "in: may not be read or written by this user (Permission denied)"),
        (OSError(errno.EROFS, "x", "in"), "in: may not be read or written by this user (Read-only file system)"),
        (MemoryError(), "not enough memory; let it have more, or take a smaller short side"),
        (torch.OutOfMemoryError("CUDA out of memory"), "not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
            "not enough memory",
        ),
    ],
)
def test_what_the_operating_system_refuses_is_one_line(monkeypatch, capsys, error, line):
    def run(_):
        raise error

    monkeypatch.setattr("vosmem.demo.command.run", run)
    assert main(["demo"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"vosmem demo: {line}")
    assert told.count("\n") == 1


@pytest.mark.parametrize("error", [OSError(errno.EINVAL, "x"), RuntimeError("x"), KeyError("x")])
def test_other_errors_are_not_hidden(monkeypatch, error):
    def run(_):
        raise error

    monkeypatch.setattr("vosmem.demo.command.run", run)
    with pytest.raises(type(error), match="x"):
        main(["demo"])


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "vosmem", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"vosmem {__version__}\n"


def test_help_imports_neither_torch_nor_opencv():
    code = (
        "import sys; from vosmem.cli import main; main(['--help']); sys.exit(bool({'torch', 'cv2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_what_a_signal_does_is_as_before(capsys, name):
    before = signal.getsignal(getattr(signal, name))
    assert main(["weights"]) == 0
    assert signal.getsignal(getattr(signal, name)) is before


def test_a_closed_pipe_is_no_success(monkeypatch):
    """What was to be written may not be there."""

    def run(args):
        raise BrokenPipeError

    monkeypatch.setattr("vosmem.weights.command.run", run)
    assert main(["weights"]) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_ends_it_unless_it_is_to_outlive_that(ignored, monkeypatch, capsys):
    """As `nohup` has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    monkeypatch.setattr("vosmem.weights.command.run", lambda args: signal.raise_signal(signal.SIGHUP))
    try:
        if ignored:
            assert main(["weights"]) == 0
        else:
            with pytest.raises(SystemExit) as stopped:
                main(["weights"])
            assert stopped.value.code == 128 + signal.SIGHUP
            assert capsys.readouterr().err == "vosmem: told to stop (SIGHUP)\n"
    finally:
        signal.signal(signal.SIGHUP, before)

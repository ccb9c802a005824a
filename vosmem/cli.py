"""The command line: `vosmem <stage> ...`.

Progress goes to stderr, the result to stdout; exit status 0, or 1 with one line that says what is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import io
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from vosmem import __version__, arguments
from vosmem.errors import UserError, told

# Sub-command -> the module that has its HELP line, add_arguments(parser) and run(args), and may have an EXAMPLE.
# Imported only when called.
COMMANDS = {
    "segment": "vosmem.pipeline.command",
    "overlay": "vosmem.pipeline.overlay",
    "evaluate": "vosmem.evaluate.command",
    "data": "vosmem.data.command",
    "flow": "vosmem.flow.command",
    "appearance": "vosmem.appearance.command",
    "motion": "vosmem.motion.command",
    "memory": "vosmem.memory.command",
    "refine": "vosmem.refine.command",
    "correction": "vosmem.refine.correction_command",
    "report": "vosmem.report.command",
    "cache": "vosmem.stored.command",
    "weights": "vosmem.weights.command",
    "demo": "vosmem.demo.command",
}


class Parser(argparse.ArgumentParser):
    """One that tells a mistake in a line, as everything else here does, rather than by its usage and exit status 2.

    Parsers of sub-commands are of the same class.
    """

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{' '.join(message.split())}; `{self.prog} --help` tells what it takes")


def usage() -> str:
    """The overview that `vosmem --help` prints."""
    rows = "\n".join(f"  {name:<11} {importlib.import_module(module).HELP}" for name, module in COMMANDS.items())
    return (
        "usage: vosmem COMMAND ...\n\n"
        "Segments the moving object of a video, without annotation, and measures how well it did.\n\n"
        f"{rows}\n\n"
        "`vosmem COMMAND --help` tells more. The whole workflow: `snakemake --cores 8`.\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    _tell_any_name()
    if not argv or argv[0] in ("-h", "--help"):
        print(usage(), end="")
        return 0
    if argv[0] == "--version":
        print(f"vosmem {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        print(f"vosmem: {argv[0]!r} is no command, expected one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 1
    module = importlib.import_module(COMMANDS[argv[0]])
    parser = Parser(
        prog=f"vosmem {argv[0]}",
        description=arguments.sentence(module.HELP),
        epilog=getattr(module, "EXAMPLE", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    try:
        with _stopped_like_by_ctrl_c():
            args = parser.parse_args(argv[1:])
            arguments.keep_to(getattr(args, "threads", None))
            return module.run(args) or 0
    except KeyboardInterrupt:
        print(f"vosmem {argv[0]}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 128 + 13  # SIGPIPE, as of other programs: what was to be written may not be there
    except Exception as error:
        if told(error) is None:
            raise
        print(f"vosmem {argv[0]}: {told(error)}", file=sys.stderr)
        return 1


def _tell_any_name() -> None:
    """Have stdout take the name of any file: its bytes, or numbers where its encoding lacks the characters."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        of_bytes = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if of_bytes else "backslashreplace")


@contextmanager
def _stopped_like_by_ctrl_c() -> Iterator[None]:
    """Have SIGTERM, and a terminal that is closed, end the block as Ctrl-C does: what is half written is taken away.

    Not where the process was told to outlive its terminal (`nohup`).
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only that one may say what a signal does
        return
    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {s: signal.signal(s, _stop) for s in asked if signal.getsignal(s) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: object) -> None:
    with suppress(OSError):  # a terminal that is closed takes no words
        print(f"vosmem: told to stop ({signal.Signals(number).name})", file=sys.stderr)
    sys.exit(128 + number)

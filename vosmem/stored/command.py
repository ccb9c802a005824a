"""`vosmem cache`: which caches there are, whether they are whole, and those that no configuration needs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosmem import arguments, errors
from vosmem.errors import UserError
from vosmem.room import readable

if TYPE_CHECKING:
    from vosmem.stored.files import Stored

HELP = "list the caches under results/, check that they are whole, prune those that no config needs"
AGAIN = "run snakemake again to have made anew what it needs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = arguments.add_actions(parser)
    for action, told in (
        ("list", "files, size, and what made them, by data set, stage and network"),
        ("size", "bytes by data set and stage, and in total"),
    ):
        _results(one := add(action, told))
        one.add_argument("--json", action="store_true", help="as JSON, sizes in bytes")
    verify = add("verify", "read every chunk of every cache and tell what is wrong with which")
    verify.add_argument(
        "paths", nargs="*", type=arguments.path, metavar="PATH", help="files or folders; none means --results"
    )
    verify.add_argument(
        "--delete", action="store_true", help="delete what is spoilt, so that the next run makes it anew"
    )
    _results(verify)
    prune = add("prune", "tell which caches no configuration needs; with --yes delete them")
    prune.add_argument(
        "--configfile", action="append", default=[], type=arguments.path, metavar="YAML",
        help="a configuration that counts; may be repeated (default: config.yaml, config/*.yaml, those in results)",
    )  # fmt: skip
    prune.add_argument("--dry-run", action="store_true", help="only tell what would be deleted, as without --yes")
    prune.add_argument("--yes", action="store_true", help="delete")
    _results(prune)


def _results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=arguments.path,
        default=Path("results"),
        metavar="DIR",
        help="folder of all data sets' results (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    if args.action == "verify":
        return _verify(args.paths, args.results, args.delete)
    if args.action == "prune":
        return _prune(args.configfile, args.results, args.yes and not args.dry_run)
    return _list(args.results, args.action == "size", args.json)


def _list(results: Path, totals: bool, as_json: bool) -> int:
    rows = list(_rows(results))
    if totals:
        rows = list(_totals(rows))
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        _table([{**row, "bytes": readable(row["bytes"])} for row in rows])
    return 0


def _rows(results: Path) -> Iterable[dict[str, Any]]:
    """A row for each folder of caches."""
    from vosmem.stored import needed
    from vosmem.stored.files import find

    try:
        wanted = needed.read([], results)
    except UserError as error:
        print(f"vosmem cache: {error}", file=sys.stderr)
        wanted = needed.Needed()
    for key, files in _grouped(find(results)).items():
        known = key[0] in wanted.datasets
        count = sum(file in wanted for file in files)
        yield {
            "data set": key[0], "stage": key[1], "name": key[2], "files": len(files), "bytes": _bytes(files),
            "needed": f"{count} of {len(files)}" if known and 0 < count < len(files)
            else "not known" if not known else "yes" if count else "no",
            **_made_by(files),
        }  # fmt: skip


def _totals(rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Rows by data set and stage, and the sum of all."""
    stages: dict[tuple[str, str], dict[str, Any]] = {}
    total = {"data set": "all", "stage": "", "files": 0, "bytes": 0}
    for row in rows:
        empty = {"data set": row["data set"], "stage": row["stage"], "files": 0, "bytes": 0}
        for into in (stages.setdefault((row["data set"], row["stage"]), empty), total):
            into["files"] += row["files"]
            into["bytes"] += row["bytes"]
    return [*stages.values(), total]


def _made_by(files: list[Stored]) -> dict[str, str]:
    """Version of the stage, weights and commit that made some files, each once."""
    from vosmem import cache

    told: dict[str, dict[str, None]] = {"version": {}, "weights": {}, "commit": {}}
    for file in files:
        try:
            with cache.read(file.path) as reader:
                made = (str(reader.maker.version), reader.maker.weights_sha256[:12], reader.git_commit[:10])
        except UserError:
            made = ("spoilt", "", "")
        except OSError:
            made = ("unreadable", "", "")
        for column, value in zip(told.values(), made, strict=True):
            column[value or "-"] = None
    return {name: " ".join(values) for name, values in told.items()}


def _verify(paths: list[Path], results: Path, delete: bool) -> int:
    """Tell what is wrong; exit status 1 where something is and stays."""
    from vosmem.stored import files, verify

    found = _named(paths) if paths else files.find(results)
    found = [file for file in found if not file.linked]
    found.sort(key=lambda file: not file.path.is_symlink())  # of a file and its links the file is looked at
    found = list({file.path.resolve(): file for file in found}.values())
    folders = {file.path.parent for file in found} | {p for p in paths if p.is_dir()}
    bad = {path: "half written by a process that was killed" for path in files.half_written(folders)}
    unread = {}  # maybe sound, so never deleted
    with arguments.timed("cache verify", "files", len(found)) as count:
        from vosmem import progress

        for file in found:
            try:
                if what := verify.fault(file):
                    bad[file.path] = what
            except OSError as error:
                unread[file.path] = errors.told(error) or str(error)
            progress.advance(1)
        count.append(len(found))
    others = {file.path for file in found if not file.made_again}
    deleted = [path for path in bad if delete and path not in others]
    for path in deleted:
        path.unlink()
    for path, what in bad.items():
        mend = f"delete it (--delete does) and {AGAIN}"
        if path in others:
            mend = "it does not lie where a run writes caches, so none makes it again and --delete leaves it"
        print(f"{path}: {what}; " + (f"deleted, {AGAIN}" if path in deleted else mend))
    for path, what in unread.items():
        print(f"{path}: not looked at: {what.removeprefix(f'{path}: ')}")
    left = f", {len(unread)} not looked at" if unread else ""
    gone = f", {len(deleted)} deleted" if deleted else ""
    print(f"{len(found)} files, {len(bad)} spoilt{gone}{left}", file=sys.stderr)
    return int(bool(unread) or len(deleted) < len(bad))


def _named(paths: list[Path]) -> Iterable[Stored]:
    from vosmem.stored import files

    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder; `vosmem cache list` tells which there are")
        inside = sorted(path.rglob("*.h5")) if path.is_dir() else [path]
        yield from (files.at(p) for p in inside if not p.name.startswith("."))


def _prune(configs: list[Path], results: Path, delete: bool) -> int:
    from vosmem.stored import needed
    from vosmem.stored.files import find

    wanted, found = needed.read(configs, results), find(results)
    kept = {f.path.resolve() for f in found if f in wanted}  # also what is needed through a link
    spare = [f for f in found if f.stage in needed.PRUNED and not f.linked and f.path.resolve() not in kept]
    for key, files in _grouped(spare).items():
        names = ", ".join(f.sequence for f in files[:3]) + (", ..." if len(files) > 3 else "")
        print(f"{results.joinpath(*key)}: {len(files)} files, {readable(_bytes(files))} ({names})")
    for file in spare if delete else ():
        file.path.unlink()
        if not any(file.path.parent.iterdir()):
            file.path.parent.rmdir()
    total = f"{len(spare)} files, {readable(_bytes(spare) if not delete else 0)}"
    print(f"needed by none of {', '.join(map(str, wanted.files))}", file=sys.stderr)
    others = sorted({f.dataset.name for f in found} - wanted.datasets)
    if others:
        print(f"left alone, since none of them names it: {', '.join(others)}", file=sys.stderr)
    print(f"{len(spare)} files deleted" if delete else f"{total}; --yes deletes them", file=sys.stderr)
    return 0


def _grouped(files: Iterable[Stored]) -> dict[tuple[str, str, str], list[Stored]]:
    groups: dict[tuple[str, str, str], list[Stored]] = {}
    for file in files:
        groups.setdefault(file.key, []).append(file)
    return groups


def _bytes(files: Iterable[Stored]) -> int:
    return sum(file.path.stat().st_size for file in files if not file.linked and file.path.exists())


def _table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print("no caches")
        return
    cells = [list(rows[0]), *([str(v) for v in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())

"""`vosmem report`: the page of one data set's results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vosmem import arguments
from vosmem.errors import UserError

HELP = "one self-contained HTML page of a data set's results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "results", nargs="?", type=arguments.path, metavar="RESULTS_DIR", help="a data set's results, e.g. results/demo"
    )
    add(
        "-o",
        "--out",
        type=arguments.path,
        required=True,
        metavar="FILE",
        help="the page to write, or the YAML of --save-config",
    )
    add(
        "--config",
        type=arguments.path,
        metavar="YAML",
        help="the resolved configuration (default: RESULTS_DIR/config.yaml)",
    )
    add(
        "--reference", action="append", default=[], metavar="NAME=CSV",
        help="scores of other masks to show beside, with the columns of summary.csv; may be repeated. "
        "Those of the config's report.reference are shown anyhow",
    )  # fmt: skip
    add("--ablation", action="store_true", help="the page of the ablation (config `ablation`) instead")
    add("--compare", action="store_true", help="the page of a comparison (config `compare`) instead")
    add("--csv", type=arguments.path, metavar="FILE", help="with --ablation: also write its table")
    add("--save-config", metavar="JSON", help="write this configuration (- reads it from stdin), resolved, not a page")


def run(args: argparse.Namespace) -> int:
    if args.save_config is not None:
        return _save_config(args.save_config, args.out)
    if args.results is None:
        raise UserError("RESULTS_DIR: not given; give the folder of a data set's results, e.g. results/demo")
    if not args.results.is_dir():
        raise UserError(
            f"{args.results}: no such folder; give a data set's results, e.g. results/demo, of a finished run"
        )
    from vosmem.report.collect import collect, read_config
    from vosmem.report.page import render
    from vosmem.whole import replacing

    config = read_config(args.config or args.results / "config.yaml")
    if args.ablation:
        from vosmem.report import ablation

        with arguments.timed("report ablation", "rows") as rows:
            rows.append(ablation.run(args.results, config, args.out, args.csv))
        return 0
    if args.compare:
        from vosmem import ablation, compare
        from vosmem.report import compare as page

        rows = compare.rows(config, [*config["models"], *ablation.models(config)])
        with arguments.timed("report compare", "rows") as done:
            done.append(page.run(args.results, config, rows, args.out))
        return 0
    references = {name: Path(path) for name, path in config["report"]["reference"].items()}
    references |= dict(_reference(text) for text in args.reference)
    with arguments.timed("report", "sequences") as sequences:
        report = collect(args.results, config, references)
        with replacing(args.out) as temporary:
            temporary.write_text(render(report), encoding="utf-8", errors="replace")
        sequences.append(len(report.sequences))
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
    return 0


def _reference(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise UserError(f"--reference: got {text!r}, expected NAME=CSV, e.g. FSEG=fseg/summary.csv")
    return name, Path(path)


def _save_config(text: str, out: Path) -> int:
    """The resolved configuration as YAML: valid as a config file itself, and resolving to itself."""
    import yaml

    from vosmem import config, parse
    from vosmem.whole import replacing

    try:
        given = parse.json(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise UserError(f"--save-config: not JSON ({error}); give a configuration as the workflow does") from None
    resolved = config.resolve(given)
    with replacing(out) as temporary:
        temporary.write_text(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return 0

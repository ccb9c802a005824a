"""Which stream fails: a model of both streams beside the same model with one of them, sequence by sequence.

What a stream is worth is told by leaving the other out. Rows of the config's ``models`` that differ in nothing but a
stream are found by their settings, so that no name needs to be agreed on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vosmem.report.collect import Report
from vosmem.report.models import Group
from vosmem.report.scores import Spread
from vosmem.report.tables import Cell, cell, percent, signed

STREAMS = ("appearance", "motion")
MARGIN = 0.05  # differences that count, of a score in 0..1
FOUND = 0.5  # the score up to which the object counts as missed
NAMED = 8  # sequences that a sentence names at most


@dataclass(frozen=True)
class Alone:
    """One stream alone: its score, the difference to both, and whether it is the weaker stream."""

    score: Cell
    difference: Cell
    weaker: bool = False


@dataclass(frozen=True)
class Row:
    """One sequence, or the mean. ``weaker``: the weaker stream's name; `alike` within the margin, `` where one is
    not known.
    """

    name: str
    both: Cell
    alone: tuple[Alone, ...]
    weaker: str = ""


@dataclass(frozen=True)
class Family:
    """A model of both streams and those of its siblings that there are, by the only stream that each has.

    ``rows``: the sequence of the model's lowest score first. ``findings``: what holds beyond the margin, in sentences.
    """

    both: Group
    alone: Mapping[str, Group]
    rows: tuple[Row, ...]
    mean: Row
    findings: tuple[str, ...]


def families(report: Report) -> list[Family]:
    """Every model of both streams that has a sibling with one of them, where anything was scored."""
    found = []
    for both in report.groups:
        alone = {stream: sibling for stream in STREAMS if (sibling := _sibling(both, report.groups, stream))}
        if _streams(both) == STREAMS and alone and (family := _family(report, both, alone)):
            found.append(family)
    return found


def possible(report: Report) -> bool:
    """Whether rows that leave a stream out would tell something that the report does not hold."""
    first = report.groups[0]
    return bool(report.scored) and _streams(first) == STREAMS and first.models[0].trained_here


def _streams(group: Group) -> tuple[str, ...]:
    return tuple(stream for stream in STREAMS if group.models[0].networks(stream))


def _sibling(both: Group, groups: Sequence[Group], stream: str) -> Group | None:
    """The model that has nothing but ``stream``, which and whose memory are as in ``both``; where weights are taken
    over, those of either.
    """
    sections = {"appearance": ("appearance",), "motion": ("flow", "motion")}[stream]
    wanted = _settings(both, sections)
    return next((g for g in groups if _streams(g) == (stream,) and _settings(g, sections) == wanted), None)


def _settings(group: Group, sections: Sequence[str]) -> list[object]:
    model = group.models[0]
    memory = {k: v for k, v in model.settings["memory"].items() if k not in ("seed", "weights")}
    return [memory, model.trained_here, *(model.settings[section] for section in sections)]


def _family(report: Report, both: Group, alone: Mapping[str, Group]) -> Family | None:
    """None where the answer's method scored no sequence with all of the models."""
    groups = {"both": both, **alone}
    scores: dict[str, dict[str, Spread]] = {}
    for name in report.scored:
        spreads = {key: g.spread(report.method, report.protocol.rank, name) for key, g in groups.items()}
        if all(spreads.values()):
            scores[name] = spreads
    if not scores:
        return None
    order = sorted(scores, key=lambda name: scores[name]["both"].mean)
    values = {name: {key: s.mean for key, s in spreads.items()} for name, spreads in scores.items()}
    mean = {key: Spread.of(row[key] for row in values.values()) for key in groups}
    single = {key: Spread.of([s.mean]) for key, s in mean.items()}  # a mean over sequences has no range over seeds
    saw = {key: {s for m in g.models for s in report.seen[m.name]} for key, g in groups.items()}
    rows = tuple(_row(name, scores[name], {key for key in groups if name in saw[key]}) for name in order)
    return Family(both, alone, rows, _row("mean", single, set()), tuple(findings(values, measure(report))))


def measure(report: Report) -> str:
    """How the score by which sequences are good or bad is called where there is one a sequence."""
    return next(f.name for f in report.protocol.brief if f.column == report.protocol.rank)


def _row(name: str, spreads: Mapping[str, Spread], seen: set[str]) -> Row:
    both, alone = spreads["both"].mean, {s: spreads[s].mean for s in STREAMS if s in spreads}
    weaker = ""
    if len(alone) == len(STREAMS):
        weaker = min(alone, key=alone.__getitem__) if max(alone.values()) - min(alone.values()) > MARGIN else "alike"
    cells = []
    for stream, score in alone.items():
        difference = score - both
        cells.append(
            Alone(cell(spreads[stream], stream in seen), Cell(signed(difference), repr(difference)), stream == weaker)
        )
    return Row(name, cell(spreads["both"], "both" in seen), tuple(cells), weaker)


def findings(scores: Mapping[str, Mapping[str, float]], score: str) -> list[str]:
    """What holds beyond the margin, a sentence each. ``scores``: sequence -> {both, and appearance or motion or both
    alone: 0..1}.
    """
    streams = [s for s in STREAMS if s in next(iter(scores.values()))]
    told = []
    for stream in streams:
        gains = {name: row[stream] - row["both"] for name, row in scores.items()}
        other = next(s for s in STREAMS if s != stream)
        told.append(_sentence(f"{stream.capitalize()} alone is better than both", gains, f"there {other} misleads"))
    if len(streams) == 1:
        other = next(s for s in STREAMS if s != streams[0])
        losses = {name: row["both"] - row[streams[0]] for name, row in scores.items()}
        told.append(_sentence(f"Both are better than {streams[0]} alone", losses, f"there {other} is needed"))
    else:
        gains = {name: row["both"] - max(row[s] for s in streams) for name, row in scores.items()}
        told.append(_sentence("Both are better than either stream alone", gains))
        for stream, other in (STREAMS, STREAMS[::-1]):
            behind = {name: row[other] - row[stream] for name, row in scores.items()}
            told.append(_sentence(f"{stream.capitalize()} alone is worse than {other} alone", behind, sign=-1))
    missed = {name: max(row.values()) for name, row in scores.items() if max(row.values()) <= FOUND}
    if missed:
        named = [f"{name} ({percent(missed[name])} at best)" for name in sorted(missed, key=missed.__getitem__)]
        told.append(f"None of them gets above {score} {100 * FOUND:.0f} on {_named(named, len(scores))}.")
    return [sentence for sentence in told if sentence]


def _sentence(what: str, differences: Mapping[str, float], so: str = "", sign: int = 1) -> str:
    """``what`` holds on these sequences, the largest difference first, printed with ``sign``; empty where on none."""
    beyond = sorted((n for n, d in differences.items() if d > MARGIN), key=differences.__getitem__, reverse=True)
    if not beyond:
        return ""
    named = _named([f"{name} ({signed(sign * differences[name])})" for name in beyond], len(differences))
    return f"{what} on {named}{'; ' if so else ''}{so}."


def _named(names: Sequence[str], of: int) -> str:
    """`2 of 30 sequences: surf (+7.1), dog (+6.0)`, of many the first."""
    rest = len(names) - NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return f"{len(names)} of {of} sequence{'s' * (of != 1)}: {', '.join(names[:NAMED])}{more}"

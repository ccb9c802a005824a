"""What the page shows of each protocol of stage ``evaluate``: which columns of its summaries, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UP, DOWN = "↑", "↓"  # which way is better


@dataclass(frozen=True)
class Figure:
    """A column of the summaries, its name on the page, and which way is better."""

    column: str
    name: str
    better: str = UP


@dataclass(frozen=True)
class Protocol:
    """``sentence``: how the scores were made. ``head``: heading -> its columns in the table of means; without a heading
    they stand alone. ``brief``: the columns of tables by sequence. ``tiles``: (figure, what it measures) of the answer.
    ``frames``: the measures that each frame has.
    """

    sentence: str
    head: tuple[tuple[str, tuple[Figure, ...]], ...]
    brief: tuple[Figure, ...]
    tiles: tuple[tuple[Figure, str], ...]
    frames: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table of means."""
        return tuple(figure.column for _, figures in self.head for figure in figures)

    @property
    def rank(self) -> str:
        """The column by which sequences are good or bad."""
        return self.tiles[0][0].column


def _statistics(measure: str) -> tuple[Figure, ...]:
    return tuple(
        Figure(f"{measure}_{name}", name, way) for name, way in (("mean", UP), ("recall", UP), ("decay", DOWN))
    )


_T = Figure("T", "T", DOWN)
_REGIONS = tuple(Figure(column, column) for column in ("F", "precision", "recall"))

PROTOCOLS: Mapping[str, Protocol] = {
    "davis": Protocol(
        "DAVIS-2016 measures: one object, the first and last frame of a sequence are not scored, means are over "
        "sequences. All figures in percent.",
        (("J, region", _statistics("J")), ("F, contour", _statistics("F")), ("", (_T,))),
        (Figure("J_mean", "J"), Figure("F_mean", "F"), _T),
        (
            (Figure("J_mean", "J mean"), "region overlap"),
            (Figure("F_mean", "F mean"), "contour accuracy"),
            (_T, "temporal instability, less is better"),
        ),
        ("J", "F"),
    ),
    "fbms": Protocol(
        "FBMS-59 measures: every annotated region, the background too, is assigned one label at most; precision and "
        "recall are means over regions, F is of the two, and all means are over sequences. All figures in percent.",
        (("", _REGIONS),),
        _REGIONS,
        tuple(zip(_REGIONS, ("of precision and recall", "of what is labelled", "of what is annotated"), strict=True)),
    ),
    "segtrack": Protocol(
        "SegTrack-v2 measure: intersection over union of each object, mean over annotated frames, then over objects, "
        "then over sequences. All figures in percent.",
        (("", (Figure("J_mean", "J"),)),),
        (Figure("J_mean", "J"),),
        ((Figure("J_mean", "J mean"), "intersection over union, by object"),),
    ),
}

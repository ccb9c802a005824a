"""Published figures of DAVIS-2016, and how to tell that a data set is DAVIS-2016.

Every figure is from the official evaluation of the masks that the authors released or from their paper; none is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Sequence -> frames, of the data set's two parts at 480p (Perazzi et al., CVPR 2016; davischallenge.org).
_TRAIN = """
bear 82, bmx-bumps 90, boat 75, breakdance-flare 71, bus 80, car-turn 80, dance-jump 60, dog-agility 25, drift-turn 64,
elephant 80, flamingo 80, hike 80, hockey 75, horsejump-low 60, kite-walk 80, lucia 70, mallard-fly 70,
mallard-water 80, motocross-bumps 60, motorbike 43, paragliding 70, rhino 90, rollerblade 35, scooter-gray 75,
soccerball 48, stroller 91, surf 55, swing 60, tennis 70, train 80
"""
_VAL = """
blackswan 50, bmx-trees 80, breakdance 84, camel 90, car-roundabout 75, car-shadow 40, cows 104, dance-twirl 90, dog 60,
drift-chicane 52, drift-straight 50, goat 90, horsejump-high 50, kite-surf 50, libby 49, motocross-jump 40,
paragliding-launch 80, parkour 100, scooter-black 43, soapbox 99
"""


def _table(text: str) -> dict[str, int]:
    return {name: int(frames) for name, frames in (entry.split() for entry in text.split(","))}


TRAIN, VAL = _table(_TRAIN), _table(_VAL)


@dataclass(frozen=True)
class Published:
    """One published row: percent, as printed; None where it was not stated."""

    name: str
    note: str
    J: tuple[float | None, float | None, float | None]  # mean, recall, decay
    F: tuple[float | None, float | None, float | None]
    T: float | None

    @property
    def figures(self) -> tuple[float | None, ...]:
        """In the order of :data:`vosmem.report.scores.COLUMNS`."""
        return *self.J, *self.F, self.T


VAL_ROWS = (
    Published("MP-Net", "CVPR 2017; with objectness and CRF", (70.0, 85.0, 1.3), (65.9, 79.2, 2.5), 57.2),
    Published("FSEG", "CVPR 2017", (70.7, 83.5, 1.5), (65.3, 73.8, 1.8), 32.8),
    Published("LVO", "ICCV 2017; with CRF; the paper that vosmem follows", (75.9, 89.1, 0.0), (72.1, 83.4, 1.3), 26.5),
    Published("LSMO", "IJCV 2019; the journal version of LVO", (78.2, 89.1, 4.1), (75.9, 84.7, 3.5), 21.2),
    Published("MATNet", "AAAI 2020; with CRF; trained on YouTube-VOS too", (82.4, 94.5, 5.5), (80.7, 90.2, 4.5), 21.6),
    Published("AMC-Net", "ICCV 2021; with CRF; trained on DAVIS only", (84.5, None, None), (84.6, None, None), None),
)
TRAIN_ROWS = (Published("FSEG", "CVPR 2017", (72.2, 90.4, 1.9), (66.2, 82.4, 6.0), 27.5),)


def part_of(frames: Mapping[str, int]) -> str | None:
    """``val`` or ``train`` where the scored sequences (name -> frames) are of that part of DAVIS-2016, else None.

    All of val, since published figures are over all of it; any of train. The frames' number is compared too, for other
    data sets may have a `bus` as well.
    """
    if dict(frames) == VAL:
        return "val"
    return "train" if frames and frames.items() <= TRAIN.items() else None


def is_davis(name: str, frames: int) -> bool:
    """Whether a sequence is one of DAVIS-2016's."""
    return frames in (TRAIN.get(name), VAL.get(name))


def rows_for(part: str | None) -> tuple[str, tuple[Published, ...]]:
    """Heading and rows to show beside ours."""
    if part == "val":
        return "Published, DAVIS-2016 val, official evaluation", VAL_ROWS
    if part == "train":
        return "Published, all 30 train sequences of DAVIS-2016 (not only those scored here)", TRAIN_ROWS
    return "", ()

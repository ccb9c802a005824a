"""Published figures of DAVIS-2016, and how to tell that they are of the sequences scored here.

Every figure is from the official evaluation of the masks that the authors released or from their paper; none is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vosmem import davis2016


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
        """In the order of protocol davis."""
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
    parts = {davis2016.facts()[name].part if davis2016.is_davis(name, count) else "" for name, count in frames.items()}
    if parts == {"val"}:
        whole = sum(facts.part == "val" for facts in davis2016.facts().values())
        return "val" if len(frames) == whole else None
    return "train" if parts == {"train"} else None


def rows_for(part: str | None) -> tuple[str, tuple[Published, ...]]:
    """Heading and rows to show beside ours."""
    if part == "val":
        return "Published, DAVIS-2016 val, official evaluation", VAL_ROWS
    if part == "train":
        return "Published, all 30 train sequences of DAVIS-2016 (not only those scored here)", TRAIN_ROWS
    return "", ()

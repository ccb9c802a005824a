"""How layers bend: walking legs, swaying foliage, fluttering cloth, rippling and drifting water.

Each function returns a ``Bend`` (see ``vosmem.demo.layer``): (x, y, moment) -> (dx, dy), world units on the layer's
plane, where y is 0 at the foot and negative above it. All of them contract (their Jacobian has eigenvalues below 1), so
that they can be undone exactly; a gait does on the animal and about it, to some 1.7 lengths from its middle.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vosmem.demo.layer import Bend

TURN = 2 * np.pi


def gait(height: float, length: float, phase: Callable[[float], float]) -> Bend:
    """An animal that walks: the legs swing out of step, the back ripples, head and tail nod.

    ``phase(moment)`` counts strides; where it stands still, so does the animal.
    """
    swing, arch, nod = 0.030 * height, 0.024 * height, 0.06 * height
    k = TURN / (0.62 * length)

    def bend(x, y, moment):
        turn = float(TURN * phase(moment))
        leg = np.clip(1 + y * (2.2 / height), 0, 1)
        leg = leg * leg
        end = np.clip(x * (2 / length), -2, 2)  # -1 at one end of the trunk, 1 at the other
        dx = swing * leg * np.sin(k * x + turn) + 0.5 * arch * (1 - leg) * np.sin(y * (5 / height) - turn)
        dy = (1 - leg) * (arch * np.sin(0.7 * k * x - turn) + nod * end * end * float(np.sin(turn + 0.8)))
        return dx, dy

    return bend


def sway(height: float, amount: float, cycles: float, shift: float = 0.0) -> Bend:
    """Foliage in the wind: rooted at the foot, the more bent the higher, with leaves that flutter a little."""
    rustle = 0.012

    def bend(x, y, moment):
        turn = float(TURN * (cycles * moment + shift))
        up = np.clip(y * (-1 / height), 0, 1.2)
        gust = float(np.sin(turn) + 0.3 * np.sin(2.3 * turn + 1))
        dx = up * (amount * gust + 0.2 * amount * np.sin(x * (4 / height) - turn))
        dy = up * up * (0.25 * abs(amount) * gust) + up * rustle * np.sin(x * 17 + y * 11 + 2 * turn)
        return dx, dy

    return bend


def flutter(length: float, amount: float, cycles: float) -> Bend:
    """Cloth on a pole at x = 0: waves run along it and grow towards its free end."""
    k = TURN / (0.75 * length)

    def bend(x, y, moment):
        turn = float(TURN * cycles * moment)
        free = np.clip(x * (1 / length), 0, 1.1)
        dx = free * (0.25 * amount * np.sin(0.8 * k * x - turn + 1))
        dy = free * (
            amount * np.sin(k * x - turn) + 0.25 * amount * np.sin(1.7 * k * x + y * (3 / length) - 1.6 * turn)
        )
        return dx, dy

    return bend


def ripple(drift: tuple[float, float], amount: float, wavelength: float, cycles: float) -> Bend:
    """Water: the picture drifts by ``drift`` over the whole story while two trains of waves run through it."""
    k = TURN / wavelength

    def bend(x, y, moment):
        turn = float(TURN * cycles * moment)
        dx = amount * np.sin(0.6 * k * y + 0.3 * k * x - turn) - drift[0] * moment
        dy = amount * np.sin(k * x + 0.4 * k * y - 1.3 * turn) - drift[1] * moment
        return dx, dy

    return bend

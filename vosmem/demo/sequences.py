"""The ten stories. Each builds its stage out of ``props`` and says how camera, target and the rest move.

A moment runs from 0 (first frame) to 1 (last). The target is the one animal that moves; its twins have the same pelt
and build and stand still. Water, wind-blown foliage, banners and tumbleweed move in every sequence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vosmem.demo import SEQUENCES
from vosmem.demo import texture as tx
from vosmem.demo.beast import Build, Pelt
from vosmem.demo.props import Stage
from vosmem.demo.scene import Scene
from vosmem.demo.track import handheld, keyed, line


def build_scene(name: str, seed: int) -> Scene:
    """The scene of one of ``SEQUENCES``; ``seed`` draws its textures and shapes."""
    rng = np.random.default_rng([seed, list(SEQUENCES).index(name)])
    return _STORIES[name](Stage(rng))


def _stop_and_go(stage: Stage) -> Scene:
    """It walks, stands still for a third of the time, walks on; the camera pans with it."""
    rng = stage.rng
    stage.sky((214, 222, 226), (126, 166, 206))
    stage.hedge(26, 5.0, tx.NEEDLES, 0.35)
    stage.hedge(13.5, 1.6, tx.LEAVES, 0.1)
    stage.ground(tx.turf(rng, (1024, 1024), tx.GRASS))
    stage.bush(-1.9, 5.4, 1.6, 1.3, tx.LEAVES, wind=0.17, cycles=2.4)
    stage.bush(2.3, 4.7, 1.3, 1.15, tx.AUTUMN, wind=0.16, cycles=2.8)
    stage.boulder(0.5, 7.0, 1.0, 0.6, tx.STONE)
    build = Build(neck=0.16, leg_length=0.26)
    pelt = Pelt("spots", (226, 150, 62), (52, 30, 20), 0.15)
    stage.twin(build, pelt, 1.2, 4.2, 1.0, left=True)
    times = [0.0, 0.3, 0.65, 1.0]
    xs, steps = keyed(times, [-0.85, -0.38, -0.38, 0.18]), keyed(times, [0, 1.2, 1.2, 2.6])
    stage.target(build, pelt, xs, line(3.3, 3.3), 0.95, steps)
    return stage.scene(handheld(yaw=line(-0.08, 0.06)))


def _leaves_and_returns(stage: Stage) -> Scene:
    """It walks out of the frame on the right and comes back; the camera looks the other way and zooms in."""
    rng = stage.rng
    stage.sky((226, 216, 200), (150, 172, 196))
    stage.hedge(22, 4.0, tx.AUTUMN, 0.3)
    stage.hedge(13.5, 1.1, tx.NEEDLES, 0.12)
    stage.ground(tx.grit(rng, (1024, 1024), tx.SAND))
    stage.water((-9, 9, 4.3, 8.2), tx.RIVER, (1.9, 0.0), 0.05)
    stage.boulder(-2.3, 4.0, 0.9, 0.5, tx.STONE)
    stage.bush(-1.7, 4.2, 0.9, 0.9, tx.NEEDLES, wind=0.12, cycles=2.4)
    build = Build(neck=0.34, neck_angle=1.15, leg_length=0.36)
    pelt = Pelt("stripes", (232, 226, 214), (34, 32, 36), 0.15)
    stage.twin(build, pelt, -0.25, 3.6, 0.85)
    times = [0.0, 0.44, 0.56, 1.0]
    xs, steps = keyed(times, [1.0, 1.75, 1.75, 0.9]), keyed(times, [0, 1.7, 1.7, 3.4])
    stage.target(build, pelt, xs, line(3.0, 2.95), 0.7, steps)
    yaw = keyed(times, [0.02, -0.09, -0.09, 0.02])
    return stage.scene(handheld(yaw=yaw, zoom=line(0.94, 1.08), pitch=0.15))


def _twin_still(stage: Stage) -> Scene:
    """Two twins, one nearer than the target; a tumbleweed rolls through; the camera travels and rolls a little."""
    rng = stage.rng
    stage.sky((236, 214, 178), (164, 176, 190))
    stage.hedge(24, 3.6, tx.LITTER, 0.4)
    stage.hedge(13.5, 0.8, tx.DRY_GRASS, 0.15)
    stage.ground(tx.turf(rng, (1024, 1024), tx.DRY_GRASS))
    stage.boulder(2.2, 6.6, 1.5, 0.9, tx.STONE)
    stage.boulder(-3.2, 7.5, 1.3, 1.0, tx.STONE)
    stage.bush(0.1, 6.2, 1.5, 1.3, tx.LITTER, wind=0.19, cycles=2.4)
    stage.tumbleweed(line(2.2, 0.1), 4.5, 0.42)
    build = Build(neck=0.10, head=0.11, leg_length=0.15, body=0.26, hump=0.08, tail=0.16)
    pelt = Pelt("patches", (104, 58, 30), (236, 214, 170), 0.17)
    stage.twin(build, pelt, 0.85, 2.7, 0.72, left=True)
    stage.twin(build, pelt, -1.6, 4.5, 0.95)
    stage.target(build, pelt, line(-1.0, 0.35), line(3.6, 3.3), 0.85, line(0, 3.4))
    return stage.scene(handheld(x=line(-0.25, 0.1), yaw=line(0, 0.05), roll=line(-0.05, 0.05)))


def _parallax(stage: Stage) -> Scene:
    """The camera travels along a wall; trunks, a bush and a near twin slide over the frame faster than the target."""
    rng = stage.rng
    stage.sky((220, 226, 230), (140, 180, 214))
    stage.hedge(20, 5.5, tx.LEAVES, 0.3)
    stage.ground(tx.paving(rng, (1024, 1024), tx.SAND, (64, 128)))
    stage.wall((-9.0, 7.5), 0.28, 17.0, 1.2, tx.paving(rng, (150, 2040), tx.LITTER, (15, 34)))
    stage.trunk(-1.5, 6.6, 0.5, tx.BARK, lean=0.03)
    stage.trunk(1.3, 8.0, 0.5, tx.BIRCH, lean=-0.03)
    stage.trunk(1.75, 2.05, 0.16, tx.BARK, lean=0.02)
    stage.bush(2.4, 5.0, 1.5, 1.25, tx.LEAVES, wind=0.18, cycles=2.4)
    stage.flag(-0.4, 5.4, 1.1, 0.7, [(198, 120, 44), (52, 96, 104), (226, 214, 184)], 3.5)
    build = Build(neck=0.2, leg_length=0.28, legs=3, tail=0.4)
    pelt = Pelt("rings", (112, 158, 190), (24, 36, 72), 0.15)
    stage.twin(build, pelt, -0.72, 2.55, 0.6, left=True)
    stage.twin(build, pelt, 1.5, 4.2, 1.0, left=True)
    stage.target(build, pelt, line(-0.25, 1.0), line(3.1, 3.1), 0.85, line(0, 3.4))
    return stage.scene(handheld(x=line(-0.5, 0.6)))


def _water(stage: Stage) -> Scene:
    """Water fills half of the frame, drifts and ripples; the target walks along the bank; the camera zooms out."""
    rng = stage.rng
    stage.sky((206, 218, 232), (120, 156, 200))
    stage.hedge(24, 5.0, tx.NEEDLES, 0.45)
    stage.hedge(13.8, 1.7, tx.LEAVES, 0.25)
    stage.ground(tx.turf(rng, (1024, 1024), tx.GRASS))
    stage.water((-9.4, 9.4, 3.7, 12.5), tx.SEA, (-1.8, 0.4), 0.06)
    stage.boulder(2.2, 5.4, 1.2, 0.7, tx.STONE)
    stage.bush(1.5, 3.75, 0.9, 0.8, tx.GRASS, wind=0.13, cycles=2.6)
    build = Build(neck=0.28, neck_angle=0.6, legs=4, leg_length=0.24)
    pelt = Pelt("maze", (206, 96, 92), (250, 226, 190), 0.15)
    stage.twin(build, pelt, -1.0, 3.4, 0.8)
    stage.target(build, pelt, line(0.95, -0.1), line(2.85, 2.7), 0.98, line(0, 3.0), left=True)
    return stage.scene(handheld(zoom=line(1.15, 0.95), yaw=line(0.06, 0.0), pitch=0.16))


def _occlusion(stage: Stage) -> Scene:
    """It walks behind two trunks in the foreground and a bush that sways; the camera pans and turns."""
    rng = stage.rng
    stage.sky((226, 230, 224), (158, 186, 196))
    stage.hedge(20, 4.5, tx.NEEDLES, 0.3)
    stage.hedge(13.5, 1.5, tx.LEAVES, 0.1)
    stage.ground(tx.grit(rng, (1024, 1024), tx.LITTER))
    stage.bush(2.1, 5.6, 1.7, 1.4, tx.AUTUMN, wind=0.19, cycles=2.6)
    stage.boulder(-2.3, 6.0, 1.1, 0.7, tx.STONE)
    stage.trunk(-0.55, 1.9, 0.16, tx.BARK, lean=0.05)
    stage.trunk(0.38, 1.75, 0.12, tx.BIRCH, lean=-0.06)
    stage.bush(-0.1, 2.4, 0.62, 0.42, tx.LEAVES, wind=0.07, cycles=2.4)
    build = Build(neck=0.14, head=0.14, leg_length=0.22, body=0.24)
    pelt = Pelt("spots", (240, 222, 184), (176, 52, 36), 0.17)
    stage.twin(build, pelt, 1.35, 4.1, 1.0, left=True)
    stage.target(build, pelt, line(-1.0, 0.55), line(3.3, 3.0), 0.88, line(0, 3.6))
    return stage.scene(handheld(yaw=line(-0.07, 0.05), roll=line(0.02, -0.03)))


def _stops_by_water(stage: Stage) -> Scene:
    """Stop and go on the bank of a pond, while the camera zooms in."""
    rng = stage.rng
    stage.sky((228, 226, 214), (150, 178, 190))
    stage.hedge(22, 4.4, tx.LEAVES, 0.32)
    stage.hedge(13.5, 1.3, tx.AUTUMN, 0.12)
    stage.ground(tx.turf(rng, (1024, 1024), tx.GRASS))
    stage.water((-8, 7, 4.2, 9.5), tx.POND, (1.5, 0.2), 0.055)
    stage.bush(1.75, 4.1, 1.0, 0.9, tx.LEAVES, wind=0.14, cycles=2.6)
    stage.boulder(-2.3, 4.3, 0.9, 0.5, tx.STONE)
    build = Build(neck=0.12, head=0.13, leg_length=0.22)
    pelt = Pelt("stripes", (230, 138, 44), (40, 26, 20), 0.16)
    stage.twin(build, pelt, -1.0, 3.7, 0.9)
    times = [0.0, 0.36, 0.68, 1.0]
    xs, steps = keyed(times, [0.95, 0.47, 0.47, 0.05]), keyed(times, [0, 1.4, 1.4, 2.7])
    stage.target(build, pelt, xs, keyed(times, [3.0, 2.9, 2.9, 2.8]), 0.95, steps, left=True)
    return stage.scene(handheld(zoom=line(0.95, 1.12), yaw=line(0.05, -0.02), pitch=0.15))


def _returns_past_twins(stage: Stage) -> Scene:
    """It leaves on the left and returns past a twin; another stands nearer; the camera travels and turns."""
    rng = stage.rng
    stage.sky((232, 222, 206), (158, 176, 200))
    stage.hedge(18, 3.4, tx.NEEDLES, 0.3)
    stage.ground(tx.paving(rng, (1020, 1020), tx.STONE, (60, 102)))
    bricks = tx.paving(rng, (150, 2040), [(104, 58, 44), (142, 82, 62), (174, 112, 86)], (15, 34))
    stage.wall((-7.5, 11.5), -0.3, 16.0, 1.25, bricks)
    stage.flag(0.2, 5.6, 1.2, 0.8, [(44, 84, 92), (214, 156, 66), (44, 84, 92)], 3.5, top=1.45)
    stage.bush(2.0, 5.2, 1.5, 1.25, tx.AUTUMN, wind=0.18, cycles=2.4)
    stage.trunk(2.6, 7.5, 0.45, tx.BIRCH)
    build = Build(neck=0.17, leg_length=0.27, tail=0.42)
    pelt = Pelt("rings", (236, 196, 108), (70, 40, 24), 0.15)
    stage.twin(build, pelt, -0.9, 4.4, 0.95, left=True)
    stage.twin(build, pelt, 0.7, 2.75, 0.72, left=True)
    times = [0.0, 0.42, 0.54, 1.0]
    xs, steps = keyed(times, [-1.05, -2.0, -2.0, -0.85]), keyed(times, [0, 1.8, 1.8, 3.8])
    stage.target(build, pelt, xs, line(3.2, 3.1), 0.75, steps, left=True)
    return stage.scene(handheld(x=line(-0.15, 0.05), yaw=keyed(times, [-0.03, 0.09, 0.09, -0.03])))


def _zoom_behind_trunks(stage: Stage) -> Scene:
    """It walks behind birches in the foreground while the camera travels and zooms; bushes sway."""
    rng = stage.rng
    stage.sky((222, 228, 234), (146, 176, 206))
    stage.hedge(20, 4.2, tx.LEAVES, 0.34)
    stage.hedge(13.5, 1.5, tx.NEEDLES, 0.1)
    stage.ground(tx.turf(rng, (1024, 1024), tx.LITTER))
    stage.trunk(-2.9, 8.0, 0.42, tx.BIRCH, lean=0.02)
    stage.trunk(1.0, 9.0, 0.5, tx.BARK, lean=-0.03)
    stage.bush(-1.7, 5.2, 1.6, 1.2, tx.GRASS, wind=0.19, cycles=2.3)
    stage.bush(2.2, 5.0, 1.4, 1.25, tx.LEAVES, wind=0.17, cycles=2.7)
    stage.trunk(-0.15, 1.85, 0.14, tx.BIRCH, lean=0.03)
    stage.trunk(0.75, 2.1, 0.15, tx.BIRCH, lean=-0.04)
    build = Build(neck=0.3, neck_angle=1.1, leg_length=0.33)
    pelt = Pelt("patches", (112, 84, 66), (246, 232, 206), 0.18)
    stage.twin(build, pelt, -0.75, 3.9, 0.85)
    stage.target(build, pelt, line(1.0, -0.1), line(3.2, 3.0), 0.82, line(0, 3.4), left=True)
    return stage.scene(handheld(x=line(-0.1, 0.2), zoom=line(1.1, 0.94)))


def _roll_in_wind(stage: Stage) -> Scene:
    """Wind: foliage, a banner and a tumbleweed move around target and twin; the camera rolls and pans."""
    rng = stage.rng
    stage.sky((230, 220, 206), (132, 158, 196))
    stage.hedge(24, 4.2, tx.AUTUMN, 0.38)
    stage.hedge(13.5, 1.0, tx.LEAVES, 0.12)
    stage.ground(tx.grit(rng, (1024, 1024), tx.SAND))
    stage.boulder(3.0, 7.6, 1.5, 1.0, tx.STONE)
    stage.bush(1.9, 4.7, 1.4, 1.2, tx.LEAVES, wind=0.18, cycles=2.6)
    stage.flag(-2.5, 5.4, 1.15, 0.75, [(214, 168, 52), (122, 52, 92)], 3.5, top=1.4)
    stage.tumbleweed(line(-1.8, 0.2), 4.3, 0.42)
    build = Build(neck=0.18, neck_angle=0.7, leg_length=0.2, body=0.24, legs=5)
    pelt = Pelt("maze", (128, 84, 126), (242, 226, 200), 0.16)
    stage.twin(build, pelt, 1.05, 3.5, 0.85)
    stage.target(build, pelt, line(0.3, -0.9), line(2.85, 3.05), 0.78, line(0, 3.2), left=True)
    return stage.scene(handheld(roll=line(0.07, -0.06), yaw=line(0.05, -0.04)))


_STORIES: dict[str, Callable[[Stage], Scene]] = {
    "stop-and-go": _stop_and_go,
    "leaves-and-returns": _leaves_and_returns,
    "twin-still": _twin_still,
    "parallax": _parallax,
    "water": _water,
    "occlusion": _occlusion,
    "stops-by-water": _stops_by_water,
    "returns-past-twins": _returns_past_twins,
    "zoom-behind-trunks": _zoom_behind_trunks,
    "roll-in-wind": _roll_in_wind,
}

"""What a scene is built of. A ``Stage`` collects ground, plants, water, cloth and animals, and gives the ``Scene``.

The ground is the plane Y = 1 (the camera starts at height 0, so one unit above it); things stand on it at (x, z).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vosmem.demo import bend, texture
from vosmem.demo.beast import Build, Pelt, paint_beast
from vosmem.demo.camera import Camera, Plane, level, upright
from vosmem.demo.layer import Bend, Layer
from vosmem.demo.noise import fractal
from vosmem.demo.raster import blur, blur_rows, enlarge
from vosmem.demo.scene import Scene
from vosmem.demo.track import Track, line


class Stage:
    """Adds things to a scene, in any order; ``scene`` sorts them from far to near."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._layers: list[tuple[float, Layer]] = []

    def scene(self, camera: Callable[[float, tuple[int, int]], Camera]) -> Scene:
        """All that was added, before this camera."""
        far_first = sorted(self._layers, key=lambda entry: -entry[0])
        return Scene(tuple(layer for _, layer in far_first), camera)

    def sky(self, low: texture.Colour, high: texture.Colour) -> None:
        """Behind everything, and wide enough for every frame."""
        colour = texture.sky(self.rng, (600, 1600), low, high)
        self._add(60, "sky", _opaque(colour), 10, (-80, -45), lambda moment: Plane((0, 1, 60)))

    def hedge(self, z: float, height: float, palette: texture.Palette, haze: float, leaf: float = 7.0) -> None:
        """Foliage across the whole width: it ends the ground. ``haze`` 0..1 fades it towards the sky."""
        texels = 600 / z
        shape = int((height + 0.3) * texels), int(2.4 * z * texels)
        picture = texture.foliage(self.rng, shape, palette, leaf, mound=False)
        picture[..., :3] = picture[..., :3] * (1 - haze) + 190 * haze * (picture[..., 3:] / 255)
        self._add(z, "hedge", picture, texels, (-1.2 * z, -height), lambda moment: upright(0, z))

    def ground(self, tile: np.ndarray, far: float = 14.0) -> None:
        """The ground from the camera's feet to ``far``; ``tile`` (h, w, 3) float32 is a periodic texture."""
        texels, near, half = 125, 1.2, 9.6
        rows, columns = int((far - near) * texels), int(2 * half * texels)
        # Patches of light and shade hide that it is tiled; towards the horizon it is smoothed, or it would flicker.
        tone = np.clip(enlarge(0.97 + 0.13 * fractal(self.rng, (26, 40), 0.9), (rows, columns)), 0.5, 1.12)
        flat = np.clip(tile * 1.12, 0, 255).astype(np.uint8)
        times = -(-rows // flat.shape[0]), -(-columns // flat.shape[1]), 1
        picture = np.tile(flat, times)[:rows, :columns]
        for distance, sigma in ((4.0, 1.5), (6.5, 4.0), (9.5, 9.0)):
            end = int((far - distance) * texels)
            picture[:end] = blur_rows(np.ascontiguousarray(picture[: end + 60]), sigma)[:end]
        np.multiply(picture, (tone / 1.12)[..., None], out=picture, casting="unsafe")
        self._add(30, "ground", _opaque(picture), texels, (-half, -far), lambda moment: level())

    def wall(self, start: tuple[float, float], turn: float, length: float, height: float, face: np.ndarray) -> None:
        """A wall from the point (x, z) that recedes at the angle ``turn``; ``face`` fits it, (h, w, 3) float32."""
        plane = upright(*start, turn=turn)
        z = max(start[1], start[1] + length * np.sin(turn)) + 0.5
        self._add(z, "wall", _opaque(face), face.shape[1] / length, (0, -height), lambda moment: plane)

    def water(
        self, box: tuple[float, float, float, float], palette: texture.Palette, drift: tuple[float, float], wave: float
    ) -> None:
        """Water in the ground, ``box`` = (x0, x1, z0, z1); it drifts (units over the story) and ripples by ``wave``."""
        x0, x1, z0, z1 = box
        texels = 100
        shape = int((z1 - z0) * texels), int((x1 - x0) * texels)
        colour = texture.water(self.rng, shape, palette)
        wide = int((2 * abs(drift[0]) + 0.5) * texels), int((2 * abs(drift[1]) + 0.5) * texels)
        picture = np.pad(_opaque(colour), ((wide[1], wide[1]), (wide[0], wide[0]), (0, 0)), mode="wrap")
        y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
        y, x = np.abs(y[:, None]), np.abs(x[None, :])
        shore = 1 - np.maximum(x**6, y**4) + 0.07 * fractal(self.rng, shape, 1.5, stretch=2)
        outline = np.pad(np.clip((shore - 0.25) * 40, 0, 1), ((wide[1], wide[1]), (wide[0], wide[0])))
        wet = np.pad(np.clip((shore - 0.13) * 8, 0, 1) * 0.45, ((wide[1], wide[1]), (wide[0], wide[0])))
        corner = x0 - wide[0] / texels, -z1 - wide[1] / texels
        self._add(29.5, "bank", _shade(wet), texels, corner, lambda moment: level())
        ripple = bend.ripple(drift, wave, 0.9, 2.5)
        self._add(
            29,
            "water",
            picture,
            texels,
            corner,
            lambda moment: level(),
            ripple,
            0.0,
            np.round(outline * 255).astype(np.uint8),
        )

    def bush(
        self,
        x: float,
        z: float,
        width: float,
        height: float,
        palette: texture.Palette,
        wind: float = 0.0,
        cycles: float = 3.0,
    ) -> None:
        """A bush; ``wind`` is how far its top swings, in units, 0 for none, ``cycles`` times over the story."""
        texels = self._texels(z)
        picture = texture.foliage(
            self.rng, (int(height * texels), int(width * texels)), palette, 0.032 * texels, mound=True
        )
        self._shadow(lambda moment: (x, z), 0.5 * width)
        shift = self.rng.random()
        waving = bend.sway(height, wind, cycles, shift) if wind else None
        self._add(
            z, "bush", picture, texels, (-width / 2, -height), lambda moment: upright(x, z), waving, 2 * wind + 0.03
        )

    def trunk(self, x: float, z: float, width: float, palette: texture.Palette, lean: float = 0.0) -> None:
        """A trunk that leaves the frame above."""
        texels = self._texels(z)
        picture = texture.bark(self.rng, (int(3.2 * texels), int(width * texels)), palette)
        if z < 2.2:  # nearer than where the camera is focused
            picture = blur(picture, 0.007 * texels)
        self._shadow(lambda moment: (x, z), 0.7 * width)
        self._add(z, "trunk", picture, texels, (-width / 2, -3.15), lambda moment: upright(x, z, tilt=lean))

    def boulder(self, x: float, z: float, width: float, height: float, palette: texture.Palette) -> None:
        """A rock."""
        texels = self._texels(z)
        picture = texture.rock(self.rng, (int(height * texels), int(width * texels)), palette)
        self._shadow(lambda moment: (x, z), 0.5 * width)
        self._add(z, "boulder", picture, texels, (-width / 2, -0.92 * height), lambda moment: upright(x, z))

    def flag(
        self,
        x: float,
        z: float,
        width: float,
        height: float,
        colours: texture.Palette,
        cycles: float,
        top: float = 1.35,
    ) -> None:
        """A banner that flies from a pole, to the right of it, its upper edge at height ``top``."""
        texels = self._texels(z)
        cloth = texture.cloth(self.rng, (int(height * texels), int(width * texels)), colours)
        pole = texture.bark(self.rng, (int((top + 0.05) * texels), max(int(0.07 * texels), 4)), texture.STONE)
        self._shadow(lambda moment: (x, z), 0.12)
        self._add(
            z,
            "flag",
            cloth,
            texels,
            (0.01, -top),
            lambda moment: upright(x, z),
            bend.flutter(width, 0.13 * height, cycles),
            0.25 * height,
        )
        self._add(z - 0.01, "pole", pole, texels, (-0.035, -top - 0.05), lambda moment: upright(x, z))

    def tumbleweed(self, x: Track, z: float, radius: float) -> None:
        """A ball of twigs that rolls along x at depth z."""
        texels = self._texels(z)
        picture = texture.twigs(self.rng, int(2 * radius * texels), texture.TWIGS)

        def place(moment: float) -> Plane:
            hop = abs(float(np.sin(x(moment) * 2.2))) * 0.12
            return upright(x(moment), z, foot=1 - 0.94 * radius - hop, tilt=x(moment) / radius)

        self._shadow(lambda moment: (x(moment), z), 0.8 * radius)
        self._add(z, "tumbleweed", picture, texels, (-radius, -radius), place)

    def twin(
        self, build: Build, pelt: Pelt, x: float, z: float, length: float, left: bool = False, turn: float = 0.0
    ) -> None:
        """An animal ``length`` units long that stands at (x, z). ``left`` says where it looks, ``turn`` turns it."""
        # Frozen in mid-stride, so that its outline tells nothing.
        stance = self.rng.random()
        self._beast(build, pelt, line(x, x), line(z, z), length, lambda moment: stance, left, turn, False)

    def target(
        self, build: Build, pelt: Pelt, x: Track, z: Track, length: float, steps: Track, left: bool = False
    ) -> None:
        """The animal that moves, on the track (x, z), with ``steps`` counting its strides."""
        self._beast(build, pelt, x, z, length, steps, left, 0.0, True)

    def _beast(
        self,
        build: Build,
        pelt: Pelt,
        x: Track,
        z: Track,
        length: float,
        steps: Track,
        left: bool,
        turn: float,
        target: bool,
    ) -> None:
        texels = int(self._texels(min(z(0.0), z(0.5), z(1.0))) * length)
        picture, (start, top) = paint_beast(self.rng, build, pelt, texels)
        if left:
            picture, start = picture[:, ::-1], -start - picture.shape[1] / texels
        corner, walk = (start * length, top * length), bend.gait(-top * length, length, steps)
        self._shadow(lambda moment: (x(moment), z(moment)), 0.42 * length)

        def place(moment: float) -> Plane:
            return upright(x(moment), z(moment), turn=turn)

        self._add(
            z(0.5),
            "target" if target else "twin",
            picture,
            texels / length,
            corner,
            place,
            walk,
            0.25 * length,
            target=target,
        )

    def _texels(self, z: float) -> int:
        """Texels per unit for something at depth z: about those of a canvas of 864 columns, at zoom 1.3."""
        return int(864 * 1.3 / z)

    def _shadow(self, place: Callable[[float], tuple[float, float]], radius: float) -> None:
        """A soft shadow on the ground under something; never dark enough to own a pixel."""
        y, x = np.mgrid[-1:1:48j, -1:1:96j]
        dark = 0.46 * np.clip(1.5 * (1 - np.hypot(x, y)), 0, 1)
        self._add(
            28,
            "shadow",
            _shade(dark),
            48 / radius,
            (-radius, -0.5 * radius),
            lambda moment: level(place(moment)[0] + 0.12 * radius, place(moment)[1] - 0.02),
        )

    def _add(
        self,
        z: float,
        name: str,
        picture: np.ndarray,
        texels: float,
        corner: tuple[float, float],
        place: Callable[[float], Plane],
        bending: Bend | None = None,
        reach: float = 0.0,
        outline: np.ndarray | None = None,
        target: bool = False,
    ) -> None:
        layer = Layer(name, np.ascontiguousarray(picture), texels, corner, place, bending, reach, outline, target)
        self._layers.append((z, layer))


def _opaque(colour: np.ndarray) -> np.ndarray:
    full = np.full((*colour.shape[:2], 1), 255, np.uint8)
    return np.concatenate([np.clip(colour, 0, 255).astype(np.uint8), full], axis=2)


def _shade(dark: np.ndarray) -> np.ndarray:
    """Black with the given alpha (h, w), 0..1, as (h, w, 4) uint8."""
    picture = np.zeros((*dark.shape, 4), np.uint8)
    picture[..., 3] = np.round(dark * 255)
    return picture

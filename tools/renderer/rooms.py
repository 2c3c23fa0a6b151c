"""Random rooms: walls, furniture and things, seen by a camera that stands in them."""

from __future__ import annotations

import colorsys

import numpy as np
from furniture import FURNITURE, THINGS, WORDS
from geometry import Array, Box, turned, unit, vector
from lighting import Light
from materials import Appearance, Colour, Material, bricks, gingham, mix, plain, planks, printed, tint
from renderer import Camera
from scene import Palette, Scene
from textures import Noise, paint_cover, paint_newspaper


class Room:
    """A scene while it is furnished; everything follows from the generator.

    A quarter of the rooms are the top of a table from nearby; the others are 2 to 9 m deep.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.scene = rng, Scene()
        self.palette = Palette(Noise(rng, 1.6), Noise(rng, 0.7))
        self.is_close = rng.random() < 0.25
        self.depth = float(rng.uniform(1.3, 3.5) if self.is_close else rng.uniform(2.0, 9.0))
        self.left, self.right = rng.uniform(1.0, 1.2 + 0.45 * self.depth, 2)
        self.height = float(rng.uniform(2.3, 3.2))
        self.light = _lamp(rng)
        self.camera = self._build_close() if self.is_close else self._build()

    def number(self, low: float, high: float) -> float:
        """A random one between the two."""
        return float(self.rng.uniform(low, high))

    def colour(self, brightest: float = 0.75) -> Colour:
        """A linear reflectance; strong colours are rare, dark ones are not."""
        rgb = colorsys.hsv_to_rgb(self.rng.random(), self.rng.random() ** 1.7, self.number(0.15, 1) ** 1.3)
        red, green, blue = (brightest * c**1.6 + 0.015 for c in rgb)
        return red, green, blue

    def axes(self) -> Array:
        """Turned about the vertical, mostly a little."""
        return turned(self.number(-180, 180) if self.rng.random() < 0.3 else self.number(-35, 35))

    def material(self) -> Material:
        """Of furniture and things."""
        clouds, grain, gloss = self.palette.clouds, self.palette.grain, max(0.0, self.number(-0.5, 0.9))
        kind = self.rng.random()
        if kind < 0.35:
            return planks(clouds, grain, self.colour(0.5), self.number(0.05, 0.2), gloss)
        if kind < 0.7:
            return plain(self.colour(), clouds, gloss, self.number(0.02, 0.15), self.number(1, 8))
        if kind < 0.85:
            return plain(self.colour(), grain, 0.0, self.number(0.1, 0.35), self.number(2, 12))
        return gingham(clouds, grain, self.colour(), self.number(0.02, 0.2))

    def add_box(self, at: Array, half: Array, material: Material, axes: Array | None = None) -> None:
        """A box that dims the surroundings' light near its foot."""
        self.scene.add(Box(at, half, axes), material)
        radius = float(min(half[0], half[2], 0.12))
        self.scene.blockers.append((float(at[0]), float(at[1] - half[1] + radius), float(at[2]), radius))

    def _build(self) -> Camera:
        self._add_walls()
        places = np.linspace(-self.left + 0.4, self.right - 0.4, 5)
        for x in self.rng.permutation(places)[: self.rng.integers(3, 6)]:
            z = self.number(1.0, max(1.3, self.depth - 0.4)) if self.rng.random() < 0.6 else self.depth - 0.35
            self.scene.begin_group()
            furniture = FURNITURE[self.rng.integers(len(FURNITURE))]
            furniture(self, float(x) * max(0.25, z / self.depth), 0.0, z, self.number(0.3, 0.8))
        height, far = self.number(0.6, 1.8), min(self.depth, 3.0)
        pitch = float(np.arctan((height - self.number(0.2, 1.1)) / far))
        return Camera(vector(0, height, 0), pitch, self.number(0.8, 1.1), self.number(-0.45, 0.45))

    def _build_close(self) -> Camera:
        self._add_walls()
        top = self.number(0.5, 0.9)
        self.scene.begin_group()
        self.add_box(vector(0, top - 0.03, 0.9), vector(1.1, 0.03, 0.65), self.material())
        if self.rng.random() < 0.3:
            half = vector(0.19, 0.001, 0.14)
            page = printed(paint_newspaper((600, 440)), None, half)
            self.scene.add(Box(vector(self.number(-0.2, 0.2), top + 0.001, 0.8), half, self.axes()), page)
        for x in np.linspace(-0.45, 0.45, self.rng.integers(4, 9)):
            self.scene.begin_group()
            thing = THINGS[self.rng.integers(len(THINGS))]
            thing(self, float(x), top, self.number(0.5, 1.3), self.number(0.05, 0.13))
        return Camera(
            vector(self.number(-0.2, 0.2), top + self.number(0.25, 0.55), 0),
            self.number(0.15, 0.6),
            self.number(0.8, 1.1),
            self.number(-0.2, 0.2),
        )

    def _add_walls(self) -> None:
        """Shapes that keep the lamp out cast no shadows."""
        far = 20.0
        back, side, up = vector(far, far, 0.1), vector(far, far, 0.1), vector(far, 0.1, far)
        wall, other = self._wall(), self._wall()
        ceiling = plain((0.75, 0.74, 0.7), self.palette.clouds, 0.0, 0.02, 0.3)
        for shape, material in (
            (Box(vector(0, 0, self.depth + 0.1), back, turned(self.number(-12, 12))), wall),
            (Box(vector(-self.left - 0.1, 0, 0), side, turned(90)), other),
            (Box(vector(self.right + 0.1, 0, 0), side, turned(-90)), wall),
            (Box(vector(0, self.height + 0.1, 0), up), ceiling),
            (Box(vector(0, -0.1, 0), up, turned(self.number(0, 90))), self._floor()),
        ):
            self.scene.begin_group()
            self.scene.add(shape, material, casts=False)
        for _ in range(self.rng.integers(4)):
            self.scene.begin_group()
            half = vector(self.number(0.15, 0.6), self.number(0.2, 0.5), 0.012)
            at = vector(self.number(-self.left, self.right) * 0.7, self.number(1.0, 1.9), self.depth - 0.3)
            self.scene.add(Box(at, half), self._poster(half))

    def _wall(self) -> Material:
        clouds, grain, kind = self.palette.clouds, self.palette.grain, self.rng.random()
        if kind < 0.15:
            return bricks(clouds, grain)
        if kind < 0.4:
            return _striped(self.colour(), self.colour(), self.number(0.05, 0.4), grain)
        if kind < 0.7:
            return plain(self.colour(0.85), grain, 0.0, self.number(0.02, 0.12), self.number(0.5, 4))
        return plain(self.colour(0.85), clouds, 0.0, self.number(0.02, 0.1), self.number(0.2, 2))

    def _floor(self) -> Material:
        clouds, grain, kind = self.palette.clouds, self.palette.grain, self.rng.random()
        if kind < 0.45:
            return planks(clouds, grain, self.colour(0.5), self.number(0.07, 0.25), self.number(0, 0.5))
        if kind < 0.65:
            return gingham(clouds, grain, self.colour(), self.number(0.2, 0.8))
        return plain(self.colour(0.6), grain, 0.0, self.number(0.1, 0.35), self.number(0.8, 4))

    def _poster(self, half: Array) -> Material:
        lines = [str(word) for word in self.rng.choice(WORDS, self.rng.integers(1, 5))]
        paper, ink = (tuple(int(255 * c**0.5) for c in self.colour(1.0)) for _ in "ab")
        size = (240, int(np.clip(240 * half[1] / half[0], 60, 480)))
        picture = paint_cover(lines, (paper[0], paper[1], paper[2]), (ink[0], ink[1], ink[2]), size)
        return printed(picture, picture, half, max(0.0, self.number(-0.5, 0.6)))


def random_room(seed: int) -> Room:
    """The room of a seed."""
    return Room(np.random.default_rng([seed, 3]))


def _lamp(rng: np.random.Generator) -> Light:
    rise, turn = rng.uniform(0.5, 1.35), rng.uniform(-2.6, 2.6)
    direction = unit(vector(np.sin(turn) * np.cos(rise), np.sin(rise), -np.cos(turn) * np.cos(rise)))
    across = unit(np.cross(direction, vector(0, 0, 1)).astype(np.float32))
    warm, strength, ambient = rng.uniform(0.65, 1.1), rng.uniform(0.6, 2.4), rng.uniform(0.25, 0.7)
    above = (ambient, ambient * 0.97, ambient * rng.uniform(0.75, 1.15))
    below = (0.7 * ambient, 0.6 * ambient, 0.5 * ambient)

    def around(directions: Array) -> Array:
        up = 0.5 + 0.5 * directions[1]
        return mix(tint(below, 0.8, up.size), tint(above, 1.6, up.size), up)

    colour = (strength, strength * (0.5 + 0.5 * warm), strength * warm)
    return Light(direction, across, colour, rng.uniform(0.01, 0.06), below, above, around, None, rng.uniform(0.5, 1.2))


def _striped(first: Colour, second: Colour, pitch: float, fine: Noise) -> Material:
    """Wallpaper with upright stripes."""
    near = tuple(0.75 * a + 0.25 * b for a, b in zip(first, second, strict=True))

    def material(p: Array, n: Array) -> Appearance:
        weight = np.clip(4 * np.sin(2 * np.pi * p[0] / pitch), 0, 1)
        paper = mix(tint(first, 1, p.shape[1]), tint((near[0], near[1], near[2]), 1, p.shape[1]), weight)
        return Appearance(paper * (1 + 0.05 * fine.at(p[0], p[1])), n)

    return material

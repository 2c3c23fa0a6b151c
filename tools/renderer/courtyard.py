"""The background: a gravel yard, a brick house with ivy and a bench, a railing with a potted plant."""

from __future__ import annotations

import numpy as np
from geometry import Box, Ellipsoid, Rod, Solid, revolved, vector
from materials import bricks, glaze, gravel, plain, planks
from scene import Palette, Scene, add_leaf, add_twig

RAILING = 3.3  # distance of the railing from the cameras


def add_yard(scene: Scene, palette: Palette, rng: np.random.Generator) -> None:
    """Gravel and all that stands on it."""
    scene.begin_group()
    scene.add(Box(vector(0, -0.05, 0), vector(40, 0.05, 40)), gravel(rng, palette.clouds))
    add_house(scene, palette)
    add_bench(scene, palette)
    add_ivy(scene, palette, rng)
    add_railing(scene, palette)
    add_potted_plant(scene, palette, rng)


def add_house(scene: Scene, palette: Palette) -> None:
    """A brick front with two windows and a door."""
    clouds, grain = palette.clouds, palette.grain
    scene.begin_group()
    scene.add(Box(vector(0, 2.5, 11.2), vector(20, 2.5, 0.2)), bricks(clouds, grain))
    white, glass = plain((0.72, 0.70, 0.64), clouds, 0.2), plain((0.02, 0.03, 0.035), clouds, 1.0, 0.2)
    stone = plain((0.50, 0.46, 0.39), grain, 0.0, 0.08, 1.0)
    scene.begin_group()
    for x in (-2.3, 1.3):
        scene.add(Box(vector(x, 1.75, 10.98), vector(0.62, 0.80, 0.02)), glass)
        for dx in (-0.62, -0.21, 0.21, 0.62):
            scene.add(Box(vector(x + dx, 1.75, 10.95), vector(0.028, 0.83, 0.03)), white)
        for dy in (-0.83, -0.3, 0.25, 0.83):
            scene.add(Box(vector(x, 1.75 + dy, 10.95), vector(0.64, 0.028, 0.03)), white)
        scene.add(Box(vector(x, 0.86, 10.9), vector(0.75, 0.05, 0.12)), stone)
    scene.begin_group()
    green = planks(clouds, grain, (0.06, 0.17, 0.13), 0.14, 0.3)
    upright = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32)
    scene.add(Box(vector(-0.5, 1.1, 10.97), vector(1.1, 0.04, 0.48), upright), green)
    for side in (-0.55, 0.55):
        scene.add(Box(vector(-0.5 + side, 1.1, 10.95), vector(0.07, 1.12, 0.06)), white)
    scene.add(Box(vector(-0.5, 0.06, 10.7), vector(0.75, 0.06, 0.35)), stone)


def add_bench(scene: Scene, palette: Palette) -> None:
    """A wooden bench of slats and posts."""
    scene.begin_group()
    wood = planks(palette.clouds, palette.grain, (0.40, 0.27, 0.16), 0.5, 0.05)
    for z in (7.1, 7.22, 7.34):
        scene.add(Box(vector(-2.05, 0.45, z), vector(0.75, 0.018, 0.05)), wood)
    for y, z in ((0.62, 7.47), (0.75, 7.50), (0.88, 7.53)):
        scene.add(Box(vector(-2.05, y, z), vector(0.75, 0.05, 0.018)), wood)
    for x in (-2.7, -1.4):
        for z, top in ((7.1, 0.62), (7.5, 0.95)):
            scene.add(Box(vector(x, top / 2, z), vector(0.03, top / 2, 0.03)), wood)
        scene.add(Box(vector(x, 0.62, 7.3), vector(0.035, 0.015, 0.24)), wood)


def add_ivy(scene: Scene, palette: Palette, rng: np.random.Generator) -> None:
    """Climbers on the wall of the house."""
    scene.begin_group()
    for x0, x1, top, count in ((-6.5, -3.3, 2.6, 330), (2.6, 6.0, 2.0, 330)):
        for _ in range(count):
            t, x = rng.random() ** 1.3, rng.uniform(x0, x1)
            y = t * top * (0.55 + 0.45 * np.sin(2.1 * x + 0.6))
            at = vector(x, max(y, 0.03), 10.9 - 0.25 * rng.random() * (1 - t))
            heading = vector(rng.normal(0, 0.7), -1 + rng.normal(0, 0.4), -0.5)
            size = 0.085 * float(rng.uniform(0.7, 1.3))
            add_leaf(scene, palette, rng, at, heading, size, (0.10, 0.21, 0.05))


def add_railing(scene: Scene, palette: Palette) -> None:
    """An iron railing across the yard."""
    iron = plain((0.025, 0.028, 0.03), palette.clouds, 0.35)
    scene.begin_group()
    for y, r in ((0.93, 0.014), (0.82, 0.009), (0.10, 0.012)):
        scene.add(Rod(vector(-3.2, y, RAILING), vector(0.72, y, RAILING), r), iron)
    for index in range(34):
        x = -3.1 + 0.115 * index
        scene.add(Rod(vector(x, 0.0, RAILING), vector(x, 1.0, RAILING), 0.0075), iron)
        scene.add(Ellipsoid(vector(x, 1.02, RAILING), vector(0.013, 0.03, 0.013)), iron)


def add_potted_plant(scene: Scene, palette: Palette, rng: np.random.Generator) -> None:
    """The stone post at the end of the railing and the plant on it."""
    stone = plain((0.50, 0.46, 0.38), palette.grain, 0.0, 0.10, 0.9)
    scene.begin_group()
    scene.add(Box(vector(0.93, 0.44, RAILING), vector(0.17, 0.44, 0.17)), stone)
    scene.add(Box(vector(0.93, 0.91, RAILING), vector(0.21, 0.035, 0.21)), stone)
    clay = glaze([(0.19, (0.46, 0.20, 0.10)), (9.0, (0.50, 0.22, 0.11))], palette.grain, 0.05)
    pot = revolved([(0, 0.095), (0.2, 0.135), (0.205, 0.155), (0.25, 0.16)], 0.02)
    scene.add(Solid(vector(0.93, 0.945, RAILING), 0.32, pot), clay)
    scene.begin_group()
    for _ in range(15):
        turn, lift = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.5)
        reach = rng.uniform(0.1, 0.34)
        end = vector(0.93 + reach * np.cos(turn), 1.18 + lift, RAILING + reach * np.sin(turn))
        add_twig(scene, palette, rng, vector(0.93, 1.16, RAILING), end, 11, 0.055, (0.12, 0.26, 0.05))

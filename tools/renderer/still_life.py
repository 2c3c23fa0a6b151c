"""The foreground: a laid garden table in the sun with fruit, flowers, books and a newspaper."""

from __future__ import annotations

import numpy as np
from courtyard import add_yard
from geometry import (
    Array,
    Box,
    Ellipsoid,
    Leaf,
    Rod,
    Solid,
    apple,
    bowl,
    frame_along,
    mug,
    revolved,
    turned,
    unit,
    vector,
)
from materials import Colour, foliage, gingham, glaze, labelled, peel, plain, planks, printed
from scene import Palette, Scene, add_twig
from textures import Noise, paint_cover, paint_newspaper

TABLE = 0.74  # height of the table top

IVORY: Colour = (0.70, 0.68, 0.62)
CREAM: Colour = (0.62, 0.58, 0.50)
NAVY: Colour = (0.05, 0.10, 0.30)
TEAL: Colour = (0.10, 0.24, 0.27)


def add_table(scene: Scene, palette: Palette) -> None:
    """The table top with a checked cloth, a newspaper and a pencil."""
    clouds, grain = palette.clouds, palette.grain
    scene.begin_group()
    scene.add(
        Box(vector(0, TABLE - 0.02, 1.1), vector(1.25, 0.02, 0.83)),
        planks(clouds, grain, (0.34, 0.185, 0.09), 0.135, 0.22),
    )
    scene.begin_group()
    cloth = gingham(clouds, grain, (0.42, 0.045, 0.045), 0.05)
    scene.add(Box(vector(-0.21, TABLE + 0.0012, 1.10), vector(0.34, 0.0012, 0.27), turned(17)), cloth)
    half = vector(0.19, 0.0012, 0.14)
    page = printed(paint_newspaper(), None, half)
    scene.add(Box(vector(0.29, TABLE + 0.0012, 0.90), half, turned(-14)), page)
    scene.begin_group()
    yellow = plain((0.70, 0.40, 0.04), clouds, 0.4)
    tip, end = vector(0.25, TABLE + 0.007, 0.80), vector(0.40, TABLE + 0.007, 0.86)
    scene.add(Rod(tip, end, 0.0042), yellow)
    scene.add(Rod(end, end + (end - tip) * 0.07, 0.0044), plain((0.60, 0.20, 0.18), clouds))
    scene.add(Rod(tip - (end - tip) * 0.05, tip, 0.002), plain((0.55, 0.38, 0.22), clouds))


BOOKS = (
    # half extents, turn, spine, cover, paper and ink; from the lowest up
    (
        (0.135, 0.019, 0.095),
        9.0,
        "DEPTH FROM TWO EYES",
        ["DEPTH", "from two eyes"],
        (36, 62, 92),
        (222, 200, 140),
    ),
    (
        (0.125, 0.015, 0.088),
        -6.0,
        "Parallax & Patience",
        ["Parallax", "& Patience"],
        (150, 52, 36),
        (240, 226, 196),
    ),
    (
        (0.108, 0.012, 0.076),
        14.0,
        "A BOOK OF EDGES",
        ["A Book of Edges", "revised"],
        (204, 190, 150),
        (54, 66, 52),
    ),
)


def add_books(scene: Scene, palette: Palette) -> None:
    """Three stacked books with an apple on them."""
    scene.begin_group()
    y = TABLE
    for (x, h, z), angle, spine, cover, paper, ink in BOOKS:
        half = vector(x, h, z)
        front = paint_cover([spine], paper, ink, (900, int(900 * h / x)))
        top = paint_cover(cover, paper, ink, (600, int(600 * z / x)))
        scene.add(Box(vector(0.43, y + h, 1.42), half, turned(angle)), printed(top, front, half, 0.25))
        for dx in (-0.07, 0.0, 0.07):
            scene.blockers.append((0.43 + dx, y + h, 1.42, 0.055))
        y += 2 * h
    add_apple(scene, palette, vector(0.47, y + 0.0310, 1.40), 0.043, ((0.45, 0.03, 0.02), (0.62, 0.42, 0.06)))


def add_apple(scene: Scene, palette: Palette, at: Array, radius: float, colours: tuple[Colour, Colour]) -> None:
    """An apple with its stalk."""
    scene.add(
        Solid(at, radius * 1.15, apple(radius)),
        peel(colours, palette.clouds, palette.grain, 0.0, 0.55),
        blocks=True,
    )
    stalk = plain((0.10, 0.06, 0.03), palette.clouds)
    scene.add(Rod(at + vector(0, 0.4 * radius, 0), at + vector(0.25 * radius, 1.0 * radius, 0), 0.002), stalk)


def add_fruit_bowl(scene: Scene, palette: Palette) -> None:
    """A bowl with three oranges, a lemon and an apple."""
    clouds, grain = palette.clouds, palette.grain
    at = vector(-0.19, TABLE + 0.015, 1.14)
    scene.begin_group()
    ware = glaze([(0.052, IVORY), (0.058, NAVY), (0.064, IVORY), (9.0, NAVY)], clouds, 0.8, (0.66, 0.65, 0.60))
    scene.add(Solid(at, 0.155, bowl(0.135, 0.075, 0.004)), ware)
    scene.blockers.append((-0.19, TABLE + 0.05, 1.14, 0.11))
    orange = peel(((0.72, 0.24, 0.01), (0.75, 0.30, 0.015)), clouds, grain, 0.035, 0.4)
    for x, y, z, r in (
        (-0.055, 0.053, -0.03, 0.041),
        (0.035, 0.055, -0.055, 0.040),
        (0.0, 0.105, 0.01, 0.039),
    ):
        fruit = Ellipsoid(at + vector(x, y, z), vector(r, r * 0.95, r), turned(70 * x / r))
        scene.add(fruit, orange, blocks=True)
    yellow = peel(((0.78, 0.55, 0.03), (0.75, 0.60, 0.06)), clouds, grain, 0.03, 0.4)
    lying = frame_along(vector(1, 0.35, -0.5), vector(0, 0, 1))
    lemon = Ellipsoid(at + vector(0.072, 0.070, 0.02), vector(0.029, 0.041, 0.029), lying)
    scene.add(lemon, yellow, blocks=True)
    add_apple(scene, palette, at + vector(-0.06, 0.075, 0.055), 0.042, ((0.25, 0.36, 0.05), (0.50, 0.16, 0.04)))


def add_mug(scene: Scene, palette: Palette) -> None:
    """A striped mug of coffee."""
    scene.begin_group()
    at = vector(0.09, TABLE, 1.0)
    bands = [(0.018, CREAM), (0.040, TEAL), (0.046, CREAM), (0.052, TEAL), (9.0, CREAM)]
    ware = glaze(bands, palette.clouds, 0.85, (0.6, 0.57, 0.5))
    scene.add(Solid(at, 0.13, mug(0.042, 0.094, 0.0045), turned(28)), ware)
    coffee = plain((0.035, 0.015, 0.006), palette.clouds, 0.5)
    surface = revolved([(0, 0.0375), (0.004, 0.0375)], 0.01)
    scene.add(Solid(at + vector(0, 0.074, 0), 0.05, surface), coffee)
    scene.blockers += [(0.09, TABLE + 0.035, 1.0, 0.045), (0.09, TABLE + 0.075, 1.0, 0.04)]


def add_bottle(scene: Scene, palette: Palette) -> None:
    """A green bottle with a paper label."""
    scene.begin_group()
    lines = ["LEFT & RIGHT", "pressed lemonade", "65 mm", "shake both views"]
    label = paint_cover(lines, (224, 214, 184), (70, 50, 40), (560, 480))
    outline = [(0, 0.033), (0.004, 0.037), (0.16, 0.037), (0.20, 0.028), (0.235, 0.0135)]
    outline += [(0.29, 0.0125), (0.291, 0.0155), (0.305, 0.0155)]
    green = glaze([(0.287, (0.015, 0.06, 0.025)), (9.0, (0.5, 0.36, 0.08))], palette.clouds, 1.0)
    glass = labelled(green, label, 0.04, 0.13, 2.3)
    scene.add(Solid(vector(-0.55, TABLE, 1.42), 0.32, revolved(outline, 0.03), turned(-12)), glass)
    scene.blockers += [(-0.55, TABLE + y, 1.42, 0.04) for y in (0.03, 0.09, 0.15)]


def add_flowers(scene: Scene, palette: Palette, rng: np.random.Generator) -> None:
    """A vase of daisies on the table."""
    scene.begin_group()
    outline = [(0, 0.035), (0.05, 0.058), (0.10, 0.055), (0.15, 0.028), (0.19, 0.036)]
    blue = glaze(
        [
            (0.03, (0.62, 0.60, 0.55)),
            (0.033, (0.06, 0.14, 0.34)),
            (0.125, (0.10, 0.22, 0.45)),
            (0.128, (0.06, 0.14, 0.34)),
            (9.0, (0.62, 0.60, 0.55)),
        ],
        palette.clouds,
        0.9,
    )
    base = vector(0.14, TABLE, 1.62)
    scene.add(Solid(base, 0.22, revolved(outline, 0.2)), blue)
    scene.blockers += [(0.14, TABLE + 0.06, 1.62, 0.058), (0.14, TABLE + 0.14, 1.62, 0.035)]
    scene.begin_group()
    yolk = plain((0.70, 0.42, 0.02), palette.grain, 0.0, 0.15, 9.0)
    for _ in range(9):
        lean = rng.uniform(-1, 1, 2)
        end = base + vector(0.15 * lean[0], rng.uniform(0.27, 0.40), 0.09 * lean[1])
        add_twig(scene, palette, rng, base + vector(0, 0.18, 0), end, 4, 0.034, (0.13, 0.27, 0.06))
        face = unit(vector(0.6 * lean[0] - 0.2, 0.55, -0.8))
        axes = frame_along(face, vector(0, 0, 1))
        scene.add(Ellipsoid(end, vector(0.010, 0.006, 0.010), axes), yolk)
        for turn in np.linspace(0, 2 * np.pi, 13, endpoint=False):
            out = (axes[0] * np.cos(turn) + axes[2] * np.sin(turn)).astype(np.float32)
            petal = np.stack([out, face, np.cross(out, face).astype(np.float32)])
            scene.add(
                Leaf(end + out * 0.021, 0.015, 0.0052, petal),
                foliage((0.66, 0.65, 0.60), 0.02, palette.grain),
            )


def add_branch(scene: Scene, palette: Palette, rng: np.random.Generator) -> None:
    """A leafy branch that hangs into the picture close to the cameras."""
    scene.begin_group()
    for start, end in (
        ((-0.62, 1.36, 0.95), (-0.27, 1.17, 0.93)),
        ((-0.62, 1.26, 0.97), (-0.36, 1.19, 0.90)),
        ((-0.5, 1.37, 0.9), (-0.17, 1.25, 0.98)),
    ):
        add_twig(scene, palette, rng, vector(*start), vector(*end), 13, 0.030, (0.15, 0.30, 0.05))


def build_scene(seed: int) -> Scene:
    """The whole scene; the seed decides the textures and how the leaves grow."""
    rng = np.random.default_rng([seed, 0])
    palette = Palette(Noise(rng, 1.6), Noise(rng, 0.7))
    scene = Scene()
    add_yard(scene, palette, rng)
    add_table(scene, palette)
    add_books(scene, palette)
    add_fruit_bowl(scene, palette)
    add_mug(scene, palette)
    add_bottle(scene, palette)
    add_flowers(scene, palette, rng)
    add_branch(scene, palette, rng)
    return scene

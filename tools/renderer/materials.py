"""What the surfaces look like: wood, brick, gravel, cloth, print, glaze, fruit and leaves.

A material maps points and normals in a shape's own frame, both (3, N) in metres, to an Appearance.
Colours are linear reflectances in 0..1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from geometry import Array, unit
from textures import Noise, Tile, paint_pebbles

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Appearance:
    """Reflectance (3, N), shading normals (3, N) in the shape's frame, gloss and translucency 0..1."""

    colour: Array
    normals: Array
    gloss: Array | float = 0.0
    translucency: float = 0.0


Material = Callable[[Array, Array], Appearance]


def tint(colour: Colour, shade: Array | float, count: int) -> Array:
    """One colour times a shade per point, (3, N)."""
    tinted: Array = (np.array(colour, np.float32)[:, None] * np.broadcast_to(shade, (count,))).astype(np.float32)
    return tinted


def mix(a: Array, b: Array, weight: Array) -> Array:
    """From a to b as the weight goes from 0 to 1."""
    mixed: Array = a + (b - a) * np.clip(weight, 0, 1)
    return mixed


def smooth(low: float, high: float, x: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    step: Array = t * t * (3 - 2 * t)
    return step


def scattered(index: Array, salt: float = 0.0) -> Array:
    """A number in 0..1 for each whole number, without visible order."""
    x = np.sin(index.astype(np.float64) * 12.9898 + salt * 78.233) * 43758.5453
    return (x - np.floor(x)).astype(np.float32)


def plain(colour: Colour, noise: Noise, gloss: float = 0.0, mottle: float = 0.06, scale: float = 4.0) -> Material:
    """One colour, slightly uneven."""

    def material(p: Array, n: Array) -> Appearance:
        shade = 1 + mottle * noise.at((p[0] + 0.5 * p[2]) * scale, (p[1] + 0.7 * p[2]) * scale)
        return Appearance(tint(colour, shade, p.shape[1]), n, gloss)

    return material


def planks(noise: Noise, fine: Noise, colour: Colour, width: float, gloss: float) -> Material:
    """Boards along x, `width` metres wide, with grain, rings and dark joints."""

    def material(p: Array, n: Array) -> Appearance:
        board = np.floor(p[2] / width)
        across = p[2] / width - board
        x, shift = p[0] + 3.7 * scattered(board), scattered(board, 1.0)
        wander = noise.at(x * 0.35 + shift, p[2] * 1.1 + shift)
        rings = 0.5 + 0.5 * np.sin(2 * np.pi * (p[2] * 42 + 1.9 * wander + 9 * shift))
        pores = fine.at(x * 0.9, p[2] * 17 + shift)
        shade = 0.66 + 0.42 * rings**1.5 + 0.13 * pores + 0.12 * wander + 0.45 * (shift - 0.5)
        joint = smooth(0.006, 0.02, np.minimum(across, 1 - across))
        wood = tint(colour, np.clip(shade, 0.2, 1.6), p.shape[1])
        wood[2] *= 1 - 0.12 * rings
        bump = n.copy()
        bump[2] += np.where(np.abs(n[1]) > 0.5, 0.25 * (1 - joint) * np.sign(across - 0.5) + 0.02 * pores, 0)
        return Appearance(wood * (0.15 + 0.85 * joint), unit(bump), gloss)

    return material


def bricks(noise: Noise, fine: Noise) -> Material:
    """A running bond of 24 x 7.5 cm bricks on the faces that look along z, with raised edges."""

    def material(p: Array, n: Array) -> Appearance:
        row = np.floor(p[1] / 0.075)
        along = p[0] / 0.24 + 0.5 * (row % 2)
        stone = np.floor(along) + 57 * row
        u, v = (along % 1) * 0.24, p[1] - row * 0.075
        edge = np.minimum(np.minimum(u, 0.24 - u), np.minimum(v, 0.075 - v))
        body = smooth(0.003, 0.009, edge + 0.0015 * fine.at(p[0] * 3, p[1] * 3))
        fired, hue = scattered(stone), scattered(stone, 2.0)
        grain = fine.at(p[0] * 1.7, p[1] * 1.7)
        shade = 0.70 + 0.55 * fired + 0.10 * grain + 0.12 * noise.at(p[0] * 0.13, p[1] * 0.13)
        red = mix(tint((0.36, 0.125, 0.07), 1, p.shape[1]), tint((0.33, 0.19, 0.12), 1, p.shape[1]), hue * hue)
        mortar = tint((0.42, 0.38, 0.32), 0.9 + 0.08 * grain, p.shape[1])
        bump = n.copy()
        bump[0] += (1 - body) * np.sign(u - 0.12) * 0.5 + 0.10 * grain
        bump[1] += (1 - body) * np.sign(v - 0.0375) * 0.5
        return Appearance(mix(mortar, red * np.clip(shade, 0.3, 1.5), body), unit(bump))

    return material


def gravel(rng: np.random.Generator, noise: Noise) -> Material:
    """Loose stones seen from the frame's origin; far away they melt into their average."""
    near = paint_pebbles(rng)
    far = near.reshape(3, 128, 8, 128, 8).mean(axis=(2, 4))
    sharp, soft = Tile(near), Tile(far)

    def material(p: Array, n: Array) -> Appearance:
        u, v = p[0] / 1.7 + 0.3, p[2] / 1.7
        colour = mix(sharp(u, v), soft(u, v), smooth(2.0, 9.0, p[2]) * 0.85)
        return Appearance(colour * (0.85 + 0.10 * noise.at(p[0] * 0.21, p[2] * 0.21)), n)

    return material


def gingham(noise: Noise, fine: Noise, colour: Colour, pitch: float) -> Material:
    """Checked cloth with a visible weave and soft folds."""

    def material(p: Array, n: Array) -> Appearance:
        across = smooth(-0.06, 0.06, np.sin(2 * np.pi * p[0] / pitch))
        down = smooth(-0.06, 0.06, np.sin(2 * np.pi * p[2] / pitch))
        weave = np.sin(2 * np.pi * p[0] / 0.0032) * np.sin(2 * np.pi * p[2] / 0.0032)
        white = tint((0.80, 0.77, 0.70), 1, p.shape[1])
        cloth = mix(white, tint(colour, 1, p.shape[1]), 0.5 * (across + down) * 0.92)
        folds = 0.012
        slope_x = noise.at((p[0] + folds) * 0.75, p[2] * 0.75) - noise.at((p[0] - folds) * 0.75, p[2] * 0.75)
        slope_z = noise.at(p[0] * 0.75, (p[2] + folds) * 0.75) - noise.at(p[0] * 0.75, (p[2] - folds) * 0.75)
        bump = n.copy()
        bump[0] -= 0.5 * slope_x
        bump[2] -= 0.5 * slope_z
        shade = 0.92 + 0.10 * weave + 0.04 * fine.at(p[0] * 2, p[2] * 2)
        return Appearance(cloth * shade, unit(bump))

    return material


def glaze(
    bands: list[tuple[float, Colour]], noise: Noise, gloss: float = 0.8, inside: Colour | None = None
) -> Material:
    """Pottery in bands, each up to its height; `inside` is the colour of what faces the axis."""

    def material(p: Array, n: Array) -> Appearance:
        count = p.shape[1]
        colour = tint(bands[0][1], 1, count)
        wobble = p[1] + 0.0006 * noise.at(np.arctan2(p[2], p[0]) / 6.2831855, p[1] * 3)
        for (height, _), (_, above) in itertools.pairwise(bands):
            colour = mix(colour, tint(above, 1, count), smooth(height - 0.0004, height + 0.0004, wobble))
        if inside is not None:
            inward = (n[0] * p[0] + n[2] * p[2] < 0) & (np.hypot(p[0], p[2]) > 0.006)
            colour = np.where(inward, tint(inside, 1, count), colour)
        return Appearance(colour * (1 + 0.03 * noise.at(p[0] * 5 + p[2] * 3, p[1] * 5)), n, gloss)

    return material


def labelled(base: Material, label: Array, low: float, high: float, spread: float) -> Material:
    """A turned body with a paper label on the side towards -z, `spread` radians wide."""
    picture = Tile(label)

    def material(p: Array, n: Array) -> Appearance:
        under = base(p, n)
        u = np.arctan2(p[0], -p[2]) / spread + 0.5
        v = (high - p[1]) / (high - low)
        on = (u > 0) & (u < 1) & (v > 0) & (v < 1)
        paper = picture(np.clip(u, 0.01, 0.99), np.clip(v, 0.01, 0.99))
        return Appearance(np.where(on, paper, under.colour), n, np.where(on, 0.05, under.gloss))

    return material


def peel(colours: tuple[Colour, Colour], noise: Noise, fine: Noise, dimple: float, gloss: float) -> Material:
    """Fruit: one colour running into another, streaks from pole to pole and a dimpled skin."""

    def material(p: Array, n: Array) -> Appearance:
        turn = np.arctan2(p[2], p[0]) / 6.2831855
        streaks = fine.at(turn * 1.0, p[1] * 0.8)
        patch = smooth(-1.6, 1.6, noise.at(turn, p[1] * 2.0) + 0.25 * streaks)
        first, second = (tint(colour, 1, p.shape[1]) for colour in colours)
        pits = fine.at(turn * 1.5, p[1] * 6), fine.at(turn * 1.5 + 0.37, p[1] * 6)
        bump = n + dimple * np.stack([pits[0], pits[1], -pits[0]])
        return Appearance(mix(first, second, patch) * (1 + 0.05 * streaks), unit(bump), gloss)

    return material


def printed(top: Array, front: Array | None, half: Array, gloss: float = 0.0) -> Material:
    """Paper and books: a picture on the upper face, one on the face towards -z, page edges elsewhere."""
    cover, spine = Tile(top), Tile(top if front is None else front)

    def material(p: Array, n: Array) -> Appearance:
        u, v, w = (np.clip(0.5 + 0.5 * p[i] / half[i], 0.002, 0.998) for i in range(3))
        pages = tint((0.62, 0.57, 0.47), 0.85 + 0.15 * np.sin(p[1] * 2 * np.pi / 0.0021), p.shape[1])
        colour = np.where(n[1] > 0.5, cover(u, 1 - w), pages)
        if front is not None:
            colour = np.where(n[2] < -0.5, spine(u, 1 - v), colour)
        return Appearance(colour, n, gloss)

    return material


def foliage(colour: Colour, half_width: float, fine: Noise) -> Material:
    """A leaf or petal with a pale midrib and side veins."""

    def material(p: Array, n: Array) -> Appearance:
        z = np.abs(p[2]) / half_width
        rib = 1 - smooth(0.03, 0.10, z)
        veins = smooth(0.75, 1.0, np.sin((p[0] / half_width - 0.8 * z) * 9))
        shade = 0.9 + 0.55 * rib + 0.18 * veins + 0.10 * fine.at(p[0] * 4, p[2] * 4)
        return Appearance(tint(colour, shade, p.shape[1]), n, 0.25, 0.55)

    return material

"""Furniture for rooms, and the things that stand on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from geometry import Box, Ellipsoid, Rod, Solid, bowl, mug, revolved, vector
from materials import glaze, peel, printed
from scene import add_twig
from textures import paint_cover

if TYPE_CHECKING:
    from rooms import Room

Place = Callable[["Room", float, float, float, float], float]
"""Puts a thing of about a size at x, y (its foot), z; returns how wide it is."""

WORDS = [
    "north",
    "lamp",
    "seven",
    "river",
    "tin",
    "paper",
    "orbit",
    "quiet",
    "maple",
    "ledger",
    "fox",
    "delta",
    "hinge",
    "salt",
    "vector",
    "plum",
]


def _table(room: Room, x: float, y: float, z: float, size: float) -> float:
    top, half = room.number(0.4, 0.85), vector(size, 0.02, room.number(0.5, 1) * size)
    axes, wood = room.axes(), room.material()
    room.add_box(vector(x, top, z), half, wood, axes)
    for dx in (-0.9, 0.9):
        for dz in (-0.85, 0.85):
            foot = vector(x, 0, z) + axes.T @ vector(dx * half[0], 0, dz * half[2])
            room.scene.add(Rod(foot, foot + vector(0, top, 0), room.number(0.015, 0.035)), wood)
    for offset in np.linspace(-0.6, 0.6, room.rng.integers(1, 5)):
        room.scene.begin_group()
        thing = THINGS[room.rng.integers(len(THINGS))]
        thing(room, x + float(offset) * size, top + 0.02, z + room.number(-0.2, 0.2) * size, room.number(0.06, 0.16))
    return 2 * size


def _chair(room: Room, x: float, y: float, z: float, size: float) -> float:
    seat, half, axes, wood = 0.45, room.number(0.19, 0.25), room.axes(), room.material()
    room.add_box(vector(x, seat, z), vector(half, 0.025, half), room.material(), axes)
    for dx in (-0.9, 0.9):
        for dz, top in ((-0.9, seat), (0.9, 0.95)):
            foot = vector(x, 0, z) + axes.T @ vector(dx * half, 0, dz * half)
            room.scene.add(Rod(foot, foot + vector(0, top, 0), 0.018), wood)
    for rise in (0.65, 0.85):
        back = vector(x, rise, z) + axes.T @ vector(0, 0, 0.9 * half)
        room.scene.add(Box(back, vector(half, 0.05, 0.012), axes), wood)
    return 2 * half


def _shelf(room: Room, x: float, y: float, z: float, size: float) -> float:
    width, boards, step, deep = size * 0.8, int(room.rng.integers(2, 6)), room.number(0.28, 0.4), 0.14
    wood = room.material()
    for side in (-1, 1):
        at = vector(x + side * width, boards * step / 2, z)
        room.add_box(at, vector(0.012, boards * step / 2, deep), wood)
    for board in range(boards + 1):
        room.scene.begin_group()
        room.scene.add(Box(vector(x, board * step, z), vector(width, 0.011, deep)), wood)
        place = x - width + 0.05
        while board < boards and place < x + width - 0.12 and room.rng.random() < 0.93:
            thing = _book if room.rng.random() < 0.75 else THINGS[room.rng.integers(len(THINGS))]
            place += thing(room, place, board * step + 0.011, z, room.number(0.07, 0.11)) + 0.004
    return 2 * width


def _cartons(room: Room, x: float, y: float, z: float, size: float) -> float:
    half, rise = 0.6 * size, 0.0
    for _ in range(room.rng.integers(1, 4)):
        box = vector(half, room.number(0.3, 1) * half, room.number(0.6, 1) * half)
        room.add_box(vector(x, rise + box[1], z), box, room.material(), room.axes())
        rise, half = rise + 2 * float(box[1]), half * room.number(0.5, 0.9)
    return 2 * size


def _plant(room: Room, x: float, y: float, z: float, size: float) -> float:
    _vase(room, x, y, z, 0.35 * size)
    room.scene.begin_group()
    green = (room.number(0.06, 0.2), room.number(0.15, 0.35), room.number(0.03, 0.1))
    start = vector(x, y + 0.6 * size, z)
    for _ in range(room.rng.integers(2, 5)):
        reach = vector(room.number(-0.5, 0.5), room.number(0.5, 1.2), room.number(-0.4, 0.4))
        add_twig(room.scene, room.palette, room.rng, start, start + np.float32(size) * reach, 7, 0.13 * size, green)
    return size


def _big_ball(room: Room, x: float, y: float, z: float, size: float) -> float:
    return _ball(room, x, y, z, 0.4 * size)


def _ball(room: Room, x: float, y: float, z: float, size: float) -> float:
    radius, up = 0.7 * size, room.number(0.6, 1)
    skin = peel((room.colour(), room.colour()), room.palette.clouds, room.palette.grain, 0.02, room.number(0, 0.8))
    shape = Ellipsoid(vector(x, y + up * radius, z), vector(radius, up * radius, radius), room.axes())
    room.scene.add(shape, skin, blocks=True)
    return 2 * radius


def _vase(room: Room, x: float, y: float, z: float, size: float) -> float:
    heights = np.linspace(0, room.number(1, 2.6) * size, 6)
    profile = [(float(h), float(0.45 * size * room.rng.uniform(0.45, 1.2))) for h in heights]
    bands = [(float(h), room.colour()) for h in (*heights[1::2], 9.0)]
    field = revolved(profile, 0.25)
    middle = float(heights[-1]) / 2
    at, reach = vector(x, y + middle, z), float(np.hypot(middle, 0.6 * size)) + 0.01
    lowered = vector(0, middle, 0)[:, None]
    ware = glaze(bands, room.palette.clouds, room.number(0, 1))
    room.scene.add(Solid(at, reach, lambda p: field(p + lowered)), lambda p, n: ware(p + lowered, n))
    room.scene.blockers.append((x, y + 0.4 * size, z, 0.4 * size))
    return size


def _mug(room: Room, x: float, y: float, z: float, size: float) -> float:
    radius = 0.4 * size
    ware = glaze([(size * 0.4, room.colour()), (9.0, room.colour())], room.palette.clouds, room.number(0.2, 1))
    shape = Solid(vector(x, y, z), 1.6 * size, mug(radius, size, 0.1 * radius), room.axes())
    room.scene.add(shape, ware)
    room.scene.blockers.append((x, y + radius, z, radius))
    return size


def _bowl(room: Room, x: float, y: float, z: float, size: float) -> float:
    ware = glaze([(0.4 * size, room.colour()), (9.0, room.colour())], room.palette.clouds, room.number(0, 1))
    room.scene.add(Solid(vector(x, y + 0.015, z), 1.25 * size, bowl(size, 0.55 * size, 0.005)), ware)
    _ball(room, x, y + 0.1 * size, z, 0.6 * size)
    return 2 * size


def _book(room: Room, x: float, y: float, z: float, size: float) -> float:
    """Standing, its back to the room."""
    half = vector(room.number(0.012, 0.03), room.number(0.8, 1.3) * size, 0.8 * size)
    room.scene.add(Box(vector(x + half[0], y + half[1], z), half), room.material())
    return 2 * float(half[0])


def _books(room: Room, x: float, y: float, z: float, size: float) -> float:
    """A lying stack."""
    for _ in range(room.rng.integers(1, 5)):
        half = vector(size * room.number(0.7, 1), room.number(0.008, 0.02), size * room.number(0.5, 0.8))
        lines = [str(word) for word in room.rng.choice(WORDS, 2)]
        paper, ink = (tuple(int(255 * c**0.5) for c in room.colour(1.0)) for _ in "ab")
        cover = paint_cover(lines, (paper[0], paper[1], paper[2]), (ink[0], ink[1], ink[2]), (160, 110))
        room.add_box(vector(x, y + half[1], z), half, printed(cover, cover, half, 0.2), room.axes())
        y += 2 * float(half[1])
    return 2 * size


def _carton(room: Room, x: float, y: float, z: float, size: float) -> float:
    half = vector(room.number(0.3, 0.8) * size, room.number(0.3, 1) * size, room.number(0.3, 0.8) * size)
    room.add_box(vector(x, y + half[1], z), half, room.material(), room.axes())
    return 2 * float(half[0])


FURNITURE: tuple[Place, ...] = (_table, _table, _chair, _shelf, _cartons, _plant, _big_ball)
THINGS: tuple[Place, ...] = (_ball, _vase, _mug, _bowl, _books, _carton)

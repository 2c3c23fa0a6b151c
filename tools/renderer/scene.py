"""What a scene holds, and the leaves and twigs that several of its parts grow.

Scenes have their origin on the ground below the cameras.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from geometry import Array, Leaf, Rod, Shape, unit, vector
from materials import Colour, Material, foliage, plain
from textures import Noise


@dataclass
class Scene:
    """Shapes and their materials.

    `groups` numbers the bundles of shapes that are lit together; `blockers` are spheres (x, y, z, radius)
    that dim the sky near them; `casts` tells which shapes cast shadows; `group` is the bundle that new shapes join.
    """

    shapes: list[Shape] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    blockers: list[tuple[float, float, float, float]] = field(default_factory=list)
    casts: list[bool] = field(default_factory=list)
    group: int = 0

    def add(self, shape: Shape, material: Material, blocks: bool = False, casts: bool = True) -> None:
        """Put one shape into the present group; `blocks` enters its bounding sphere as a blocker."""
        self.shapes.append(shape)
        self.materials.append(material)
        self.groups.append(self.group)
        self.casts.append(casts)
        if blocks:
            x, y, z = (float(c) for c in shape.position)
            self.blockers.append((x, y, z, shape.radius))

    def begin_group(self) -> None:
        """Start a new group."""
        self.group += 1


@dataclass(frozen=True)
class Palette:
    """The noises all materials draw on."""

    clouds: Noise
    grain: Noise


def add_leaf(
    scene: Scene,
    palette: Palette,
    rng: np.random.Generator,
    at: Array,
    along: Array,
    size: float,
    colour: Colour,
) -> None:
    """One leaf that starts near `at` and points along `along`, its upper side roughly to the light."""
    x = unit(along)
    up = unit(vector(0, 1, -0.35) + rng.normal(0, 0.45, 3).astype(np.float32))
    z = unit(np.cross(x, up).astype(np.float32))
    axes = np.stack([x, np.cross(z, x).astype(np.float32), z])
    width = size * float(rng.uniform(0.38, 0.5))
    tone = tuple(float(c * rng.uniform(0.75, 1.25)) for c in colour)
    scene.add(
        Leaf(at + x * size * 0.9, size, width, axes),
        foliage((tone[0], tone[1], tone[2]), width, palette.grain),
    )


def add_twig(
    scene: Scene,
    palette: Palette,
    rng: np.random.Generator,
    start: Array,
    end: Array,
    leaves: int,
    size: float,
    colour: Colour,
) -> None:
    """A thin stem with leaves on alternating sides."""
    bark = plain((0.16, 0.13, 0.06), palette.clouds)
    sag = vector(0, -0.06, 0) * float(np.linalg.norm(end - start))
    knots = [start + (end - start) * t + sag * 4 * t * (1 - t) for t in np.linspace(0, 1, 5, dtype=np.float32)]
    for a, b in itertools.pairwise(knots):
        scene.add(Rod(a, b, 0.045 * size), bark)
    along = unit(end - start)
    for index in range(leaves):
        t = 0.2 + 0.8 * (index + 0.5) / leaves
        at = start + (end - start) * np.float32(t) + sag * np.float32(4 * t * (1 - t))
        side = np.cross(along, rng.normal(0, 1, 3)).astype(np.float32)
        heading = along * 0.7 + unit(side) * 0.9
        add_leaf(scene, palette, rng, at, heading, size * float(rng.uniform(0.7, 1.15)), colour)

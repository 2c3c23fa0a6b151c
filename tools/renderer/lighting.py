"""The lights of a scene and the way surfaces answer them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from geometry import Array, dot, unit, vector
from materials import Colour, mix, smooth, tint
from textures import Noise

Environment = Callable[[Array], Array]
"""Light (3, N) that arrives from directions (3, N), without that of the lamp."""


@dataclass(frozen=True)
class Light:
    """One far lamp with a disc, and all that surrounds the scene.

    direction: towards the lamp, a unit vector (3,). across: a unit vector (3,) at right angles to it. spread: tangent
    of the disc's radius. below, above: the surroundings' diffuse light on surfaces that look down and up. around:
    what glossy surfaces mirror. shades: what the lamp is seen through, or None. exposure: of the picture.
    """

    direction: Array
    across: Array
    colour: Colour
    spread: float
    below: Colour
    above: Colour
    around: Environment
    shades: Noise | None = None
    exposure: float = 0.62

    @property
    def across_too(self) -> Array:
        """The other direction at right angles."""
        return np.cross(self.direction, self.across).astype(np.float32)

    def rays(self, disc: Array) -> Array:
        """Unit directions towards points of the lamp, (3, N), for points (2, N) of the unit disc."""
        aside = self.across[:, None] * disc[0] + self.across_too[:, None] * disc[1]
        return unit(self.direction[:, None] + self.spread * aside)

    def share(self, points: Array) -> Array:
        """Share of the lamp, (N,), that trees outside the picture let through; what is nearer than 2 m is spared."""
        if self.shades is None:
            return np.ones(points.shape[1], np.float32)
        u, v = dot(self.across, points), dot(self.across_too, points)
        gaps = self.shades.at(u * 0.17, v * 0.17) + 0.55 * self.shades.at(u * 0.9 + 0.3, v * 0.9)
        open_sky = smooth(-0.55, 0.15, gaps)
        return mix(np.ones_like(open_sky), open_sky, 0.85 * smooth(2.0, 3.2, points[2]))


def morning(clouds: Noise) -> Light:
    """The sun over the courtyard, wider than the real one for softer shadows, through trees."""
    return Light(
        direction=unit(vector(-0.62, 0.80, -0.42)),
        across=unit(vector(0.80, 0.62, 0.0)),
        colour=(3.3, 2.95, 2.35),
        spread=0.008,
        below=(0.32, 0.25, 0.17),
        above=(0.55, 0.68, 0.92),
        around=sky,
        shades=clouds,
    )


def sky(directions: Array) -> Array:
    """Light arriving from each direction, (3, N), without the sun."""
    y = directions[1]
    horizon, zenith = tint((0.95, 0.97, 1.0), 1, y.size), tint((0.38, 0.58, 0.95), 1, y.size)
    above = mix(horizon, zenith, y * 1.4)
    trees = smooth(0.25, 0.45, directions[0] * 0.8 - directions[2] * 0.5 - y * 0.4)
    above = mix(above, tint((0.10, 0.14, 0.06), 1, y.size), trees)
    return mix(tint((0.26, 0.20, 0.13), 1, y.size), above, smooth(-0.05, 0.05, y))


def openness(points: Array, normals: Array, blockers: Array) -> Array:
    """Share of the sky, (N,), that spheres (4, M) nearby leave free (Quilez' sphere occlusion)."""
    free = np.ones(points.shape[1], np.float32)
    middle = points.mean(axis=1)
    spread = np.sqrt(((points - middle[:, None]) ** 2).sum(axis=0).max())
    for x, y, z, r in blockers.T:
        away = np.array([x, y, z], np.float32) - middle
        if np.sqrt(dot(away, away)) - spread > 6 * r:
            continue
        towards = np.array([x, y, z], np.float32)[:, None] - points
        square = np.maximum(dot(towards, towards), r * r)
        facing = np.maximum(dot(normals, towards), 0) / np.sqrt(square)
        free *= 1 - np.minimum(facing * (r * r) / square, 0.95)
    return free


def radiance(
    light: Light,
    colour: Array,
    normals: Array,
    views: Array,
    lit: Array,
    free: Array,
    gloss: Array,
    translucency: Array,
) -> Array:
    """Light (3, N) sent against the view directions: diffuse lamp and surroundings, light through leaves, glints."""
    facing = dot(normals, np.broadcast_to(light.direction[:, None], normals.shape))
    lamp = np.array(light.colour, np.float32)[:, None] * lit
    diffuse = np.maximum(facing, 0) * (1 - 0.3 * translucency) + 0.7 * translucency * np.maximum(-facing, 0)
    up = 0.5 + 0.5 * normals[1]
    ambient = mix(tint(light.below, 1, up.size), tint(light.above, 1, up.size), up) * free
    out = colour * (lamp * diffuse + ambient)
    cosine = np.clip(-dot(normals, views), 0, 1)
    fresnel = (0.04 + 0.96 * (1 - cosine) ** 5) * gloss
    bounced = views + 2 * cosine * normals
    out += fresnel * light.around(bounced) * (0.3 + 0.7 * free)
    exponent = 12 + 500 * gloss * gloss
    halfway = unit(light.direction[:, None] - views)
    glint = np.maximum(dot(normals, halfway), 0) ** exponent * (exponent + 8) / 25.13
    total: Array = out + np.minimum(0.04 * gloss * glint * np.maximum(facing, 0), 4.0) * lamp
    return total


def develop(light: Array, exposure: float) -> Array:
    """Linear light to display values in 0..255 with the film curve of Narkowicz (2015), (3, N)."""
    x = light * exposure
    film = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    shown: Array = 255 * film ** np.float32(1 / 2.2)
    return shown

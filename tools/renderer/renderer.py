"""A ray caster in NumPy: pictures and depth maps of scenes of shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from geometry import Array, dot, unit
from lighting import Light, develop, openness, radiance
from numpy.typing import NDArray
from scene import Scene


@dataclass(frozen=True)
class View:
    """One camera's picture: `rgb` uint8 (H, W, 3) and `depth` float32 (H, W), metres of optical depth.

    facing, signal: what a depth camera beside the picture's would get back, float32 (H, W) in 0..1: the cosine between
    surface and line of sight, and the reflectance, less what gloss sends elsewhere; zeros where not asked for.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    facing: NDArray[np.float32]
    signal: NDArray[np.float32]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: its place, the angle (radians) by which it looks down, and its focal length over the width.

    It looks along z; `turn` (radians) is towards x.
    """

    position: Array
    pitch: float
    focal_per_width: float
    turn: float = 0.0


@dataclass(frozen=True)
class Surfaces:
    """What lies at points, in the world: colour, normals of the shape and of its relief (3, N); gloss, translucency."""

    colour: Array
    smooth_normals: Array
    normals: Array
    gloss: Array
    translucency: Array


class Renderer:
    """A scene made ready for one picture size.

    seed: of jitter and sensor noise, whose deviation is `noise` grey levels. supersampling: its square is the number of
    rays per pixel. tile: pixels on a side; small ones let more shapes be skipped for a whole tile.
    """

    def __init__(
        self,
        scene: Scene,
        light: Light,
        width: int,
        height: int,
        seed: int,
        supersampling: int,
        noise: float = 1.0,
        tile: int = 32,
    ) -> None:
        self.scene, self.light = scene, light
        self.width, self.height, self.seed, self.side = width, height, seed, supersampling
        self.noise, self.tile_side = noise, tile
        self.centres = np.stack([shape.position for shape in self.scene.shapes], axis=1)
        self.radii = np.array([shape.radius for shape in self.scene.shapes], np.float32)
        self.groups = np.array(self.scene.groups)
        self.casts = np.array(self.scene.casts)
        self.blockers = np.array(self.scene.blockers, np.float32).reshape(-1, 4).T

    def view_rays(self, camera: Camera, x: Array, y: Array) -> tuple[Array, Array]:
        """Unit directions (3, N) through picture positions, and metres of depth per metre along each."""
        focal = self.width * camera.focal_per_width
        right, down = (x - self.width / 2) / focal, (y - self.height / 2) / focal
        c, s = np.float32(np.cos(camera.pitch)), np.float32(np.sin(camera.pitch))
        ahead = c - down * s
        a, b = np.float32(np.cos(camera.turn)), np.float32(np.sin(camera.turn))
        rays = np.stack([a * right + b * ahead, -down * c - s, a * ahead - b * right]).astype(np.float32)
        return unit(rays), (1 / np.sqrt(dot(rays, rays))).astype(np.float32)

    def seen(self, origin: Array, rays: Array) -> NDArray[np.intp]:
        """Shapes that a bundle of rays from one point may meet."""
        axis = rays.mean(axis=1)
        axis /= np.sqrt(dot(axis, axis))
        opening = np.arccos(np.clip((axis @ rays).min(), -1, 1))
        towards = self.centres - origin[:, None]
        distance = np.sqrt(dot(towards, towards))
        angle = np.arccos(np.clip((axis @ towards) / distance, -1, 1))
        reach = np.arcsin(np.clip(self.radii / distance, 0, 1))
        return np.flatnonzero((distance <= self.radii) | (angle <= opening + reach + 1e-3))

    def shading(self, points: Array) -> NDArray[np.intp]:
        """Shapes that may lie between points and the lamp."""
        lamp = self.light.direction
        plane = np.stack([self.light.across, self.light.across_too])
        flat = plane @ points
        middle = (flat.max(axis=1) + flat.min(axis=1)) / 2
        spread = np.hypot(*(flat - middle[:, None])).max()
        ahead = lamp @ self.centres - (lamp @ points).min() + self.radii
        offset = np.hypot(*(plane @ self.centres - middle[:, None]))
        reach = spread + self.radii + 1.5 * self.light.spread * np.maximum(ahead, 0)
        return np.flatnonzero(self.casts & (ahead > 0) & (offset <= reach))

    def touching(self, index: int, origins: Array, rays: Array) -> NDArray[np.intp]:
        """Rays that pass through the bounding sphere of a shape."""
        towards = self.centres[:, index, None] - origins
        along = dot(towards, rays)
        square = dot(towards, towards)
        radius = self.radii[index] ** 2
        return np.flatnonzero((square - along * along <= radius) & ((along > 0) | (square <= radius)))

    def first_hits(self, origin: Array, rays: Array) -> tuple[Array, NDArray[np.intp]]:
        """Distance to the first surface along each ray and the index of its shape."""
        distance = np.full(rays.shape[1], np.inf, np.float32)
        index = np.zeros(rays.shape[1], np.intp)
        origins = np.broadcast_to(origin[:, None], rays.shape)
        for candidate in self.seen(origin, rays):
            rows = self.touching(candidate, origins, rays)
            if not rows.size:
                continue
            found = self.scene.shapes[candidate].intersect(origins[:, rows], rays[:, rows])
            nearer = found < distance[rows]
            distance[rows[nearer]] = found[nearer]
            index[rows[nearer]] = candidate
        return distance, index

    def lit(self, points: Array, rays: Array) -> Array:
        """1 where the ray towards the lamp is free, else 0."""
        lit = np.ones(points.shape[1], np.float32)
        for candidate in self.shading(points):
            rows = self.touching(candidate, points, rays)
            rows = rows[lit[rows] > 0]
            if rows.size:
                found = self.scene.shapes[candidate].intersect(points[:, rows], rays[:, rows])
                lit[rows[np.isfinite(found)]] = 0
        return lit

    def surfaces(self, points: Array, index: NDArray[np.intp]) -> Surfaces:
        """What the shapes of an index look like at points on them."""
        count = points.shape[1]
        colour, smooth_normals, bent = (np.zeros((3, count), np.float32) for _ in range(3))
        gloss, translucency = np.zeros(count, np.float32), np.zeros(count, np.float32)
        for shape_index in np.unique(index):
            rows = np.flatnonzero(index == shape_index)
            shape = self.scene.shapes[shape_index]
            local = shape.to_local(points[:, rows])
            normals = shape.local_normals(local)
            look = self.scene.materials[shape_index](local, normals)
            colour[:, rows] = look.colour
            smooth_normals[:, rows] = shape.to_world(normals)
            bent[:, rows] = shape.to_world(look.normals)
            gloss[rows], translucency[rows] = look.gloss, look.translucency
        return Surfaces(colour, smooth_normals, bent, gloss, translucency)

    def shade(self, points: Array, rays: Array, index: NDArray[np.intp], disc: Array) -> Array:
        """Light (3, N) from surface points towards the camera."""
        found = self.surfaces(points, index)
        translucency = found.translucency
        away = (dot(found.smooth_normals, rays) > 0) & (translucency > 0)
        bent = np.where(away, -found.normals, found.normals)
        # Leaves are thin: a shadow ray starts on their sunny side, other surfaces shade themselves.
        side = np.where(translucency > 0, np.sign(dot(self.light.direction, found.smooth_normals)), 1)
        lit, free = np.zeros(points.shape[1], np.float32), np.ones(points.shape[1], np.float32)
        for group in np.unique(self.groups[index]):
            rows = np.flatnonzero(self.groups[index] == group)
            start = points[:, rows] + (8e-4 * side[rows] * found.smooth_normals[:, rows]).astype(np.float32)
            lit[rows] = self.lit(start, self.light.rays(disc[:, rows]))
            free[rows] = openness(points[:, rows], bent[:, rows], self.blockers)
        lit *= self.light.share(points)
        return radiance(self.light, found.colour, bent, rays, lit, free, found.gloss, translucency)

    def lamp_samples(self, rng: np.random.Generator, pixels: int) -> Array:
        """Points of the unit disc (2, N): a sunflower pattern per pixel, turned and shuffled at random."""
        count = self.side**2
        order = rng.permuted(np.tile(np.arange(count), (pixels, 1)), axis=1)
        turn = order * (np.pi * (3 - np.sqrt(5))) + 2 * np.pi * rng.random((pixels, 1))
        radius = np.sqrt((order + 0.5) / count)
        return np.stack([radius * np.cos(turn), radius * np.sin(turn)]).reshape(2, -1).astype(np.float32)

    def colours(self, camera: Camera, x: Array, y: Array, rng: np.random.Generator) -> Array:
        """Display values (3, N) of pixels, given by their upper left corners, without noise."""
        cells = np.stack(np.divmod(np.arange(self.side**2), self.side)).astype(np.float32)
        jitter = rng.random((2, x.size, self.side**2), np.float32)
        px = x[:, None] + (cells[0] + jitter[0]) / self.side
        py = y[:, None] + (cells[1] + jitter[1]) / self.side
        rays, _ = self.view_rays(camera, px.ravel(), py.ravel())
        disc = self.lamp_samples(rng, x.size)
        distance, index = self.first_hits(camera.position, rays)
        points = camera.position[:, None] + distance * rays
        values = develop(self.shade(points, rays, index, disc), self.light.exposure)
        pixels: Array = values.reshape(3, x.size, self.side**2).mean(axis=2)
        return pixels

    def view(
        self,
        camera: Camera,
        number: int = 0,
        rows: range | None = None,
        columns: range | None = None,
        *,
        with_signal: bool = False,
    ) -> View:
        """What a camera sees; `number` decides its noise, `rows` and `columns`, in whole tiles, give a part of it."""
        rows = range(self.height) if rows is None else rows
        columns = range(self.width) if columns is None else columns
        rgb = np.zeros((len(rows), len(columns), 3), np.uint8)
        depth, facing, signal = np.zeros((3, len(rows), len(columns)), np.float32)
        for top in range(rows.start, rows.stop, self.tile_side):
            for left in range(columns.start, columns.stop, self.tile_side):
                rng = np.random.default_rng([self.seed, 2, number, top, left])
                w, h = min(self.tile_side, self.width - left), min(self.tile_side, self.height - top)
                y, x = (grid.ravel() for grid in np.mgrid[top : top + h, left : left + w].astype(np.float32))
                rays, per_metre = self.view_rays(camera, x + 0.5, y + 0.5)
                distance, index = self.first_hits(camera.position, rays)
                place = np.s_[top - rows.start : top - rows.start + h, left - columns.start : left - columns.start + w]
                depth[place] = (distance * per_metre).reshape(h, w)
                if with_signal:
                    found = self.surfaces(camera.position[:, None] + distance * rays, index)
                    facing[place] = np.minimum(np.abs(dot(found.smooth_normals, rays)), 1).reshape(h, w)
                    signal[place] = (found.colour.mean(axis=0) * (1 - 0.8 * found.gloss)).reshape(h, w)
                values = self.colours(camera, x, y, rng).T.reshape(h, w, 3)
                values = values + self.noise * rng.standard_normal(values.shape, np.float32)
                rgb[place] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        return View(rgb, depth, facing, signal)

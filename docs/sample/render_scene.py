"""Render the sample stereo pair: `python docs/sample/render_scene.py -o DIR` writes left.png and right.png.

A ray caster in NumPy. Both cameras look the same way and differ by a horizontal shift alone, so the pair
is rectified: a point at depth z lies focal_px * baseline_m / z pixels further left in the right view.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from geometry import Array, dot, unit
from lighting import ACROSS, ACROSS_TOO, SUN, SUN_SPREAD, canopy, develop, openness, radiance, sun_rays
from numpy.typing import NDArray
from PIL import Image
from scene import Scene
from still_life import build_scene
from textures import Noise

TILE = 32  # pixels on a side: small enough that most shapes can be skipped for a whole tile
BASELINE = 0.065
FOCAL_PER_WIDTH = 25 / 24
CAMERA_HEIGHT = 1.13
PITCH = np.radians(11.5)
NOISE_SIGMA = 1.0  # grey levels
MAX_PIXELS = 2**26


@dataclass(frozen=True)
class View:
    """One camera's picture: `rgb` uint8 (H, W, 3) and `depth` float32 (H, W), metres of optical depth."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]


@dataclass(frozen=True)
class StereoScene:
    """A rectified pair with its geometry: disparity in pixels is focal_px * baseline_m / depth."""

    left: View
    right: View
    focal_px: float
    baseline_m: float


class Renderer:
    """A scene made ready for one picture size."""

    def __init__(self, width: int, height: int, seed: int, supersampling: int) -> None:
        self.width, self.height, self.seed, self.side = width, height, seed, supersampling
        self.focal = width * FOCAL_PER_WIDTH
        self.scene: Scene = build_scene(seed)
        self.centres = np.stack([shape.position for shape in self.scene.shapes], axis=1)
        self.radii = np.array([shape.radius for shape in self.scene.shapes], np.float32)
        self.groups = np.array(self.scene.groups)
        self.blockers = np.array(self.scene.blockers, np.float32).T
        self.clouds = Noise(np.random.default_rng([seed, 1]), 1.2)

    def view_rays(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Unit directions (3, N) through picture positions, and metres of depth per metre along each."""
        right, down = (x - self.width / 2) / self.focal, (y - self.height / 2) / self.focal
        c, s = np.float32(np.cos(PITCH)), np.float32(np.sin(PITCH))
        rays = np.stack([right, -down * c - s, c - down * s]).astype(np.float32)
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
        """Shapes that may lie between points and the sun."""
        plane = np.stack([ACROSS, ACROSS_TOO])
        flat = plane @ points
        middle = (flat.max(axis=1) + flat.min(axis=1)) / 2
        spread = np.hypot(*(flat - middle[:, None])).max()
        ahead = SUN @ self.centres - (SUN @ points).min() + self.radii
        offset = np.hypot(*(plane @ self.centres - middle[:, None]))
        reach = spread + self.radii + 1.5 * SUN_SPREAD * np.maximum(ahead, 0)
        return np.flatnonzero((ahead > 0) & (offset <= reach))

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

    def sunlit(self, points: Array, rays: Array) -> Array:
        """1 where the ray towards the sun is free, else 0."""
        lit = np.ones(points.shape[1], np.float32)
        for candidate in self.shading(points):
            rows = self.touching(candidate, points, rays)
            rows = rows[lit[rows] > 0]
            if rows.size:
                found = self.scene.shapes[candidate].intersect(points[:, rows], rays[:, rows])
                lit[rows[np.isfinite(found)]] = 0
        return lit

    def shade(self, points: Array, rays: Array, index: NDArray[np.intp], disc: Array) -> Array:
        """Light (3, N) from surface points towards the camera."""
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
        away = (dot(smooth_normals, rays) > 0) & (translucency > 0)
        bent = np.where(away, -bent, bent)
        # Leaves are thin: a shadow ray starts on their sunny side, other surfaces shade themselves.
        side = np.where(translucency > 0, np.sign(dot(SUN, smooth_normals)), 1)
        lit, free = np.zeros(count, np.float32), np.ones(count, np.float32)
        for group in np.unique(self.groups[index]):
            rows = np.flatnonzero(self.groups[index] == group)
            start = points[:, rows] + (8e-4 * side[rows] * smooth_normals[:, rows]).astype(np.float32)
            lit[rows] = self.sunlit(start, sun_rays(disc[:, rows]))
            free[rows] = openness(points[:, rows], bent[:, rows], self.blockers)
        lit *= canopy(points, self.clouds)
        return radiance(colour, bent, rays, lit, free, gloss, translucency)

    def sun_samples(self, rng: np.random.Generator, pixels: int) -> Array:
        """Points of the unit disc (2, N): a sunflower pattern per pixel, turned and shuffled at random."""
        count = self.side**2
        order = rng.permuted(np.tile(np.arange(count), (pixels, 1)), axis=1)
        turn = order * (np.pi * (3 - np.sqrt(5))) + 2 * np.pi * rng.random((pixels, 1))
        radius = np.sqrt((order + 0.5) / count)
        return np.stack([radius * np.cos(turn), radius * np.sin(turn)]).reshape(2, -1).astype(np.float32)

    def tile(self, origin: Array, left: int, top: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """One tile's display values (h, w, 3) with sensor noise, and depth (h, w) at the pixel centres."""
        w, h = min(TILE, self.width - left), min(TILE, self.height - top)
        y, x = (grid.ravel() for grid in np.mgrid[top : top + h, left : left + w].astype(np.float32))
        centre_rays, centre_depth = self.view_rays(x + 0.5, y + 0.5)
        depth = self.first_hits(origin, centre_rays)[0] * centre_depth
        cells = np.stack(np.divmod(np.arange(self.side**2), self.side)).astype(np.float32)
        jitter = rng.random((2, w * h, self.side**2), np.float32)
        px = x[:, None] + (cells[0] + jitter[0]) / self.side
        py = y[:, None] + (cells[1] + jitter[1]) / self.side
        rays, _ = self.view_rays(px.ravel(), py.ravel())
        disc = self.sun_samples(rng, w * h)
        distance, index = self.first_hits(origin, rays)
        points = origin[:, None] + distance * rays
        values = develop(self.shade(points, rays, index, disc))
        pixels = values.reshape(3, h, w, self.side**2).mean(axis=3).transpose(1, 2, 0)
        return pixels + NOISE_SIGMA * rng.standard_normal(pixels.shape, np.float32), depth.reshape(h, w)

    def view(self, number: int, rows: range | None = None, columns: range | None = None) -> View:
        """The left (0) or right (1) view; `rows` and `columns`, in whole tiles, render a part of it."""
        rows = range(self.height) if rows is None else rows
        columns = range(self.width) if columns is None else columns
        origin = np.array([(number - 0.5) * BASELINE, CAMERA_HEIGHT, 0], np.float32)
        rgb = np.zeros((len(rows), len(columns), 3), np.uint8)
        depth = np.zeros((len(rows), len(columns)), np.float32)
        for top in range(rows.start, rows.stop, TILE):
            for left in range(columns.start, columns.stop, TILE):
                rng = np.random.default_rng([self.seed, 2, number, top, left])
                values, distances = self.tile(origin, left, top, rng)
                h, w = distances.shape
                y, x = top - rows.start, left - columns.start
                place = np.s_[y : y + h, x : x + w]
                rgb[place] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
                depth[place] = distances
        return View(rgb, depth)


def render_pair(width: int = 960, height: int = 640, seed: int = 0, supersampling: int = 3) -> StereoScene:
    """Render the still life from two cameras 65 mm apart.

    `supersampling` squared jittered rays make a pixel. The seed decides textures, leaves, jitter and the
    sensor noise (deviation one grey level), so equal arguments give equal pictures. Disparities run from
    0.6 to 9 % of the width. Raises ValueError if a size or `supersampling` is below 1, the seed negative or
    the picture larger than MAX_PIXELS.
    """
    if min(width, height, supersampling) < 1 or seed < 0:
        raise ValueError("width, height and supersampling must be at least 1 and the seed at least 0")
    if width * height > MAX_PIXELS:
        raise ValueError(f"width times height must be at most {MAX_PIXELS}")
    renderer = Renderer(width, height, seed, supersampling)
    return StereoScene(renderer.view(0), renderer.view(1), renderer.focal, BASELINE)


def write_pair(pair: StereoScene, paths: Sequence[Path]) -> None:
    """Save both views as PNG."""
    for path, view in zip(paths, (pair.left, pair.right), strict=True):
        Image.fromarray(view.rgb).save(path, optimize=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write left.png and right.png; 1 if they exist without --force or cannot be written."""
    parser = argparse.ArgumentParser(description="Render the sample stereo pair.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for left.png and right.png")
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--height", type=int, default=640)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-f", "--force", action="store_true", help="replace existing files")
    options = parser.parse_args(arguments)
    paths = [options.output / name for name in ("left.png", "right.png")]
    existing = [str(path) for path in paths if path.exists()]
    if existing and not options.force:
        print(f"{' and '.join(existing)} already there: use --force to replace", file=sys.stderr)
        return 1
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        write_pair(render_pair(options.width, options.height, options.seed), paths)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        print(f"cannot write to {options.output}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

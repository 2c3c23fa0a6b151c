"""Shapes that rays can meet: boxes, rods, ellipsoids, leaves and solids given by a distance function.

Lengths are metres. Points and directions are float32 arrays of shape (3, N), x to the right, y up and
z away from the camera. Every shape is intersected in its own frame, so that materials can be painted
in coordinates that move with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Field = Callable[[Array], Array]

HIT_GAP = 1e-4  # a marching ray this close to a surface has met it
MARCH_STEPS = 80


def vector(x: float, y: float, z: float) -> Array:
    """One point or direction, shape (3,)."""
    return np.array([x, y, z], np.float32)


def dot(a: Array, b: Array) -> Array:
    """Scalar products along the first axis."""
    product: Array = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return product


def combined(vectors: Array, weights: Array) -> Array:
    """Sums of three vectors (rows) with weights (3, N); spelt out, as BLAS may round differently."""
    a, b, c = vectors[:, :, None]
    total: Array = a * weights[0] + b * weights[1] + c * weights[2]
    return total


def unit(a: Array) -> Array:
    """Directions at length 1."""
    return (a / np.sqrt(np.maximum(dot(a, a), 1e-20))).astype(np.float32, copy=False)


def turned(degrees: float) -> Array:
    """Axes (rows) of a frame that is turned about the vertical."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def frame_along(direction: Array, hint: Array) -> Array:
    """Axes (rows) of a frame whose y axis is `direction` and whose z axis is as near to `hint` as can be."""
    y = unit(direction)
    x = unit(np.cross(y, hint).astype(np.float32))
    return np.stack([x, y, np.cross(x, y).astype(np.float32)])


class Shape(ABC):
    """A surface inside a sphere of `radius` about `position`, with its own axes (rows of a 3x3 array)."""

    def __init__(self, position: Array, radius: float, axes: Array | None = None) -> None:
        self.position = position
        self.radius = radius
        self.axes = turned(0) if axes is None else axes

    def to_local(self, points: Array) -> Array:
        """World points in the frame of the shape."""
        return combined(self.axes.T, points - self.position[:, None])

    def to_world(self, directions: Array) -> Array:
        """Directions of the shape's frame in the world."""
        return combined(self.axes, directions)

    def intersect(self, origins: Array, directions: Array) -> Array:
        """Distance along each ray to the first surface ahead of it; infinity where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.local_distance(self.to_local(origins), combined(self.axes.T, directions))

    @abstractmethod
    def local_distance(self, origins: Array, directions: Array) -> Array:
        """What `intersect` returns, for rays given in the shape's frame."""

    @abstractmethod
    def local_normals(self, points: Array) -> Array:
        """Outward unit normals at surface points, both in the shape's frame."""


class Box(Shape):
    """A cuboid with the given half extents."""

    def __init__(self, position: Array, half: Array, axes: Array | None = None) -> None:
        super().__init__(position, float(np.sqrt(dot(half, half))), axes)
        self.half = half

    def local_distance(self, origins: Array, directions: Array) -> Array:
        inverse = 1 / np.where(np.abs(directions) < 1e-9, np.float32(1e-9), directions)
        reach = np.abs(inverse) * self.half[:, None]
        near = (-origins * inverse - reach).max(axis=0)
        far = (-origins * inverse + reach).min(axis=0)
        first = np.where(near > 0, near, far)
        hits: Array = np.where((near <= far) & (first > 0), first, np.float32(np.inf))
        return hits

    def local_normals(self, points: Array) -> Array:
        # The face is the one whose plane is nearest, which stays right for very flat boxes.
        face = np.argmin(np.abs(np.abs(points) - self.half[:, None]), axis=0)
        normals = np.zeros_like(points)
        columns = np.arange(points.shape[1])
        normals[face, columns] = np.sign(points[face, columns])
        return normals


class Rod(Shape):
    """A cylinder with round ends from `start` to `end`."""

    def __init__(self, start: Array, end: Array, thickness: float) -> None:
        along = end - start
        self.half_length = float(np.sqrt(dot(along, along))) / 2
        self.thickness = thickness
        hint = vector(0, 0, 1) if abs(along[2]) < 0.9 * 2 * self.half_length else vector(1, 0, 0)
        super().__init__(((start + end) / 2).astype(np.float32), self.half_length + thickness, frame_along(along, hint))

    def local_distance(self, origins: Array, directions: Array) -> Array:
        a = directions[0] ** 2 + directions[2] ** 2
        b = origins[0] * directions[0] + origins[2] * directions[2]
        c = origins[0] ** 2 + origins[2] ** 2 - self.thickness**2
        t = (-b - np.sqrt(b * b - a * c)) / a
        y = origins[1] + t * directions[1]
        body = np.where((t > 0) & (np.abs(y) <= self.half_length), t, np.inf)
        # A ray that passes the body can only meet the end on whose side it passes.
        end = np.zeros_like(origins)
        end[1] = np.where(np.isnan(y), -directions[1], y)
        end[1] = np.sign(end[1]) * self.half_length
        offset = origins - end
        b = dot(offset, directions)
        t = -b - np.sqrt(b * b - dot(offset, offset) + self.thickness**2)
        cap = np.where(t > 0, t, np.inf)
        return np.fmin(body, cap).astype(np.float32)

    def local_normals(self, points: Array) -> Array:
        normals = points.copy()
        normals[1] -= np.clip(points[1], -self.half_length, self.half_length)
        return unit(normals)


class Ellipsoid(Shape):
    """A sphere stretched to three half axes."""

    def __init__(self, position: Array, half: Array, axes: Array | None = None) -> None:
        super().__init__(position, float(half.max()), axes)
        self.half = half

    def local_distance(self, origins: Array, directions: Array) -> Array:
        o, d = origins / self.half[:, None], directions / self.half[:, None]
        a, b, c = dot(d, d), dot(o, d), dot(o, o) - 1
        t = (-b - np.sqrt(b * b - a * c)) / a
        return np.where(t > 0, t, np.float32(np.inf))

    def local_normals(self, points: Array) -> Array:
        return unit(points / self.half[:, None] ** 2)


class Leaf(Shape):
    """A thin pointed leaf along its local x axis, of half length and half width, bent in its shading only."""

    def __init__(self, position: Array, length: float, width: float, axes: Array) -> None:
        super().__init__(position, max(length, width), axes)
        self.length, self.width = length, width

    def local_distance(self, origins: Array, directions: Array) -> Array:
        t = -origins[1] / directions[1]
        x = (origins[0] + t * directions[0]) / self.length
        z = (origins[2] + t * directions[2]) / self.width
        inside = (np.abs(x) < 1) & (np.abs(z) < (1 - x * x) * (1 - 0.35 * x))
        hits: Array = np.where(inside & (t > 0), t, np.float32(np.inf))
        return hits

    def local_normals(self, points: Array) -> Array:
        fold = 0.35 * np.tanh(points[2] / (0.2 * self.width))
        bend = 0.5 * points[0] / self.length
        return unit(np.stack([bend, np.ones_like(bend), fold]).astype(np.float32))


class Solid(Shape):
    """A body given by a lower bound of the distance to its surface, found by marching along the ray."""

    def __init__(self, position: Array, radius: float, field: Field, axes: Array | None = None) -> None:
        super().__init__(position, radius, axes)
        self.field = field

    def local_distance(self, origins: Array, directions: Array) -> Array:
        b = dot(origins, directions)
        root = np.sqrt(np.maximum(b * b - dot(origins, origins) + np.float32(self.radius**2), 0))
        travelled, leave = np.maximum(-b - root, 0), -b + root
        hits = np.full(travelled.shape, np.inf, np.float32)
        active = np.flatnonzero(leave > travelled)
        for _ in range(MARCH_STEPS):
            gap = self.field(origins[:, active] + travelled[active] * directions[:, active])
            arrived = gap < HIT_GAP
            hits[active[arrived]] = travelled[active[arrived]]
            travelled[active] += gap
            active = active[~arrived & (travelled[active] < leave[active])]
            if not active.size:
                break
        return hits

    def local_normals(self, points: Array) -> Array:
        step = 5e-4
        slopes = []
        for axis in np.eye(3, dtype=np.float32) * np.float32(step):
            slopes.append(self.field(points + axis[:, None]) - self.field(points - axis[:, None]))
        return unit(np.stack(slopes))


def revolved(profile: Sequence[tuple[float, float]], roundness: float = 0.08) -> Field:
    """A turned body: (height, radius) pairs from the foot up, with the corners of the outline smoothed."""
    heights = np.array([height for height, _ in profile])
    radii = np.array([radius for _, radius in profile])
    fine = np.linspace(heights[0], heights[-1], 400)
    outline = np.interp(fine, heights, radii)
    window = np.hanning(int(400 * roundness) | 1)
    edge = len(window) // 2
    outline = np.convolve(np.pad(outline, edge, mode="edge"), window / window.sum(), mode="valid")
    slope = float(np.abs(np.gradient(outline, fine)).max())
    safety = 1 / np.sqrt(1 + slope * slope)

    def field(p: Array) -> Array:
        out = (np.hypot(p[0], p[2]) - np.interp(p[1], fine, outline)) * safety
        gap: Array = np.maximum(out, np.maximum(heights[0] - p[1], p[1] - heights[-1])).astype(np.float32)
        return gap

    return field


def mug(radius: float, height: float, wall: float) -> Field:
    """A cup with its foot at the origin and a ring handle towards +x."""

    def field(p: Array) -> Array:
        axis = np.hypot(p[0], p[2])
        rounding = 0.4 * wall
        qx, qy = axis - radius + rounding, np.abs(p[1] - height / 2) - height / 2 + rounding
        outer = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - rounding
        cup = np.maximum(outer, -np.maximum(axis - radius + wall, 2 * wall - p[1]))
        ring = np.hypot(p[0] - 0.98 * radius, (p[1] - 0.53 * height) * 0.95) - 0.31 * height
        handle = np.hypot(ring, p[2] * 0.8) - 0.9 * wall
        handle = np.maximum(handle, radius - wall * 0.8 - axis) * 0.9
        # The two bodies melt into each other over about 6 mm.
        blend = np.maximum(0.006 - np.abs(cup - handle), 0) / 0.006
        gap: Array = (np.minimum(cup, handle) - blend * blend * 0.0015).astype(np.float32)
        return gap

    return field


def bowl(radius: float, depth: float, wall: float) -> Field:
    """A round shell open to the top, its foot at the origin."""
    ball = (radius * radius + depth * depth) / (2 * depth)

    def field(p: Array) -> Array:
        shell = np.abs(np.sqrt(p[0] ** 2 + (p[1] - ball) ** 2 + p[2] ** 2) - ball) - wall
        rim = np.maximum(shell, p[1] - depth)
        foot = np.maximum(np.abs(np.hypot(p[0], p[2]) - 0.4 * radius) - wall, np.abs(p[1]) - 0.012)
        gap: Array = np.minimum(rim, foot).astype(np.float32)
        return gap

    return field


def apple(radius: float) -> Field:
    """An apple about the origin: a ring so thick that it closes into a body with two dimples."""

    def field(p: Array) -> Array:
        taper = 1 + 0.10 * p[1] / radius
        axis = np.hypot(p[0], p[2]) / taper
        gap: Array = ((np.hypot(axis - 0.36 * radius, p[1]) - 0.66 * radius) * 0.85).astype(np.float32)
        return gap

    return field

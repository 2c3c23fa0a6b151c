"""Random layered scenes: fields of disparities, and outlines of the regions in front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_NODE_SPACING = 16
_NEAREST = 200
_STEEPEST = 0.4
_SHORTEST_WAVE = 96
_BORDER = 4

Field = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""Disparity in pixels at (x, y) between the views."""


def node_places(size: int) -> NDArray[np.float64]:
    """Rows or columns for which the columns of a layer are given, in a view of `size`: one before it to one behind."""
    return _NODE_SPACING * np.arange(-1, -(-size // _NODE_SPACING) + 2, dtype=np.float64)


def node_weights(size: int) -> NDArray[np.float64]:
    """(size, nodes): interpolates values at `node_places` at all of a view's rows or columns.

    By the cubic kernel with a = -0.5 of R. Keys, Cubic convolution interpolation for digital image processing, IEEE
    Trans. ASSP 29 (1981), which reproduces slopes.
    """
    distance = np.abs(np.arange(size)[:, None] - node_places(size)) / _NODE_SPACING
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
    weights: NDArray[np.float64] = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return weights


@dataclass(frozen=True)
class Layer:
    """A surface with a texture of `margin` columns more than a view.

    columns: (2, nodes, nodes) float64: the texture's column that is seen in the left and in the right view, at the
        `node_places` of the view's rows and columns; they are smooth at this scale.
    mask: where the layer is, (height, width + margin) uint8 on the texture; None for everywhere.
    """

    columns: NDArray[np.float64]
    mask: NDArray[np.uint8] | None = None

    def bounds(self, height: int, width: int) -> tuple[int, int, int, int]:
        """First row, row after the last, first column, column after the last of the layer on its texture of height x
        width, with a border of nothing beside it."""
        if self.mask is None:
            return 0, height, 0, width
        rows, columns = (np.flatnonzero(self.mask.max(axis)) for axis in (1, 0))
        if not rows.size:
            return 0, 0, 0, _BORDER
        return (
            int(rows[0]),
            int(rows[-1]) + 1,
            max(0, int(columns[0]) - _BORDER),
            min(width, int(columns[-1]) + 1 + _BORDER),
        )

    def reach(self, view: int, width: int, start: int, end: int) -> tuple[int, int]:
        """First column and column after the last of a view of `width` that may show the texture's columns start to
        end."""
        if self.mask is None:
            return 0, width
        # Columns of the texture rise along the rows of a view, so that those of its border are those of the layer's.
        places, lowest, highest = node_places(width), self.columns[view].min(0), self.columns[view].max(0)
        left, right = np.interp(start, highest, places), np.interp(end, lowest, places)
        return max(0, min(width, int(left))), max(0, min(width, int(right) + 2))


def random_scene(generator: np.random.Generator, height: int, width: int, margin: int) -> list[Layer]:
    """Layers of a scene, the farthest first, for views of height x width and textures of width + margin.

    The background's disparities stay within 0..margin, so that it fills both views.
    """
    centre = generator.uniform(2**0.5, max(2, 0.85 * margin) ** 0.5) ** 2
    amplitude = min(centre, margin - centre, centre * generator.uniform(0, 0.5) + generator.uniform(0, 2))
    grid = _grid(-margin / 2, width + margin / 2, height)
    field = _smooth_field(generator, grid, centre, amplitude)
    layers = [Layer(_columns(field, height, width, margin))]
    for _ in range(generator.choice(5, p=[0.15, 0.3, 0.3, 0.15, 0.1])):
        field = _nearer(generator, grid, field)
        if field(*grid).max() > _NEAREST:
            break
        layers.append(Layer(_columns(field, height, width, margin), _outline(generator, height, width + margin)))
    return layers


def _grid(left: float, right: float, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.arange(left, right + _NODE_SPACING, _NODE_SPACING)[None, :], node_places(height)[:, None]


def _smooth_field(
    generator: np.random.Generator,
    grid: tuple[NDArray[np.float64], NDArray[np.float64]],
    centre: float,
    amplitude: float,
) -> Field:
    """A slope and a few waves of at least _SHORTEST_WAVE pixels, within centre +- amplitude on the grid."""
    size = max(float(np.ptp(grid[0])), _SHORTEST_WAVE)
    slope = generator.normal(0, 2 / size, 2)
    waves = int(generator.integers(4))
    length = np.exp(generator.uniform(np.log(_SHORTEST_WAVE), np.log(3 * size), waves))
    angle, phase = generator.uniform(0, 2 * np.pi, (2, waves))
    height = (length / size) ** 0.7
    across, down = 2 * np.pi * np.stack([np.cos(angle), np.sin(angle)]) / length

    def shape(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        waves = np.sin(x[..., None] * across + y[..., None] * down + phase) @ height
        value: NDArray[np.float64] = slope[0] * x + slope[1] * y + waves
        return value

    values = shape(*grid)
    middle, reach = (values.max() + values.min()) / 2, (values.max() - values.min()) / 2
    steepest = np.abs(np.diff(values, axis=1)).max() / _NODE_SPACING
    # Steeper surfaces than this are rare, and far steeper ones would hide themselves.
    factor = min(amplitude / max(reach, 1e-9), _STEEPEST / max(steepest, 1e-9))
    return lambda x, y: centre + factor * (shape(x, y) - middle)


def _nearer(
    generator: np.random.Generator, grid: tuple[NDArray[np.float64], NDArray[np.float64]], field: Field
) -> Field:
    """A field above `field` everywhere: the same raised by a constant, a constant, or a smooth one."""
    step = np.exp(generator.uniform(np.log(1.5), np.log(64)))
    kind = generator.random()
    if kind < 0.4:
        return lambda x, y: field(x, y) + step
    farthest = float(field(*grid).max()) + step
    if kind < 0.65:
        return lambda x, y: farthest + 0 * (x + y)
    amplitude = generator.uniform(0, 0.3) * farthest
    return _smooth_field(generator, grid, farthest + amplitude, amplitude)


def _columns(field: Field, height: int, width: int, margin: int) -> NDArray[np.float64]:
    """`Layer.columns` of a field: solves x = seen -+ field(x, y) / 2.

    The iteration converges to far below a pixel, as fields are not steep.
    """
    seen, y = node_places(width)[None, :], node_places(height)[:, None]
    half = np.array([-0.5, 0.5])[:, None, None]
    x = seen + 0 * y + 0 * half
    for _ in range(6):
        x = seen + half * field(x, y)
    columns: NDArray[np.float64] = x + margin / 2
    return columns


def _outline(generator: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """A few shapes with sharp edges, (height, width) uint8: 0 outside, 255 inside, between the two on edges."""
    scale = 2
    image = Image.new("L", (scale * width, scale * height))
    draw = ImageDraw.Draw(image)
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        centre = generator.uniform(0, 1, 2) * (width, height)
        points = _polygon(generator, min(height, width)) + centre
        draw.polygon([tuple(p) for p in (scale * points).tolist()], fill=255)
    mask = np.array(image.reduce(scale))
    mask[:, :_BORDER] = mask[:, -_BORDER:] = 0
    return mask


def _polygon(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    """(corners, 2) around the origin: a blob, a polygon of few corners, or a bar."""
    kind = generator.random()
    radius = size * np.exp(generator.uniform(np.log(0.08), np.log(0.6)))
    if kind < 0.5:
        angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        wobble = sum(
            generator.normal(0, 0.5 / n) * np.cos(n * angle + generator.uniform(0, 2 * np.pi)) for n in range(2, 9)
        )
        length = radius * np.exp(np.clip(wobble, -1.5, 0.7))
    elif kind < 0.8:
        corners = int(generator.integers(3, 8))
        angle = np.sort(generator.uniform(0, 2 * np.pi, corners))
        length = radius * generator.uniform(0.5, 1.5, corners)
    else:
        half, thin = generator.uniform(0.5, 2) * size, generator.uniform(1, 0.12 * size + 1)
        angle = np.arctan2([thin, thin, -thin, -thin], [half, -half, -half, half])
        length = np.full(4, np.hypot(half, thin))
    points = np.stack([length * np.cos(angle), length * np.sin(angle)], -1)
    turn = generator.uniform(0, 2 * np.pi)
    stretch = np.exp(generator.normal(0, 0.25))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned: NDArray[np.float64] = (points * (stretch, 1 / stretch)) @ rotation
    return turned

"""What a depth camera makes of true depth: shadows of its projector, holes, noise, whole millimetres.

A pattern projector stands beside the camera on its right; depth follows from triangulation, so that its error grows
with the square of the distance (Khoshelham and Oude Elberink, Accuracy and resolution of Kinect depth data for indoor
mapping applications, Sensors 2012), and edges are ragged (Barron and Malik, Intrinsic scene properties from a single
RGB-D image, CVPR 2013: positions that are shifted at random).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from geometry import Array
from numpy.typing import NDArray
from renderer import View

NEAREST = 0.4
MAX_MILLIMETRES = 65535


@dataclass(frozen=True)
class Sensor:
    """A depth camera.

    baseline: metres from camera to projector. noise: deviation of depth at 1 m, in metres. farthest: metres.
    weakest: the least share of a white surface's light from 1 m that still gives a measurement. raggedness: deviation
    in pixels of the places that are measured. blur: side in pixels of the window that shares its noise.
    """

    baseline: float
    noise: float
    farthest: float
    weakest: float
    raggedness: float
    blur: int

    @classmethod
    def random(cls, rng: np.random.Generator) -> Sensor:
        """From such as ToF cameras are to such as early structured light was."""
        return cls(
            baseline=rng.uniform(0.015, 0.075),
            noise=10 ** rng.uniform(-3.5, -2.85),
            farthest=rng.uniform(4.5, 8.0),
            weakest=10 ** rng.uniform(-3.8, -2.6),
            raggedness=rng.uniform(0.2, 0.7),
            blur=int(rng.integers(1, 6)),
        )

    def measure(self, view: View, focal: float, rng: np.random.Generator) -> NDArray[np.uint16]:
        """Millimetres (H, W), 0 where there is no measurement; focal: in pixels."""
        rows, columns = self._places(view.depth.shape, rng)
        depth, facing, signal = view.depth[rows, columns], view.facing[rows, columns], view.signal[rows, columns]
        returned = signal * facing / np.maximum(depth, NEAREST) ** 2
        speckle = np.exp(0.6 * _window_means(rng.standard_normal(depth.shape), 4) * 4)
        holes = shadowed(depth, focal * self.baseline) | (returned * speckle < self.weakest)
        holes |= (depth < NEAREST) | (depth > self.farthest)
        # Nothing fits a window on both sides of an edge.
        jump = np.maximum(*(np.abs(np.gradient(1 / depth, axis=axis)) for axis in (0, 1))) * focal * self.baseline
        holes |= jump > rng.uniform(0.3, 2.5, depth.shape)
        grain = _window_means(rng.standard_normal(depth.shape), self.blur) * self.blur
        measured = depth + self.noise * depth**2 * grain
        millimetres = np.clip(np.rint(1000 * measured), 1, MAX_MILLIMETRES)
        return np.where(holes, 0, millimetres).astype(np.uint16)

    def _places(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns that are measured in place of each pixel."""
        shifts = self.raggedness * rng.standard_normal((2, *shape))
        grid = np.indices(shape)
        rows, columns = (
            np.clip(np.rint(g + s), 0, side - 1).astype(np.intp) for g, s, side in zip(grid, shifts, shape, strict=True)
        )
        return rows, columns


def shadowed(depth: Array, focal_baseline: float) -> NDArray[np.bool_]:
    """Where a projector on the right does not reach, (H, W): behind what is nearer, and beyond its own left border.

    focal_baseline: pixels times metres.
    """
    reached = np.arange(depth.shape[1]) - focal_baseline / depth
    first_behind = np.minimum.accumulate(reached[:, ::-1], axis=1)[:, ::-1]
    beyond = np.concatenate([first_behind[:, 1:], np.full((len(depth), 1), np.inf)], axis=1)
    hidden: NDArray[np.bool_] = (reached > beyond + 1) | (reached < -focal_baseline)
    return hidden


def _window_means(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Means over windows of side x side, the borders repeated."""
    for axis in (0, 1):
        margins = [(0, 0), (0, 0)]
        margins[axis] = (side // 2, side - 1 - side // 2)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, margins, mode="wrap"), side, axis=axis)
        values = windows.mean(axis=-1)
    return values

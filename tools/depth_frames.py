"""Depth maps to compare codecs on: rendered rooms as three kinds of cameras measure them, and matched photographs.

OpenCV (`pip install opencv-python-headless`) matches the photographs; nothing else needs it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "renderer"))

from depth_sensor import Sensor
from renderer import Renderer, View
from rooms import random_room

DEPTH_WIDTH = 640  # pixels; photographs are made at most this wide, as depth cameras are
_NEAREST, _FARTHEST = 400, 10000  # millimetres


@dataclass(frozen=True)
class DepthFrame:
    """A depth map in millimetres, uint16 (H, W), 0 where nothing was measured, and its colour, uint8 (H, W, 3).

    noise_bytes: the entropy of the noise that was added to it alone, where each pixel has its own.
    """

    name: str
    depth: NDArray[np.uint16]
    color: NDArray[np.uint8]
    noise_bytes: float | None = None


def room_frames(seed: int, width: int = 640, height: int = 480) -> dict[str, DepthFrame]:
    """The room of a seed by a pattern projector, a time-of-flight camera, and one with quantised disparity."""
    room = random_room(seed)
    view = Renderer(room.scene, room.light, width, height, seed, 1, noise=1.0, tile=64).view(
        room.camera, with_signal=True
    )
    focal = room.camera.focal_per_width * width
    name = f"room-{seed:05d}"
    rng = np.random.default_rng([seed, 4])
    sensor = Sensor.random(rng)
    pattern = sensor.measure(view, focal, rng)
    flight, noise_bytes = time_of_flight(view, rng)
    quantised = quantised_disparity(view, focal, sensor, rng)
    return {
        "pattern": DepthFrame(name, pattern, view.rgb),
        "time of flight": DepthFrame(name, flight, view.rgb, noise_bytes),
        "quantised": DepthFrame(name, quantised, view.rgb),
    }


def time_of_flight(view: View, rng: np.random.Generator) -> tuple[NDArray[np.uint16], float]:
    """Noise of each pixel alone, that grows as the square root of the returned light falls; flying pixels at edges.

    Phase noise of continuous-wave cameras (Lange and Seitz, Solid-state time-of-flight range camera, IEEE J. Quantum
    Electronics 37(3), 2001). Also the entropy of the noise of all measurements, in bytes: rounded to millimetres, a
    normal law of deviation d has about log2(d) + 2.05 bits.
    """
    depth = view.depth
    returned = np.maximum(view.signal * view.facing, 1e-4) / np.maximum(depth, 0.4) ** 2
    mixed = depth.copy()
    for axis in (0, 1):
        other = np.roll(depth, 1, axis)
        share = rng.uniform(0, 1, depth.shape)
        mixed = np.where(np.abs(other - depth) > 0.05, share * mixed + (1 - share) * other, mixed)
    deviation = 0.0012 / np.sqrt(returned + 1e-3)
    measured = mixed + deviation * rng.standard_normal(depth.shape)
    millimetres = np.clip(np.rint(1000 * measured), 1, 65535)
    holes = (returned < 0.004) | (mixed < 0.3) | (mixed > 6.5)
    bits = np.log2(1000 * deviation[~holes] * np.sqrt(2 * np.pi * np.e)).sum()
    return np.where(holes, 0, millimetres).astype(np.uint16), float(bits) / 8


def quantised_disparity(view: View, focal: float, sensor: Sensor, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Depth from disparities in eighths of a pixel, as of the first Kinect (Khoshelham and Oude Elberink 2012)."""
    smooth = replace(sensor, noise=0.0005, baseline=0.075, blur=5)
    depth = smooth.measure(view, focal, rng)
    scale = 8 * 0.075 * focal * 1000  # eighths of a pixel times millimetres
    steps = np.rint(scale / np.maximum(depth, 1))
    return np.where(depth == 0, 0, np.clip(np.rint(scale / np.maximum(steps, 1)), 1, 65535)).astype(np.uint16)


def matched_frame(left: Path, right: Path) -> DepthFrame:
    """A pair of photographs, matched by OpenCV's semi-global matcher from both sides, in sixteenths of a pixel.

    Where the two differ by more than a pixel there is no measurement. Focal length times baseline are chosen so that
    the median depth is 2 m.
    """
    import cv2

    views = [np.asarray(Image.open(path).convert("RGB")) for path in (left, right)]
    factor = min(1.0, DEPTH_WIDTH / views[0].shape[1])
    size = round(views[0].shape[1] * factor), round(views[0].shape[0] * factor)
    views = [cv2.resize(view, size, interpolation=cv2.INTER_AREA) for view in views]
    count = 16 * max(4, round(size[0] * 0.22 / 16))
    matcher = cv2.StereoSGBM_create(0, count, 5, 8 * 3 * 25, 32 * 3 * 25, 1, 31, 10, 100, 2)
    of_left = _disparity(matcher, *views, count)
    of_right = _disparity(matcher, views[1][:, ::-1], views[0][:, ::-1], count)[:, ::-1]
    columns = np.arange(size[0])[None, :] - np.rint(of_left / 16).astype(int)
    other = np.take_along_axis(of_right, columns.clip(0, size[0] - 1), 1)
    holes = (of_left < 16) | (columns < 0) | (np.abs(other - of_left) > 16)
    scale = 2000 * float(np.median(of_left[~holes])) if not holes.all() else 1.0
    millimetres = np.rint(scale / np.maximum(of_left, 1)).clip(1, 65535)
    depth = np.where(holes | (millimetres > 65000), 0, millimetres).astype(np.uint16)
    return DepthFrame(left.stem.removesuffix("_left"), depth, views[0])


def _disparity(matcher, left: NDArray[np.uint8], right: NDArray[np.uint8], count: int) -> NDArray[np.int32]:  # noqa: ANN001
    """In sixteenths of a pixel, (H, W); the matcher leaves no disparity out because of the border."""
    import cv2

    padded = [
        cv2.copyMakeBorder(np.ascontiguousarray(view), 0, 0, count, 0, cv2.BORDER_REPLICATE) for view in (left, right)
    ]
    found: NDArray[np.int32] = matcher.compute(*padded)[:, count:].astype(np.int32)
    return found

"""Render the sample stereo pair: `python tools/renderer/render_scene.py -o DIR` writes left.png, right.png, calib.txt.

Both cameras look the same way and differ by a horizontal shift alone, so the pair is rectified: a point at depth z
lies focal_px * baseline_m / z pixels further left in the right view.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from geometry import vector
from lighting import morning
from PIL import Image
from renderer import Camera, Renderer, View
from still_life import build_scene
from textures import Noise

BASELINE = 0.065
FOCAL_PER_WIDTH = 25 / 24
CAMERA_HEIGHT = 1.13
PITCH = float(np.radians(11.5))
MAX_PIXELS = 2**26


@dataclass(frozen=True)
class StereoScene:
    """A rectified pair with its geometry: disparity in pixels is focal_px * baseline_m / depth."""

    left: View
    right: View
    focal_px: float
    baseline_m: float


class StereoRenderer:
    """The still life made ready for one picture size."""

    def __init__(self, width: int, height: int, seed: int, supersampling: int) -> None:
        light = morning(Noise(np.random.default_rng([seed, 1]), 1.2))
        self.focal = width * FOCAL_PER_WIDTH
        self._renderer = Renderer(build_scene(seed), light, width, height, seed, supersampling)

    def view(self, number: int, rows: range | None = None, columns: range | None = None) -> View:
        """The left (0) or right (1) view; `rows` and `columns`, in whole tiles, render a part of it."""
        camera = Camera(vector((number - 0.5) * BASELINE, CAMERA_HEIGHT, 0), PITCH, FOCAL_PER_WIDTH)
        return self._renderer.view(camera, number, rows, columns)


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
    renderer = StereoRenderer(width, height, seed, supersampling)
    return StereoScene(renderer.view(0), renderer.view(1), renderer.focal, BASELINE)


def calibration_text(pair: StereoScene) -> str:
    """Both cameras as `calib.txt` of Middlebury's data sets tells them: in pixels whose centres are whole, and mm."""
    height, width = pair.left.depth.shape
    matrix = f"[{pair.focal_px:g} 0 {(width - 1) / 2:g}; 0 {pair.focal_px:g} {(height - 1) / 2:g}; 0 0 1]"
    disparities = pair.focal_px * pair.baseline_m / np.stack([pair.left.depth, pair.right.depth])
    least, greatest = int(np.floor(disparities.min())), int(np.ceil(disparities.max()))
    return (
        f"cam0={matrix}\ncam1={matrix}\ndoffs=0\nbaseline={1000 * pair.baseline_m:g}\nwidth={width}\nheight={height}\n"
        f"ndisp={greatest + 1}\nvmin={least}\nvmax={greatest}\n"
    )


def write_pair(pair: StereoScene, paths: Sequence[Path]) -> None:
    """Save both views as PNG, and the calibration."""
    *pictures, calibration = paths
    for path, view in zip(pictures, (pair.left, pair.right), strict=True):
        Image.fromarray(view.rgb).save(path, optimize=True)
    calibration.write_text(calibration_text(pair), encoding="ascii")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write left.png, right.png and calib.txt; 1 if they exist without --force or cannot be written."""
    parser = argparse.ArgumentParser(description="Render the sample stereo pair.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for left.png, right.png and calib.txt")
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--height", type=int, default=640)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-f", "--force", action="store_true", help="replace existing files")
    options = parser.parse_args(arguments)
    paths = [options.output / name for name in ("left.png", "right.png", "calib.txt")]
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

"""Render frames of colour and depth: `python tools/renderer/render_frames.py -o DIR`.

They are called NAME_color.png and NAME_depth.png. Every frame is another random room, with depth as a sensor gives it:
16 bits, millimetres, 0 where it measured nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from depth_sensor import Sensor
from numpy.typing import NDArray
from PIL import Image
from renderer import Renderer
from rooms import random_room

MAX_PIXELS = 2**24


def render_frame(
    seed: int, width: int = 320, height: int = 256, supersampling: int = 2
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Colour (H, W, 3) and depth in millimetres (H, W) of the room of a seed, by a random sensor.

    Raises ValueError if a size is below 16, `supersampling` below 1, the seed negative or the picture larger than
    MAX_PIXELS.
    """
    if min(width, height) < 16 or supersampling < 1 or seed < 0 or width * height > MAX_PIXELS:
        raise ValueError(f"sides must be 16 pixels at least, and {MAX_PIXELS} pixels at most; the seed at least 0")
    room = random_room(seed)
    rng = np.random.default_rng([seed, 4])
    renderer = Renderer(
        room.scene, room.light, width, height, seed, supersampling, noise=float(rng.uniform(0.4, 2.5)), tile=64
    )
    view = renderer.view(room.camera, with_signal=True)
    depth = Sensor.random(rng).measure(view, room.camera.focal_per_width * width, rng)
    return view.rgb, depth


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the frames; 1 if one exists without --force or cannot be written."""
    parser = argparse.ArgumentParser(description="Render frames of colour and depth.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the frames")
    parser.add_argument("-n", "--frames", type=int, default=300)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0, help="of the first frame; the others follow")
    parser.add_argument("--prefix", default="room", help="of the frames' names, before the seed")
    parser.add_argument("-f", "--force", action="store_true", help="replace existing files")
    options = parser.parse_args(arguments)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        for seed in range(options.seed, options.seed + options.frames):
            stem = options.output / f"{options.prefix}-{seed:05d}"
            paths = [stem.with_name(f"{stem.name}_{kind}.png") for kind in ("color", "depth")]
            if any(path.exists() for path in paths) and not options.force:
                print(f"{paths[0]} or its depth is already there: use --force to replace", file=sys.stderr)
                return 1
            for path, picture in zip(paths, render_frame(seed, options.width, options.height), strict=True):
                Image.fromarray(picture).save(path)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        print(f"cannot write to {options.output}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

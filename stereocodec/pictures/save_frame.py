"""Writing a frame of colour with depth: two files in a folder."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..container.metadata import Metadata
from ..files import Output, write_together
from .encoding import encode_picture
from .formats import PNG
from .output_form import file_name
from .rgb import to_picture

if TYPE_CHECKING:
    from .rgb import ImageLike

FRAME_NAMES = ("color", "depth")


def frame_paths(folder: str | os.PathLike[str], name: str = "") -> tuple[Path, Path]:
    """The files of a frame in a folder; name: how their names begin."""
    color, depth = (Path(folder) / file_name(name, part, PNG.suffixes[0]) for part in FRAME_NAMES)
    return color, depth


def save_frame(
    color: ImageLike,
    depth: Image.Image | NDArray[Any],
    folder: str | os.PathLike[str],
    *,
    metadata: Metadata | None = None,
    name: str = "",
    overwrite: bool = False,
    beside: Sequence[Output] = (),
) -> tuple[Path, Path]:
    """Writes colour and depth as `color.png` and `depth.png`, together or not at all; the folder is made.

    color: as of `RgbdCodec.compress`. depth: samples, (H, W) uint16 or uint8, or an image of them. metadata: what the
    picture of colour says; when left out, what a PIL image says. name, overwrite: as of `save_pair`. beside:
    other files, which appear together with both.

    Returns the paths of both. Raises InvalidInput, OutputError.
    """
    paths = frame_paths(folder, name)
    picture = to_picture(color, "color")
    if metadata is not None:
        picture = replace(picture, metadata=metadata)
    encoded = encode_picture(picture.shown(), PNG, str(paths[0]), metadata=picture.metadata)
    samples = io.BytesIO()
    Image.fromarray(np.asarray(depth)).save(samples, format="PNG")
    contents = encoded.data, samples.getvalue()
    write_together([*zip(paths, contents, strict=True), *beside], overwrite=overwrite, makes_folders=True)
    return paths

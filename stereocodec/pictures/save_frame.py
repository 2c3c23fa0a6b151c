"""Writing a frame of colour with depth: two files in a folder, or files of any names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..container.metadata import Metadata
from ..errors import InvalidInput
from ..files import Output, write_together
from .depth import DepthMap
from .depth_files import DEPTH_SUFFIXES, depth_bytes
from .encoding import encode_picture
from .formats import PNG, SUFFIXES, check_quality
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
    color_path, depth_path = frame_paths(folder, name)
    save_frame_files(
        {"color": color_path, "depth": depth_path}, color, depth, metadata=metadata, overwrite=overwrite, beside=beside
    )
    return color_path, depth_path


def check_frame_files(files: Mapping[str, Path | None]) -> None:
    """Raises InvalidInput for a file whose suffix stands for no format that can hold colour, or depth.

    files: of "color" and "depth", or of one of them; None for standard output, which gets PNG.
    """
    for part, path in files.items():
        suffixes = tuple(SUFFIXES) if part == "color" else DEPTH_SUFFIXES
        if path is not None and path.suffix.lower() not in suffixes:
            raise InvalidInput(f"{path} cannot hold {part}: use {' '.join(suffixes)}")


def save_frame_files(
    files: Mapping[str, Path | None],
    color: ImageLike,
    depth: DepthMap | Image.Image | NDArray[Any],
    *,
    quality: int | None = None,
    metadata: Metadata | None = None,
    overwrite: bool = False,
    stream: IO[bytes] | None = None,
    beside: Sequence[Output] = (),
) -> tuple[str, ...]:
    """Writes colour and depth, or one of them, to files of any names, together or not at all.

    files: as of `check_frame_files`; the one that is None goes into the stream when the other is written. depth: a map,
    whose unit EXR files need, or samples. quality, metadata: of colour, as of `save_pair`; the rest as of `save_frame`.

    Returns which metadata the file of colour does not hold. Raises InvalidInput, OutputError.
    """
    check_frame_files(files)
    contents: dict[str, bytes] = {}
    left_out: tuple[str, ...] = ()
    if "color" in files:
        path = files["color"]
        picture = to_picture(color, "color")
        if metadata is not None:
            picture = replace(picture, metadata=metadata)
        form = PNG if path is None else SUFFIXES[path.suffix.lower()]
        check_quality(quality, form)
        encoded = encode_picture(picture.shown(), form, str(path), quality=quality, metadata=picture.metadata)
        contents["color"], left_out = encoded.data, encoded.left_out
    if "depth" in files:
        path = files["depth"]
        map_ = depth if isinstance(depth, DepthMap) else DepthMap(np.asarray(depth), 0.001)
        contents["depth"] = depth_bytes(map_, ".png" if path is None else path.suffix.lower(), str(path))
    named = [(path, contents[part]) for part, path in files.items() if path is not None]
    write_together([*named, *beside], overwrite=overwrite, makes_folders=True)
    for part, path in files.items():
        if path is None and stream is not None:
            stream.write(contents[part])
    return left_out

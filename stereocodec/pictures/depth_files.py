"""Depth maps in files: pictures, NumPy's arrays and OpenEXR, read and written."""

from __future__ import annotations

import io
import math
import os
import re
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InvalidInput, OutputError
from .depth import DepthMap, load_depth
from .exr import EXR_MAGIC, exr_bytes, read_exr
from .npy import NPY_MAGIC, read_header, read_samples
from .pil import check_size

DEPTH_SUFFIXES = (".png", ".tif", ".tiff", ".pgm", ".npy", ".exr")
"""Of the files that depth is written to."""
_CONFIDENCE = re.compile(r"(?i)(^|[^a-z])confidence([^a-z]|$)")
_NO_CONFIDENCE = "confidence is not kept, give the depth map itself"


def read_depth(source: str | os.PathLike[str] | IO[bytes], name: str) -> Image.Image | NDArray[Any]:
    """A depth map as `RgbdCodec.compress` takes it: an image with the samples that its file holds, or an array.

    source: a path, or a binary file that can be read from its beginning again: a picture, a `.npy` array of (H, W), or
    an OpenEXR file, which is read from a path alone.

    Raises InvalidInput: missing, damaged, too large, not a depth map, and maps of confidence, which some cameras write
    beside depth: by their name, or with 8 bits of which 0, 1 and 2 alone occur.
    """
    if _CONFIDENCE.search(Path(name).stem):
        raise InvalidInput(f"{name} is a map of confidence by its name: {_NO_CONFIDENCE}")
    start = _start(source)
    if start.startswith(EXR_MAGIC):
        if not isinstance(source, str | os.PathLike):
            raise InvalidInput(f"{name} is an EXR, which is read from a file alone: give its path")
        return read_exr(source, name)
    depth: Image.Image | NDArray[Any]
    depth = _array(source, name) if start.startswith(NPY_MAGIC) else load_depth(source, name)
    _check_levels(depth, name)
    return depth


def depth_bytes(depth: DepthMap, suffix: str, name: str) -> bytes:
    """The file of a depth map: its samples, or metres with NaN for no measurement in `.exr`.

    suffix: one of DEPTH_SUFFIXES. Raises OutputError for another, and for EXR where its package is missing.
    """
    file = io.BytesIO()
    if suffix not in DEPTH_SUFFIXES:
        raise OutputError(f"{name} cannot hold depth: use {' '.join(DEPTH_SUFFIXES)}")
    if suffix == ".exr":
        return exr_bytes(depth.metres(), name)
    if suffix == ".npy":
        np.save(file, depth.samples)
    else:
        form = {".png": "PNG", ".pgm": "PPM"}.get(suffix, "TIFF")
        Image.fromarray(depth.samples).save(
            file, format=form, **({"compression": "tiff_lzw"} if form == "TIFF" else {})
        )
    return file.getvalue()


def _start(source: str | os.PathLike[str] | IO[bytes]) -> bytes:
    """How a file begins; nothing of what is no regular file, which Pillow refuses."""
    if isinstance(source, str | os.PathLike):
        if not os.path.isfile(source):
            return b""
        try:
            with open(source, "rb") as file:
                return file.read(len(NPY_MAGIC))
        except OSError:
            return b""
    start = source.read(len(NPY_MAGIC))
    source.seek(0)
    return start


def _array(source: str | os.PathLike[str] | IO[bytes], name: str) -> NDArray[Any]:
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return _array(file, name)
    header = read_header(source, name)
    shape = header.shape
    is_map = len(shape) == 2 or (len(shape) == 3 and 1 in (shape[0], shape[2]))
    if not is_map or 0 in shape or header.dtype.kind not in "iuf":
        raise InvalidInput(f"{name} is an array of {header.dtype} of shape {shape}: depth is H x W numbers")
    check_size(max(shape), math.prod(shape) // max(shape), name)
    return read_samples(source, header, name)


def _check_levels(depth: Image.Image | NDArray[Any], name: str) -> None:
    samples = np.asarray(depth)
    if samples.dtype == np.uint8 and samples.size and 1 <= int(samples.max()) <= 2:
        raise InvalidInput(f"{name} holds no numbers above 2, as maps of confidence do: {_NO_CONFIDENCE}")

"""Depth in OpenEXR files, by the package OpenEXR, an extra that is imported when the first such file is seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, OutputError
from ..text import reason_of
from .pil import check_size

EXR_MAGIC = b"\x76\x2f\x31\x01"
_DEPTH = ("Z", "depth", "Depth", "depth.Z", "Depth.Z", "depth.V", "Depth.V")
_WRITTEN = "Z"  # the standard's name of a channel of depth
_MISSING = "needs pip install 'stereocodec[exr]'"


def read_exr(path: str | os.PathLike[str], name: str) -> NDArray[Any]:
    """The depth of an OpenEXR file, (H, W), float32 as metres, or whole numbers.

    That is its only channel, or the one that is called Z or depth. Raises InvalidInput: damaged, more pixels than the
    format's limits, several channels that are no depth, or the package is missing.
    """
    with _opened(name) as package:
        head = package.File(os.fspath(path), header_only=True).header()
        (left, top), (right, bottom) = head["dataWindow"]
        check_size(int(right) - int(left) + 1, int(bottom) - int(top) + 1, name)
        channel = _channel([each.name for each in head["channels"]], name)
        pixels = package.File(os.fspath(path), separate_channels=True).channels()[channel].pixels
    samples: NDArray[Any] = np.asarray(pixels)
    return samples.astype(np.float32) if samples.dtype == np.float16 else samples


def exr_bytes(metres: NDArray[np.float32], name: str) -> bytes:
    """An OpenEXR file of depth in metres (H, W), without loss; raises OutputError where the package is missing."""
    try:
        import OpenEXR
    except ImportError as error:
        raise OutputError(f"{name} cannot be written: EXR {_MISSING}") from error
    head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with TemporaryDirectory() as folder:
        path = Path(folder, "depth.exr")
        OpenEXR.File(head, {_WRITTEN: np.ascontiguousarray(metres)}).write(os.fspath(path))
        return path.read_bytes()


def _channel(names: list[str], name: str) -> str:
    if len(names) == 1:
        return names[0]
    found = [channel for channel in _DEPTH if channel in names]
    if len(found) != 1:
        listed = ", ".join(names[:8]) or "none"
        raise InvalidInput(f"{name} has channels that are no depth ({listed}): save it with one channel, Z, in metres")
    return found[0]


@contextmanager
def _opened(name: str) -> Iterator[Any]:
    """The package; its errors become ours."""
    try:
        import OpenEXR
    except ImportError as error:
        raise InvalidInput(f"{name} is an EXR: reading it {_MISSING}") from error
    try:
        yield OpenEXR
    except (MemoryError, InvalidInput):
        raise
    except Exception as error:  # of the library and of what a damaged header holds
        raise InvalidInput(f"{name} is a damaged EXR, or one of a kind that is not read: {reason_of(error)}") from error

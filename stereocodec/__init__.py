"""Learned compression of stereo image pairs, and of colour with depth.

`import stereocodec` is light: torch is imported when a codec is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors
from ._version import __version__

if TYPE_CHECKING:
    from .calibration import read_calibration
    from .codec import StereoCodec
    from .container import Metadata
    from .pictures.open_pair import open_pair
    from .pictures.save_pair import save_pair
    from .rgbd_codec import RgbdCodec

__all__ = [
    "Metadata",
    "RgbdCodec",
    "StereoCodec",
    "__version__",
    "errors",
    "open_pair",
    "read_calibration",
    "save_pair",
]


_PLACES = {
    "Metadata": ".container",
    "RgbdCodec": ".rgbd_codec",
    "StereoCodec": ".codec",
    "open_pair": ".pictures.open_pair",
    "read_calibration": ".calibration",
    "save_pair": ".pictures.save_pair",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name], __name__), name)

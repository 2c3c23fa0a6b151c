"""Learned compression of stereo image pairs, and of colour with depth.

`import stereocodec` is light: torch is imported when a codec is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from ._version import __version__

if TYPE_CHECKING:
    from .codec import StereoCodec
    from .rgbd_codec import RgbdCodec

__all__ = ["RgbdCodec", "StereoCodec", "__version__", "errors"]


def __getattr__(name: str) -> Any:
    if name == "StereoCodec":
        from .codec import StereoCodec

        return StereoCodec
    if name == "RgbdCodec":
        from .rgbd_codec import RgbdCodec

        return RgbdCodec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

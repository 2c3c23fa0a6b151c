"""Depth maps without loss, or with an error that is promised, in whole numbers alone."""

from __future__ import annotations

from .bound import DepthBound
from .samples import decode_depth, encode_depth

__all__ = ["DepthBound", "decode_depth", "encode_depth"]

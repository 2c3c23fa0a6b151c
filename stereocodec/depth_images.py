"""`depth_errors`, by the name that it has had since version 0.2; it lives in `pictures/depth.py`."""

from __future__ import annotations

from .pictures.depth import depth_errors

__all__ = ["depth_errors"]

"""Warnings that speak of the line which called this package."""

from __future__ import annotations

import sys
import warnings

from .text import one_line


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warns, in one line, where this package was called, however many calls deep within it this is."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == __name__.split(".")[0]:
        level, frame = level + 1, frame.f_back
    warnings.warn(one_line(message), category, stacklevel=level)

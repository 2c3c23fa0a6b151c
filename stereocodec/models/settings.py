"""Checks of settings that several architectures have."""

from __future__ import annotations

import math

MAX_WIDTH = 4096


def is_width(value: object) -> bool:
    """Whether a setting is a number of channels, 1 to MAX_WIDTH."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WIDTH


def require_positive(name: str, value: object) -> None:
    """Raises ValueError unless a setting is a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}; it must be a positive number")

"""Checks of settings that several architectures have.

The bounds are far above what is trained, and low enough that the shapes of any network within them are known at once.
"""

from __future__ import annotations

MAX_WIDTH = 4096
MAX_DEPTH = 64
MAX_WEIGHT = 1e9


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether a setting is a whole number from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_width(value: object) -> bool:
    """Whether a setting is a number of channels, 1 to MAX_WIDTH."""
    return is_whole(value, 1, MAX_WIDTH)


def is_number(value: object, least: float, most: float) -> bool:
    """Whether a setting is a finite number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value <= most


def require_whole(name: str, value: object, least: int, most: int, *, multiple_of: int = 1) -> None:
    """Raises ValueError unless a setting is a whole number from `least` to `most`, and a multiple."""
    if not is_whole(value, least, most) or value % multiple_of:  # type: ignore[operator]
        kind = "a whole number" if multiple_of == 1 else f"a multiple of {multiple_of}"
        raise ValueError(f"{name} is {shown(value)}; it must be {kind} from {least} to {most}")


def require_weight(name: str, value: object) -> None:
    """Raises ValueError unless a setting can weigh errors against bits: a number from 1 / MAX_WEIGHT to MAX_WEIGHT."""
    if not is_number(value, 1 / MAX_WEIGHT, MAX_WEIGHT):
        raise ValueError(f"{name} is {shown(value)}; it must be a number from {1 / MAX_WEIGHT:g} to {MAX_WEIGHT:g}")


def shown(value: object) -> str:
    """A setting in an error message, which stays short."""
    text = " ".join(repr(value).split()) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 80 else f"{text[:77]}..."

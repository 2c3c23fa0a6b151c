"""Numbers and cameras that readers of calibrations make alike."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..errors import InvalidInput

MILLIMETRE = Decimal("0.001")
UNITS = {"mm": MILLIMETRE, "cm": Decimal("0.01"), "m": Decimal(1)}
"""Lengths, in metres."""

_NAME = re.compile(r"\w{1,64}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_MAX_DIGITS = 400  # more than any float has; Python refuses some thousands


@dataclass(frozen=True)
class CalibrationText:
    """What a file holds, and what messages call the file."""

    name: str
    text: str

    def refused(self, what: str) -> InvalidInput:
        """The error that begins with the file's name."""
        return InvalidInput(f"{self.name}: {what}")


def named_values(source: CalibrationText, separator: str) -> dict[str, str]:
    """The texts behind the names of lines `name=text`, or of another separator.

    Raises InvalidInput for other lines and for names that are there twice.
    """
    values: dict[str, str] = {}
    for count, line in enumerate(source.text.splitlines(), start=1):
        if not line.strip():
            continue
        name, found, text = line.partition(separator)
        name = name.strip()
        if not found or not _NAME.fullmatch(name):
            raise source.refused(f"line {count} is not of the form name{separator}values")
        if name in values:
            raise source.refused(f"{name} is there twice")
        values[name] = text.strip()
    return values


def number(text: str) -> float | None:
    """The finite number that a text is; None for any other text."""
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def whole(source: CalibrationText, name: str, value: Any) -> int:
    """The whole number that a value is, which is called by a name; raises InvalidInput for any other value."""
    if not isinstance(value, float) or not value.is_integer():
        raise source.refused(f"{name} must be a whole number")
    return int(value)


def in_metres(length: float, unit: Decimal) -> float:
    """A length in a unit as metres, rounded once from the digits that the length has."""
    return float(Decimal(repr(length)) * unit)


def camera(
    projection: Sequence[float] | None = None, matrix: Sequence[float] | None = None, **others: Any
) -> dict[str, Any]:
    """A camera of its matrices, row by row, and its other values; those that are None are left out."""
    found: dict[str, Any] = {}
    if projection is not None:
        found = {"focal_length": [projection[0], projection[5]], "principal_point": [projection[2], projection[6]]}
    elif matrix is not None:
        found = {"focal_length": [matrix[0], matrix[4]], "principal_point": [matrix[2], matrix[5]]}
    given = {"projection": projection, "matrix": matrix, **others}
    return found | {key: value for key, value in given.items() if value is not None}


def baseline_of(left: Sequence[float], right: Sequence[float], source: CalibrationText) -> float | None:
    """The metres between two cameras of 3 x 4 projections; None where these do not tell it.

    Raises InvalidInput when the right camera stands to the left of the left one.
    """
    if not (left[0] > 0 and right[0] > 0):
        raise source.refused("its projections have focal lengths that are not above 0")
    baseline = left[3] / left[0] - right[3] / right[0]
    if baseline < 0:
        raise exchanged(source)
    return baseline or None


def exchanged(source: CalibrationText) -> InvalidInput:
    """The error for a right camera that stands to the left of the left one."""
    return source.refused(
        "the right camera stands to the left of the left one: exchange the views, or the files of the two cameras"
    )

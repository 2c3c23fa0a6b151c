"""Settings from JSON files, without the numbers that JSON does not have and those that no setting can be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from .files import read_regular

MAX_SETTINGS_BYTES = 2**24
_MAX_DIGITS = 18


def read_json(path: Path) -> Any:
    """What a JSON file of settings holds.

    Raises OSError as `read_regular` does, and ValueError for what is no JSON, for NaN and infinities, for whole numbers
    of more than 18 digits and for values that are nested too deeply.
    """
    return parse_json(read_regular(path, MAX_SETTINGS_BYTES).decode("utf-8"))


def parse_json(text: str) -> Any:
    """The value that a text of JSON is; raises ValueError as `read_json` does."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_real, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"it holds {text[:20]}, which cannot be used; write a finite number")


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(text)
    return value


def _whole(text: str) -> int:
    if len(text.removeprefix("-")) > _MAX_DIGITS:
        _refuse(text)
    return int(text)

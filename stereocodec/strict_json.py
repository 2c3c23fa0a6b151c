"""JSON without the numbers that JSON does not have and those that nothing here can be."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

_MAX_DIGITS = 18


def parse_json(data: bytes) -> Any:
    """What UTF-8 text holds as JSON.

    Raises ValueError, which says what is wrong, for what is no JSON, for NaN and infinities, for whole numbers of more
    than 18 digits and for values that are nested too deeply for Python.
    """
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_real, parse_int=_whole)
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

"""Refuses what the annotations of a record forbid, so that checks of its values cannot fail in another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from itertools import repeat
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ..errors import InvalidInput


def require_types(record: Any, owner: str = "") -> None:
    """Raises InvalidInput for the first field of a dataclass, or of one that it holds, that has another type.

    Annotations may be classes, dataclasses, tuples, and unions of classes, dataclasses and None. owner: what messages
    put before the name of a field.
    """
    for name, hint in get_type_hints(type(record)).items():
        _require(f"{owner}{name}", getattr(record, name), hint)


def _require(what: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is UnionType:
        kinds = get_args(hint)
        _require(what, value, next((kind for kind in kinds if isinstance(value, kind)), kinds[0]))
    elif get_origin(hint) is tuple:
        _require(what, value, tuple)
        for item, kind in zip(value, _kinds(hint), strict=False):
            _require(f"an item of {what}", item, kind)
    elif not isinstance(value, hint):
        raise InvalidInput(f"cannot write a .bsc file: {what} is {type(value).__name__}, not {hint.__name__}")
    elif is_dataclass(hint):
        require_types(value, f"{what}.")


def _kinds(hint: Any) -> Iterator[Any]:
    """What the items of a tuple are."""
    first, *others = get_args(hint)
    return repeat(first) if others == [...] else iter((first, *others))

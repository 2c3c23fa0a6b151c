"""The mappings, lists and texts of YAML, without what could make little text large or an object of a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import InvalidInput
from .values import CalibrationText, number

_MAX_DEPTH = 16
_OPENCV_DIRECTIVE = "%YAML:"  # where YAML has a space
_COLLECTIONS = ("MappingStartEvent", "SequenceStartEvent")


def parse_yaml(source: CalibrationText) -> dict[str, Any]:
    """The mapping that the first document of a text is; plain numbers are floats, other scalars texts.

    Tags, such as those of OpenCV's matrices, are passed over: a matrix is a mapping.
    Raises InvalidInput for what is no YAML, for aliases, keys that are there twice and deep nesting, and when PyYAML is
    not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput(
            f"{source.name} is YAML, which needs PyYAML: pip install 'stereocodec[calibration]'"
        ) from error
    text = source.text
    if text.startswith(_OPENCV_DIRECTIVE):
        text = "\n" + text.partition("\n")[2]
    try:
        value = _document(yaml.parse(text, Loader=yaml.SafeLoader), source)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = "" if place is None else f" in line {place.line + 1}"
        raise source.refused(f"it is no YAML{where}: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(value, dict):
        raise source.refused("it is no mapping of names to values")
    return value


def _document(events: Iterator[Any], source: CalibrationText) -> Any:
    """The value of the first document, without recursion."""
    outer: list[tuple[Any, str | None]] = []  # collections that are open, with the key that waits in each
    current: Any = None
    key: str | None = None
    for event in events:
        kind = type(event).__name__
        if kind == "AliasEvent":
            raise source.refused("it uses aliases (*name) of YAML: write the values themselves")
        if kind in _COLLECTIONS:
            if len(outer) >= _MAX_DEPTH:
                raise source.refused("its values are nested too deeply")
            outer.append((current, key))
            current, key = ({} if kind == _COLLECTIONS[0] else []), None
            continue
        if kind == "ScalarEvent":
            value = _scalar(event)
            if isinstance(current, dict) and key is None:
                key = event.value
                if key in current:
                    raise source.refused(f"{key} is there twice")
                continue
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            value = current
            current, key = outer.pop()
        elif kind == "DocumentEndEvent":
            break
        else:
            continue
        if not outer:
            return value
        if isinstance(current, dict):
            if key is None:
                raise source.refused("a name in it is no text")
            current[key], key = value, None
        else:
            current.append(value)
    return None


def _scalar(event: Any) -> float | str:
    found = None if event.style else number(event.value)
    return event.value if found is None else found

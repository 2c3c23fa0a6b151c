"""Calibrations in YAML: matrices as OpenCV's FileStorage writes them, and CameraInfo of ROS.

OpenCV's programs and those after them name matrices of both cameras M1, cameraMatrix2, left_K and alike; lengths are in
the unit of the board that was photographed, which no file says. Files of ROS (http://wiki.ros.org/camera_calibration_parsers
and the messages sensor_msgs/CameraInfo) are of one camera each, in metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .keys import SIDES, Calibration
from .values import CalibrationText, baseline_of, camera, exchanged, in_metres, whole
from .yaml_text import parse_yaml

_STEMS: dict[str, tuple[str, ...]] = {
    "matrix": ("m", "k", "mtx", "cameramatrix", "cammatrix", "intrinsic", "intrinsics", "intrinsicmatrix"),
    "distortion": ("d", "dist", "distcoeff", "distcoeffs", "distortion", "distortioncoeffs", "distortioncoefficients"),
    "rotation": ("r", "rect", "rectification", "rectificationmatrix"),
    "projection": ("p", "projection", "projectionmatrix"),
}
_BETWEEN: dict[str, tuple[str, ...]] = {
    "rotation": ("r", "rotation", "rotationmatrix", "stereor"),
    "translation": ("t", "translation", "translationvector", "stereot"),
}
_COUNTS = {"matrix": 9, "rotation": 9, "projection": 12, "translation": 3}
_MODEL = "distortionmodel"
_SIZES = (("imagewidth", "imageheight"), ("width", "height"))
_SIZE_LISTS = ("imagesize", "size")


def _names_of(side: str, digit: str) -> dict[str, tuple[str, ...]]:
    """The names that the matrices of a side may have."""
    return {
        key: tuple(name for stem in stems for name in (stem + digit, stem + side, side + stem, stem + side[0]))
        for key, stems in _STEMS.items()
    }


_SIDED = {side: _names_of(side, digit) for side, digit in zip(SIDES, "12", strict=True)}


@dataclass
class _Contents:
    """What a file tells: of the left and the right camera, of one that it does not call either, and of their places."""

    sides: dict[str, dict[str, Any]] = field(default_factory=dict)
    one: dict[str, Any] = field(default_factory=dict)
    between: dict[str, list[float]] = field(default_factory=dict)
    size: list[Any] | None = None


def read_cameras(sources: Sequence[CalibrationText], unit: Decimal | None = None) -> Calibration:
    """The calibration of one or two files: of one camera each, the left one first, or of both cameras together.

    unit: the metres of OpenCV's lengths. Raises InvalidInput for what is no calibration, for files that do not belong
    together, when a unit is needed, and for one where the file is in metres.
    """
    contents = [_contents(source, parse_yaml(source)) for source in sources]
    sizes = [found.size for found in contents if found.size is not None]
    if any(size != sizes[0] for size in sizes):
        raise sources[-1].refused("its size is not that of the other file")
    if all(found.one for found in contents):
        if unit is not None:
            raise sources[0].refused("it is of one camera, in metres: leave the unit out")
        sides = {side: camera(**found.one) for side, found in zip(SIDES, contents, strict=False)}
        result = {**sides, **_between_projections(sides, sources[-1])}
    elif any(found.one for found in contents):
        raise sources[-1].refused("it does not go with the other file: one is of one camera, the other one of both")
    else:
        result = _of_both(sources, contents, unit)
    return {"size": sizes[0], **result} if sizes else result


def _of_both(sources: Sequence[CalibrationText], contents: Sequence[_Contents], unit: Decimal | None) -> Calibration:
    """The calibration of files that name both cameras, such as intrinsics and extrinsics."""
    sides: dict[str, dict[str, Any]] = {side: {} for side in SIDES}
    between: dict[str, list[float]] = {}
    for source, found in zip(sources, contents, strict=True):
        pairs = [(sides[side], found.sides[side]) for side in SIDES] + [(between, found.between)]
        if any(together.keys() & new.keys() for together, new in pairs):
            raise source.refused("it holds what the other file holds, too: give one of them")
        for together, new in pairs:
            together.update(new)
    last = sources[-1]
    projections = [sides[side]["projection"] for side in SIDES if "projection" in sides[side]]
    lengths = [*between.get("translation", ()), *(value for values in projections for value in values[3::4])]
    if any(lengths):
        if unit is None:
            raise last.refused(
                "lengths of such files are in the unit of the board that was photographed: "
                "name it with --calibration-unit mm, cm or m (unit= in Python)"
            )
        for values in projections:
            values[3::4] = [in_metres(value, unit) for value in values[3::4]]
        if "translation" in between:
            between["translation"] = [in_metres(value, unit) for value in between["translation"]]
    cameras = {side: camera(**values) for side, values in sides.items() if values}
    found_between = _between_projections(cameras, last) or _between_places(between, last)
    return {**cameras, **found_between, **between}


def _between_projections(cameras: dict[str, dict[str, Any]], source: CalibrationText) -> dict[str, float]:
    left, right = (cameras.get(side, {}).get("projection") for side in SIDES)
    if left is None or right is None:
        return {}
    baseline = baseline_of(left, right, source)
    return {} if baseline is None else {"baseline": baseline}


def _between_places(between: dict[str, list[float]], source: CalibrationText) -> dict[str, float]:
    """The baseline that rectified views will have."""
    across, down, ahead = between.get("translation", (0, 0, 0))
    if across > max(abs(down), abs(ahead)):
        raise exchanged(source)
    baseline = math.hypot(across, down, ahead)
    return {"baseline": baseline} if baseline else {}


def _contents(source: CalibrationText, values: dict[str, Any]) -> _Contents:
    named = {"".join(filter(str.isalnum, name.lower())): (name, value) for name, value in values.items()}
    found = _Contents(size=_size(source, named))
    found.sides = {side: _taken(source, named, names) for side, names in _SIDED.items()}
    if any(found.sides.values()):
        found.between = _taken(source, named, _BETWEEN)
        return found
    found.one = _taken(source, named, _STEMS)
    if "matrix" in found.one or "projection" in found.one:
        if isinstance(named.get(_MODEL, ("", None))[1], str):
            found.one["distortion_model"] = named[_MODEL][1]
        return found
    found.one, found.between = {}, _taken(source, named, _BETWEEN)
    if not found.between:
        raise source.refused(
            "it holds no calibration that is known: matrices of both cameras (M1 D1 M2 D2 R T R1 R2 P1 P2, or "
            "cameraMatrix1 and so on), or camera_matrix and projection_matrix of one"
        )
    return found


def _taken(
    source: CalibrationText, named: dict[str, tuple[str, Any]], names: dict[str, tuple[str, ...]]
) -> dict[str, Any]:
    """The numbers of those keys of which one of the names is there."""
    found: dict[str, Any] = {}
    for key, possible in names.items():
        there = [name for name in possible if name in named]
        if len(there) > 1:
            raise source.refused(f"{named[there[0]][0]} and {named[there[1]][0]} mean the same")
        if there:
            found[key] = _numbers(source, *named[there[0]], _COUNTS.get(key))
    return found


def _numbers(source: CalibrationText, name: str, value: Any, count: int | None) -> list[float]:
    """The numbers of a matrix, row by row: rows, cols and data, a list, or a list of rows."""
    data, right = value, not isinstance(value, dict)
    if isinstance(value, dict):
        data, rows, columns = (value.get(key) for key in ("data", "rows", "cols"))
        if isinstance(data, list) and isinstance(rows, float) and isinstance(columns, float):
            right = rows * columns == len(data)
    if isinstance(data, list) and all(isinstance(row, list) for row in data):
        data = [number for row in data for number in row]
    if not (right and isinstance(data, list) and all(isinstance(number, float) for number in data)):
        raise source.refused(f"{name} must be a matrix of finite numbers: rows, cols and data, or a list")
    if count is not None and len(data) != count:
        raise source.refused(f"{name} has {len(data)} numbers, it must have {count}")
    return data


def _size(source: CalibrationText, named: dict[str, tuple[str, Any]]) -> list[Any] | None:
    for names in _SIZES:
        if all(name in named for name in names):
            return [whole(source, *named[name]) for name in names]
    for name in _SIZE_LISTS:
        if name in named and isinstance(named[name][1], list):
            return [whole(source, named[name][0], side) for side in named[name][1]]
    return None

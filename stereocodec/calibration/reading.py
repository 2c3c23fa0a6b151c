"""Calibration files of every kind that is known, told apart by what they hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from ..errors import InvalidInput
from ..files import PathLike
from ..regular_files import read_regular
from ..strict_json import parse_json
from ..text import reason_of
from .cameras import read_cameras
from .keys import KEYS, Calibration, check_keys
from .kitti import is_kitti, read_kitti
from .middlebury import is_middlebury, read_middlebury
from .values import UNITS, CalibrationText, number

_MAX_BYTES = 2**18  # a calibration has some thousand
_KINDS = (
    "calib.txt of Middlebury, calib_cam_to_cam.txt of KITTI, YAML of OpenCV or of ROS (CameraInfo), "
    "or JSON as bisic decode --calibration writes it"
)


def read_calibration(
    path: PathLike,
    second: PathLike | None = None,
    *,
    views: Sequence[PathLike] = (),
    unit: str | float | None = None,
) -> Calibration:
    """What a camera's file knows of it, for `Metadata.calibration`.

    Args:
        path: calib.txt of Middlebury's data sets, a calibration of KITTI, YAML of OpenCV or CameraInfo of ROS (both
            need the extra `stereocodec[calibration]`), or JSON as `bisic decode --calibration` writes it. What the
            file holds decides, and not its name.
        second: where two files make a calibration: that of the right camera, or extrinsics beside intrinsics.
        views: the paths of the pictures, left and right, or of the one picture of colour with depth. Names of folders
            tell which of KITTI's cameras took them; where they do not, those in colour are taken.
        unit: of lengths in files of OpenCV that are of two cameras, which do not say it: "mm", "cm", "m" or a number
            of metres.

    Returns:
        A JSON object with the keys of `docs/format.md`, in pixels, metres and degrees.

    Raises:
        InvalidInput: missing, unreadable, of another kind, or with values that no camera has; the error says which.
    """
    length = None if unit is None else _metres(unit)
    sources = [_source(file) for file in (path, second) if file is not None]
    first, name = sources[0], " and ".join(source.name for source in sources)
    if any(_is_whole(source) for source in sources):
        if len(sources) > 1:
            raise InvalidInput(f"{name}: one of these files is a whole calibration: give that one alone")
        if length is not None:
            raise first.refused("such a file says itself what its lengths are: leave the unit out")
        found = _read_whole(first, [os.fspath(view) for view in views])
    else:
        found = read_cameras(sources, length)
    check_keys(found, name)
    return found


def _is_json(source: CalibrationText) -> bool:
    return source.text.lstrip().startswith("{")


def _is_whole(source: CalibrationText) -> bool:
    """Whether it is a file of a kind that holds all of a calibration, which no YAML need do."""
    return _is_json(source) or is_middlebury(source) or is_kitti(source)


def _read_whole(source: CalibrationText, views: Sequence[str]) -> Calibration:
    if is_middlebury(source):
        return read_middlebury(source)
    if is_kitti(source):
        return read_kitti(source, views)
    try:
        value = parse_json(source.text.encode())
    except ValueError as error:
        raise source.refused(f"it is no JSON that can be read: {error}") from error
    if not isinstance(value, dict):
        raise source.refused("it is no object of JSON")
    if not any(key in value for key in KEYS):
        raise source.refused(f"it holds no calibration: it has none of the keys {', '.join(KEYS)}")
    return value


def _source(path: PathLike) -> CalibrationText:
    name = os.fspath(path)
    try:
        data = read_regular(Path(path), _MAX_BYTES)
    except FileNotFoundError as error:
        raise InvalidInput(f"{name}: no such file") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"{name} is a folder: name a calibration file") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{name} cannot be read: {reason_of(error)}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or "\0" in text or not any(mark in text for mark in ":="):
        raise InvalidInput(f"{name} is no calibration that is known: {_KINDS}")
    return CalibrationText(name, text)


def _metres(unit: str | float) -> Decimal:
    """The metres of a unit; raises InvalidInput."""
    if unit in UNITS:
        return UNITS[str(unit)]
    length = number(str(unit))
    if length is None or not 0 < length <= 1000:
        raise InvalidInput(f"unit of calibration is {unit!r}; use {', '.join(UNITS)}, or a number of metres")
    return Decimal(repr(length))

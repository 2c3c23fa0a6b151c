"""The keys of a calibration: what their values must be, checks, and the words for people."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..container.layouts import Layout
from ..container.limits import MAX_SIDE
from ..container.metadata import Metadata
from ..errors import InvalidInput

Calibration = dict[str, Any]
_Check = tuple[Callable[[Any], bool], str]

SIDES = ("left", "right")
_MAX_COEFFICIENTS = 32
_MAX_MODEL_NAME = 64


def _finite(value: Any) -> bool:
    """Whether it is a number that a float can be; a whole one of Python may be too large for that."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _numbers(count: int) -> _Check:
    return (lambda value: _are_finite(value) and len(value) == count, f"{count} numbers")


def _are_finite(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_finite, value))


def _is_size(value: Any) -> bool:
    sides = isinstance(value, list | tuple) and len(value) == 2
    return sides and all(type(side) is int and 1 <= side <= MAX_SIDE for side in value)


def _are_positive(value: Any) -> bool:
    return _are_finite(value) and len(value) == 2 and min(value) > 0


_CAMERA: dict[str, _Check] = {
    "focal_length": (_are_positive, "two numbers above 0"),
    "principal_point": _numbers(2),
    "projection": _numbers(12),
    "matrix": _numbers(9),
    "rotation": _numbers(9),
    "distortion": (
        lambda value: _are_finite(value) and len(value) <= _MAX_COEFFICIENTS,
        f"at most {_MAX_COEFFICIENTS} numbers",
    ),
    "position": _numbers(3),
    "orientation": _numbers(4),
    "distortion_model": (lambda value: isinstance(value, str) and 0 < len(value) <= _MAX_MODEL_NAME, "a short text"),
}
_PAIR: dict[str, _Check] = {
    "size": (_is_size, f"[width, height], whole numbers from 1 to {MAX_SIDE}"),
    "left": (lambda value: isinstance(value, Mapping), "an object"),
    "right": (lambda value: isinstance(value, Mapping), "an object"),
    "baseline": (lambda value: _finite(value) and value > 0, "a number of metres above 0"),
    "rotation": _numbers(9),
    "translation": _numbers(3),
    "field_of_view": (lambda value: _finite(value) and 0 < value <= 360, "a number of degrees up to 360"),
    "disparity_adjustment": (_finite, "a number"),
    "convergence_angle": (_finite, "a number of degrees"),
    "disparities": (
        lambda value: _are_finite(value) and len(value) == 2 and value[0] <= value[1],
        "[least, greatest], two numbers",
    ),
}


KEYS = tuple(_PAIR)


def check_keys(calibration: Mapping[str, Any], name: str) -> None:
    """Raises InvalidInput, which calls the calibration by a name, where a known key has a value that it cannot have."""
    objects = [("", calibration, _PAIR)]
    objects += [(f"{side}.", calibration[side], _CAMERA) for side in SIDES if _holds(_PAIR, calibration, side)]
    for prefix, values, checks in objects:
        for key, (_, words) in checks.items():
            if key in values and not _holds(checks, values, key):
                raise InvalidInput(f"{name}: {prefix}{key} must be {words}")


def check_calibration(
    calibration: Mapping[str, Any], size: tuple[int, int], layout: Layout | None = None, name: str = "calibration"
) -> None:
    """Checks a calibration against the views that it is for.

    size: width and height of a view as it is stored. layout: that of the views, of which half ones may have the size
    before they were squeezed. name: what messages call the calibration.
    Raises InvalidInput for another size, and for values that known keys cannot have.
    """
    check_keys(calibration, name)
    width, height = size
    fitting = [(width, height)]
    if layout is not None and layout.half:
        fitting.append((2 * width, height) if layout.beside else (width, 2 * height))
    if "size" in calibration and tuple(calibration["size"]) not in fitting:
        its_width, its_height = calibration["size"]
        raise InvalidInput(
            f"{name} is of views of {its_width}x{its_height}, these have {width}x{height}: "
            "take the calibration of these views, or scale its values in pixels and its size to theirs"
        )


def with_calibration(metadata: Metadata, calibration: Mapping[str, Any], size: tuple[int, int], name: str) -> Metadata:
    """The metadata with a calibration; what they say of keys that it does not have is kept.

    size: width and height of a view as it is stored. name: what messages call the calibration.
    Raises InvalidInput as `check_calibration` does.
    """
    check_calibration(calibration, size, metadata.layout, name)
    return replace(metadata, calibration={**(metadata.calibration or {}), **calibration})


def calibration_json(calibration: Mapping[str, Any]) -> bytes:
    """The calibration as a file of JSON, which `read_calibration` reads: the same numbers, to the last digit.

    Raises TypeError or ValueError for what is no JSON.
    """
    return (json.dumps(calibration, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def describe_calibration(calibration: Mapping[str, Any]) -> str:
    """The calibration in a line for people; values that known keys cannot have are passed over.

    For example "baseline 65 mm, focal length 1000 px, principal point (479.5, 319.5), views of 960x640".
    """
    known = {key: calibration[key] for key in _PAIR if _holds(_PAIR, calibration, key)}
    cameras = {side: _known_of_camera(known[side]) for side in SIDES if side in known}
    parts = [f"baseline {_metres(known['baseline'])}"] if "baseline" in known else []
    parts += _of_cameras("focal length", "focal_length", cameras, lambda both: f"{_alike(both)} px")
    parts += _of_cameras("principal point", "principal_point", cameras, lambda both: f"({both[0]:.6g}, {both[1]:.6g})")
    parts += _of_cameras("distortion", "distortion", cameras, lambda all_of: f"of {len(all_of)} coefficients")
    if "field_of_view" in known:
        parts.append(f"field of view {known['field_of_view']:.6g} degrees")
    if "convergence_angle" in known:
        parts.append(f"convergence {known['convergence_angle']:.6g} degrees")
    if "disparity_adjustment" in known:
        parts.append(f"disparity adjustment {100 * known['disparity_adjustment']:.6g} % of the width")
    if "disparities" in known:
        least, greatest = known["disparities"]
        parts.append(f"disparities {least:.6g} to {greatest:.6g} px")
    if "size" in known:
        parts.append("views of {}x{}".format(*known["size"]))
    others = len(calibration) - len(known)
    parts += [f"{others} other {'entry' if others == 1 else 'entries'}"] if others else []
    return ", ".join(parts) or ("of one camera" if len(cameras) == 1 else "of both cameras" if cameras else "empty")


def _holds(checks: Mapping[str, _Check], values: Mapping[str, Any], key: str) -> bool:
    return key in values and checks[key][0](values[key])


def _known_of_camera(camera: Mapping[str, Any]) -> dict[str, Any]:
    return {key: camera[key] for key in _CAMERA if _holds(_CAMERA, camera, key)}


def _of_cameras(
    label: str, key: str, cameras: Mapping[str, Mapping[str, Any]], words: Callable[[Any], str]
) -> list[str]:
    """A part of the line: once for what is said alike of both cameras, otherwise of each."""
    said = {side: words(camera[key]) for side, camera in cameras.items() if camera.get(key)}
    if len(set(said.values())) == 1:
        return [f"{label} {next(iter(said.values()))}"]
    return [f"{label} " + " and ".join(f"{text} ({side})" for side, text in said.items())] if said else []


def _alike(numbers: Any) -> str:
    first, second = (f"{number:.6g}" for number in numbers)
    return first if first == second else f"{first} x {second}"


def _metres(length: float) -> str:
    return f"{1000 * length:.6g} mm" if length < 1 else f"{length:.6g} m"

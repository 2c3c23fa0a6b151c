"""Calibrations of KITTI: `calib_cam_to_cam.txt` of the raw data and of the stereo set of 2015, and files of P0 to P3.

Lines of `name: numbers` (development kit of https://www.cvlibs.net/datasets/kitti/). Cameras 0 and 1 are grey, 2 and 3
in colour; projections lead from the rectified coordinates of camera 0 to pixels, in metres.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from .keys import Calibration
from .values import CalibrationText, baseline_of, camera, named_values, number

_COLOUR, _GREY = (2, 3), (0, 1)
_PRESENT = re.compile(r"^(?:P_rect_0\d|P[0-3]):[ \t]+[-+.\d]", re.M)
_FOLDER = re.compile(r"image_0?([0-3])")
_COLOURED = {"colored_0": 2, "colored_1": 3}  # in the stereo set of 2012


def is_kitti(source: CalibrationText) -> bool:
    """Whether a text has a line of such a file."""
    return _PRESENT.search(source.text) is not None


def read_kitti(source: CalibrationText, views: Sequence[str] = ()) -> Calibration:
    """The calibration of the cameras that took the views, by the names of their folders; of one camera for one view.

    Where these do not tell, of the cameras in colour, and in a file without them of the grey ones.
    Raises InvalidInput for lines of another form, values that are no finite numbers, and cameras that the file lacks.
    """
    texts = named_values(source, ":")
    names = [f"P_rect_0{index}" if f"P_rect_0{index}" in texts else f"P{index}" for index in range(4)]
    pair = next((pair for pair in (_COLOUR, _GREY) if names[pair[0]] in texts), _COLOUR)
    cameras = _cameras(views) or (pair[:1] if len(views) == 1 else pair)
    missing = [names[index] for index in cameras if names[index] not in texts]
    if missing:
        raise source.refused(f"it has no {missing[0]}, the projection of a camera of these views")
    found: Calibration = {}
    sizes = [_optional(source, texts, f"S_rect_0{index}", 2) for index in cameras]
    if None not in sizes:
        if any(size != sizes[0] for size in sizes):
            raise source.refused("the rectified views of its two cameras differ in size")
        found["size"] = [int(side) if side.is_integer() else side for side in sizes[0] or ()]
    for side, index in zip(("left", "right"), cameras, strict=False):
        distortion = _optional(source, texts, f"D_0{index}", 5)
        found[side] = camera(
            projection=_numbers(source, names[index], texts[names[index]], 12),
            matrix=_optional(source, texts, f"K_0{index}", 9),
            rotation=_optional(source, texts, f"R_rect_0{index}", 9),
            distortion=distortion,
            distortion_model=None if distortion is None else "plumb_bob",
        )
    if len(cameras) == 2:
        baseline = baseline_of(found["left"]["projection"], found["right"]["projection"], source)
        found |= {} if baseline is None else {"baseline": baseline}
    return found


def _cameras(views: Sequence[str]) -> tuple[int, ...] | None:
    """The numbers of the cameras whose views lie at these paths; None where the paths do not tell one of each."""
    known = tuple(number for number in map(_camera, views) if number is not None)
    return known if known and len(set(known)) == len(views) else None


def _camera(path: str) -> int | None:
    for part in reversed(PurePath(path).parts):
        match = _FOLDER.fullmatch(part)
        if match is not None:
            return int(match[1])
        if part in _COLOURED:
            return _COLOURED[part]
    return None


def _optional(source: CalibrationText, texts: dict[str, str], name: str, count: int) -> list[float] | None:
    return _numbers(source, name, texts[name], count) if name in texts else None


def _numbers(source: CalibrationText, name: str, text: str, count: int) -> list[float]:
    known = [value for value in map(number, text.split()) if value is not None]
    if len(known) != count or len(text.split()) != count:
        raise source.refused(f"{name} must be {count} finite numbers")
    return known

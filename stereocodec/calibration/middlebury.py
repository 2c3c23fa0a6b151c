"""`calib.txt` of Middlebury's stereo data sets of 2014 and 2021, which ETH3D's two-view data have, too.

Lines of `key=value`: cam0 and cam1 are matrices of the rectified views, doffs is the x of the right principal point
less that of the left one, baseline is in millimetres, disparities are from 0 to ndisp - 1 and, more closely, from vmin
to vmax (https://vision.middlebury.edu/stereo/data/scenes2014/).
"""

from __future__ import annotations

import re

from .keys import Calibration
from .values import MILLIMETRE, CalibrationText, camera, in_metres, named_values, number, whole

_KEYS = ("cam0", "cam1", "doffs", "baseline", "width", "height", "ndisp", "vmin", "vmax")
_PRESENT = re.compile(rf"^[ \t]*(?:{'|'.join(_KEYS)})[ \t]*=", re.M)


def is_middlebury(source: CalibrationText) -> bool:
    """Whether a text has a line of such a file."""
    return _PRESENT.search(source.text) is not None


def read_middlebury(source: CalibrationText) -> Calibration:
    """The calibration of such a file; older ones without matrices or without a size are read, too.

    Raises InvalidInput for lines of another form and for values that are no finite numbers.
    """
    values = {key: text for key, text in named_values(source, "=").items() if key in _KEYS}
    single = {key: _number(source, key, text) for key, text in values.items() if key not in ("cam0", "cam1")}
    matrices = [_matrix(source, key, values[key]) if key in values else None for key in ("cam0", "cam1")]
    if matrices[1] is None and matrices[0] is not None and "doffs" in single:
        matrices[1] = [*matrices[0][:2], matrices[0][2] + single["doffs"], *matrices[0][3:]]
    found: Calibration = {}
    if "width" in single and "height" in single:
        found["size"] = [whole(source, key, single[key]) for key in ("width", "height")]
    for side, matrix in zip(("left", "right"), matrices, strict=True):
        if matrix is not None:
            found[side] = camera(matrix=matrix)
    if "baseline" in single:
        found["baseline"] = in_metres(single["baseline"], MILLIMETRE)
    if "vmin" in single and "vmax" in single:
        found["disparities"] = [single["vmin"], single["vmax"]]
    elif "ndisp" in single:
        found["disparities"] = [0, single["ndisp"] - 1]
    return found


def _number(source: CalibrationText, key: str, text: str) -> float:
    value = number(text)
    if value is None:
        raise source.refused(f"{key} must be a finite number")
    return value


def _matrix(source: CalibrationText, key: str, text: str) -> list[float]:
    """The nine numbers of [a b c; d e f; g h i]."""
    rows = text[1:-1].split(";") if text.startswith("[") and text.endswith("]") else []
    numbers = [number(part) for row in rows for part in row.replace(",", " ").split()]
    known = [value for value in numbers if value is not None]
    if [len(row.replace(",", " ").split()) for row in rows] != [3, 3, 3] or len(known) < 9:
        raise source.refused(f"{key} must be three rows of three finite numbers, [a b c; d e f; g h i]")
    return known

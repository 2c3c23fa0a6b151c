"""What cameras know of themselves: read from the files that calibration programs and data sets have.

A calibration is one JSON object; `docs/format.md` tells its keys, which are all optional. Focal lengths and principal
points are those of the projection of a camera where there is one, otherwise of its matrix. With pixels whose centres
are whole, depth is fx * baseline / (disparity + cx of the right view - cx of the left one), in metres.
"""

from __future__ import annotations

from .keys import calibration_json, check_calibration, describe_calibration, with_calibration
from .reading import read_calibration

__all__ = ["calibration_json", "check_calibration", "describe_calibration", "read_calibration", "with_calibration"]

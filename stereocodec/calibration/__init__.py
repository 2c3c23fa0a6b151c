"""What cameras know of themselves: read from the files that calibration programs and data sets have.

A calibration is one JSON object. All its keys are optional; readers keep those that they do not know.

- `size`: [width, height] of one view as it is stored, before any turning by its orientation, in pixels. All values in
  pixels belong to this size. Views of a half layout are half as wide or high as it says.
- `left`, `right`: the two cameras. Of colour with depth, `left` is the camera of both.
- `baseline`: from the left to the right camera, along the rows, in metres.
- `rotation`, `translation`: 3 x 3, row by row, and 3, in metres, before rectification: a point at x for the left camera
  is at rotation x + translation for the right one.
- `field_of_view`: horizontal, of one view, in degrees.
- `convergence_angle`: between the directions in which the cameras look, in degrees.
- `disparity_adjustment`: how far to move the views against each other when they are shown, as a fraction of the width.
- `disparities`: [least, greatest], in pixels: how much further left things are in the right view than in the left one.

Each camera is an object, too:

- `focal_length`: [fx, fy] and `principal_point`: [cx, cy], in pixels, of the view: those of `projection` where there is
  one, otherwise of `matrix`.
- `projection`: 3 x 4, row by row, from points in the rectified coordinates that both cameras share, in metres, to
  pixels of the view; its last column is in pixels times metres.
- `matrix`: 3 x 3, row by row, of the camera itself, before distortion is undone and the view rectified.
- `distortion`: coefficients, in the order of `distortion_model`, such as plumb_bob (k1 k2 p1 p2 k3).
- `rotation`: 3 x 3, row by row, from the camera's own coordinates to the rectified ones.
- `position`: 3, in metres, and `orientation`: a quaternion x, y, z, w: where in the world the camera is, and what turns
  its coordinates into those of the world.

Pixel centres have whole coordinates: (0, 0) is the middle of the upper left pixel. x points right, y down, z away from
the camera. Depth is fx * baseline / (disparity + cx of the right view - cx of the left one), in metres.
"""

from __future__ import annotations

from .keys import calibration_json, check_calibration, describe_calibration
from .reading import read_calibration

__all__ = ["calibration_json", "check_calibration", "describe_calibration", "read_calibration"]

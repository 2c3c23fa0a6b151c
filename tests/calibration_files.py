"""Texts of calibration files as data sets and programs write them, with numbers of our own."""

from __future__ import annotations

# Lines as the files have them, with numbers of our own; one per kind has digits that floats take all of.
MIDDLEBURY = """cam0=[1733.74 0 792.27; 0 1733.74 541.89; 0 0 1]
cam1=[1733.74 0 812.39; 0 1733.74 541.89; 0 0 1]
doffs=20.12
baseline=536.62
width=1920
height=1080
ndisp=170
isint=0
vmin=55
vmax=142
"""


EYE = "1 0 0 0 1 0 0 0 1"


def projection(focal, cx, cy, tx):
    return f"{focal} 0 {cx} {tx} 0 {focal} {cy} 0 0 0 1 0"


def kitti(name):
    """Projections of four cameras 0.1, 0.3 and 0.6 m to the right of the first one."""
    return "".join(
        f"{name.format(index)}: {projection(700, 600 + index, 170, -700 * place)}\n"
        for index, place in enumerate((0, 0.1, 0.3, 0.6))
    )


KITTI_RAW = (
    "calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.95e-02\n"
    + "".join(
        f"S_0{i}: 1.392e+03 5.12e+02\nK_0{i}: 9{i}0 0 690 0 9{i}1 240 0 0 1\nD_0{i}: -0.36 0.17 1e-3 -4e-4 -0.05\n"
        f"S_rect_0{i}: 1.242e+03 3.75e+02\nR_rect_0{i}: {EYE}\n"
        for i in range(4)
    )
    + kitti("P_rect_0{}")
)


def matrix(rows, cols, *numbers):
    """A matrix as FileStorage writes it, with the line break that it makes."""
    texts = [repr(float(number)).removesuffix("0") for number in numbers]
    half = len(texts) // 2
    data = ", ".join(texts[:half]) + ",\n       " + ", ".join(texts[half:])
    return f"!!opencv-matrix\n   rows: {rows}\n   cols: {cols}\n   dt: d\n   data: [ {data} ]\n"


K1, K2 = (500.25, 0, 321, 0, 501, 239, 0, 0, 1), (503, 0, 318, 0, 504, 241, 0, 0, 1)
D1, D2 = (-0.25, 0.1, 0, 0.001, 0), (-0.2, 0.05, 0, 0, 0.3)
R1, R2 = (1, 0, 0, 0, 0, -1, 0, 1, 0), (0, -1, 0, 1, 0, 0, 0, 0, 1)
BETWEEN, TOWARDS = (1, 0, 0, 0, 1, 0, 0, 0, 1), (-7.5, 0.25, 0.125)
P1, P2 = (480, 0, 310, 0, 0, 480, 235, 0, 0, 0, 1, 0), (480, 0, 315, -3600, 0, 480, 235, 0, 0, 0, 1, 0)

INTRINSICS = "%YAML:1.0\n---\n" + "".join(
    f"{name}: {matrix(*shape, *values)}"
    for name, shape, values in (("M1", (3, 3), K1), ("D1", (1, 5), D1), ("M2", (3, 3), K2), ("D2", (1, 5), D2))
)


EXTRINSICS = "%YAML:1.0\n" + "".join(
    f"{name}: {matrix(*shape, *values)}"
    for name, shape, values in (
        ("R", (3, 3), BETWEEN),
        ("T", (3, 1), TOWARDS),
        ("R1", (3, 3), R1),
        ("R2", (3, 3), R2),
        ("P1", (3, 4), P1),
        ("P2", (3, 4), P2),
        ("Q", (4, 4), range(16)),
    )
)


def ros(name="left", tx=0, width=640):
    return f"""image_width: {width}
image_height: 480
camera_name: narrow_stereo/{name}
camera_matrix:
  rows: 3
  cols: 3
  data: [500.25, 0, 321, 0, 501, 239, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.25, 0.1, 0, 1e-3, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 0, -1, 0, 1, 0]
projection_matrix:
  rows: 3
  cols: 4
  data: [480, 0, 310, {tx}, 0, 480, 235, 0,
         0, 0, 1, 0]
"""


ROS_MESSAGE = """header:
  seq: 7
  frame_id: "left"
height: 480
width: 640
distortion_model: "plumb_bob"
D: [-0.25, 0.1, 0.0, 1.0e-3, 0.0]
K: [500.25, 0.0, 321.0, 0.0, 501.0, 239.0, 0.0, 0.0, 1.0]
R: [1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0]
P: [480.0, 0.0, 310.0, 0.0, 0.0, 480.0, 235.0, 0.0, 0.0, 0.0, 1.0, 0.0]
roi:
  x_offset: 0
  do_rectify: False
---
"""

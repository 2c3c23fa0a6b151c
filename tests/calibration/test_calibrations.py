"""Calibration files of data sets and programs, read into the keys that a `.bsc` file keeps."""

from __future__ import annotations

import json
import sys

import pytest
from calibration_files import (
    BETWEEN,
    D1,
    D2,
    EXTRINSICS,
    INTRINSICS,
    K1,
    K2,
    KITTI_RAW,
    MIDDLEBURY,
    P1,
    R1,
    ROS_MESSAGE,
    kitti,
    matrix,
    ros,
)
from conftest import one_line

from stereocodec import read_calibration
from stereocodec.calibration import calibration_json
from stereocodec.errors import InvalidInput

pytest.importorskip("yaml", reason="needs the extra calibration")


@pytest.fixture
def written(tmp_path):
    """Writes a text under a name that says nothing of its kind."""
    count = iter(range(9))

    def write(text):
        path = tmp_path / f"file{next(count)}.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_middlebury(written):
    assert read_calibration(written(MIDDLEBURY)) == {
        "size": [1920, 1080],
        "left": {
            "focal_length": [1733.74, 1733.74],
            "principal_point": [792.27, 541.89],
            "matrix": [1733.74, 0, 792.27, 0, 1733.74, 541.89, 0, 0, 1],
        },
        "right": {
            "focal_length": [1733.74, 1733.74],
            "principal_point": [812.39, 541.89],
            "matrix": [1733.74, 0, 812.39, 0, 1733.74, 541.89, 0, 0, 1],
        },
        "baseline": 0.53662,
        "disparities": [55, 142],
    }


def test_middlebury_without_the_second_matrix_and_without_close_bounds(written):
    lines = [line for line in MIDDLEBURY.splitlines() if not line.startswith(("cam1", "vmin", "vmax"))]
    found = read_calibration(written("\r\n".join(lines)))
    assert found["right"]["principal_point"] == pytest.approx([812.39, 541.89])
    assert found["disparities"] == [0, 169]


def test_middlebury_without_matrices_and_size(written):
    assert read_calibration(written("baseline = 160\nndisp = 64\n")) == {"baseline": 0.16, "disparities": [0, 63]}


def cameras_of(found):
    return [found[side]["principal_point"][0] - 600 for side in ("left", "right")]


def test_kitti_raw_of_the_colour_cameras(written):
    found = read_calibration(written(KITTI_RAW))
    assert found["size"] == [1242, 375]
    assert found["left"] == {
        "focal_length": [700, 700],
        "principal_point": [602, 170],
        "projection": [700, 0, 602, -210, 0, 700, 170, 0, 0, 0, 1, 0],
        "matrix": [920, 0, 690, 0, 921, 240, 0, 0, 1],
        "rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1],
        "distortion": [-0.36, 0.17, 0.001, -0.0004, -0.05],
        "distortion_model": "plumb_bob",
    }
    assert found["right"]["matrix"][0] == 930
    assert found["baseline"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("left", "right", "cameras"),
    [
        ("2011_09_26/image_02/data/0.png", "2011_09_26/image_03/data/0.png", [2, 3]),
        ("2011_09_26/image_00/data/0.png", "2011_09_26/image_01/data/0.png", [0, 1]),
        ("training/image_2/000000_10.png", "training/image_3/000000_10.png", [2, 3]),
        ("training/image_0/000000_10.png", "training/image_1/000000_10.png", [0, 1]),
        ("training/colored_0/000000_10.png", "training/colored_1/000000_10.png", [2, 3]),
        ("image_00/left.png", "right.png", [2, 3]),
        ("image_00/left.png", "image_00/right.png", [2, 3]),
        ("left.png", "right.png", [2, 3]),
    ],
)
def test_folders_tell_which_cameras_of_kitti_took_the_views(written, left, right, cameras):
    found = read_calibration(written(kitti("P{}")), views=[left, right])
    assert cameras_of(found) == cameras
    assert found["baseline"] == pytest.approx(0.1 if cameras == [0, 1] else 0.3)
    assert "size" not in found


@pytest.mark.parametrize(("path", "camera"), [("image_00/0.png", 0), ("image_3/0.png", 3), ("color.png", 2)])
def test_one_picture_of_kitti_has_one_camera(written, path, camera):
    found = read_calibration(written(kitti("P{}")), views=[path])
    assert found == {"left": found["left"]}
    assert found["left"]["principal_point"] == [600 + camera, 170]


def test_kitti_with_grey_cameras_alone(written):
    assert cameras_of(read_calibration(written("\n".join(kitti("P{}").splitlines()[:2])))) == [0, 1]


def test_kitti_lacks_the_camera_of_the_views(written):
    with pytest.raises(InvalidInput) as error:
        read_calibration(written("\n".join(kitti("P{}").splitlines()[:2])), views=["image_2/1.png", "image_3/1.png"])
    assert "it has no P2" in one_line(error)


@pytest.mark.parametrize("order", [1, -1])
def test_opencv_intrinsics_and_extrinsics_in_either_order(written, order):
    first, second = [written(INTRINSICS), written(EXTRINSICS)][::order]
    found = read_calibration(first, second, unit="cm")
    assert found["left"] == {
        "focal_length": [480, 480],
        "principal_point": [310, 235],
        "projection": list(P1),
        "matrix": list(K1),
        "rotation": list(R1),
        "distortion": list(D1),
    }
    assert found["right"]["projection"] == [480, 0, 315, -36, 0, 480, 235, 0, 0, 0, 1, 0]
    assert (found["right"]["distortion"], found["right"]["matrix"]) == (list(D2), list(K2))
    assert found["baseline"] == pytest.approx(0.075)
    assert (found["rotation"], found["translation"]) == (list(BETWEEN), [-0.075, 0.0025, 0.00125])


@pytest.mark.parametrize(("unit", "baseline"), [("mm", 0.0075), ("m", 7.5), (0.0254, 0.1905), ("0.025", 0.1875)])
def test_lengths_of_opencv_in_any_unit(written, unit, baseline):
    assert read_calibration(written(EXTRINSICS), unit=unit)["baseline"] == pytest.approx(baseline)


def test_opencv_says_nothing_of_its_unit(written):
    with pytest.raises(InvalidInput) as error:
        read_calibration(written(EXTRINSICS))
    assert "--calibration-unit mm, cm or m" in one_line(error)
    assert read_calibration(written(INTRINSICS))["left"]["focal_length"] == [500.25, 501]  # which have no lengths


@pytest.mark.parametrize("unit", ["inch", 0, -1, "nan", "1e9"])
def test_units_that_are_none(written, unit):
    with pytest.raises(InvalidInput, match=r"unit of calibration is .*; use mm, cm, m, or a number of metres"):
        read_calibration(written(EXTRINSICS), unit=unit)


@pytest.mark.parametrize(
    ("matrices", "distortions"),
    [
        (("cameraMatrix1", "cameraMatrix2"), ("distCoeffs1", "distCoeffs2")),
        (("left_camera_matrix", "right_camera_matrix"), ("left_distortion", "right_distortion")),
        (("camera_matrix_left", "camera_matrix_right"), ("dist_coeffs_left", "dist_coeffs_right")),
        (("K1", "K2"), ("D1", "D2")),
        (("K_l", "K_r"), ("D_l", "D_r")),
    ],
)
def test_names_of_matrices_of_both_cameras(written, matrices, distortions):
    named = dict(zip((*matrices, *distortions), (K1, K2, D1, D2), strict=True))
    text = "".join(f"{name}: {matrix(1, len(values), *values)}" for name, values in named.items())
    found = read_calibration(written(text + f"T: {matrix(3, 1, -60, 0, 0)}image_size: [640, 480]\n"), unit="mm")
    assert [found[side]["matrix"] for side in ("left", "right")] == [list(K1), list(K2)]
    assert [found[side]["distortion"] for side in ("left", "right")] == [list(D1), list(D2)]
    assert (found["baseline"], found["size"]) == (0.06, [640, 480])


def test_matrices_as_lists_of_rows(written):
    text = "K1: [[500.25, 0, 321], [0, 501, 239], [0, 0, 1]]\nK2:\n- [503, 0, 318]\n- [0, 504, 241]\n- [0, 0, 1]\n"
    found = read_calibration(written(text))
    assert [found[side]["matrix"] for side in ("left", "right")] == [list(K1), list(K2)]


LEFT_OF_ROS = {
    "focal_length": [480, 480],
    "principal_point": [310, 235],
    "projection": list(P1),
    "matrix": list(K1),
    "rotation": list(R1),
    "distortion": list(D1),
    "distortion_model": "plumb_bob",
}


def test_ros_with_a_file_of_each_camera(written):
    found = read_calibration(written(ros()), written(ros("right", -36)))
    assert (found["size"], found["left"]) == ([640, 480], LEFT_OF_ROS)
    assert found["right"]["projection"][3] == -36
    assert found["baseline"] == 0.075


@pytest.mark.parametrize("text", [ros(), ROS_MESSAGE, ROS_MESSAGE.replace("D:", "d:").replace("K:", "k:")])
def test_ros_of_one_camera_in_a_file_or_a_message(written, text):
    assert read_calibration(written(text)) == {"size": [640, 480], "left": LEFT_OF_ROS}


def test_cameras_in_the_wrong_order(written):
    for arguments in (
        [ros("right", -36), ros()],
        [kitti("P{}").replace("P3", "P9").replace("P2", "P3").replace("P9", "P2")],
    ):
        with pytest.raises(InvalidInput) as error:
            read_calibration(*map(written, arguments))
        assert "the right camera stands to the left of the left one" in one_line(error)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((ros(), ros(width=800)), "its size is not that of the other file"),
        ((ros(), EXTRINSICS), "one is of one camera"),
        ((INTRINSICS, INTRINSICS), "it holds what the other file holds"),
        ((MIDDLEBURY, ros()), "a whole calibration: give that one alone"),
        ((KITTI_RAW, KITTI_RAW), "a whole calibration: give that one alone"),
    ],
)
def test_files_that_do_not_belong_together(written, texts, message):
    with pytest.raises(InvalidInput) as error:
        read_calibration(*map(written, texts), unit="mm" if EXTRINSICS in texts else None)
    assert message in one_line(error)


@pytest.mark.parametrize("text", [MIDDLEBURY, KITTI_RAW, ros(), '{"baseline": 1}'])
def test_a_unit_beside_a_file_that_has_its_own(written, text):
    with pytest.raises(InvalidInput) as error:
        read_calibration(written(text), unit="mm")
    assert "leave the unit out" in one_line(error)


@pytest.mark.parametrize("texts", [(MIDDLEBURY,), (KITTI_RAW,), (INTRINSICS, EXTRINSICS), (ros(), ros("right", -36))])
def test_numbers_survive_to_the_last_digit_as_json(written, texts):
    found = read_calibration(*map(written, texts), unit="mm" if EXTRINSICS in texts else None)
    again = read_calibration(written(calibration_json(found).decode()))
    assert again == found
    assert json.dumps(again) == json.dumps(found)


def test_json_keeps_unknown_keys(written):
    value = {"baseline": 0.1 + 0.2, "rig": {"name": "two phones", "shims": [1, None, True]}}
    assert read_calibration(written(json.dumps(value))) == value


def test_yaml_needs_an_extra_and_the_others_none(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert read_calibration(written(MIDDLEBURY))["baseline"] == 0.53662
    with pytest.raises(InvalidInput) as error:
        read_calibration(written(ros()))
    assert "pip install 'stereocodec[calibration]'" in one_line(error)

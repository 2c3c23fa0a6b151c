"""Calibration files that are none, lie or never end: one line each; and values of a `.bsc` file that no camera has."""

from __future__ import annotations

import json
import os
import random

import pytest
from commands import posix_only
from conftest import SAMPLE, one_line

from stereocodec import read_calibration
from stereocodec.calibration import calibration_json, describe_calibration
from stereocodec.errors import InvalidInput

pytest.importorskip("yaml", reason="needs the extra calibration")

CAM = "[1 0 2; 0 1 3; 0 0 1]"
P = "P2: 1 0 2 0 0 1 3 0 0 0 1 0\nP3: "
ROS = "camera_matrix:\n  rows: 3\n  cols: 3\n  data: "
UNKNOWN = "is no calibration that is known: calib.txt of Middlebury"
ROW = "[1, 0, 2, 0, 1, 3, 0, 0, 1]"


def refusal(path, *others):
    with pytest.raises(InvalidInput) as error:
        read_calibration(path, *others)
    assert str(path) in str(error.value)
    return one_line(error)


@pytest.fixture
def refused(tmp_path):
    """The message that a file of these bytes, or of this text, is refused with."""

    def refuse(data):
        path = tmp_path / "file"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return refusal(path)

    return refuse


@pytest.mark.parametrize("data", [b"", b" \n\n", b"\0" * 99, b"a: \xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR:=", b"words"])
def test_what_is_no_text_of_values_is_no_calibration(refused, data):
    assert UNKNOWN in refused(data)


def test_a_picture_is_no_calibration():
    message = refusal(SAMPLE / "left.png")
    assert "at most 262,144 can be of use" in message


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    assert "no such file" in refusal(tmp_path / "calib.txt")
    assert "is a folder" in refusal(tmp_path)


@posix_only
def test_devices_and_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        assert "name a regular file" in refusal(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"cam0={CAM}\nbaseline=nan", "baseline must be a finite number"),
        (f"cam0={CAM}\nbaseline=1e999", "baseline must be a finite number"),
        (f"cam0={CAM}\nbaseline=" + "9" * 5000, "baseline must be a finite number"),
        (f"cam0={CAM}\nbaseline=-5", "baseline must be a number of metres above 0"),
        (f"cam0={CAM}\nwidth=1.5\nheight=2", "width must be a whole number"),
        (f"cam0={CAM}\nwidth=70000\nheight=2", "size must be"),
        (f"cam0={CAM}\nvmin=9\nvmax=3", "disparities must be"),
        (f"cam0={CAM}\ncam0={CAM}", "cam0 is there twice"),
        (f"cam0={CAM}\nwhat is this", "line 2 is not of the form"),
        ("cam0=[1 0 2; 0 1; 0 0 1]", "cam0 must be three rows of three"),
        ("cam0=[1 0 2; 0 inf 3; 0 0 1]", "cam0 must be three rows of three"),
        ("cam0=[-1 0 2; 0 1 3; 0 0 1]", "left.focal_length must be"),
        ("isint=0\ncam0 = 1=2", "cam0 must be three rows"),
        (P + "1 0 2 -1 0 1 3 0 0 0 1", "P3 must be 12 finite numbers"),
        (P + "1 0 2 -1 0 1 3 0 0 0 nan 0", "P3 must be 12 finite numbers"),
        (P + "1 0 2 -1 0 1 3 0 0 0 1 0 0", "P3 must be 12 finite numbers"),
        (P + "0 0 2 -1 0 1 3 0 0 0 1 0", "focal lengths that are not above 0"),
        (P + "1 0 2 -1 0 1 3 0 0 0 1 0\n{", "line 3 is not of the form"),
        (ROS + "[1, 0, 2, 0, 1, 3, 0, 0, .nan]", "camera_matrix must be a matrix of finite numbers"),
        (ROS + "[1, 0, 2, 0, 1, 3, 0, 0, 1e999]", "camera_matrix must be a matrix of finite numbers"),
        (ROS + "[1, 0, 2, 0, 1, 3, 0, 0]", "camera_matrix must be a matrix of finite numbers"),
        (ROS + '[1, 0, 2, 0, 1, 3, 0, 0, "1"]', "camera_matrix must be a matrix of finite numbers"),
        ("camera_matrix: [1, 2]", "camera_matrix has 2 numbers, it must have 9"),
        (ROS + "[0, 0, 2, 0, 0, 3, 0, 0, 1]", "left.focal_length must be"),
        (ROS + ROW + "\nimage_width: 1e9\nimage_height: 2", "size must be"),
        (ROS + ROW + "\nimage_width: no\nimage_height: 2", "image_width must be a whole number"),
        (f"camera_matrix: {ROW}\ncamera_matrix: {ROW}", "camera_matrix is there twice"),
        (f"K1: {ROW}\nM1: {ROW}", "mean the same"),
        (f"K: {ROW}\nD: [{'0, ' * 40}]", "left.distortion must be at most 32 numbers"),
        ("name: value", "it holds no calibration that is known"),
        ("- a: 1", "it is no mapping"),
        ("a: [1", "it is no YAML in line 1"),
        ("a:\n\t- 1", "it is no YAML in line 2"),
        ("a: \x1b", "it is no YAML"),
        ("[a, b]: 1", "a name in it is no text"),
        ('{"baseline": NaN}', "cannot be used; write a finite number"),
        ('{"baseline": 1e999}', "cannot be used; write a finite number"),
        ('{"baseline": ' + "9" * 5000 + "}", "cannot be used; write a finite number"),
        ('{"baseline": true}', "baseline must be a number of metres above 0"),
        ('{"baseline": "0.1"}', "baseline must be a number of metres above 0"),
        ('{"left": {"matrix": [1, 2]}}', "left.matrix must be 9 numbers"),
        ('{"right": {"distortion_model": 5}}', "right.distortion_model must be a short text"),
        ('{"left": 5}', "left must be an object"),
        ('{"size": [640.0, 480]}', "size must be"),
        ('{"size": {}}', "size must be"),
        ('{"field_of_view": 361}', "field_of_view must be"),
        ('{"version": "1.0"}', "it holds no calibration: it has none of the keys size, left,"),
        ('{"a": ' * 30000, "nested too deeply"),
        ('{"a" 1:}', "it is no JSON that can be read"),
    ],
)
def test_values_that_no_camera_has(refused, text, message):
    assert message in refused(text)


def test_yaml_cannot_grow(refused):
    bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(
        f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "it uses aliases (*name) of YAML" in refused(bomb)


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "!x ["])
def test_yaml_that_is_nested_deeply(refused, opening):
    assert "nested too deeply" in refused("a:\n " + opening * 50000)


def test_tags_of_yaml_run_nothing(refused, tmp_path):
    message = refused(f"camera_matrix: !!python/object/apply:os.mkdir ['{tmp_path}/made']")
    assert "camera_matrix must be a matrix" in message
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_too_long(refused):
    assert "at most 262,144 can be of use" in refused("baseline=1\n" * 30000)


def test_lines_of_blanks_take_no_time_that_grows_with_their_square(refused):
    # Each would take minutes in a pattern that tries every blank as a beginning.
    for text in ("\n" * 260000 + "=", " " * 260000 + "x:y z", "cam0=x" + " " * 260000 + "y", "P2: 1" + " " * 260000):
        assert refused(text)


def test_altered_files_are_a_calibration_or_one_line(tmp_path):
    whole = [
        f"cam0={CAM}\ncam1={CAM}\ndoffs=0\nbaseline=65\nwidth=960\nheight=640\nndisp=90\n",
        P + "1 0 2 -1 0 1 3 0 0 0 1 0\nS_rect_02: 1242 375\nS_rect_03: 1242 375\n",
        f"%YAML:1.0\n---\nK1: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: {ROW}\nK2: {ROW}\n",
        f"image_width: 9\nimage_height: 8\ndistortion_model: plumb_bob\n{ROS}{ROW}\nD: [0, 0.5]\n",
        '{"size": [9, 8], "left": {"focal_length": [1, 1]}, "baseline": 0.1}',
    ]
    dice = random.Random(0)
    path = tmp_path / "file"
    read = 0
    for count in range(400):
        data = bytearray(whole[count % len(whole)], "ascii")
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data))
            data[place : place + dice.choice((0, 1, 5))] = bytes(dice.choices(range(9, 127), k=dice.choice((0, 1, 3))))
        path.write_bytes(data)
        try:
            calibration_json(read_calibration(path))
            read += 1
        except InvalidInput as error:
            assert "\n" not in str(error)  # noqa: PT017
    assert 20 < read < 300


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({}, "empty"),
        ({"left": 5, "right": [1], "baseline": "x" * 99, "size": {"a": 1}}, "4 other entries"),
        ({"baseline": float("nan"), "disparities": [1e400, 2], "field_of_view": 10**400}, "3 other entries"),
        ({"left": {"focal_length": [[1], {}], "matrix": None}}, "of one camera"),
        ({"baseline": True, "size": [True, 5], "\x1b[2J": 0}, "3 other entries"),
    ],
)
def test_values_of_a_file_that_no_camera_has_are_passed_over(value, line):
    assert describe_calibration(value) == line
    assert describe_calibration(json.loads(json.dumps(value))) == line

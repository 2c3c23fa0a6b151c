"""`bisic encode --calibration` and `bisic decode --calibration`."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from commands import HEIGHT, WIDTH, error_line, names, run
from PIL import Image
from stereocodec_cli._calibration import CalibrationOptions
from stereocodec_cli._pictures import FramePictures

from stereocodec import Metadata, read_calibration
from stereocodec.container import Container, Layout
from stereocodec.depth_settings import DepthSettings
from stereocodec.pictures.picture import as_pair
from stereocodec.pictures.pil import load_picture

CALIB = f"cam0=[12.5 0 3.5; 0 12.5 2.5; 0 0 1]\nbaseline=65\nwidth={WIDTH}\nheight={HEIGHT}\n"
KITTI = "".join(f"P{index}: 700 0 {600 + index} {-70 * index} 0 700 170 0 0 0 1 0\n" for index in range(4))
BOARD = "%YAML:1.0\nP1: [10, 0, 3, 0, 0, 10, 2, 0, 0, 0, 1, 0]\nP2: [10, 0, 3, -600, 0, 10, 2, 20, 0, 0, 1, 0]\n"
ENCODE = ("encode", "left.png", "right.png", "-o", "pair.bsc", "--calibration")

needs_yaml = pytest.mark.skipif(find_spec("yaml") is None, reason="needs the extra calibration")
pytestmark = pytest.mark.usefixtures("raw_codec")


@pytest.fixture
def calib(folder):
    path = folder / "calib.txt"
    path.write_text(CALIB)
    return path


def metadata(path="pair.bsc"):
    return Container.from_bytes(Path(path).read_bytes()).metadata


def kept(path="pair.bsc"):
    return metadata(path).calibration


def test_a_calibration_goes_in_and_comes_out_as_json(calib):
    assert run(*ENCODE, "calib.txt").exit_code == 0
    assert kept() == read_calibration("calib.txt")
    result = run("decode", "pair.bsc", "--calibration", "cameras.json")
    assert result.exit_code == 0, result.output
    assert json.loads((calib.parent / "cameras.json").read_text()) == read_calibration("calib.txt")
    assert run("encode", "left.png", "right.png", "-o", "again.bsc", "--calibration", "cameras.json").exit_code == 0
    assert kept("again.bsc") == kept()
    assert run("decode", "pair.bsc", "-o", "new/", "--calibration", "new/cameras.json").exit_code == 0
    assert names(calib.parent / "new") == ["cameras.json", "pair_left.png", "pair_right.png"]


@needs_yaml
def test_two_files_of_a_calibration(folder):
    for name, tx in (("left", 0), ("right", -0.6)):
        text = f"image_width: {WIDTH}\nimage_height: {HEIGHT}\n"
        (folder / f"{name}.yaml").write_text(text + f"projection_matrix: [10, 0, 3, {tx}, 0, 10, 2, 0, 0, 0, 1, 0]\n")
    assert run(*ENCODE, "left.yaml", "--calibration", "right.yaml").exit_code == 0
    assert kept()["baseline"] == 0.06
    assert kept()["right"]["projection"][3] == -0.6


@needs_yaml
def test_the_unit_of_a_board(folder):
    (folder / "extrinsics.yml").write_text(BOARD)
    assert "--calibration-unit mm, cm or m" in error_line(run(*ENCODE, "extrinsics.yml"))
    assert run(*ENCODE, "extrinsics.yml", "--calibration-unit", "mm").exit_code == 0
    assert kept()["baseline"] == 0.06
    assert kept()["right"]["projection"][3::4] == [-0.6, 0.02, 0]


@pytest.mark.parametrize(
    ("folders", "swap", "expected"),
    [
        (("image_2", "image_3"), [], [602, 603]),
        (("image_00/data", "image_01/data"), [], [600, 601]),
        (("image_3", "image_2"), ["--swap"], [602, 603]),
    ],
)
def test_folders_of_the_views_tell_which_cameras_of_kitti_took_them(folder, folders, swap, expected):
    (folder / "000000.txt").write_text(KITTI)
    for view, name in zip(("left", "right"), folders, strict=True):
        (folder / name).mkdir(parents=True)
        (folder / f"{view}.png").rename(folder / name / "1.png")
    views = [f"{name}/1.png" for name in folders]
    result = run("encode", *views, "-o", "pair.bsc", "--calibration", "000000.txt", *swap)
    assert result.exit_code == 0, result.output
    assert [kept()[side]["principal_point"][0] for side in ("left", "right")] == expected


def test_the_folder_of_a_colour_picture_tells_which_camera_took_it(folder):
    (folder / "000000.txt").write_text(KITTI)
    (folder / "image_1").mkdir()
    (folder / "left.png").rename(folder / "image_1" / "1.png")
    Image.new("I;16", (WIDTH, HEIGHT), 500).save(folder / "depth.png")
    pictures = FramePictures("image_1/1.png", "depth.png", DepthSettings(), None)
    pictures.load()
    pictures.add_calibration(CalibrationOptions(("000000.txt",)))
    known = pictures.color.metadata.calibration
    assert list(known) == ["left"]
    assert known["left"]["principal_point"][0] == 601


def test_a_calibration_of_another_size_says_both_sizes(calib):
    calib.write_text(CALIB.replace(f"width={WIDTH}", "width=960"))
    line = error_line(run(*ENCODE, "calib.txt"))
    assert f"calib.txt is of views of 960x{HEIGHT}, these have {WIDTH}x{HEIGHT}: " in line
    assert "pair.bsc" not in names(calib.parent)


def test_half_views_may_have_the_calibration_of_whole_ones(calib):
    left, right = (np.asarray(Image.open(f"{view}.png")) for view in ("left", "right"))
    Image.fromarray(np.concatenate([left[:, ::2], right[:, ::2]], axis=1)).save("both.png")
    one = ("encode", "both.png", "-o", "pair.bsc", "--calibration", "calib.txt", "--layout")
    assert run(*one, "half-sbs").exit_code == 0
    assert kept()["size"] == [WIDTH, HEIGHT]
    assert metadata().layout is Layout.HALF_SBS
    assert "is of views of" in error_line(run(*one, "sbs", "-f"))


def test_what_the_pictures_say_and_the_file_does_not_is_kept(calib, monkeypatch):
    def opened(*arguments, **settings):
        known = {"baseline": 1, "disparity_adjustment": 0.02}
        return replace(as_pair(*map(load_picture, ("left.png", "right.png"))), metadata=Metadata(calibration=known))

    monkeypatch.setattr("stereocodec.pictures.open_pair.open_pair", opened)
    result = run("encode", "left.png", "-o", "pair.bsc", "--calibration", "calib.txt")
    assert result.exit_code == 0, result.output
    assert kept() == {**read_calibration("calib.txt"), "disparity_adjustment": 0.02}


def test_a_calibration_that_is_named_is_kept_without_other_metadata(calib):
    assert run(*ENCODE, "calib.txt", "--no-metadata").exit_code == 0
    assert metadata() == Metadata(calibration=read_calibration("calib.txt"))


def test_files_beside_the_views_are_not_taken_unasked(calib):
    assert run("encode", "left.png", "right.png", "-o", "pair.bsc").exit_code == 0
    assert kept() is None


def test_what_is_wrong_with_a_calibration_is_one_line_and_leaves_no_file(calib):
    calib.write_text("cam0=[1 2 3]\n")
    assert "calib.txt: cam0 must be three rows" in error_line(run(*ENCODE, "calib.txt"))
    assert "left.png" in error_line(run(*ENCODE, "left.png"))
    assert "gone.txt: no such file" in error_line(run(*ENCODE, "gone.txt"))
    assert "pair.bsc" not in names(calib.parent)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--calibration", "calib.txt"] * 3, "two files at most"),
        (["--calibration-unit", "mm"], "needs a calibration"),
        (["--calibration", "pair.bsc", "-f"], "The output is one of the inputs"),
    ],
)
def test_wrong_usage_of_encode(calib, arguments, message):
    (calib.parent / "pair.bsc").write_bytes(b"")
    result = run("encode", "left.png", "right.png", "-o", "pair.bsc", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_decode_says_that_a_file_has_no_calibration(pair_file):
    line = error_line(run("decode", "pair.bsc", "--calibration", "cameras.json"))
    assert "pair.bsc: it holds no calibration: leave --calibration out" in line
    assert names(pair_file.parent) == ["left.png", "pair.bsc", "right.png"]


def test_decode_replaces_no_calibration_unasked_and_never_its_own_input(calib, raw_codec):
    assert run(*ENCODE, "calib.txt").exit_code == 0
    raw_codec.made = ()
    assert "exists already" in error_line(run("decode", "pair.bsc", "--calibration", "calib.txt"))
    assert calib.read_text() == CALIB
    assert raw_codec.made == ()  # it is said before any work
    result = run("decode", "pair.bsc", "--calibration", "pair.bsc", "-f")
    assert result.exit_code == 2
    assert "--calibration is the file to decode" in result.output

"""`bisic encode`, `decode` and `info` with grey, turned and transparent pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import error_line, run
from conftest import sample_crop, save_tiny
from PIL import ExifTags, Image
from rgbd_frames import frame, save_small

from stereocodec.container import Channels, Container

VIEWS = sample_crop(20, 28)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("releases")
    return save_tiny(folder / "tiny"), save_small(folder / "small")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(array, path, orientation=None):
    exif = Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(array).save(path, exif=exif)


def encode(release, *more):
    result = run("encode", "left.png", *more, "-o", "x.bsc", "--model", str(release), "--device", "cpu")
    assert result.exit_code == 0, result.output
    return result.output


def decode(release):
    result = run("decode", "x.bsc", "--model", str(release), "--device", "cpu")
    assert result.exit_code == 0, result.output
    return result.output


def test_grey_views_are_written_grey(here, releases):
    for name, view in zip(("left", "right"), VIEWS, strict=True):
        save(view[..., 0], here / f"{name}.png")
    assert "PSNR: left " in encode(releases[0], "right.png")
    decode(releases[0])
    for name in ("left", "right"):
        with Image.open(here / f"x_{name}.png") as image:
            assert (image.mode, image.size) == ("L", (28, 20))
    assert "two of 28x20, RGB8, grey\n" in run("info", "x.bsc").output
    assert json.loads(run("info", "x.bsc", "--json").output)["channels"] == "GREY"


def test_turned_views_are_written_upright(here, releases):
    for name, view in zip(("left", "right"), VIEWS, strict=True):
        save(view, here / f"{name}.png", 6)
    assert ", 20x28, " in encode(releases[0], "right.png")
    container = Container.from_bytes((here / "x.bsc").read_bytes())
    assert (container.width, container.height, container.orientation) == (28, 20, 6)
    assert decode(releases[0]).endswith(": 20x28\n")
    with Image.open(here / "x_left.png") as image:
        assert image.size == (20, 28)
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    text = run("info", "x.bsc").output
    assert "two of 28x20, RGB8\n" in text
    assert "orientation: 6, shown turned by 90 degrees clockwise as 20x28\n" in text
    described = json.loads(run("info", "x.bsc", "--json").output)
    assert (described["width"], described["orientation"]) == (28, 6)
    assert described["shown"] == {"width": 20, "height": 28}


def test_psnr_compares_what_is_shown(here, releases):
    printed = set()
    for orientation in (1, 3):
        for name, view in zip(("left", "right"), VIEWS, strict=True):
            save(view, here / f"{name}.png", orientation)
        printed.add(encode(releases[0], "right.png", "-f").splitlines()[-1])
    assert len(printed) == 1


@pytest.mark.parametrize("orientation", [3, 6])
def test_colour_and_depth_are_written_upright(here, releases, orientation):
    color, depth = frame(20, 26)
    save(color, here / "left.png", orientation)
    save(depth, here / "depth.png")
    printed = encode(releases[1], "--depth", "depth.png")
    plain_error = printed.splitlines()[-1]
    decode(releases[1])
    with Image.open(here / "x_color.png") as shown, Image.open(here / "x_depth.png") as shown_depth:
        assert shown.size == shown_depth.size == ((20, 26) if orientation == 6 else (26, 20))
        holes = np.asarray(shown_depth) == 0
    np.testing.assert_array_equal(holes, np.rot90(depth, {3: 2, 6: -1}[orientation]) == 0)
    save(color, here / "left.png")
    assert encode(releases[1], "--depth", "depth.png", "-f").splitlines()[-1] == plain_error


def test_background(here, releases):
    for name, view in zip(("left", "right"), VIEWS, strict=True):
        save(np.dstack([view, np.full(view.shape[:2], 9, np.uint8)]), here / f"{name}.png")
    arguments = ["encode", "left.png", "right.png", "-o", "x.bsc", "--model", str(releases[0]), "--device", "cpu"]
    line = error_line(run(*arguments))
    assert "left.png has an alpha channel" in line
    assert "--background white" in line
    assert "magick left.png -background white -alpha remove -alpha off OUT.png" in line
    assert run(*arguments, "--background", "#ffffff").exit_code == 0
    assert Container.from_bytes((here / "x.bsc").read_bytes()).channels is Channels.RGB
    wrong = run(*arguments, "-f", "--background", "no colour")
    assert wrong.exit_code == 2
    assert "give an opaque colour" in wrong.output


def test_background_beside_depth(here, releases):
    color, depth = frame(20, 26)
    save(np.dstack([color, np.zeros(depth.shape, np.uint8)]), here / "left.png")
    save(depth, here / "depth.png")
    arguments = ["encode", "--depth", "depth.png", "left.png", "-o", "x.bsc", "--model", str(releases[1])]
    assert "--background" in error_line(run(*arguments, "--device", "cpu"))
    assert run(*arguments, "--device", "cpu", "--background", "gray").exit_code == 0

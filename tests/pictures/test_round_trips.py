"""What `save_pair` writes, `open_pair` reads as the same pair."""

from __future__ import annotations

import numpy as np
import pytest
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import Image

from stereocodec import Metadata, open_pair, save_pair
from stereocodec.container.layouts import LAYOUT_NAMES, Layout
from stereocodec.container.shown import Channels

LEFT, RIGHT = np.random.default_rng(0).integers(0, 256, (2, 8, 24, 3), dtype=np.uint8)
PROFILE = matrix_profile(DISPLAY_P3, "wide")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(pair, left, right, loss=0):
    for view, expected in zip(pair, (left, right), strict=True):
        assert np.abs(view.shown().astype(int) - expected).mean() <= loss


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "ppm", "bmp"])
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_layouts_of_one_picture(layout, suffix):
    """Views of half layouts come as they are stored."""
    given = Metadata(layout=Layout(layout)) if layout.startswith("half") else Metadata()
    save_pair(LEFT, RIGHT, f"x.{suffix}", layout=layout, metadata=given)
    pair = open_pair(f"x.{suffix}", layout=layout)
    check(pair, LEFT, RIGHT)
    assert pair.metadata.layout is Layout(layout)


@pytest.mark.parametrize("layout", [None, *LAYOUT_NAMES])
def test_stereo_jpeg_needs_no_word(layout):
    given = Metadata(layout=Layout(layout)) if layout and layout.startswith("half") else Metadata()
    save_pair(LEFT, RIGHT, "x.jps", layout=layout, metadata=given)
    pair = open_pair("x.jps")
    check(pair, LEFT, RIGHT, loss=4)
    assert pair.metadata.layout is Layout(layout or "sbs-cross")
    with open("x.jps", "rb") as file:
        assert open_pair(file).metadata.layout is Layout(layout or "sbs-cross")  # by its segment, not its name


@pytest.mark.parametrize("width", [24, 23, 20])
def test_stereo_png_needs_no_word(width):
    save_pair(LEFT[:, :width], RIGHT[:, :width], "x.pns")
    pair = open_pair("x.pns")
    check(pair, LEFT[:, :width], RIGHT[:, :width])
    assert pair.metadata.layout is Layout.SBS_CROSS
    with open("x.pns", "rb") as file:
        assert (b"sTER" in file.read()) is (width == 24)  # the right view begins at a multiple of 8


def test_mpo_needs_no_word_and_keeps_what_the_cameras_know():
    calibration = {"baseline": 0.077, "convergence_angle": 2.2}
    save_pair(LEFT, RIGHT, "x.mpo", metadata=Metadata(PROFILE, None, XMP, calibration))
    pair = open_pair("x.mpo")
    check(pair, LEFT, RIGHT, loss=4)
    assert (pair.metadata.icc_profile, pair.metadata.xmp, pair.metadata.layout) == (PROFILE, XMP, None)
    assert pair.metadata.calibration == pytest.approx(calibration)
    with open("x.mpo", "rb") as file:
        assert file.read().count(XMP) == 1  # of the first picture
    save_pair(LEFT, RIGHT, "y.jpg", layout="mpo")
    pair = open_pair("y.jpg")
    check(pair, LEFT, RIGHT, loss=4)
    assert pair.metadata.calibration is None


def test_both_pictures_of_an_mpo_file_have_the_quality():
    save_pair(LEFT, RIGHT, "x.mpo", quality=40)
    with Image.open("x.mpo") as image:
        tables = image.quantization
        image.seek(1)
        assert image.quantization == tables


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("x.png", Channels.GREY),
        ("x.pgm", Channels.GREY),
        ("x.jps", Channels.GREY),
        ("x.mpo", Channels.GREY),
        ("x.webp", Channels.GREY_RGB),
    ],
)
def test_grey_pairs(name, channels):
    left, right = LEFT[..., 0], RIGHT[..., 0]
    save_pair(left, right, name)
    pair = open_pair(name, layout=None if name in ("x.jps", "x.mpo") else "sbs")
    assert pair.left.channels is channels
    for view, expected in zip(pair, (left, right), strict=True):
        shown = view.shown() if channels is Channels.GREY else view.shown()[..., 0]
        assert np.abs(shown.astype(int) - expected).mean() <= (4 if name in ("x.jps", "x.mpo") else 0)


def test_a_pair_that_was_opened_is_saved_with_what_it_says():
    save_pair(LEFT, RIGHT, "x.mpo", metadata=Metadata(PROFILE, None, XMP))
    pair = open_pair("x.mpo")
    save_pair(*pair, "y.png", layout="tb", metadata=pair.metadata)
    again = open_pair("y.png", layout="tb")
    check(again, *(view.shown() for view in pair))
    assert (again.metadata.icc_profile, again.metadata.xmp) == (PROFILE, XMP)

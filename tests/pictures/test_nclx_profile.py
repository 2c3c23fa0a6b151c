"""Colours that HEIC and AVIF files name by code points become ICC profiles."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from heif_files import avif_of, opened, view
from PIL import Image, ImageCms
from spatial_photo import heic

from stereocodec.container.shown import Channels
from stereocodec.pictures.pil import load_picture

SRGB = struct.pack(">HH", 1, 13)


def profile(primaries, transfer, write=avif_of):
    """That of a picture with code points."""
    data = write(view(0))
    assert b"nclx" + SRGB in data
    return load_picture(
        io.BytesIO(data.replace(b"nclx" + SRGB, b"nclx" + struct.pack(">HH", primaries, transfer)))
    ).metadata.icc_profile


def in_srgb(rgb, data):
    """What Pillow's colour management makes of a colour."""
    opened_profile, srgb = ImageCms.ImageCmsProfile(io.BytesIO(data)), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(Image.new("RGB", (1, 1), rgb), opened_profile, srgb, 1).getpixel((0, 0))


@pytest.mark.parametrize("write", [heic, avif_of])
def test_display_p3_is_what_css_says(write):
    if write is heic:
        pytest.importorskip("pillow_heif", reason="HEIC needs the extra stereocodec[heif]")
    wide = profile(12, 13, write)
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(wide))).startswith("Display P3")
    # CSS Color 4 gives rgb(214.9 92.6 31.0) for color(display-p3 0.784 0.392 0.196).
    assert in_srgb((200, 100, 50), wide) == (215, 93, 31)
    assert in_srgb((128, 128, 128), wide) == (128, 128, 128)


def test_other_curves_and_primaries():
    for transfer, light in ((8, 0.5), (4, 0.5**2.2), (5, 0.5**2.8), (1, ((0.5 + 0.099) / 1.099) ** (1 / 0.45))):
        level = 12.92 * light if light < 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
        got = in_srgb((128, 128, 128), profile(9, transfer))
        assert np.ptp(got) <= 1
        assert abs(got[0] - 255 * level) < 2
    assert in_srgb((255, 0, 0), profile(9, 13)) == (255, 0, 0)  # redder than sRGB
    pastel = in_srgb((180, 160, 150), profile(9, 13))
    assert pastel[0] > 180 > 160 > pastel[1]


def test_a_pair_has_the_profile_of_its_left_view():
    data = avif_of(view(0), view(1)).replace(b"nclx" + SRGB, b"nclx" + struct.pack(">HH", 12, 13))
    assert opened(data, layout="mpo").metadata.icc_profile == profile(12, 13)


def test_what_is_not_specified_is_that_of_srgb():
    assert profile(12, 2) == profile(12, 13)
    assert profile(2, 8) == profile(1, 8) is not None


@pytest.mark.parametrize("codes", [(1, 13), (1, 1), (2, 2), (1, 6), (6, 6), (9, 16), (9, 18), (200, 13), (12, 200)])
def test_what_is_shown_as_srgb_or_unknown_gets_none(codes):
    assert profile(*codes) is None


def test_a_grey_picture_gets_none_of_colour():
    pytest.importorskip("pillow_heif", reason="HEIC needs the extra stereocodec[heif]")
    data = heic(view(0).convert("L"))
    assert b"nclx" + SRGB in data
    picture = load_picture(io.BytesIO(data.replace(b"nclx" + SRGB, b"nclx" + struct.pack(">HH", 12, 13))))
    assert picture.channels is Channels.GREY
    assert picture.metadata.icc_profile is None

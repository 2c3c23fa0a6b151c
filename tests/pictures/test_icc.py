"""ICC profiles: read as far as their names, refused where they are none, and two views brought to one."""

import io

import numpy as np
import pytest
from icc_profiles import D50, DISPLAY_P3, SRGB, grey_profile, matrix_profile, profile, text, xyz
from PIL import Image, ImageCms

from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.icc import checked_profile, in_one_profile, profile_name
from stereocodec.pictures.srgb import to_srgb

P3, STANDARD, GREY = matrix_profile(DISPLAY_P3, "Display P3"), matrix_profile(SRGB, "sRGB"), grey_profile(2.2)
COLOURS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREYS = np.repeat(COLOURS[..., :1], 3, axis=-1)


def pillows_srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_names_of_both_versions():
    assert profile_name(P3) == "Display P3"
    assert profile_name(pillows_srgb()) == "sRGB built-in"
    old = b"desc" + bytes(4) + (9).to_bytes(4, "big") + b"Adobe RGB\0" + bytes(80)
    assert profile_name(profile(b"RGB ", {b"desc": old})) == "Adobe RGB"


@pytest.mark.parametrize(
    "element",
    [b"", b"desc", b"mluc" + bytes(4) + b"\xff" * 8, b"what" + bytes(90), b"mluc" + bytes(12), b"desc" + bytes(8)],
)
def test_names_that_are_none(element):
    assert profile_name(profile(b"RGB ", {b"desc": element})) is None


def test_every_profile_that_is_cut_off_has_a_name_or_none():
    assert {profile_name(P3[:end]) for end in range(len(P3))} <= {None, *("Display P3"[:end] for end in range(11))}
    assert profile_name(b"\xff" * 400) is None


def test_long_names_are_cut():
    assert profile_name(profile(b"RGB ", {b"desc": text("x" * 100_000)})) == "x" * 200


@pytest.mark.parametrize("data", [P3, STANDARD, pillows_srgb()])
def test_profiles_that_fit_are_kept(data):
    assert checked_profile(data, Channels.RGB) is data
    assert checked_profile(data, Channels.GREY_RGB) is data
    assert checked_profile(GREY, Channels.GREY) is GREY


@pytest.mark.parametrize(
    ("data", "channels", "message"),
    [
        (b"not a profile", Channels.RGB, "is no ICC profile"),
        (bytes(500), Channels.RGB, "is no ICC profile"),
        (P3, Channels.GREY, "is for RGB, and the picture is GRAY"),
        (GREY, Channels.RGB, "is for GRAY, and the picture is RGB"),
        (GREY, Channels.GREY_RGB, "is for GRAY, and the picture is RGB"),
        (profile(b"CMYK", {}), Channels.RGB, "is for CMYK, and the picture is RGB"),
        (P3[:128] + b"\xff" * 4 + P3[132:], Channels.RGB, "is damaged"),
        (P3[:140], Channels.RGB, "is damaged"),
    ],
)
def test_profiles_that_are_none_say_why(data, channels, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        checked_profile(data, channels)


def colours_of(pixels, data):
    """As Little CMS shows them, in Lab of 8 bits: (H, W, 3), int."""
    transform = ImageCms.buildTransform(io.BytesIO(data), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transform)).astype(int)


def test_pixels_of_another_profile_are_converted_and_look_the_same():
    muted = COLOURS // 2 + 64  # within both
    (left, right), common = in_one_profile([muted, muted], [P3, STANDARD], Channels.RGB)
    assert common is P3
    assert left is muted
    assert np.abs(colours_of(right, P3)[..., 0] - colours_of(muted, STANDARD)[..., 0]).max() <= 2
    assert np.abs(right.astype(int) - muted).max() > 5


def test_profiles_that_differ_in_their_headers_alone_change_no_pixel():
    later = P3[:29] + bytes([1]) + P3[30:]
    assert later != P3
    (_, right), common = in_one_profile([COLOURS, COLOURS], [P3, later], Channels.RGB)
    assert right is COLOURS
    assert common is P3


@pytest.mark.parametrize("profiles", [(P3, None), (None, P3)])
def test_a_view_without_a_profile_has_that_of_the_other(profiles):
    views, common = in_one_profile([COLOURS, COLOURS], profiles, Channels.RGB)
    assert all(view is COLOURS for view in views)
    assert common is P3


def test_no_profile_that_fits_is_none():
    views, common = in_one_profile([GREYS, COLOURS], [GREY, None], Channels.RGB)
    assert common is None
    assert views[0] is GREYS
    assert in_one_profile([GREYS, GREYS], [None, None], Channels.GREY)[1] is None


def test_grey_views_are_converted_as_grey_ones():
    (left, right), common = in_one_profile([GREYS, GREYS], [GREY, grey_profile(1.8)], Channels.GREY)
    assert common is GREY
    assert left is GREYS
    expected = 255 * (GREYS / 255) ** (1.8 / 2.2)
    assert np.abs(right - expected).max() <= 2
    assert right.shape == GREYS.shape
    np.testing.assert_array_equal(right[..., 0], right[..., 2])


def test_colours_are_relative_to_the_white_of_each_profile():
    bluish = P3.replace(b"mntr", b"scnr").replace(xyz(*D50), xyz(0.9505, 1.0, 1.0891))
    white = np.full((2, 2, 3), 255, np.uint8)
    (_, right), _ = in_one_profile([white, white], [STANDARD, bluish], Channels.RGB)
    np.testing.assert_array_equal(right, white)


def test_a_grey_view_beside_one_in_colour_gets_its_profile():
    (left, right), common = in_one_profile([GREYS, COLOURS], [grey_profile(1.8), STANDARD], Channels.RGB)
    assert common is STANDARD
    assert right is COLOURS
    light = (GREYS / 255) ** 1.8
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(left - expected).max() <= 2


def test_profiles_that_pixels_cannot_be_converted_to_are_refused():
    empty = profile(b"RGB ", {b"desc": text("nothing")})
    assert checked_profile(empty, Channels.RGB) is empty
    with pytest.raises(InvalidInput, match=r"^left and right have different ICC profiles, .* to sRGB first$"):
        in_one_profile([COLOURS, COLOURS], [empty, P3], Channels.RGB)


def test_without_little_cms_profiles_are_kept_unread(monkeypatch):
    class Missing:  # as Pillow stands in for it
        def __getattr__(self, name):
            raise ImportError("no Little CMS")

    monkeypatch.setattr(ImageCms, "core", Missing())
    assert checked_profile(P3, Channels.RGB) is P3
    assert to_srgb(COLOURS, P3).tobytes() == COLOURS.tobytes()
    with pytest.raises(InvalidInput, match=r"no Little CMS\): convert both to sRGB first$"):
        in_one_profile([COLOURS, COLOURS], [P3, STANDARD], Channels.RGB)

"""Red-cyan anaglyphs: the published matrices in linear light, and colours of other profiles."""

from __future__ import annotations

import numpy as np
import pytest
from icc_profiles import DISPLAY_P3, SRGB, grey_profile, matrix_profile
from PIL import ImageCms

from stereocodec.pictures import strips
from stereocodec.pictures.anaglyph import anaglyph
from stereocodec.pictures.srgb import to_srgb


def view(*pixels):
    return np.array([pixels], np.uint8)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((255, 255, 255), (255, 255, 255), (255, 255, 255)),
        ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
        # By hand: 0.437 of full red is 0.6934 when encoded; what is below 0 is cut.
        ((255, 0, 0), (0, 0, 0), (177, 0, 0)),
        # 0.761 of full green is 0.8865, and 1.234 of full blue is cut to 1.
        ((0, 0, 0), (0, 255, 0), (0, 226, 0)),
        ((0, 0, 0), (0, 0, 255), (0, 24, 255)),
        # 128 is 0.2159 in linear light, and 0.449 of that 0.0969.
        ((0, 128, 0), (0, 0, 0), (88, 0, 0)),
        # 5 is on the straight part of the curve, where both views sum to 0.999 of it.
        ((5, 5, 5), (5, 5, 5), (5, 5, 5)),
    ],
)
def test_the_matrices_multiply_linear_light(left, right, expected):
    np.testing.assert_array_equal(anaglyph(view(left), view(right)), view(expected))


def test_it_is_the_same_in_parts(monkeypatch):
    left, right = np.random.default_rng(0).integers(0, 256, (2, 7, 5, 3), dtype=np.uint8)
    whole = anaglyph(left, right)
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", 10)
    np.testing.assert_array_equal(anaglyph(left, right), whole)


def test_profiles_of_srgb_and_none_leave_colours_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_srgb(pixels, None), pixels)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(to_srgb(pixels, profile).astype(int) - pixels).max() <= 1
    np.testing.assert_array_equal(to_srgb(pixels[..., 0], None), np.dstack([pixels[..., 0]] * 3))


@pytest.mark.parametrize("profile", [b"", b"no profile", bytes(128)])
def test_a_profile_that_cannot_be_used_stands_for_none(profile):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_srgb(pixels, profile), pixels)


def linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(light):
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_colours_of_a_wide_gamut_become_those_of_srgb():
    pixels = np.random.default_rng(0).integers(80, 176, (6, 8, 3), dtype=np.uint8)  # colours that sRGB has, too
    light = linear(pixels / 255) @ (np.linalg.inv(SRGB) @ DISPLAY_P3).T
    expected = np.rint(255 * encoded(light.clip(0, 1)))
    found = to_srgb(pixels, matrix_profile(DISPLAY_P3, "wide")).astype(int)
    assert np.abs(found - pixels).max() > 3
    assert np.abs(found - expected).max() <= 1


def test_greys_of_a_profile_become_those_of_srgb():
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.rint(255 * encoded((greys / 255) ** 1.8))
    found = to_srgb(greys, grey_profile(1.8)).astype(int)
    assert np.abs(found - expected[..., None])[greys >= 16].max() <= 1

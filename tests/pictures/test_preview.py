"""What notebooks and prompts show of pictures and pairs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from stereocodec.container import Channels, Layout, Metadata
from stereocodec.pictures.picture import Picture, StereoPair


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def shown(picture):
    return Image.open(io.BytesIO(picture._repr_png_()))


def test_small_pictures_are_shown_as_they_are():
    left, right = noise(6, 8), noise(6, 8, 1)
    assert np.array_equal(np.asarray(shown(Picture(left))), left)
    assert np.array_equal(np.asarray(shown(StereoPair(Picture(left), Picture(right)))), np.hstack([left, right]))


def test_large_ones_are_scaled_down_to_less_than_a_megabyte():
    view = Picture(noise(1200, 800))
    pair = StereoPair(view, view)
    assert shown(pair).size == (2 * 267, 400)
    assert len(StereoPair(Picture(noise(800, 800)), Picture(noise(800, 800)))._repr_png_()) < 2**20
    assert shown(Picture(noise(1, 3000))).size == (400, 1)
    pixels = noise(800, 800)
    means = pixels.reshape(400, 2, 400, 2, 3).mean((1, 3))
    assert np.abs(np.asarray(shown(Picture(pixels))) - means).max() <= 1


@pytest.mark.parametrize(("layout", "size"), [(Layout.HALF_SBS, (32, 6)), (Layout.HALF_TB, (16, 12))])
def test_half_pairs_get_square_pixels(layout, size):
    pair = StereoPair(Picture(noise(6, 8)), Picture(noise(6, 8)), Metadata(layout=layout))
    assert shown(pair).size == size


def test_orientation_grey_and_profile():
    pixels = noise(6, 8)
    turned = Picture(pixels, orientation=3)
    assert np.array_equal(np.asarray(shown(turned)), pixels[::-1, ::-1])
    grey = Picture(np.repeat(pixels[..., :1], 3, axis=2), Channels.GREY)
    assert shown(grey).mode == "L"
    assert shown(Picture(pixels, metadata=Metadata(icc_profile=b"a profile"))).info["icc_profile"] == b"a profile"


def test_repr_is_short_and_names_what_is_known():
    left, right = Picture(noise(640, 960)), Picture(noise(640, 960))
    assert repr(left) == "Picture(960x640, RGB)"
    assert repr(StereoPair(left, right)) == "StereoPair(960x640, RGB)"
    metadata = Metadata(icc_profile=b"x", calibration={}, layout=Layout.HALF_SBS)
    assert (
        repr(StereoPair(left, right, metadata)) == "StereoPair(960x640, RGB, layout=half-sbs, icc_profile, calibration)"
    )
    turned = Picture(noise(6, 8), Channels.GREY, 6, Metadata(exif=b"x", xmp=b"y"))
    assert repr(turned) == "Picture(8x6, GREY, orientation=6, exif, xmp)"

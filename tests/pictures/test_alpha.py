"""Pictures with alpha: opaque ones are taken, others need a background."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stereocodec.container import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.alpha import background_levels
from stereocodec.pictures.rgb import to_picture, to_rgb8

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
MODES = ["RGBA", "LA", "PA", "P", "L", "1", "RGB"]


def see_through(mode):
    """A picture with the level or colour 0 transparent at the upper left pixel, and with opaque ones."""
    values = np.maximum(RGB, 1)
    values[0, 0] = 0
    image = Image.fromarray(values)
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putpixel((0, 0), (0,) * (len(mode) - 1) + (0,))
    elif mode == "PA":
        image = image.convert("L").convert("PA")
        image.putpixel((0, 0), (0, 0))
    else:
        image = image.convert(mode)
        first = image.getpixel((0, 0))
        image.info["transparency"] = first
    return image


@pytest.mark.parametrize("mode", MODES)
def test_transparent_parts_are_refused_and_both_ways_out_are_named(mode):
    ways = r"--background white \(in Python background='white'\), or with magick IN -background white -alpha remove "
    with pytest.raises(InvalidInput, match=rf"^left has an alpha .*\(mode {mode}\).*{ways}-alpha off OUT.png$"):
        to_rgb8(see_through(mode), "left")


@pytest.mark.parametrize("mode", MODES)
def test_a_background_shows_where_the_picture_is_transparent(mode):
    image = see_through(mode)
    flattened = to_picture(image, "left", "#ff8000").pixels
    assert tuple(flattened[0, 0]) == (255, 128, 0)
    opaque = np.asarray(image.convert("RGBA"))[..., 3] == 255
    assert opaque.any()
    np.testing.assert_array_equal(flattened[opaque], np.asarray(image.convert("RGBA"))[opaque][:, :3])


def test_half_transparent_parts_are_blended():
    image = Image.new("RGBA", (2, 1), (200, 100, 0, 128))
    np.testing.assert_allclose(to_picture(image, "left", (0, 100, 200)).pixels[0, 0], [100, 100, 100], atol=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "RGBa", "La"])
def test_what_is_opaque_everywhere_is_taken(mode):
    plain = {"LA": "L", "La": "L", "PA": "L"}.get(mode, "RGB")
    image = Image.fromarray(RGB).convert(plain)
    if mode == "P":
        image = image.quantize(16)
        plain = "P"
        image.info["transparency"] = 255  # which no pixel has
    elif mode in ("RGBa", "La"):
        image = image.convert(f"{plain}A").convert(mode)
    else:
        image = image.convert(mode)
    assert image.has_transparency_data
    expected = np.asarray(image.convert("RGB") if mode == "P" else Image.fromarray(RGB).convert(plain).convert("RGB"))
    np.testing.assert_array_equal(to_rgb8(image, "left"), expected)


def test_grey_stays_grey_on_grey_and_only_there():
    image = see_through("LA")
    assert to_picture(image, "left", "gray").channels is Channels.GREY
    assert to_picture(image, "left", "red").channels is Channels.RGB
    assert to_picture(Image.new("LA", (2, 2), (7, 255)), "left").channels is Channels.GREY


def test_pictures_without_alpha_do_not_change():
    np.testing.assert_array_equal(to_picture(Image.fromarray(RGB), "left", "red").pixels, RGB)


@pytest.mark.parametrize(
    ("background", "levels"),
    [("white", (255, 255, 255)), ("#8040ff", (128, 64, 255)), ("#000000ff", (0, 0, 0)), ((1, 2, 3), (1, 2, 3))],
)
def test_backgrounds(background, levels):
    assert background_levels(background) == levels


@pytest.mark.parametrize("background", ["no colour", "", "#80", "#ffffff80", (1, 2), (1, 2, 256), (1.0, 2, 3), 7, True])
def test_what_is_no_background(background):
    with pytest.raises(InvalidInput, match=r"^the background is .*: give an opaque colour"):
        to_picture(Image.fromarray(RGB), "left", background)

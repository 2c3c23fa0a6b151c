"""Exif orientations: pictures are kept as they are stored, and shown as viewers show them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.depth import DepthMap, as_frame, depth_orientation, load_depth, to_depth_map
from stereocodec.pictures.picture import Picture, as_pair, turned, turning_back
from stereocodec.pictures.pil import load_image, load_picture
from stereocodec.pictures.rgb import to_pair, to_picture, to_rgb8, to_views

RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
DEPTH = np.arange(24, dtype=np.uint16).reshape(4, 6)
EVERY = range(1, 9)


def stored(array, orientation, image_format="PNG", **settings):
    """A file of a picture with an orientation, without one for None."""
    exif = Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    Image.fromarray(array).save(file, image_format, exif=exif, **settings)
    file.seek(0)
    return file


def picture(orientation=1, array=RGB):
    return Picture(array, Channels.RGB, orientation)


@pytest.mark.parametrize("orientation", EVERY)
def test_turned_is_what_viewers_show_and_can_be_undone(orientation):
    with Image.open(stored(RGB, orientation)) as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(turned(RGB, orientation), shown)
    np.testing.assert_array_equal(turned(shown, turning_back(orientation)), RGB)
    assert turned(RGB, orientation).flags.c_contiguous


@pytest.mark.parametrize(
    ("image_format", "settings"),
    [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
@pytest.mark.parametrize("orientation", EVERY)
def test_files_and_images_keep_what_is_stored(image_format, settings, orientation):
    file = stored(RGB, orientation, image_format, **settings)
    read = load_picture(file)
    np.testing.assert_array_equal(read.pixels, RGB)
    assert read.orientation == orientation
    with Image.open(file) as image:
        opened = to_picture(image, "left")
    np.testing.assert_array_equal(opened.pixels, RGB)
    assert opened.orientation == orientation
    for shown in (np.asarray(load_image(file)), to_rgb8(opened, "left")):
        np.testing.assert_array_equal(shown, turned(RGB, orientation))


def test_a_tiff_file_that_pillow_has_decoded_is_upright():
    with Image.open(stored(RGB, 6, "TIFF")) as image:
        image.load()
        decoded = to_picture(image, "left")
    assert decoded.orientation == 1
    np.testing.assert_array_equal(decoded.pixels, turned(RGB, 6))


def test_copies_keep_the_orientation_and_arrays_have_none():
    with Image.open(stored(RGB, 8)) as image:
        assert to_picture(image.copy(), "left").orientation == 8
    assert to_picture(RGB, "left").orientation == 1


def test_views_that_agree_stay_as_they_are_stored():
    left, right = to_views(Image.open(stored(RGB, 6)), Image.open(stored(255 - RGB, 6)))
    assert left.orientation == right.orientation == 6
    np.testing.assert_array_equal(left.pixels, RGB)
    np.testing.assert_array_equal(right.pixels, 255 - RGB)
    shown = to_pair(left, right)
    np.testing.assert_array_equal(shown[0], turned(RGB, 6))


@pytest.mark.parametrize(("first", "second"), [(3, 1), (1, 2), (6, 8), (6, 5)])
def test_views_that_differ_are_made_upright(first, second):
    left, right = as_pair(picture(first), picture(second))
    assert left.orientation == right.orientation == 1
    np.testing.assert_array_equal(left.pixels, turned(RGB, first))
    np.testing.assert_array_equal(right.pixels, turned(RGB, second))


def test_views_whose_sizes_differ_when_shown_are_refused():
    message = r"^left is 4x6, right is 6x4 when shown \(Exif orientations 6 and 1\): the two views"
    with pytest.raises(InvalidInput, match=message):
        as_pair(picture(6), picture(1))
    with pytest.raises(InvalidInput, match=r"^left is 6x4, right is 6x3: "):
        as_pair(picture(6), picture(6, RGB[:3]))


def frame(color_orientation, depth_orientation, depth=DEPTH):
    return as_frame(picture(color_orientation), DepthMap(depth, 0.001), depth_orientation)


@pytest.mark.parametrize("orientation", EVERY)
@pytest.mark.parametrize("says_so", [True, False])
def test_colour_governs_depth_that_is_stored_alike(orientation, says_so):
    color, depth = frame(orientation, orientation if says_so else None)
    assert color.orientation == orientation
    np.testing.assert_array_equal(depth.samples, DEPTH)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_depth_of_the_size_that_is_shown_is_upright(orientation):
    color, depth = frame(orientation, None, turned(DEPTH, orientation))
    assert color.orientation == 1
    np.testing.assert_array_equal(color.pixels, turned(RGB, orientation))
    np.testing.assert_array_equal(depth.samples, turned(DEPTH, orientation))


@pytest.mark.parametrize(("color", "depth"), [(3, 1), (1, 3), (6, 8), (2, 4)])
def test_depth_that_says_otherwise_is_made_upright(color, depth):
    picture, samples = frame(color, depth)
    assert picture.orientation == 1
    np.testing.assert_array_equal(picture.pixels, turned(RGB, color))
    np.testing.assert_array_equal(samples.samples, turned(DEPTH, depth))


def test_depth_of_no_fitting_size_is_refused():
    with pytest.raises(InvalidInput, match=r"^color is 4x6, depth is 6x4 when shown \(Exif orientations 6 and 3\): "):
        frame(6, 3)
    with pytest.raises(InvalidInput, match=r"^color is 6x4, depth is 5x4: depth must be registered"):
        frame(1, None, DEPTH[:, :5])


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [None, 1, 3, 6])
def test_depth_maps_are_read_as_they_are_stored(image_format, orientation):
    file = stored(DEPTH, orientation, image_format)
    image = load_depth(file, "depth")
    assert depth_orientation(image) == orientation
    np.testing.assert_array_equal(np.asarray(image), DEPTH)
    with Image.open(file) as image:
        assert depth_orientation(image) == orientation
        np.testing.assert_array_equal(to_depth_map(image).samples, DEPTH)

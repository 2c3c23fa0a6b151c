"""MPO files: which are pairs, which view is the left one, and what they say of the camera."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from mpo_files import (
    ANGLE,
    BASE,
    BASELINE,
    DISPARITY,
    GAIN_MAP,
    GAIN_MAP_MARK,
    MULTI_ANGLE,
    NUMBER,
    PANORAMA,
    PRIMARY,
    THUMBNAIL,
    UNDEFINED,
    jpeg,
    mpo,
    picture,
    pixels_of,
    with_segment,
)
from PIL import Image

from stereocodec import open_pair
from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput

LEFT, RIGHT = jpeg(picture(1)), jpeg(picture(2))
SMALL = jpeg(picture(3, (16, 12)))


def views(data, **options):
    pair = open_pair(io.BytesIO(data), name="photo.mpo", **options)
    return [view.pixels for view in pair]


def assert_views(data, left=LEFT, right=RIGHT, **options):
    for view, expected in zip(views(data, **options), (left, right), strict=True):
        np.testing.assert_array_equal(view, pixels_of(expected))


def refusal(data, **options):
    with pytest.raises(InvalidInput) as caught:
        views(data, **options)
    return str(caught.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "kinds", [(DISPARITY, DISPARITY), (PRIMARY, DISPARITY), (UNDEFINED, DISPARITY), (DISPARITY, UNDEFINED)]
)
def test_pictures_of_the_type_disparity_are_a_pair(kinds, order):
    data = mpo([LEFT, RIGHT], kinds, order=order)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)  # the file is what Pillow takes for one
    assert_views(data)
    assert_views(data, left=RIGHT, right=LEFT, swap=True)


def test_a_file_on_disk_whatever_its_suffix(tmp_path):
    for name in ("a.mpo", "a.jpg", "a"):
        (tmp_path / name).write_bytes(mpo([LEFT, RIGHT]))
        np.testing.assert_array_equal(open_pair(tmp_path / name).right.pixels, pixels_of(RIGHT))


def test_what_pillow_writes_with_the_types_set():
    file = io.BytesIO()
    picture(1).save(file, "MPO", save_all=True, append_images=[picture(2)], quality=95)
    data = file.getvalue()
    index = data.index(b"MPF\0")
    place = data.rindex(struct.pack("<L", PRIMARY), index, index + 80)
    assert_views(data[:place] + struct.pack("<L", DISPARITY) + data[place + 4 :])


def test_previews_beside_a_pair_are_left_out():
    kinds = (PRIMARY, THUMBNAIL, DISPARITY, DISPARITY)
    assert_views(mpo([jpeg(picture(7)), SMALL, LEFT, RIGHT], kinds))
    assert_views(mpo([LEFT, SMALL, RIGHT], (DISPARITY, THUMBNAIL, DISPARITY)))


def test_the_view_of_the_lower_number_is_the_left_one():
    assert_views(mpo([RIGHT, LEFT], attributes=[{NUMBER: 2}, {NUMBER: 1}]))
    assert_views(mpo([LEFT, RIGHT], attributes=[{NUMBER: 1}, {NUMBER: 2}]))
    assert_views(mpo([LEFT, RIGHT], attributes=[{NUMBER: 2}]))  # one alone tells nothing


def calibration(*attributes, order="<"):
    data = mpo([LEFT, RIGHT], attributes=attributes, order=order)
    return open_pair(io.BytesIO(data)).metadata.calibration


@pytest.mark.parametrize("order", ["<", ">"])
def test_baseline_and_convergence_are_calibration(order):
    base = {NUMBER: 1, BASE: 1, ANGLE: (0, 1), BASELINE: (0, 1)}
    other = {NUMBER: 2, BASE: 1, ANGLE: (-23, 10), BASELINE: (75, 1000)}
    expected = {"baseline": 0.075, "convergence_angle": -2.3}
    assert calibration(base, other, order=order) == expected
    assert calibration(other, base, order=order) == expected  # the left view lies behind
    right_base = {**base, NUMBER: 2, BASE: 2, BASELINE: (99, 1000)}
    assert calibration({**other, NUMBER: 1, BASE: 2}, right_base, order=order) == expected
    assert calibration({**base, BASELINE: (77, 1000)}, {NUMBER: 2, BASE: 1}) == {
        "baseline": 0.077,
        "convergence_angle": 0.0,
    }


def test_numbers_that_the_camera_does_not_know_are_left_out():
    unknown = 0xFFFFFFFF
    nothing = {NUMBER: unknown, BASE: unknown, ANGLE: (-1, -1), BASELINE: (unknown, unknown)}
    assert calibration(nothing, nothing) is None
    assert calibration({ANGLE: (1, 0), BASELINE: (1, 0)}) is None
    assert calibration() is None


def test_orientations_are_those_of_each_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = jpeg(picture(2, (24, 32)), exif=exif)
    pair = open_pair(io.BytesIO(mpo([LEFT, turned])))
    assert (pair.left.orientation, pair.right.orientation) == (1, 1)
    np.testing.assert_array_equal(pair.right.pixels, np.rot90(pixels_of(turned), -1))
    both = open_pair(io.BytesIO(mpo([jpeg(picture(1), exif=exif), jpeg(picture(2), exif=exif)])))
    assert (both.left.orientation, both.right.orientation) == (6, 6)


def test_metadata_are_those_of_the_left_view_and_what_only_the_right_one_has():
    exif = Image.Exif()
    exif[0x010F] = "left camera"
    left = jpeg(picture(1), exif=exif)
    right = with_segment(jpeg(picture(2)), 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")
    metadata = open_pair(io.BytesIO(mpo([left, right]))).metadata
    assert b"left camera" in metadata.exif
    assert metadata.xmp == b"<x:xmpmeta/>"
    assert metadata.layout is None


def test_grey_pictures_are_a_grey_pair():
    frames = [jpeg(picture(seed, mode="L")) for seed in (1, 2)]
    pair = open_pair(io.BytesIO(mpo(frames)))
    assert pair.left.channels is pair.right.channels is Channels.GREY


def test_pictures_that_say_nothing_are_a_pair_on_request():
    data = mpo([LEFT, RIGHT], (PRIMARY, UNDEFINED))
    message = refusal(data)
    assert message.startswith("photo.mpo holds 2 pictures (MPO) and does not say what they are")
    assert "--layout mpo" in message
    assert "layout='mpo'" in message
    assert_views(data, layout="mpo")
    assert_views(mpo([LEFT, RIGHT]), layout="mpo")
    assert_views(mpo([LEFT, SMALL, RIGHT], (PRIMARY, THUMBNAIL, UNDEFINED)), layout="mpo")


@pytest.mark.parametrize("layout", [None, "mpo"])
@pytest.mark.parametrize(
    ("kind", "words"), [(PANORAMA, "2 pictures of a panorama"), (MULTI_ANGLE, "2 pictures from several angles")]
)
def test_panoramas_and_angles_are_no_pair(kind, words, layout):
    assert words in refusal(mpo([LEFT, RIGHT], (kind, kind)), layout=layout)


@pytest.mark.parametrize("kind", [THUMBNAIL, GAIN_MAP])
def test_previews_and_gain_maps_are_no_view(kind):
    data = mpo([LEFT, RIGHT], (PRIMARY, kind))
    assert "is one picture of 32x24" in refusal(data)
    assert "no pair of two views" in refusal(data, layout="mpo")


def test_a_gain_map_without_a_type_is_told_by_its_mark():
    data = mpo([LEFT, with_segment(RIGHT, 0xE2, GAIN_MAP_MARK)], (PRIMARY, UNDEFINED))
    assert "is one picture of 32x24" in refusal(data)
    assert "its gain map" in refusal(data, layout="mpo")


def test_pictures_of_another_size_are_no_view():
    data = mpo([LEFT, SMALL], (PRIMARY, UNDEFINED))
    assert "is one picture of 32x24" in refusal(data)
    assert refusal(data, layout="mpo").startswith("left is 32x24, right is 16x12")
    assert refusal(mpo([LEFT, SMALL])).startswith("left is 32x24, right is 16x12")


def test_three_views_are_refused():
    data = mpo([LEFT, RIGHT, LEFT], (DISPARITY,) * 3)
    message = refusal(data)
    assert message.startswith("photo.mpo holds 3 pictures (MPO), no pair of two views: take them apart, e.g. with ")
    assert "exiftool -b -MPImage2 IN" in message


def test_a_layout_of_one_picture_contradicts_two():
    assert "holds both views as pictures of their own (MPO)" in refusal(mpo([LEFT, RIGHT]), layout="sbs")
    phone = mpo([LEFT, SMALL], (PRIMARY, UNDEFINED))  # one picture, which its gain map serves
    left, right = views(phone, layout="sbs")
    np.testing.assert_array_equal(np.concatenate([left, right], 1), pixels_of(LEFT))


@pytest.mark.parametrize("data", [LEFT, mpo([LEFT], (PRIMARY,)), b""])
def test_one_picture_is_not_several(data):
    expected = "photo.mpo does not hold two pictures: leave the layout out"
    if not data:
        expected = "photo.mpo is not a picture that Pillow can read: use PNG, TIFF, JPEG or another of its formats"
    assert refusal(data, layout="mpo") == expected


def test_a_pair_has_no_frames_to_choose_from():
    assert refusal(mpo([LEFT, RIGHT]), frame=0).endswith("is no film or animation of several frames: leave --frame out")

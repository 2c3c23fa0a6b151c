"""Files of several pictures: what is refused, and what counts as one picture with what serves it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from mpo_files import (
    DISPARITY,
    GAIN_MAP,
    GAIN_MAP_MARK,
    PANORAMA,
    PRIMARY,
    SIZE,
    THUMBNAIL,
    UNDEFINED,
    jpeg,
    picture,
    with_segment,
)
from mpo_files import mpo as mpo_file
from PIL import Image

from stereocodec.errors import InvalidInput
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_pair, to_rgb8

FIRST = jpeg(picture())


def mpo(*others, kind=UNDEFINED):
    """A JPEG with other pictures behind it, which are all of one type."""
    return mpo_file([FIRST, *map(jpeg, others)], [PRIMARY, *(kind for _ in others)])


def jpeg_of(data):
    """What Pillow gives for the first picture."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("image_format", ["GIF", "TIFF", "WEBP"])
def test_animations_are_refused_with_commands_that_take_frames_out(image_format, tmp_path):
    path = tmp_path / "some frames"
    picture().save(path, image_format, save_all=True, append_images=[picture(1)])
    commands = rf"magick '{path}\[0\]' left.png and magick '{path}\[1\]' right.png$"
    with pytest.raises(InvalidInput, match=rf"^left holds 2 frames \({image_format}\): .*{commands}"):
        load_image(path, "left")
    with Image.open(path) as image:
        with pytest.raises(InvalidInput, match="2 frames"):
            to_rgb8(image, "left")
        frames = []
        for number in range(2):
            image.seek(number)
            frames.append(image.copy())
        assert not np.array_equal(*to_pair(*frames))


APART = r"magick IN left.png and exiftool -b -MPImage2 IN > right.jpg$"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            mpo(picture(1)),
            rf"holds 2 pictures \(MPO\) and does not say .*, bisic encode IN -o pair.bsc --layout mpo.*{APART}",
        ),
        (
            mpo(picture(1), kind=DISPARITY),
            r"holds both views of a pair \(MPO\): .*, bisic encode IN -o pair.bsc, or open_pair",
        ),
        (mpo(picture(1, (64, 48)), kind=DISPARITY), r"holds both views of a pair \(MPO\)"),
        (mpo(picture(1), picture(2), kind=PANORAMA), rf"holds 3 pictures of a panorama \(MPO\).*{APART}"),
        (mpo(picture(1), picture(2), picture(3), kind=DISPARITY), rf"holds 4 pictures \(MPO\).*{APART}"),
        (mpo(picture(1, (8, 6)), picture(2)), rf"holds 3 pictures \(MPO\).*{APART}"),
    ],
)
def test_views_in_an_mpo_file_are_refused_with_the_way_out(data, message):
    with pytest.raises(InvalidInput, match=f"^the picture {message}"):
        load_image(io.BytesIO(data))
    with Image.open(io.BytesIO(data)) as image, pytest.raises(InvalidInput, match=f"^left {message}"):
        to_pair(image, picture())


def test_the_way_out_names_the_file(tmp_path):
    path = tmp_path / "our photo.mpo"
    path.write_bytes(mpo(picture(1), kind=DISPARITY))
    with pytest.raises(InvalidInput, match=rf"bisic encode '{path}' -o pair.bsc"):
        load_image(path)


@pytest.mark.parametrize(
    "data",
    [
        mpo(picture(1, (16, 12))),  # a gain map of half the size
        mpo(picture(1, mode="L")),  # a depth map
        mpo(picture(1), kind=THUMBNAIL),
        mpo(picture(1), kind=GAIN_MAP),
        mpo(picture(1, (64, 48)), kind=THUMBNAIL),
        mpo(picture(1, (16, 12)), picture(1, mode="L")),
    ],
)
def test_a_phones_picture_is_the_first_one_of_its_file(data):
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "MPO"
        np.testing.assert_array_equal(to_rgb8(image, "left"), jpeg_of(data))
        assert (image.tell(), image.size) == (0, SIZE)
    np.testing.assert_array_equal(np.asarray(load_image(io.BytesIO(data))), jpeg_of(data))


def test_a_gain_map_of_the_same_size_is_told_by_its_mark():
    marked = mpo_file([FIRST, with_segment(jpeg(picture(1)), 0xE2, GAIN_MAP_MARK)], (PRIMARY, UNDEFINED))
    np.testing.assert_array_equal(np.asarray(load_image(io.BytesIO(marked))), jpeg_of(marked))


def test_another_frame_than_the_first_is_no_picture_of_its_own():
    with Image.open(io.BytesIO(mpo(picture(1, (16, 12))))) as image:
        image.seek(1)
        with pytest.raises(InvalidInput, match="one of the 2 pictures of an MPO file: pass a copy"):
            to_rgb8(image, "left")
        assert to_rgb8(image.copy(), "left").shape == (12, 16, 3)

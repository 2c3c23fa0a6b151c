"""Files of several pictures: what is refused, and what counts as one picture with what serves it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from stereocodec.errors import InvalidInput
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_pair, to_rgb8

SIZE = 32, 24
UNDEFINED, THUMBNAIL, DISPARITY, PANORAMA = 0x000000, 0x010002, 0x020002, 0x020001


def picture(seed=0, size=SIZE, mode="RGB"):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)).convert(mode)


def mpo(*others, kind=UNDEFINED):
    """A JPEG with other pictures behind it, which are all of one type."""
    file = io.BytesIO()
    picture().save(file, "MPO", save_all=True, append_images=list(others))
    data = file.getvalue()
    index = data.index(b"MPF\0")
    place = data.rindex(struct.pack("<L", 0x030000), index, index + 100)  # the type of the first picture
    for number in range(1, len(others) + 1):
        at = place + 16 * number
        data = data[:at] + struct.pack("<L", kind) + data[at + 4 :]
    return data


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


@pytest.mark.parametrize(
    "data",
    [
        mpo(picture(1)),
        mpo(picture(1), kind=DISPARITY),
        mpo(picture(1, (64, 48)), kind=DISPARITY),
        mpo(picture(1), picture(2), kind=PANORAMA),
        mpo(picture(1, (8, 6)), picture(2)),
    ],
)
def test_views_in_an_mpo_file_are_refused_with_commands_that_take_them_apart(data):
    with pytest.raises(
        InvalidInput, match=r"pictures \(MPO\).*magick IN left.png and exiftool -b -MPImage2 IN > right"
    ):
        load_image(io.BytesIO(data))


@pytest.mark.parametrize(
    "data",
    [
        mpo(picture(1, (16, 12))),  # a gain map of half the size
        mpo(picture(1, mode="L")),  # a depth map
        mpo(picture(1), kind=THUMBNAIL),
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
    mark = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)
    segment = b"\xff\xe2" + struct.pack(">H", len(mark) + 2) + mark
    data = mpo(picture(1))
    second = data.index(b"\xff\xd8", 2)
    marked = data[: second + 2] + segment + data[second + 2 :]
    np.testing.assert_array_equal(np.asarray(load_image(io.BytesIO(marked))), jpeg_of(data))


def test_another_frame_than_the_first_is_no_picture_of_its_own():
    with Image.open(io.BytesIO(mpo(picture(1, (16, 12))))) as image:
        image.seek(1)
        with pytest.raises(InvalidInput, match="2 pictures"):
            to_rgb8(image, "left")
        assert to_rgb8(image.copy(), "left").shape == (12, 16, 3)

"""Metadata of pictures that lies or is damaged: one line, or the picture as if there were none."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from stereocodec.container.shown import AS_STORED
from stereocodec.errors import InvalidInput
from stereocodec.pictures.pil import load_picture

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def png_with_exif(entry):
    """A PNG whose Exif data hold one entry of 12 bytes."""
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG", exif=b"Exif\0\0MM\0*" + struct.pack(">LH", 8, 1) + entry + bytes(4))
    return file


def short(value):
    return struct.pack(">HHLHH", 0x0112, 3, 1, value, 0)


@pytest.mark.parametrize("entry", [short(0), short(9), short(65535), struct.pack(">HHL4s", 0x0112, 2, 4, b"six\0")])
def test_an_orientation_that_does_not_exist_is_none(entry):
    read = load_picture(png_with_exif(entry))
    assert read.orientation == AS_STORED
    np.testing.assert_array_equal(read.pixels, RGB)


def outcome(data):
    """The picture, or the message of its refusal."""
    try:
        return load_picture(io.BytesIO(data))
    except InvalidInput as error:
        return str(error)


def is_picture_or_line(result):
    return "\n" not in result if isinstance(result, str) else result.orientation == AS_STORED


def test_an_orientation_beyond_the_end_of_the_data_is_none_or_refused():
    entry = struct.pack(">HHLL", 0x0112, 3, 1000, 2**31)
    assert is_picture_or_line(outcome(png_with_exif(entry).getvalue()))


def mpo():
    file, twin = io.BytesIO(), Image.fromarray(RGB)
    twin.save(file, "MPO", save_all=True, append_images=[Image.fromarray(255 - RGB)])
    return file.getvalue()


def test_a_list_of_pictures_that_are_not_there_leaves_the_first_one():
    data = mpo()
    cut = data[: data.index(b"\xff\xd8", 2)]
    with Image.open(io.BytesIO(data)) as whole:
        np.testing.assert_array_equal(load_picture(io.BytesIO(cut)).pixels, np.asarray(whole))


def test_every_altered_byte_of_a_list_of_pictures_is_a_picture_or_one_line():
    data = mpo()
    start = data.index(b"MPF\0")
    for place in range(start + 4, start + 90):
        altered = data[:place] + bytes([data[place] ^ 129]) + data[place + 1 :]
        assert is_picture_or_line(outcome(altered))


def test_random_headers_of_avif_and_jpeg_2000_end_in_one_line():
    random = np.random.default_rng(1)
    for image_format in ("JPEG2000", "AVIF"):
        file = io.BytesIO()
        Image.fromarray(RGB.repeat(4, 0).repeat(4, 1)).save(file, image_format)
        for _ in range(30):
            data = bytearray(file.getvalue())
            for place in random.integers(0, min(len(data), 300), 3):
                data[place] = random.integers(256)
            assert is_picture_or_line(outcome(data))

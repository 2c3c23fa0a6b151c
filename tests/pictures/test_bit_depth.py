"""Files of more than 8 bits that Pillow would cut to 8 are refused, as far as their headers tell."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, features

from stereocodec.errors import InvalidInput
from stereocodec.pictures.bit_depth import is_cut_to_8_bits
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_rgb8

RGB = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
REFUSED = pytest.raises(InvalidInput, match=r"^left has more than 8 bits per channel \(mode RGB\).*-depth 8 OUT.png$")


def stored(image_format, **settings):
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, image_format, **settings)
    return bytearray(file.getvalue())


@pytest.mark.parametrize("no_jp2", [False, True])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_jpeg_2000_of_more_bits(no_jp2, bits):
    data = stored("JPEG2000", no_jp2=no_jp2)
    assert to_rgb8(load_image(io.BytesIO(data)), "left").shape == (16, 16, 3)
    data[data.index(b"\xff\x4f\xff\x51") + 42 + 3] = bits - 1  # of the second component
    with REFUSED:
        load_image(io.BytesIO(data), "left")
    with Image.open(io.BytesIO(data)) as image, REFUSED:
        to_rgb8(image, "left")


@pytest.mark.skipif(not features.check("avif"), reason="Pillow reads AVIF where it was built with it")
@pytest.mark.parametrize("told_by", ["pixi", "av1C"])
def test_avif_of_10_bits(told_by):
    data = stored("AVIF", quality=90)
    assert to_rgb8(load_image(io.BytesIO(data)), "left").shape == (16, 16, 3)
    if told_by == "pixi":
        at = data.index(b"pixi") + 4 + 5
        data[at : at + 3] = bytes([10]) * 3
    else:
        data[data.index(b"pixi") : data.index(b"pixi") + 4] = b"free"
        data[data.index(b"av1C") + 4 + 2] |= 0x40
    with Image.open(io.BytesIO(stored("AVIF"))) as image:  # libavif itself may refuse what says two things
        image.fp = io.BytesIO(data)
        with REFUSED:
            to_rgb8(image, "left")


@pytest.mark.parametrize("image_format", ["JPEG2000", "AVIF"])
def test_a_header_that_says_nothing_is_left_to_the_decoder(image_format):
    if image_format == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow reads AVIF where it was built with it")
    whole = stored(image_format)
    for end in range(0, min(len(whole), 400), 7):
        with Image.open(io.BytesIO(whole)) as image:
            original, image.fp = image.fp, io.BytesIO(whole[:end])
            assert not is_cut_to_8_bits(image)
            image.fp = original

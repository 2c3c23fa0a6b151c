"""Grey pictures in all their forms, and what two pictures have in common."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from stereocodec.container import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.picture import Picture, as_pair, channels_of
from stereocodec.pictures.rgb import from_rgb8, psnr, to_picture

GREY = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)
TRIPLE = np.stack([GREY] * 3, -1)
TENSOR = torch.from_numpy(GREY)


@pytest.mark.parametrize(
    "form",
    [
        GREY,
        GREY[..., None],
        Image.fromarray(GREY),
        Image.fromarray(GREY).convert("P"),
        Image.fromarray(GREY).convert("LA"),
        Image.fromarray(GREY).convert("PA"),
        TENSOR,
        TENSOR[None],
        TENSOR[..., None],
        TENSOR / 255,
    ],
)
def test_one_channel_in_every_form(form):
    read = to_picture(form, "left")
    assert read.channels is Channels.GREY
    np.testing.assert_array_equal(read.pixels, TRIPLE)
    assert read.pixels.flags.c_contiguous
    np.testing.assert_array_equal(read.shown(), GREY)


def test_black_and_white_is_grey():
    image = Image.fromarray(GREY).convert("1")
    read = to_picture(image, "left")
    assert read.channels is Channels.GREY
    np.testing.assert_array_equal(read.shown(), np.where(np.asarray(image), 255, 0))


@pytest.mark.parametrize(
    "form", [TRIPLE, Image.fromarray(TRIPLE), TENSOR.expand(3, -1, -1), TENSOR.expand(3, -1, -1) / 255]
)
def test_three_equal_channels_stay_three(form):
    read = to_picture(form, "left")
    assert read.channels is Channels.GREY_RGB
    np.testing.assert_array_equal(read.shown(), TRIPLE)


def test_a_single_coloured_pixel_makes_colour():
    for channel in range(3):
        colored = TRIPLE.copy()
        colored[-1, -1, channel] ^= 1
        for form in (colored, Image.fromarray(colored), Image.fromarray(colored).quantize(64, dither=0)):
            read = to_picture(form, "left")
            if not isinstance(form, Image.Image) or form.mode == "RGB":
                assert read.channels is Channels.RGB
    palette = Image.fromarray(np.zeros((2, 2), np.uint8), "P")
    palette.putpalette([10, 20, 30])
    assert to_picture(palette, "left").channels is Channels.RGB


@pytest.mark.parametrize(
    ("array", "shape"),
    [(np.zeros((5, 3), np.uint8), (5, 3)), (np.zeros((1, 3), np.uint8), (1, 3)), (torch.zeros(3, 3), (3, 3))],
)
def test_a_grey_picture_of_width_3_is_no_colour(array, shape):
    assert to_picture(array, "left").shown().shape == shape


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (GREY.astype(np.uint16), "uint16, it must be uint8"),
        (GREY / 255, "float64, it must be uint8"),
        (np.zeros((0, 4), np.uint8), "no pixels: its size is 4x0"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (TENSOR.to(torch.int64), "torch.int64"),
        (TENSOR.double(), "outside 0..1"),
        (torch.zeros(2, 1, 4, 4), "one by one"),
    ],
)
def test_grey_that_is_refused(wrong, message):
    with pytest.raises(InvalidInput, match=f"^left .*{message}"):
        to_picture(wrong, "left")


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        (Channels.GREY, Channels.GREY, Channels.GREY),
        (Channels.GREY, Channels.GREY_RGB, Channels.GREY_RGB),
        (Channels.GREY_RGB, Channels.GREY, Channels.GREY_RGB),
        (Channels.GREY_RGB, Channels.GREY_RGB, Channels.GREY_RGB),
        (Channels.GREY, Channels.RGB, Channels.RGB),
        (Channels.RGB, Channels.GREY_RGB, Channels.RGB),
    ],
)
def test_a_pair_is_grey_where_both_views_are(left, right, both):
    assert [view.channels for view in as_pair(Picture(TRIPLE, left), Picture(TRIPLE, right))] == [both, both]


def test_grey_outputs():
    assert from_rgb8(GREY, "numpy") is GREY
    image = from_rgb8(GREY, "pil")
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), GREY)
    tensor = from_rgb8(GREY, "torch")
    assert (tensor.shape, tensor.dtype) == ((5, 7), torch.uint8)
    np.testing.assert_array_equal(tensor.numpy(), GREY)


def test_psnr_of_one_channel_is_that_of_three_equal_ones():
    other = GREY ^ 1
    assert psnr(GREY, other) == pytest.approx(psnr(TRIPLE, np.stack([other] * 3, -1)))


@pytest.mark.parametrize("row", [0, 1, 39])
def test_one_sample_in_colour_makes_a_picture_one_in_colour(row):
    pixels = np.full((40, 8, 3), 7, np.uint8)
    assert channels_of(pixels) is Channels.GREY_RGB
    pixels[row, 3, 2] = 8
    assert channels_of(pixels) is Channels.RGB

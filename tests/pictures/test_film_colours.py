"""Colours of films as RGB of 8 bits: matrices, ranges, grey and transparency."""

from __future__ import annotations

import numpy as np
import pytest

from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput

pytest.importorskip("av", reason="needs PyAV, of the extra video")
from films import FRAMES, GREY, RANDOM, assert_views, film, opened, refusal

# Red, green and blue of Y, Cb and Cr about 0, each with a range of 1: ITU-T H.273.
MATRICES = {
    "601": [(1, 0, 1.402), (1, -0.344136, -0.714136), (1, 1.772, 0)],
    "709": [(1, 0, 1.5748), (1, -0.187324, -0.468124), (1, 1.8556, 0)],
    "2020": [(1, 0, 1.4746), (1, -0.164553, -0.571353), (1, 1.8814, 0)],
}


@pytest.mark.parametrize(
    ("size", "told", "matrix", "full"),
    [
        ((32, 64), {}, "601", False),
        ((32, 1280), {}, "709", False),
        ((578, 16), {}, "709", False),
        ((32, 64), {"colorspace": 1}, "709", False),
        ((32, 1280), {"colorspace": 5}, "601", False),
        ((32, 64), {"colorspace": 9, "color_range": 1}, "2020", False),
        ((32, 64), {"color_range": 2}, "601", True),
    ],
)
def test_colours_are_those_of_the_matrix_and_the_range(size, told, matrix, full):
    blocks = RANDOM.integers(0, 256, (3, -(-size[0] // 8), -(-size[1] // 8)))
    planes = np.kron(blocks, np.ones((1, 8, 8))).astype(np.uint8)[:, : size[0], : size[1]]

    def tell(context):
        for name, value in told.items():
            setattr(context, name, value)

    data = film([planes], codec="ffv1", pixels="yuv444p", set_up=tell)
    decoded = opened(data, layout="tb", frame=0)
    luma, *chroma = planes.astype(np.float64)
    y = luma / 255 if full else (luma - 16) / 219
    cb, cr = ((plane - 128) / (255 if full else 224) for plane in chroma)
    expected = np.einsum("ij,jhw->hwi", np.array(MATRICES[matrix]), np.stack([y, cb, cr]))
    expected = np.clip(255 * expected, 0, 255)
    found = np.concatenate([view.shown() for view in decoded])
    assert np.abs(found - expected).max() < 0.502


def test_other_matrices_are_refused_with_a_command():
    def tell(context):
        context.colorspace = 8  # YCgCo

    data = film([np.zeros((3, 32, 64), np.uint8)], pixels="yuv444p", set_up=tell)
    with pytest.raises(InvalidInput, match=r"^x has colours that are not read \(matrix 8 .*ffmpeg -i IN -pix_fmt gbrp"):
        opened(data, layout="sbs")


@pytest.mark.parametrize("pixels", ["yuv420p10le", "gray10le", "gbrp12le"])
def test_more_than_8_bits_are_refused_as_in_pictures(pixels):
    data = film(FRAMES, pixels=pixels)
    assert f"x has more than 8 bits per channel ({pixels}" in refusal(data, layout="sbs")
    assert "ffmpeg -i IN -pix_fmt yuv444p -c:v ffv1 OUT.mkv" in refusal(data, layout="sbs")


def test_grey_films_stay_grey():
    pair = opened(film(GREY, pixels="gray"), layout="sbs", frame=3)
    assert pair.left.channels is Channels.GREY
    assert_views(pair, GREY[3, :, :32], GREY[3, :, 32:])
    two = opened(film(GREY, GREY[::-1], pixels="gray"), layout="mpo")
    assert_views(two, GREY[0], GREY[4])


def test_grey_of_the_limited_range_is_stretched():
    def tell(context):
        context.color_range = 1

    ramp = np.tile(np.arange(256, dtype=np.uint8), (2, 1))
    pair = opened(film([ramp], pixels="gray", set_up=tell), layout="tb")
    assert_views(pair, *[np.clip(np.rint((ramp[:1] - 16.0) * 255 / 219), 0, 255)] * 2)


def test_transparent_films_are_laid_onto_the_background():
    opaque = np.zeros((8, 16, 4), np.uint8)
    opaque[:, :8] = (10, 20, 30, 255)
    for form, codec, pixels in (("mov", "png", "rgba"), ("matroska", "ffv1", "yuva420p"), ("matroska", "ffv1", "bgra")):
        data = film([opaque], form=form, codec=codec, pixels=pixels)
        assert "alpha channel" in refusal(data, layout="sbs")
        left, right = opened(data, layout="sbs", background="#ff8000")
        assert np.abs(left.shown() - np.array((10.0, 20, 30))).max() <= (4 if pixels == "yuva420p" else 0)
        np.testing.assert_array_equal(right.shown(), np.full((8, 8, 3), (255, 128, 0)))

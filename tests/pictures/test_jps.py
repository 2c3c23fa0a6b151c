"""Stereo JPEG and stereo PNG: what a file says of its views, and what is taken where it says nothing."""

from __future__ import annotations

import io
import re
import struct
import zlib

import numpy as np
import pytest
from mpo_files import jpeg, picture, pixels_of, with_segment
from PIL import Image

from stereocodec import open_pair
from stereocodec.container.layouts import Layout
from stereocodec.errors import InvalidInput
from stereocodec.pictures.jps import jps_segment

BOTH = jpeg(picture(1, (64, 48)))
PIXELS = pixels_of(BOTH)
HALVES = {
    Layout.SBS: (PIXELS[:, :32], PIXELS[:, 32:]),
    Layout.SBS_CROSS: (PIXELS[:, 32:], PIXELS[:, :32]),
    Layout.TB: (PIXELS[:24], PIXELS[24:]),
    Layout.TB_CROSS: (PIXELS[24:], PIXELS[:24]),
}
STEREO, MONO = 1, 0
INTERLEAVED, BESIDE, ABOVE, ANAGLYPH = 1, 2, 3, 4


def descriptor(kind, place, flags, separation=0):
    """The content of a segment APP3 as the specification of VRex has it: big-endian, with a comment."""
    stereo = separation << 24 | flags << 16 | place << 8 | kind
    return b"_JPSJPS_" + struct.pack(">HLH", 4, stereo, 5) + b"hello"


def said(kind, place, flags, separation=0, data=BOTH):
    return with_segment(data, 0xE3, descriptor(kind, place, flags, separation))


def assert_views(pair, views, layout):
    for view, expected in zip(pair, views, strict=True):
        np.testing.assert_array_equal(view.pixels, expected)
    assert pair.metadata.layout is layout


@pytest.mark.parametrize("suffix", [".jps", ".JPS"])
def test_views_of_a_stereo_jpeg_are_crossed(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(BOTH)
    assert_views(open_pair(path), HALVES[Layout.SBS_CROSS], Layout.SBS_CROSS)
    assert_views(open_pair(path, swap=True), HALVES[Layout.SBS], Layout.SBS_CROSS)


def test_views_of_a_stereo_png_are_crossed(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "photo.pns", "PNG")
    assert_views(open_pair(tmp_path / "photo.pns"), HALVES[Layout.SBS_CROSS], Layout.SBS_CROSS)


@pytest.mark.parametrize(
    ("place", "flags", "layout"),
    [
        (BESIDE, 4, Layout.SBS),
        (BESIDE, 0, Layout.SBS_CROSS),
        (ABOVE, 4, Layout.TB),
        (ABOVE, 0, Layout.TB_CROSS),
        (BESIDE, 4 | 2, Layout.HALF_SBS),
        (BESIDE, 2, Layout.HALF_SBS_CROSS),
        (ABOVE, 4 | 1, Layout.HALF_TB),
        (ABOVE, 1, Layout.HALF_TB_CROSS),
    ],
)
def test_the_segment_decides_whatever_the_suffix(tmp_path, place, flags, layout):
    data = said(STEREO, place, flags)
    path = tmp_path / "photo.jps"
    path.write_bytes(data)
    for source in (path, io.BytesIO(data)):
        assert_views(open_pair(source), HALVES[layout.full], layout)


@pytest.mark.parametrize("layout", Layout)
def test_the_segment_that_is_written_says_what_was_meant(layout):
    segment = jps_segment(layout)
    data = BOTH[:2] + segment + BOTH[2:]
    np.testing.assert_array_equal(pixels_of(data), PIXELS)  # the picture is the same
    assert_views(open_pair(io.BytesIO(data)), HALVES[layout.full], layout)


def test_the_segment_is_that_of_the_specification():
    # Its own length, that of the descriptor, then separation, flags, layout and type, and no comment.
    assert jps_segment(Layout.SBS_CROSS) == b"\xff\xe3\x00\x12_JPSJPS_\x00\x04\x00\x00\x02\x01\x00\x00"
    assert jps_segment(Layout.HALF_TB) == b"\xff\xe3\x00\x12_JPSJPS_\x00\x04\x00\x05\x03\x01\x00\x00"


def test_a_layout_that_is_given_goes_before_what_the_file_says(tmp_path):
    path = tmp_path / "photo.jps"
    for data in (BOTH, said(STEREO, BESIDE, 0), said(STEREO, ANAGLYPH, 0)):
        path.write_bytes(data)
        assert_views(open_pair(path, layout="tb"), HALVES[Layout.TB], Layout.TB)


def test_what_lies_between_the_views_belongs_to_neither():
    pair = open_pair(io.BytesIO(said(STEREO, BESIDE, 4, separation=8)))
    assert_views(pair, (PIXELS[:, :28], PIXELS[:, 36:]), Layout.SBS)
    pair = open_pair(io.BytesIO(said(STEREO, ABOVE, 4, separation=8)))
    assert_views(pair, (PIXELS[:20], PIXELS[28:]), Layout.TB)


def refusal(data, **options):
    with pytest.raises(InvalidInput) as caught:
        open_pair(io.BytesIO(data), name="photo.jps", **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (said(MONO, 0, 0), "says that it is one view"),
        (said(STEREO, ANAGLYPH, 4), "is an anaglyph, in which each view has lost colours"),
        (said(STEREO, INTERLEAVED, 4), "ffmpeg -i IN -vf stereo3d=irl:sbsl OUT.png"),
        (said(STEREO, INTERLEAVED, 0), "ffmpeg -i IN -vf stereo3d=irr:sbsl OUT.png"),
        (said(STEREO, BESIDE, 4 | 1), r"\(type 1, layout 2, flags 5\): say how, e.g. --layout sbs"),
        (said(STEREO, 9, 4), r"\(type 1, layout 9, flags 4\): say how, e.g. --layout sbs"),
        (said(7, BESIDE, 4), r"\(type 7, layout 2, flags 4\)"),
        (with_segment(BOTH, 0xE3, b"_JPSJPS_\0\4"), "damaged stereo segment"),
        (said(STEREO, BESIDE, 4, separation=3), "width of 64 pixels with 3 between the views"),
        (said(STEREO, BESIDE, 4, separation=200), "width of 64 pixels with 200 between the views"),
        (said(STEREO, BESIDE, 4, data=jpeg(picture(1, (33, 24)))), "width of 33 pixels, which is not that of two"),
        (said(STEREO, ABOVE, 4, data=jpeg(picture(1, (32, 25)))), "height of 25 pixels, which is not that of two"),
        (said(STEREO, BESIDE, 4)[:-200], "truncated or damaged"),
    ],
)
def test_what_holds_no_two_views_is_refused_in_one_line(data, message):
    assert re.match(f"photo.jps .*{message}", refusal(data))


def test_segments_of_others_are_none():
    assert "does not say how it holds two views" in refusal(with_segment(BOTH, 0xE3, b"Meta\0\0"))
    assert "does not say how it holds two views" in refusal(with_segment(BOTH, 0xE4, descriptor(STEREO, BESIDE, 4)))


def png(pixels, mode):
    """A PNG that says by a chunk sTER how it holds its views, behind another chunk."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    data = file.getvalue()

    def chunk(name, content):
        return struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))

    return data[:33] + chunk(b"tEXt", b"Comment\0" + bytes(range(1, 100)) * 60) + chunk(b"sTER", mode) + data[33:]


@pytest.mark.parametrize(
    ("mode", "layout"), [(b"\0", Layout.SBS_CROSS), (b"\1", Layout.SBS)], ids=["crossed", "parallel"]
)
@pytest.mark.parametrize("width", [8, 10, 16, 19])
def test_a_png_says_it_by_a_chunk(mode, layout, width):
    """The second half begins at a column that 8 divides."""
    start = -(-width // 8) * 8
    both = np.zeros((12, start + width, 3), np.uint8)
    first, second = np.asarray(picture(1, (width, 12))), np.asarray(picture(2, (width, 12)))
    both[:, :width], both[:, start:] = first, second
    views = (first, second) if layout is Layout.SBS else (second, first)
    assert_views(open_pair(io.BytesIO(png(both, mode))), views, layout)


@pytest.mark.parametrize("width", [20, 24])
def test_a_png_whose_second_half_was_not_moved(width):
    both = np.asarray(picture(1, (width, 12)))
    halves = both[:, : width // 2], both[:, width // 2 :]
    assert_views(open_pair(io.BytesIO(png(both, b"\1"))), halves, Layout.SBS)


@pytest.mark.parametrize("mode", [b"\2", b"", b"\0\0"])
def test_a_chunk_that_says_nothing_known_is_none(mode):
    assert "does not say how it holds two views" in refusal(png(np.asarray(picture(1, (16, 12))), mode))

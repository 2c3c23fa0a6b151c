"""Stereo pictures whose lists of views, places and directories lie: one line, or the picture as if there were none."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from mpo_files import (
    ANGLE,
    BASELINE,
    DISPARITY,
    NUMBER,
    PRIMARY,
    jpeg,
    mpo,
    picture,
    pixels_of,
    segment,
    with_segment,
)

from stereocodec import open_pair
from stereocodec.errors import InvalidInput
from stereocodec.pictures.jpeg_segments import Segment, jpeg_segments
from stereocodec.pictures.mp_format import MpAttributes, mp_attributes, mp_entries

LEFT, RIGHT = jpeg(picture(1)), jpeg(picture(2))
PAIR = mpo([LEFT, RIGHT], attributes=[{NUMBER: 1, BASELINE: (1, 10)}, {NUMBER: 2, ANGLE: (1, 1), BASELINE: (1, 10)}])
INDEX = PAIR.index(b"MPF\0")
SECOND = PAIR.index(b"\xff\xd8", INDEX)


def outcome(data, **options):
    """The pair, or the message of its refusal."""
    try:
        return open_pair(io.BytesIO(data), name="photo.mpo", **options)
    except InvalidInput as error:
        return str(error)  # one line: errors.StereoCodecError sees to it


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PAIR[:SECOND], "picture 2 of photo.mpo is missing or damaged"),
        (PAIR[: SECOND + 1], "picture 2 of photo.mpo is missing or damaged"),
        (PAIR[: SECOND + 200], "picture 2 of photo.mpo cannot be read: Truncated"),
        (PAIR[:-150], "picture 2 of photo.mpo is truncated or damaged"),
        (PAIR[:SECOND] + b"\xff\xd8" + bytes(400), "picture 2 of photo.mpo is "),
        (PAIR[: SECOND - 150] + PAIR[SECOND:], "picture 1 of photo.mpo is truncated or damaged"),
        (mpo([LEFT, RIGHT], offsets=(0, 1)), "picture 2 of photo.mpo is missing or damaged"),
        (mpo([LEFT, RIGHT], offsets=(0, 2**30)), "picture 2 of photo.mpo is missing or damaged"),
        (mpo([LEFT, RIGHT], offsets=(0, -(10**6))), "picture 1 of photo.mpo cannot be read: Truncated"),
        (mpo([LEFT[:-150], RIGHT]), "picture 1 of photo.mpo is truncated or damaged"),
    ],
)
def test_a_view_that_is_not_there_or_damaged_is_named(data, message):
    assert str(outcome(data)).startswith(message)


def test_a_second_view_that_claims_many_pixels_is_refused_before_they_are_decoded():
    frame = RIGHT.index(b"\xff\xc0")
    huge = RIGHT[: frame + 5] + struct.pack(">HH", 65000, 65000) + RIGHT[frame + 9 :]
    assert str(outcome(mpo([LEFT, huge]))).startswith("picture 2 of photo.mpo has too many pixels: ")


def test_views_that_lie_in_each_other_are_one_picture_twice():
    """Both places are those of the second picture."""
    kinds = (PRIMARY, DISPARITY, DISPARITY)
    data = mpo([LEFT, RIGHT, RIGHT], kinds, offsets=(0, 0, -len(RIGHT)))
    pair = outcome(data)
    for view in pair:
        np.testing.assert_array_equal(view.pixels, pixels_of(RIGHT))


def test_every_length_of_a_list_that_is_cut_off():
    """The first picture alone, or the pair: whatever the list has lost, nothing else comes out."""
    content = PAIR[INDEX + 4 : PAIR.index(b"\xff", INDEX)]
    for length in range(len(content)):
        data = with_segment(LEFT, 0xE2, b"MPF\0" + content[:length])
        assert "photo.mpo" in outcome(data)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_lists_give_a_pair_or_a_line(seed):
    random = np.random.default_rng(seed)
    data = bytearray(PAIR)
    for place in random.integers(INDEX + 4, INDEX + 150, 4):
        data[place] = random.choice([0, 1, 2, 255, int(random.integers(256))])
    result = outcome(bytes(data), layout=(None, "mpo", "sbs")[seed % 3])
    assert isinstance(result, str) or result.left.pixels.shape == result.right.pixels.shape


def test_counts_that_the_list_does_not_hold_are_refused_at_once():
    entries = struct.pack("<HHLL", 0xB001, 4, 1, 2**32 - 2) + struct.pack("<HHLL", 0xB002, 7, 2**32 - 2, 38)
    content = b"II*\0" + struct.pack("<LH", 8, 2) + entries + bytes(4 + 64)
    with pytest.raises(ValueError, match="cut off"):
        mp_entries(content)
    assert "photo.mpo is one picture" in outcome(with_segment(LEFT, 0xE2, b"MPF\0" + content))


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"XX*\0" + bytes(20), b"MM\0*" + b"\xff" * 4, b"II*\0" + b"\xff" * 9]
)
def test_attributes_that_cannot_be_read_are_none(content):
    assert mp_attributes(content, first=False) == mp_attributes(content, first=True) == MpAttributes()


def test_a_directory_that_follows_itself_is_read_once():
    content = b"II*\0" + struct.pack("<LHL", 8, 0, 8)
    assert mp_attributes(content, first=True) == MpAttributes()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 20])
def test_segments_that_end_early_end_the_search(length):
    """Lengths count their own two bytes; of the content there is one byte less than they say."""
    data = b"\xff\xd8\xff\xe3" + struct.pack(">H", length) + bytes(max(length - 3, 0))
    assert list(jpeg_segments(io.BytesIO(data))) == ([Segment(0xE3, 6, b"")] if length == 2 else [])


def test_what_is_no_segment_ends_the_search():
    named = segment(0xE3, b"a")
    found = [Segment(0xE3, 6, b"a")]
    for rest in (b"", b"\xff", b"\xff\xff", b"text", b"\xff\xda" + named, b"\xff\xd9" + named):
        assert list(jpeg_segments(io.BytesIO(b"\xff\xd8" + named + rest))) == found
    spaced = b"\xff\xd8" + b"\xff\xff" + named[1:] + b"\xff\x01" + named
    assert [one.content for one in jpeg_segments(io.BytesIO(spaced))] == [b"a", b"a"]
    assert list(jpeg_segments(io.BytesIO(named))) == []

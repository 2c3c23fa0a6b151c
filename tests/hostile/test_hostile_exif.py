"""Exif data that lie: they are refused in one line, or kept with no byte of theirs lost that something else needs."""

import struct

import numpy as np
import pytest
from exif_data import EXIF_DIRECTORY, NOTE, ORIENTATION, THUMBNAIL, Block, camera_exif

from stereocodec.pictures.exif import exif_facts, exif_orientation, kept_exif


@pytest.mark.parametrize(
    "data", [b"", b"II", b"II*\0\0\0\0", b"MM*\0\0\0\0\x08\0\0", b"Exif\0\0II*\0\x08\0\0\0", bytes(99)]
)
def test_data_without_a_header_are_refused(data):
    for read in (kept_exif, exif_facts, exif_orientation):
        with pytest.raises(ValueError, match="is damaged: it does not begin with a TIFF header"):
            read(data)


@pytest.mark.parametrize("place", [0, 4, 7, 1000, 2**32 - 1])
def test_a_first_directory_that_is_not_there_is_refused(place):
    with pytest.raises(ValueError, match=f"no directory at byte {place}"):
        kept_exif(b"II*\0" + struct.pack("<I", place) + bytes(90))


def test_a_directory_beyond_the_end_and_one_of_too_many_entries_are_refused():
    with pytest.raises(ValueError, match="ends within its directory of 1000 entries"):
        kept_exif(b"II*\0\x08\0\0\0" + struct.pack("<H", 1000) + bytes(90))
    with pytest.raises(ValueError, match="65535 entries"):
        kept_exif(b"II*\0\x08\0\0\0" + b"\xff\xff" + bytes(12 * 65535))


@pytest.mark.parametrize("next_place", [8, 9, 20, 2**32 - 1, 0])
def test_a_second_directory_that_is_the_first_one_or_nowhere_is_only_unlinked(next_place):
    block = Block("<")
    places = block.directory([(ORIENTATION, 3, 1, 6), (0x10F, 2, 9, b"a camera\0")])
    struct.pack_into("<I", block.data, places["next"], next_place)
    kept = kept_exif(bytes(block.data))
    struct.pack_into("<H", block.data, places[ORIENTATION], 1)
    struct.pack_into("<I", block.data, places["next"], 0)
    assert kept == bytes(block.data)


def test_directories_in_circles_end():
    block = Block(">")
    places = block.directory([(EXIF_DIRECTORY, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8)])
    struct.pack_into(">I", block.data, places["next"], 8)
    assert kept_exif(bytes(block.data))[8:40] == bytes(block.data)[8:40]
    assert exif_facts(bytes(block.data)).date is None


@pytest.mark.parametrize("start", [0, 4, 8, 20, 60, camera_exif().index(NOTE) + 9])
def test_a_thumbnail_that_lies_over_other_data_takes_none_of_them(start):
    whole = camera_exif("<", 1)
    place = whole.index(struct.pack("<HHI", 0x201, 4, 1)) + 8
    lying = bytearray(whole)
    struct.pack_into("<I", lying, place, start)
    kept = kept_exif(bytes(lying))
    without = camera_exif("<", 1, thumbnail=b"")
    assert kept[: len(without)] == without
    assert kept.endswith(THUMBNAIL)


def test_entries_that_all_point_to_the_largest_directories_take_no_time():
    entries = [(EXIF_DIRECTORY, 4, 1, 8), (0x8825, 4, 1, 8), *[(EXIF_DIRECTORY, 4, 2**30, 8)] * 998]
    block = Block("<")
    places = block.directory(entries)
    block.point(places["next"])
    block.directory([(0x201, 4, 1, 8), (0x202, 4, 1, 2**32 - 1), *[(7, 2, 50, bytes(50))] * 998])
    assert kept_exif(bytes(block.data))[8:12000] == bytes(block.data)[8:12000]


def test_every_altered_byte_is_refused_or_kept_as_something_that_is_kept_again():
    random, outcomes = np.random.default_rng(0), set()
    for data in (camera_exif("<", thumbnail=b"\xff\xd8\xff\xd9"), camera_exif(">", behind=b"more")):
        for place in range(min(len(data), 420)):
            altered = bytearray(data)
            altered[place] = random.integers(256)
            try:
                kept = kept_exif(bytes(altered))
            except ValueError as error:
                outcomes.add(str(error)[:12])
                continue
            outcomes.add("kept")
            assert len(kept) <= len(data)
            assert kept_exif(kept) == kept
            exif_facts(kept)
    assert outcomes == {"kept", "is damaged: "}

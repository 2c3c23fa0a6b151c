"""Varints: one spelling for every number, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.container.varint import read_varint, write_varint

PROPERTY = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "80 01"),
        (1024, "80 08"),
        (65535, "ff ff 03"),
        (2**64 - 1, "ff ff ff ff ff ff ff ff ff 01"),
    ],
)
def test_known_spellings(value, spelling):
    data = bytes.fromhex(spelling)
    assert write_varint(value) == data
    assert read_varint(b"\xff" + data + b"\x05", 1) == (value, 1 + len(data))


@PROPERTY
@given(data=st.binary(max_size=12))
def test_what_is_read_is_what_would_be_written(data):
    try:
        value, end = read_varint(data, 0)
    except (EOFError, ValueError):
        return
    assert write_varint(value) == data[:end]


@pytest.mark.parametrize("data", ["", "80", "ff ff", "ff ff ff ff ff ff ff ff ff"])
def test_an_end_within_a_number_is_told_apart(data):
    with pytest.raises(EOFError):
        read_varint(bytes.fromhex(data), 0)


@pytest.mark.parametrize(
    "data", ["80 00", "ff 80 00", "ff ff ff ff ff ff ff ff ff 02", "80 80 80 80 80 80 80 80 80 80"]
)
def test_other_spellings_are_refused(data):
    with pytest.raises(ValueError, match="not a valid varint"):
        read_varint(bytes.fromhex(data), 0)


def test_the_number_of_bytes_can_be_limited():
    assert read_varint(b"\xff\x01", 0, max_bytes=2) == (255, 2)
    with pytest.raises(ValueError, match="not a valid varint"):
        read_varint(b"\xff\x81\x01", 0, max_bytes=2)

"""Colour beside a depth map within a bound, in the container."""

from __future__ import annotations

import dataclasses
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_container import PLAIN, damaged, repeatable

from stereocodec.container import Band, Container, Streams, ViewKind
from stereocodec.container import limits as rules
from stereocodec.container.depth import BoundedDepth, DepthView
from stereocodec.container.salvage import salvage
from stereocodec.errors import CorruptFile, FormatError, InvalidInput, LimitExceeded, UnsupportedVersion

DEPTH = BoundedDepth(16, 0.001, 0, 5, 2000, b"mask", b"samples")
BAND = Band(b"\x01", Streams(b"z", b"", b"y" * 30, b""), 7)
FRAME = dataclasses.replace(
    PLAIN, view_kind=ViewKind.RGB8_BOUNDED_DEPTH, version=(1, 5), depth=DEPTH, bands=(BAND,), chunks=()
)
RECORD = DEPTH.to_bytes()
DEPTH_AT = FRAME.to_bytes().index(RECORD)


@st.composite
def records(draw):
    bits = draw(st.sampled_from([8, 16]))
    sample = st.integers(0, 2**bits - 1)
    step = draw(st.floats(min_value=1e-12, max_value=1e6))
    streams = draw(st.binary()), draw(st.binary())
    return BoundedDepth(bits, step, draw(sample), draw(sample), draw(st.integers(0, 10**6)), *streams)


@repeatable
@given(records(), st.lists(st.tuples(st.binary(), st.binary(), st.binary()), min_size=1, max_size=3))
def test_every_field_comes_back(depth, parts):
    bands = tuple(Band(guard, Streams(z, b"", y, b""), number) for number, (guard, z, y) in enumerate(parts))
    frame = dataclasses.replace(FRAME, depth=depth, bands=bands)
    data = frame.to_bytes()
    assert Container.from_bytes(data) == frame
    assert Container.from_bytes(data).to_bytes() == data


def test_a_single_view_has_two_lengths_of_streams():
    pair = dataclasses.replace(FRAME, view_kind=ViewKind.RGB8, depth=None)
    assert len(FRAME.to_bytes()) - len(pair.to_bytes()) == len(RECORD) - 2


@repeatable
@given(damaged(FRAME.to_bytes()))
def test_damaged_files_are_refused_as_such(altered):
    with pytest.raises(FormatError) as caught:
        Container.from_bytes(altered)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bits": 12}, "12 bits, it must be 8 or 16"),
        ({"metres_per_step": float("nan")}, "nan metres per step"),
        ({"invalid": 65536}, "invalid depth 65536"),
        ({"max_steps": 65536}, "within 65536 steps"),
        ({"max_steps": -1}, "within -1 steps"),
        ({"bits": 8, "max_steps": 256}, "within 256 steps, it must be a sample of 8 bits"),
        ({"max_ppm": 10**6 + 1}, "1000001 parts per million"),
        ({"max_ppm": 0.5}, "max_ppm is float"),
        ({"samples": "samples"}, "samples is str"),
    ],
)
def test_records_that_cannot_be_written(change, message):
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(FRAME, depth=dataclasses.replace(DEPTH, **change)).to_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view_kind": ViewKind.RGB8}, "no others have one"),
        ({"view_kind": ViewKind.RGB8_DEPTH}, "needs a kind of view of its own"),
        ({"depth": DepthView(16, 0.001, 0, 1, 2)}, "needs a kind of view of its own"),
        ({"depth": None}, "need a description of the depth"),
        ({"version": (1, 4)}, r"version \(1, 4\), it must be \(1, 5\) or newer"),
        ({"bands": PLAIN.bands}, "streams of a second view"),
    ],
)
def test_a_bound_needs_its_kind_its_record_and_its_version(change, message):
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(FRAME, **change).to_bytes()


def with_record(record):
    """FRAME with other bytes in the place of its record, and a CRC that fits."""
    data = FRAME.to_bytes()
    data = data[:DEPTH_AT] + record + data[DEPTH_AT + len(RECORD) : -4]
    return data + zlib.crc32(data).to_bytes(4, "little")


MILLIMETRES = RECORD[1:9]
HUGE = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"\x09" + RECORD[1:], "depth map of 9 bits"),
        (b"\x10" + b"\x00" * 8 + RECORD[9:], "0.0 metres per step"),
        (b"\x10" + MILLIMETRES + b"\x80\x80\x04" + b"\x05\x00\x00\x00", "invalid depth 65536"),
        (b"\x10" + MILLIMETRES + b"\x00\x80\x80\x04\x00\x00\x00", "within 65536 steps"),
        (b"\x10" + MILLIMETRES + b"\x00\x00\xff\xff\x7f\x00\x00", "within 2097151 parts per million"),
        (b"\x10" + MILLIMETRES + b"\x00\x00\x00" + HUGE + b"\x00", "the mask should have 18446744073709551615 bytes"),
        (b"\x10" + MILLIMETRES + b"\x00\x00\x00\x00" + HUGE, "the depth should have 18446744073709551615 bytes"),
        (b"\x10" + MILLIMETRES + b"\x00\x80\x00", "the largest error is not a valid varint"),
    ],
)
def test_impossible_records_in_a_file_are_refused(record, message):
    with pytest.raises(CorruptFile, match=message):
        Container.from_bytes(with_record(record))


@pytest.mark.parametrize(("name", "length"), [("mask", 4), ("depth stream", 7)])
def test_the_limits_of_the_streams(monkeypatch, name, length):
    data = FRAME.to_bytes()
    monkeypatch.setattr("stereocodec.container.depth.MAX_STREAM_BYTES", length - 1)
    with pytest.raises(LimitExceeded, match=f"a {name} of {length} bytes"):
        Container.from_bytes(data)


def test_a_kind_of_a_later_version_is_told_as_such():
    data = bytearray(FRAME.to_bytes()[:-4])
    data[8], data[10] = 0x10 | rules.VERSION[1] + 1, 3
    with pytest.raises(UnsupportedVersion, match="kind of view 3"):
        Container.from_bytes(bytes(data) + zlib.crc32(data).to_bytes(4, "little"))


def test_depth_survives_damage_to_bands():
    frame = dataclasses.replace(FRAME, bands=(BAND, BAND))
    data = bytearray(frame.to_bytes())
    data[-5] ^= 1
    container, damaged = salvage(bytes(data))
    assert container.depth == DEPTH
    assert list(damaged) == [1]


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ((0, 0), "without loss"),
        ((5, 0), "within 5 mm"),
        ((0, 2500), "within 0.25 % of the distance"),
        ((1, 1000), "within 1 mm or 0.1 % of the distance, whichever is more"),
    ],
)
def test_the_promise_in_words(bound, words):
    assert BoundedDepth(16, 0.001, 0, *bound).promise == words

"""Metadata chunks made by hand: bombs, lengths that lie, JSON that is none, and what later versions may write."""

import io
import json
import tracemalloc
import zlib

import pytest
from hand_made_files import by_hand, refusal, varint

from stereocodec.container import Container, Layout, Metadata, metadata_in
from stereocodec.container.limits import MAX_CALIBRATION_BYTES, MAX_CALIBRATION_DEPTH, MAX_METADATA_BYTES
from stereocodec.container.packing import pack, unpack
from stereocodec.errors import CorruptFile, InvalidInput, LimitExceeded

NAMES = ["ICCP", "EXIF", "XMP_", "CALB"]


def with_chunks(chunks, version=b"\x13"):
    """A file with these payloads by name."""
    records = b"".join(name.encode() + varint(len(payload)) + payload for name, payload in chunks.items())
    return by_hand(version=version, flags=b"\x01", chunks=varint(len(chunks)) + records)


def deflated(data, length=None):
    """A payload that states another length than it has."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"\x01" + varint(len(data) if length is None else length) + raw.compress(data) + raw.flush()


@pytest.mark.parametrize("name", NAMES)
def test_lengths_above_the_limit_are_refused_before_anything_is_unpacked(name):
    limit = MAX_CALIBRATION_BYTES if name == "CALB" else MAX_METADATA_BYTES
    for length in (limit + 1, 2**63):
        message = refusal(with_chunks({name: deflated(b"{}", length)}), LimitExceeded)
        assert f"chunk {name}: {length} bytes of metadata, the limit is {limit}" in message


@pytest.mark.parametrize("length", [0, 1, 2**10, MAX_CALIBRATION_BYTES])
def test_a_bomb_that_states_fewer_bytes_is_stopped(length):
    data = with_chunks({name: deflated(bytes(MAX_METADATA_BYTES + 1), length) for name in NAMES})
    tracemalloc.start()
    try:
        assert f"not those of {length} bytes" in refusal(data, CorruptFile)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_what_is_only_checked_is_not_kept_in_memory():
    data = with_chunks({name: deflated(bytes(MAX_METADATA_BYTES)) for name in NAMES[:3]})
    tracemalloc.start()
    try:
        container = Container.from_bytes(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20
    assert container.metadata.icc_profile == container.metadata.xmp == bytes(MAX_METADATA_BYTES)


def test_packing_comes_back():
    for data in (b"", b"a", b"ab" * 5000, bytes(2**16), bytes(2**16 + 1), bytes(range(256)) * 700):
        assert unpack(pack(data)) == data
        assert len(pack(data)) <= len(data) + 1


NO_CALIBRATION = {
    "NaN": b'{"baseline":NaN}',
    "-Infinity": b'{"baseline":-Infinity}',
    "1e999": b'{"baseline":1e999}',
    "11111111111111111111": b'{"size":[' + b"1" * 5000 + b",2]}",
    "surrogates not allowed": b'{"\\ud800":1}',
    "can't encode": b'{"a":["\\udfff"]}',
    "levels deep": b'{"a":' * MAX_CALIBRATION_DEPTH + b"[]" + b"}" * MAX_CALIBRATION_DEPTH,
    "too deeply": b'{"a":' + b"[" * 300_000,
    "no JSON object": b'"text"',
    "utf-8": b'{"a":"\xff"}',
}


@pytest.mark.parametrize("part", NO_CALIBRATION)
def test_calibration_that_no_reader_could_use(part):
    assert part in refusal(with_chunks({"CALB": pack(NO_CALIBRATION[part])}), CorruptFile)


def test_calibration_within_the_limits_is_kept_with_keys_that_are_not_known():
    known = {"baseline": 0.25, "wörter": ["a", None, True, 10**17, -(10**17)], "a": {}}
    for _ in range(MAX_CALIBRATION_DEPTH - 2):
        known = {"a": known}
    text = json.dumps(known).encode()
    assert Container.from_bytes(with_chunks({"CALB": pack(text)})).metadata.calibration == known
    spaced = text + b" " * (MAX_CALIBRATION_BYTES - len(text))
    assert Container.from_bytes(with_chunks({"CALB": pack(spaced)})).metadata.calibration == known
    refusal(with_chunks({"CALB": pack(spaced + b" ")}), LimitExceeded)


def test_calibration_that_takes_more_than_the_limit_when_it_is_written_again_is_read():
    numbers = b",".join([b"1e15"] * 150_000)
    data = with_chunks({"CALB": pack(b'{"a":[' + numbers + b"]}")})
    container = Container.from_bytes(data)
    assert container.metadata.calibration == metadata_in(io.BytesIO(data)).calibration == {"a": [1e15] * 150_000}
    assert container.to_bytes() == data


@pytest.mark.parametrize("name", NAMES)
def test_what_a_later_version_packs_in_its_own_way_is_kept_and_not_known(name):
    data = with_chunks({name: b"\x02abc", "LAYT": b"tb"}, version=b"\x16")
    container = Container.from_bytes(data)
    assert container.metadata == Metadata(layout=Layout.TB)
    assert container.to_bytes() == data


@pytest.mark.parametrize("payload", [b"", b"\xff", b"sbs ", b"SBS", b"cube"])
def test_layouts_that_are_not_known_are_none(payload):
    assert Container.from_bytes(with_chunks({"LAYT": payload})).metadata == Metadata()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"icc_profile": "sRGB.icc"}, "icc_profile is str: give its bytes"),
        ({"exif": bytearray(8)}, "exif is bytearray"),
        ({"xmp": bytes(MAX_METADATA_BYTES + 1)}, "xmp has 16777217 bytes, a .bsc file holds up to 16777216"),
        ({"layout": "sbs"}, "layout is 'sbs'"),
        ({"calibration": {"baseline": float("nan")}}, "cannot be kept: Out of range float"),
        ({"calibration": {"a": {1, 2}}}, "cannot be kept: Object of type set"),
        ({"calibration": {"a": "\ud800"}}, "cannot be kept"),
        ({"calibration": [1]}, "cannot be kept"),
        ({"calibration": {"a": "b" * MAX_CALIBRATION_BYTES}}, "the limit is 1048576"),
    ],
)
def test_metadata_that_no_file_can_hold_are_refused_when_they_are_made(wrong, message):
    with pytest.raises(InvalidInput) as caught:
        Metadata(**wrong)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_calibration_within_itself_is_refused():
    circle = {}
    circle["a"] = circle
    with pytest.raises(InvalidInput, match="cannot be kept: Circular"):
        Metadata(calibration=circle)

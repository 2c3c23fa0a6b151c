"""Files that must be refused: damaged ones, and ones made by hand whose CRC is right."""

import dataclasses
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.container import SIGNATURE, Chunk, Container, Streams
from stereocodec.container.limits import MAX_PIXELS
from stereocodec.errors import CorruptFile, FormatError, InvalidInput, LimitExceeded, NotABscFile, UnsupportedVersion

PLAIN = Container(
    width=1024,
    height=832,
    quality=50,
    model_id=b"\xf0\x9f\x00\xff\x80\x7f",
    guard=b"\x01\x02\x03",
    streams=Streams(b"leftz", b"rightz", b"left y" * 30, b""),
    latent_checksum=0x12345678,
)
WITH_CHUNKS = dataclasses.replace(
    PLAIN, chunks=(Chunk("MODL", b"bisic-rt"), Chunk("wxyz", b"\x00" * 9), Chunk("TEXT", b""))
)
WHOLE_FILES = [PLAIN.to_bytes(), WITH_CHUNKS.to_bytes()]

repeatable = settings(derandomize=True, deadline=None, database=None)


def by_hand(
    version=b"\x10",
    flags=b"\x00",
    view_kind=b"\x00",
    width=b"\x08",
    height=b"\x08",
    quality=b"\x32",
    model_id=b"123456",
    guard=b"\x00",
    lengths=b"\x00\x00\x00\x00",
    chunks=b"",
    streams=b"",
    checksum=b"\x00\x00\x00\x00",
):
    """A file with a correct CRC, each of whose fields may be anything."""
    fields = [version, flags, view_kind, width, height, quality, model_id, guard, lengths, chunks, streams]
    return with_crc(SIGNATURE + b"".join(fields) + checksum)


def with_crc(body):
    return body + zlib.crc32(body).to_bytes(4, "little")


def refusal(data, error):
    """The message with which `data` is refused; exactly `error`, on one line."""
    with pytest.raises(FormatError) as caught:
        Container.from_bytes(data)
    assert caught.type is error, caught.value
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_hand_made_file_is_right_before_it_is_changed():
    assert Container.from_bytes(by_hand()).to_bytes() == by_hand()


def test_empty_file():
    assert "empty" in refusal(b"", NotABscFile)


@pytest.mark.parametrize("data", ["text", None, 5, [137, 66]])
def test_what_is_not_bytes(data):
    with pytest.raises(InvalidInput, match="must be given as bytes"):
        Container.from_bytes(data)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n" + b"0" * 99, b"\x00", b"BSC degree\n", b"\xff" * 500])
def test_other_data(data):
    message = refusal(data, NotABscFile)
    assert "signature" in message
    assert "text mode" not in message


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\r", b"\n"),
        lambda data: bytes(byte & 0x7F for byte in data),
        lambda data: data.decode("latin-1").encode("utf-8"),
        lambda data: data.decode("cp437").encode("utf-8"),
        lambda data: data.decode("utf-8", "replace").encode("utf-8"),
        lambda data: data.decode("ascii", "ignore").encode("ascii"),
        lambda data: data.decode("ascii", "replace").encode("ascii", "replace"),
    ],
)
def test_text_mode_transfers_are_recognised(damage):
    assert "text mode" in refusal(damage(WHOLE_FILES[0]), NotABscFile)


@pytest.mark.parametrize(("byte", "name"), [(b"\x20", "2.0"), (b"\x23", "2.3"), (b"\xff", "15.15")])
def test_a_newer_major_version_is_named_whatever_follows(byte, name):
    message = refusal(by_hand(version=byte), UnsupportedVersion)
    assert f"version {name}" in message
    assert "1.2" in message
    assert refusal(SIGNATURE + byte, UnsupportedVersion) == message


def test_version_zero_does_not_exist():
    assert "0.9" in refusal(by_hand(version=b"\x09"), CorruptFile)


def test_a_newer_minor_version_is_read_and_kept():
    data = by_hand(version=b"\x17")
    assert Container.from_bytes(data).version == (1, 7)
    assert Container.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("flags", value) for value in (b"\x06", b"\x07", b"\x3e", b"\x40", b"\x80", b"\xff")),
        *(("view_kind", value) for value in (b"\x02", b"\x03", b"\x80", b"\xff")),
    ],
)
def test_unknown_flags_and_kinds_of_view(field, value):
    refusal(by_hand(**{field: value}), CorruptFile)
    message = refusal(by_hand(version=b"\x13", **{field: value}), UnsupportedVersion)
    assert "1.3" in message
    assert "1.2" in message


@pytest.mark.parametrize("flags", [b"\x02", b"\x04", b"\x08", b"\x38", b"\x3c"])
@pytest.mark.parametrize("version", [b"\x10", b"\x11"])
def test_grey_and_turned_views_are_refused_in_versions_that_have_none(version, flags):
    assert "grey or turned" in refusal(by_hand(version=version, flags=flags), CorruptFile)
    assert Container.from_bytes(by_hand(version=b"\x12", flags=flags)).to_bytes()[9] == flags[0]


@pytest.mark.parametrize("data", WHOLE_FILES)
def test_every_truncation(data):
    for length in range(1, len(data)):
        assert "truncated" in refusal(data[:length], CorruptFile)


@pytest.mark.parametrize("data", WHOLE_FILES)
def test_every_flipped_bit(data):
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(FormatError):
            Container.from_bytes(damaged)


@pytest.mark.parametrize("data", WHOLE_FILES)
@pytest.mark.parametrize("garbage", [b"\x00", b"\n", b"garbage" * 99])
def test_trailing_garbage(data, garbage):
    assert f"{len(garbage)} bytes follow" in refusal(data + garbage, CorruptFile)


def test_two_files_in_one():
    refusal(WHOLE_FILES[0] * 2, CorruptFile)


def test_a_wrong_crc_is_refused():
    assert "CRC-32" in refusal(by_hand()[:-4] + b"\x00\x00\x00\x00", CorruptFile)


def varint(value):
    """LEB128, written apart from the one under test."""
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


@pytest.mark.parametrize(
    ("width", "height"),
    [(2**31, 1), (1, 2**31), (65536, 1), (1, 65536), (46341, 46341), (8192, 4097), (2**64 - 1, 2**64 - 1)],
)
def test_more_pixels_than_the_limit(width, height):
    data = by_hand(width=varint(width), height=varint(height))
    assert f"{width}x{height}" in refusal(data, LimitExceeded)


def test_exactly_the_limit_of_pixels():
    container = Container.from_bytes(by_hand(width=varint(8192), height=varint(4096)))
    assert container.width * container.height == MAX_PIXELS


@pytest.mark.parametrize("sides", [(0, 1), (1, 0), (0, 0), (0, 2**40)])
def test_no_pixels(sides):
    refusal(by_hand(width=varint(sides[0]), height=varint(sides[1])), CorruptFile)


@pytest.mark.parametrize("quality", [101, 128, 255])
def test_quality_above_100(quality):
    assert str(quality) in refusal(by_hand(quality=bytes([quality])), CorruptFile)


OVERLONG = [b"\x80\x00", b"\x88\x00", b"\x88\x80\x00", b"\x88" + b"\x80" * 8 + b"\x00"]
TOO_LARGE = [b"\xff" * 9 + b"\x02", b"\xff" * 9 + b"\x7f", b"\x80" * 10 + b"\x01", b"\xff" * 1000]


@pytest.mark.parametrize("number", OVERLONG + TOO_LARGE)
@pytest.mark.parametrize("field", ["width", "height", "guard", "lengths", "chunks"])
def test_varints_in_other_than_their_shortest_form(field, number):
    flags = b"\x01" if field == "chunks" else b"\x00"
    rest = b"\x00" * 3 if field == "lengths" else b""
    message = refusal(by_hand(flags=flags, **{field: number + rest}), CorruptFile)
    assert "varint" in message


@pytest.mark.parametrize("length", [1, 9, 2**24 + 1, 2**28, 2**31, 2**32, 2**63, 2**64 - 1])
def test_lengths_beyond_the_data(length):
    # 8 bytes are left of a hand-made file after its last stream, 12 after its guard list.
    large = varint(min(length + 12, 2**64 - 1))
    assert "left" in refusal(by_hand(guard=large), CorruptFile)
    for place in range(4):
        lengths = b"\x00" * place + large + b"\x00" * (3 - place)
        assert "left" in refusal(by_hand(lengths=lengths), CorruptFile)
    assert "left" in refusal(by_hand(flags=b"\x01", chunks=b"\x01abcd" + large), CorruptFile)


def test_lengths_whose_sum_wraps_around_64_bits():
    lengths = varint(2**63) * 2 + b"\x00\x00"
    refusal(by_hand(lengths=lengths), CorruptFile)


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        (b"\x00", CorruptFile, "has none"),
        (b"\x02aaaa\x00", CorruptFile, "truncated"),
        (b"\x01ab d\x00", CorruptFile, "chunk name"),
        (b"\x01\x00\x00\x00\x00\x00", CorruptFile, "chunk name"),
        (b"\x01\xe4bcd\x00", CorruptFile, "chunk name"),
        (b"\x01ab\xb2d\x00", CorruptFile, "chunk name"),
        (b"\x02ICCP\x00ICCP\x00", CorruptFile, "more than once"),
        (b"\x03TEXT\x00aaaa\x00TEXT\x01x", CorruptFile, "more than once"),
        (b"\x01TEXT\x01\xff", CorruptFile, "UTF-8"),
        (b"\x01CALB\x02\xc0\x80", CorruptFile, "UTF-8"),
        (b"\x01MODL\x03\xed\xa0\x80", CorruptFile, "UTF-8"),
        (b"\x01MODL\x00", CorruptFile, "printable"),
        (b"\x01REPO\x00", CorruptFile, "commit"),
        (b"\x01REPO\x05a/b@c", CorruptFile, "commit"),
        (b"\x01REPO\x2d../b@" + b"0" * 40, CorruptFile, "commit"),
        (b"\x01REPO\x2da/b\n@" + b"0" * 40, CorruptFile, "commit"),
        (b"\x02" + 2 * (b"REPO\x2ca/b@" + b"0" * 40), CorruptFile, "more than once"),
        (b"\x01MODL\x04\x1b[2J", CorruptFile, "printable"),
        (b"\x01MODL\x03\xe2\x80\xae", CorruptFile, "printable"),  # turns the direction of writing
        (varint(257) + b"aaaa\x00" * 257, LimitExceeded, "257 optional chunks"),
        (varint(2**64 - 1), LimitExceeded, "optional chunks"),
    ],
)
def test_bad_chunks(chunks, error, message):
    assert message in refusal(by_hand(flags=b"\x01", chunks=chunks), error)


@pytest.mark.parametrize(
    ("limit", "data"),
    [
        ("MAX_GUARD_BYTES", by_hand(guard=b"\x0512345")),
        ("MAX_STREAM_BYTES", by_hand(lengths=b"\x00\x00\x05\x00", streams=b"12345")),
        ("MAX_CHUNK_BYTES", by_hand(flags=b"\x01", chunks=b"\x02aaaa\x0212bbbb\x03345")),
    ],
)
def test_limits_of_bytes(monkeypatch, limit, data):
    # The true limits are many megabytes; smaller ones take the same way through the code.
    Container.from_bytes(data)
    where = "chunks" if "CHUNK" in limit else "file"
    monkeypatch.setattr(f"stereocodec.container.{where}.{limit}", 4)
    assert "the limit is 4" in refusal(data, LimitExceeded)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (by_hand(width=varint(2**31), height=varint(2**31)), LimitExceeded),
        (by_hand(guard=varint(2**40)), CorruptFile),
        (by_hand(lengths=varint(2**62) * 4), CorruptFile),
        (by_hand(flags=b"\x01", chunks=b"\x01aaaa" + varint(2**50)), CorruptFile),
        (by_hand(flags=b"\x01", chunks=varint(20_000) + b"aaaa\x00" * 20_000), LimitExceeded),
    ],
)
def test_memory_stays_in_proportion_to_the_file(data, error):
    tracemalloc.start()
    try:
        refusal(data, error)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(data) + 100_000


def accepted_only_as_its_own_spelling(data):
    try:
        container = Container.from_bytes(data)
    except FormatError:
        return
    assert container.to_bytes() == data


@repeatable
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data):
    accepted_only_as_its_own_spelling(data)
    accepted_only_as_its_own_spelling(with_crc(SIGNATURE + data))
    accepted_only_as_its_own_spelling(with_crc(SIGNATURE + b"\x10" + data))


@pytest.mark.slow
@settings(repeatable, max_examples=1000)
@given(
    st.sampled_from(WHOLE_FILES),
    st.lists(st.tuples(st.integers(8, 60), st.integers(0, 1), st.binary(max_size=3)), min_size=1, max_size=3),
)
def test_changed_headers_with_a_right_crc(data, edits):
    body = data[:-4]
    for position, removed, added in edits:
        body = body[:position] + added + body[position + removed :]
    accepted_only_as_its_own_spelling(with_crc(body))

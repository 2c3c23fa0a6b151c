"""Files made by hand, whose CRC is right, that must be refused for what their fields say."""

import tracemalloc

import pytest
from hand_made_files import WHOLE_FILES, by_hand, refusal, varint, with_crc
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.container import SIGNATURE, Container, Metadata
from stereocodec.container.limits import MAX_PIXELS, VERSION
from stereocodec.container.packing import pack
from stereocodec.errors import CorruptFile, FormatError, LimitExceeded, UnsupportedVersion

repeatable = settings(derandomize=True, deadline=None, database=None)


def test_the_hand_made_file_is_right_before_it_is_changed():
    assert Container.from_bytes(by_hand()).to_bytes() == by_hand()


@pytest.mark.parametrize(("byte", "name"), [(b"\x20", "2.0"), (b"\x23", "2.3"), (b"\xff", "15.15")])
def test_a_newer_major_version_is_named_whatever_follows(byte, name):
    message = refusal(by_hand(version=byte), UnsupportedVersion)
    assert f"version {name}" in message
    assert ".".join(map(str, VERSION)) in message
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
        *(("flags", value) for value in (b"\x06", b"\x07", b"\x3e", b"\x46", b"\x86", b"\xff")),
        *(("view_kind", value) for value in (b"\x03", b"\x04", b"\x80", b"\xff")),
    ],
)
def test_unknown_flags_and_kinds_of_view(field, value):
    major, minor = VERSION
    refusal(by_hand(**{field: value}), CorruptFile)
    message = refusal(by_hand(version=bytes([major << 4 | minor + 1]), **{field: value}), UnsupportedVersion)
    assert f"{major}.{minor + 1}" in message
    assert f"{major}.{minor}" in message


@pytest.mark.parametrize("flags", [b"\x02", b"\x04", b"\x08", b"\x38", b"\x3c"])
@pytest.mark.parametrize("version", [b"\x10", b"\x11"])
def test_grey_and_turned_views_are_refused_in_versions_that_have_none(version, flags):
    assert "grey or turned" in refusal(by_hand(version=version, flags=flags), CorruptFile)
    assert Container.from_bytes(by_hand(version=b"\x12", flags=flags)).to_bytes()[9] == flags[0]


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


def test_fractions_of_a_quality_have_one_spelling():
    fraction = {"version": b"\x13", "flags": b"\x40"}
    assert Container.from_bytes(by_hand(**fraction, quality=b"\x32\x80")).quality == 50.5
    assert "fraction of zero" in refusal(by_hand(**fraction, quality=b"\x32\x00"), CorruptFile)
    assert "100.00390625" in refusal(by_hand(**fraction, quality=b"\x64\x01"), CorruptFile)
    assert "(1, 3)" in refusal(by_hand(version=b"\x12", flags=b"\x40", quality=b"\x32\x80"), CorruptFile)


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
    ("payload", "message"),
    [
        (b"", "it is empty"),
        (b"\x02abc", "packed by method 2"),
        (b"\x01", "ends within its length"),
        (b"\x01\x03\xff\xff", "damaged"),
        (b"\x01\x02\x4b\x4c\x4a\x06\x00", "not those of 2 bytes"),  # three bytes deflated
        (b"\x01\x04\x4b\x4c\x4a\x06\x00", "not those of 4 bytes"),
        (b"\x01\x03\x4b\x4c\x4a\x06\x00x", "not those of 3 bytes"),
        (b"\x01\x03" + b"\x00\x00\x00\xff\xff" * 3, "not those of 3 bytes"),  # empty blocks without an end
    ],
)
@pytest.mark.parametrize("name", [b"ICCP", b"EXIF", b"XMP_", b"CALB"])
def test_payloads_that_were_not_packed(name, payload, message):
    chunks = b"\x01" + name + varint(len(payload)) + payload
    assert message in refusal(by_hand(version=b"\x13", flags=b"\x01", chunks=chunks), CorruptFile)
    assert Container.from_bytes(by_hand(flags=b"\x01", chunks=chunks)).metadata == Metadata()


@pytest.mark.parametrize("text", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_calibration_that_is_no_json_object(text):
    payload = pack(text)
    chunks = b"\x01CALB" + varint(len(payload)) + payload
    assert "chunk CALB" in refusal(by_hand(version=b"\x13", flags=b"\x01", chunks=chunks), CorruptFile)


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
    where = "chunks" if "CHUNK" in limit else "bands"
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

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hand_made_files import changed
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.container import HEADER_BYTES, Band, Chunk, Container, Streams, packing, peek_header
from stereocodec.container import limits as rules
from stereocodec.container.bands import most_bands
from stereocodec.container.layouts import LAYOUT_NAMES
from stereocodec.container.varint import write_varint
from stereocodec.errors import CorruptFile, InvalidInput, LimitExceeded

FORMAT_PAGE = Path(__file__).parent.parent.parent / "docs" / "format.md"

# The example of docs/format.md.
EXAMPLE = Container(
    width=1024,
    height=832,
    quality=50,
    model_id=bytes.fromhex("3f9a0c51d27e"),
    bands=(
        Band(
            b"",
            Streams(b"\x01\x02\x03\x04", b"\x05\x06\x07\x08", bytes(range(0x11, 0x19)), b"\x21\x22\x23\x24"),
            0x89ABCDEF,
        ),
    ),
    chunks=(Chunk("MODL", b"bisic-rt"),),
)
PLAIN = dataclasses.replace(EXAMPLE, chunks=())

repeatable = settings(derandomize=True, deadline=None, database=None)


@st.composite
def damaged(draw, original):
    """The bytes of a file, cut off somewhere or with one bit flipped."""
    if draw(st.booleans()):
        return original[: draw(st.integers(0, len(original) - 1))]
    at, bit = draw(st.integers(0, len(original) - 1)), draw(st.integers(0, 7))
    return original[:at] + bytes((original[at] ^ 1 << bit,)) + original[at + 1 :]


@st.composite
def geometries(draw):
    width = draw(st.integers(1, rules.MAX_SIDE))
    return width, draw(st.integers(1, min(rules.MAX_SIDE, rules.MAX_PIXELS // width)))


private_names = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=4, max_size=4)
unknown_chunks = st.builds(Chunk, private_names.filter(lambda n: n not in rules.KNOWN_CHUNKS), st.binary())
binary_chunks = st.builds(
    Chunk, st.sampled_from([rules.ICC_PROFILE, rules.EXIF, rules.XMP]), st.binary().map(packing.pack)
)
text_chunks = st.builds(Chunk, st.sampled_from([rules.TEXT, rules.LAYOUT]), st.text().map(lambda text: text.encode()))
chunk_lists = st.tuples(
    st.lists(unknown_chunks, max_size=4),
    st.lists(binary_chunks | text_chunks, max_size=3, unique_by=lambda chunk: chunk.name),
).flatmap(lambda pair: st.permutations(pair[0] + pair[1]).map(tuple))


BANDS = st.builds(
    Band,
    st.binary(),
    st.builds(Streams, st.binary(), st.binary(max_size=300), st.binary(), st.binary()),
    st.integers(0, 2**32 - 1),
)


@st.composite
def containers(draw):
    width, height = draw(geometries())
    bands = tuple(draw(st.lists(BANDS, min_size=1, max_size=min(4, most_bands(height)))))
    quality = draw(st.integers(0, 100).map(lambda whole: 256 * whole) | st.integers(0, 256 * 100))
    return Container(
        width=width,
        height=height,
        quality=quality // 256 if quality % 256 == 0 else quality / 256,
        model_id=draw(st.binary(min_size=6, max_size=6)),
        bands=bands,
        chunks=draw(chunk_lists),
        version=(1, draw(st.integers(4 if len(bands) > 1 else 3 if quality % 256 else 0, 15))),
    )


@repeatable
@given(containers())
def test_every_field_comes_back(container):
    data = container.to_bytes()
    read = Container.from_bytes(data)
    assert read == container
    assert read.to_bytes() == data


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_bytes_are_read(kind):
    assert Container.from_bytes(kind(EXAMPLE.to_bytes())) == EXAMPLE


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16383, 16384, 2**21 - 1, 2**21])
def test_lengths_around_the_steps_of_a_varint(length):
    container = changed(PLAIN, guard=b"g" * length, streams=Streams(b"", b"a" * length, b"", b"b" * length))
    assert Container.from_bytes(container.to_bytes()) == container


def test_unknown_chunks_are_kept_in_their_order():
    chunks = (Chunk("QQQQ", b"1"), Chunk("zz_9", b""), Chunk("TEXT", "ü".encode()), Chunk("QQQQ", b"2"))
    read = Container.from_bytes(dataclasses.replace(PLAIN, chunks=chunks).to_bytes())
    assert read.chunks == chunks
    assert read.chunk("QQQQ") == b"1"
    assert read.chunk("TEXT") == "ü".encode()
    assert read.chunk("ICCP") is None


def overhead(container):
    return len(container.to_bytes()) - sum(map(len, container.bands[0].streams.in_file_order()))


@repeatable
@given(geometries())
def test_at_most_48_bytes_beside_the_streams(geometry):
    # Stands for streams of any length: a length takes at most 4 bytes, one of these streams' lengths 1.
    width, height = geometry
    container = changed(PLAIN, width=width, height=height, streams=Streams(b"", b"", b"", b""), quality=100)
    longest_length = write_varint(rules.MAX_STREAM_BYTES)
    assert overhead(container) + 4 * (len(longest_length) - 1) <= 48


def test_the_largest_overhead_in_a_whole_file():
    stream = bytes(2**21)  # the shortest one whose length takes four bytes
    container = changed(PLAIN, width=2**14, height=2**11, streams=Streams(stream, stream, stream, stream))
    assert overhead(container) == 48


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "at least 1"),
        ({"height": -1}, "at least 1"),
        ({"width": 65536, "height": 1}, "65535 per side"),
        ({"height": 65536, "width": 1}, "65535 per side"),
        ({"width": 8192, "height": 4097}, "33554432 pixels"),
        ({"width": 1024.0}, "width is float"),
        ({"quality": 101}, "quality 101"),
        ({"quality": -1}, "quality -1"),
        ({"quality": 100 + 1 / 256}, "it must be 0 to 100"),
        ({"quality": float("nan")}, "quality nan"),
        ({"quality": 50.1, "version": (1, 3)}, "multiple of 1/256"),
        ({"quality": 50.5, "version": (1, 2)}, r"it must be \(1, 3\)"),
        ({"quality": "50"}, "quality is str"),
        ({"model_id": b"12345"}, "model id of 5 bytes"),
        ({"model_id": "123456"}, "model_id is str"),
        ({"guard": [1]}, "item of bands.guard is list"),
        ({"streams": (b"", b"", b"", b"")}, "item of bands.streams is tuple"),
        ({"streams": Streams(b"", b"", b"", None)}, "streams.y_right is NoneType"),
        ({"latent_checksum": 2**32}, "latent checksum"),
        ({"latent_checksum": -1}, "latent checksum"),
        ({"bands": ()}, "0 bands of 832 rows"),
        ({"bands": PLAIN.bands * 7}, "7 bands of 832 rows, it must be 1 to 6"),
        ({"bands": PLAIN.bands * 2, "version": (1, 3)}, r"it must be \(1, 4\)"),
        ({"bands": list(PLAIN.bands)}, "bands is list"),
        ({"view_kind": 0}, "view_kind is int"),
        ({"version": (2, 0)}, "major version must be 1"),
        ({"version": (1, 16)}, "minor version"),
        ({"version": (1,)}, "version"),
        ({"version": (1, 0.0)}, "item of version is float"),
        ({"chunks": [Chunk("abcd", b"")]}, "chunks is list"),
        ({"chunks": ("abcd",)}, "item of chunks is str"),
        ({"chunks": (Chunk(b"abcd", b""),)}, "name is bytes"),
        ({"chunks": (Chunk("abcd", "text"),)}, "payload is str"),
        ({"chunks": (Chunk("abc", b""),)}, "chunk name 'abc'"),
        ({"chunks": (Chunk("abc\n", b""),)}, "chunk name"),
        ({"chunks": (Chunk("äbcd", b""),)}, r"chunk name '\\xe4bcd'"),
        ({"chunks": (Chunk("EXIF", b"1"), Chunk("EXIF", b"1"))}, "EXIF occurs more than once"),
        ({"chunks": (Chunk("TEXT", b"\xff"),)}, "TEXT is not UTF-8"),
        ({"chunks": (Chunk("CALB", b"\xff"),), "version": (1, 3)}, "CALB: packed by method 255"),
        ({"chunks": (Chunk("MODL", b"\xff"),)}, "MODL is not UTF-8"),
        ({"chunks": (Chunk("MODL", b""),)}, "MODL must be one printable line"),
        ({"chunks": (Chunk("MODL", b"a\x1b[2J"),)}, "MODL must be one printable line"),
        ({"chunks": (Chunk("MODL", b"a" * 256),)}, "MODL must be one printable line"),
        ({"chunks": (Chunk("abcd", b""),) * 257}, "257 optional chunks"),
    ],
)
def test_fields_that_cannot_be_written(change, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        changed(PLAIN, **change).to_bytes()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 65535, "height": 512},
        {"width": 1, "height": 65535},
        {"width": 1, "height": 1},
        {"quality": 0},
        {"quality": 100},
        {"chunks": (Chunk("abcd", b""),) * 256},
        {"chunks": (Chunk("MODL", b"a" * 255),)},
    ],
)
def test_the_limits_themselves_can_be_written_and_read(change):
    container = changed(PLAIN, **change)
    assert Container.from_bytes(container.to_bytes()) == container


@pytest.mark.parametrize(
    ("limit", "container"),
    [
        ("MAX_GUARD_BYTES", changed(PLAIN, guard=b"12345")),
        ("MAX_STREAM_BYTES", changed(PLAIN, streams=Streams(b"", b"12345", b"", b""))),
        (
            "MAX_CHUNK_BYTES",
            dataclasses.replace(
                PLAIN,
                bands=(Band(b"", Streams(b"", b"", b"", b""), 0),),
                chunks=(Chunk("aaaa", b"12"), Chunk("aaaa", b"345")),
            ),
        ),
    ],
)
def test_limits_of_bytes(monkeypatch, limit, container):
    # The true limits are many megabytes; smaller ones take the same way through the code.
    where = f"stereocodec.container.{'chunks' if 'CHUNK' in limit else 'bands'}.{limit}"
    monkeypatch.setattr(where, 8)
    assert Container.from_bytes(container.to_bytes()) == container
    monkeypatch.setattr(where, 4)
    with pytest.raises(InvalidInput, match="the limit is 4"):
        container.to_bytes()


def test_importing_the_container_needs_the_standard_library_alone():
    code = (
        "import sys; before = set(sys.modules); import stereocodec.container;"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["stereocodec"]


def documented_example():
    text = FORMAT_PAGE.read_text(encoding="utf-8")
    return text.split("\n## Example\n")[1].split("\n## ")[0]


def test_the_documented_hex_dump_is_the_file():
    data = EXAMPLE.to_bytes()
    dump = [f"{start:08x}  {data[start : start + 16].hex(' ')}" for start in range(0, len(data), 16)]
    assert "\n```text\n" + "\n".join(dump) + "\n```\n" in documented_example()
    assert f"A file of {len(data)} bytes" in documented_example()


def test_the_documented_fields_are_the_file():
    rows = re.findall(r"^\| ([0-9a-f]{2}) \| `([0-9a-f ]+)` \|", documented_example(), re.MULTILINE)
    data = b""
    for offset, field in rows:
        assert int(offset, 16) == len(data)
        data += bytes.fromhex(field)
    assert Container.from_bytes(data) == EXAMPLE


def test_the_documented_limits_are_those_of_the_reader():
    text = FORMAT_PAGE.read_text(encoding="utf-8").split("\n## Limits\n")[1].split("\n## ")[0]
    numbers = [int(row.replace(",", "")) for row in re.findall(r"^\| .*? \| ([\d,]+)", text, re.MULTILINE)]
    assert numbers == [
        rules.MAX_SIDE,
        rules.MAX_PIXELS,
        rules.MAX_GUARD_BYTES,
        rules.MAX_STREAM_BYTES,
        rules.MAX_CHUNKS,
        rules.MAX_CHUNK_BYTES,
        rules.MAX_METADATA_BYTES,
        rules.MAX_CALIBRATION_BYTES,
    ]


def test_the_documented_layouts_are_the_known_ones():
    text = FORMAT_PAGE.read_text(encoding="utf-8").split("`LAYT` is one of the names")[1].split(":")[0]
    assert set(re.findall("`([a-z-]+)`", text)) == set(LAYOUT_NAMES)


def test_the_documented_chunks_are_the_known_ones():
    text = FORMAT_PAGE.read_text(encoding="utf-8").split("\n## Optional chunks\n")[1].split("\n### ")[0]
    assert set(re.findall(r"^\| `(\w{4})` \|", text, re.MULTILINE)) == rules.KNOWN_CHUNKS


def test_the_header_is_known_from_the_first_bytes_alone():
    data = EXAMPLE.to_bytes()
    whole = dataclasses.asdict(Container.from_bytes(data))
    for length in (HEADER_BYTES, len(data)):
        header = peek_header(data[:length])
        assert dataclasses.asdict(header) == {name: whole[name] for name in dataclasses.asdict(header)}
    with pytest.raises(CorruptFile, match="truncated"):
        peek_header(data[:15])
    with pytest.raises(LimitExceeded, match="65535 per side"):
        peek_header(data[:11] + write_varint(70_000) + data[13:])

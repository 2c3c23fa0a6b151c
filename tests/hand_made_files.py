"""`.bsc` files without pictures: two that are valid, and what makes others byte by byte with a right CRC."""

import dataclasses
import zlib

import pytest

from stereocodec.container import SIGNATURE, Band, Chunk, Container, Streams
from stereocodec.errors import FormatError

PLAIN = Container(
    width=1024,
    height=832,
    quality=50,
    model_id=b"\xf0\x9f\x00\xff\x80\x7f",
    bands=(Band(b"\x01\x02\x03", Streams(b"leftz", b"rightz", b"left y" * 30, b""), 0x12345678),),
)
WITH_CHUNKS = dataclasses.replace(
    PLAIN, chunks=(Chunk("MODL", b"bisic-rt"), Chunk("wxyz", b"\x00" * 9), Chunk("TEXT", b""))
)
WHOLE_FILES = [PLAIN.to_bytes(), WITH_CHUNKS.to_bytes()]


def changed(container, **changes):
    """A container with other fields, of its own or of its only band."""
    of_band = {field.name for field in dataclasses.fields(Band)} & changes.keys()
    if of_band:
        (band,) = container.bands
        changes["bands"] = (dataclasses.replace(band, **{name: changes.pop(name) for name in of_band}),)
    return dataclasses.replace(container, **changes)


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


def varint(value):
    """LEB128, written apart from the one under test."""
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])

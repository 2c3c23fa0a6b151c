"""Payloads of metadata chunks: deflated where that makes them smaller. `docs/format.md` states the same."""

from __future__ import annotations

import zlib

from .limits import MAX_METADATA_BYTES
from .varint import read_varint, write_varint

_STORED, _DEFLATED = 0, 1
_RAW = -15  # zlib's number for deflate without a header and a checksum, which the file's CRC makes unnecessary
_LEVEL = 9


def pack(data: bytes) -> bytes:
    """The payload of a metadata chunk that holds `data`."""
    stored = bytes((_STORED,)) + data
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, 9)
    deflated = bytes((_DEFLATED,)) + write_varint(len(data)) + compressor.compress(data) + compressor.flush()
    return min(stored, deflated, key=len)


def unpack(payload: bytes) -> bytes:
    """What `pack` was given; the memory used is bounded by the length that the payload states.

    Raises ValueError, which says what is wrong, for what is no payload, and for more than MAX_METADATA_BYTES.
    """
    if not payload:
        raise ValueError("it is empty")
    if payload[0] == _STORED:
        data, length = payload[1:], len(payload) - 1
    elif payload[0] == _DEFLATED:
        data, length = _inflated(payload)
    else:
        raise ValueError(f"packed by method {payload[0]}, it must be {_STORED} or {_DEFLATED}")
    if length > MAX_METADATA_BYTES:
        raise ValueError(f"{length} bytes of metadata, the limit is {MAX_METADATA_BYTES}")
    return data


def _inflated(payload: bytes) -> tuple[bytes, int]:
    """The data and their length; no data where that is above the limit."""
    try:
        length, start = read_varint(payload, 1)
    except EOFError as error:
        raise ValueError("it ends within its length") from error
    if length > MAX_METADATA_BYTES:
        return b"", length
    inflater = zlib.decompressobj(_RAW)
    try:
        data = inflater.decompress(payload[start:], length + 1)
    except zlib.error as error:
        raise ValueError("its deflated data are damaged") from error
    if len(data) != length or not inflater.eof or inflater.unused_data:
        raise ValueError(f"its deflated data are not those of {length} bytes")
    return data, length

"""Payloads of metadata chunks: deflated where that makes them smaller. `docs/format.md` states the same."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from .limits import MAX_METADATA_BYTES
from .varint import read_varint, write_varint

_STORED, _DEFLATED = 0, 1
_RAW = -15  # zlib's number for deflate without a header and a checksum, which the file's CRC makes unnecessary
_LEVEL, _MEMORY = 9, 9
_PIECE = 2**16


class UnknownMethod(ValueError):
    """A payload that is packed in a way that later versions may define."""


class TooLong(ValueError):
    """A payload of more bytes than the limit."""


def pack(data: bytes) -> bytes:
    """The payload of a metadata chunk that holds `data`."""
    stored = bytes((_STORED,)) + data
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, _MEMORY)
    deflated = bytes((_DEFLATED,)) + write_varint(len(data)) + compressor.compress(data) + compressor.flush()
    return min(stored, deflated, key=len)


def unpack(payload: bytes, limit: int = MAX_METADATA_BYTES) -> bytes:
    """What `pack` was given, `limit` bytes of it or fewer; raises as `check_packed` does."""
    return b"".join(_pieces(payload, limit))


def check_packed(payload: bytes) -> None:
    """Raises ValueError, which says what is wrong, for what is no payload, without keeping what is unpacked.

    More bytes than the limit are a TooLong, and a method that is not known an UnknownMethod.
    """
    for _ in _pieces(payload, MAX_METADATA_BYTES):
        pass


def _pieces(payload: bytes, limit: int) -> Iterator[bytes]:
    if not payload:
        raise ValueError("it is empty")
    if payload[0] == _STORED:
        _check_length(len(payload) - 1, limit)
        yield payload[1:]
    elif payload[0] == _DEFLATED:
        yield from _inflated(payload, limit)
    else:
        raise UnknownMethod(f"packed by method {payload[0]}, it must be {_STORED} or {_DEFLATED}")


def _inflated(payload: bytes, limit: int) -> Iterator[bytes]:
    try:
        length, start = read_varint(payload, 1)
    except EOFError as error:
        raise ValueError("it ends within its length") from error
    _check_length(length, limit)
    inflater = zlib.decompressobj(_RAW)
    rest, left, piece = payload[start:], length, b""
    while left >= 0 and not inflater.eof and (rest or piece):
        try:
            piece = inflater.decompress(rest, _PIECE)
        except zlib.error as error:
            raise ValueError("its deflated data are damaged") from error
        rest, left = inflater.unconsumed_tail, left - len(piece)
        yield piece
    if left or not inflater.eof or inflater.unused_data:
        raise ValueError(f"its deflated data are not those of {length} bytes")


def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise TooLong(f"{length} bytes of metadata, the limit is {limit}")

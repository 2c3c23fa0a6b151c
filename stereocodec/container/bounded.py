"""Reads a `.bsc` file from an open file or pipe, which may be endless: no more than what the file says that it has."""

from __future__ import annotations

from typing import IO

from ..errors import LimitExceeded
from .file import peek_metadata, read_fields
from .header import HEADER_BYTES, Header, peek_header
from .limits import MAX_CHUNK_BYTES, MAX_GUARD_BYTES, MAX_STREAM_BYTES
from .metadata import Metadata
from .reader import Reader
from .varint import MAX_BYTES

_STREAMS = 6  # four of views, two of a depth map
MAX_FILE_BYTES = _STREAMS * MAX_STREAM_BYTES + MAX_GUARD_BYTES + MAX_CHUNK_BYTES + 2**16
"""The most that an acceptable file can have; what is beside the payloads is far below the last term."""

# Streams of no true file come near: a pixel has at most some 9 symbols, and the longest symbol takes 9 bytes.
_STREAM_BYTES_PER_PIXEL, _LEAST_STREAM_LIMIT = 64, 2**16
_PADDING = 128  # of sides, at most
_PIECE = 2**20  # is asked for at once: a length alone shall not take memory
_CRC_BYTES = 4


def read_bounded(file: IO[bytes]) -> bytes:
    """The bytes of the `.bsc` file that comes next in `file`, and one more where something follows them.

    Its header and lengths are looked at while it is read; `Container.from_bytes` checks all of it. Raises FormatError,
    as that does, when what was read so far can be no such file or breaks a limit, and what `file.read` raises.
    """
    reader = _FileReader(file)
    read_fields(reader)
    reader.take(_CRC_BYTES, "the CRC")
    return reader.read_so_far(1)


def metadata_in(file: IO[bytes]) -> Metadata:
    """What the `.bsc` file that comes next in `file` says beside its pictures; its streams are not read.

    Raises as `read_bounded`.
    """
    return peek_metadata(_FileReader(file))


def _most_bytes(header: Header) -> int:
    pixels = (header.width + _PADDING) * (header.height + _PADDING)
    stream = min(MAX_STREAM_BYTES, _STREAM_BYTES_PER_PIXEL * pixels + _LEAST_STREAM_LIMIT)
    return MAX_FILE_BYTES - _STREAMS * (MAX_STREAM_BYTES - stream)


class _FileReader(Reader):
    """A Reader of a file that is read as far as fields are taken; limit: the most bytes to read, by its header."""

    limit = HEADER_BYTES

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(b"")
        self._file = file
        self._data = bytearray()
        self.limit = _most_bytes(peek_header(self.start(HEADER_BYTES)))

    def start(self, count: int) -> bytes:
        """The first `count` bytes, or all if there are fewer; nothing is taken."""
        self._reach(count)
        return bytes(self._data[:count])

    def read_so_far(self, more: int) -> bytes:
        """What was taken and up to `more` bytes that follow it."""
        end = self._position + more
        self._reach(end)
        return bytes(self._data[:end])

    def take(self, count: int, what: str) -> bytes:
        self._reach(self._position + count)
        return super().take(count, what)

    def varint(self, what: str) -> int:
        for end in range(self._position + 1, self._position + 1 + MAX_BYTES):
            self._reach(end)
            if end > len(self._data) or self._data[end - 1] < 0x80:
                break
        return super().varint(what)

    def _reach(self, end: int) -> None:
        if end > self.limit + 1:
            raise LimitExceeded(
                f"the file claims {end} bytes or more, a .bsc file of its size in pixels has at most {self.limit}"
            )
        while len(self._data) < end and (piece := self._file.read(min(end - len(self._data), _PIECE))):
            self._data += piece

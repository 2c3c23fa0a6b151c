"""The fields of a `.bsc` file: written, read and checked.

A file has one spelling: whatever `Container.from_bytes` accepts, `Container.to_bytes` gives back byte for byte, unknown
optional chunks included.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from .chunks import Chunk, chunk_problems, read_chunks, write_chunks
from .depth import DepthView, read_depth
from .field_types import require_types
from .header import (
    FLAG_CHUNKS,
    Header,
    ViewKind,
    check_problems,
    header_problems,
    lowest_version,
    read_header,
    write_header,
)
from .limits import (
    DEPTH_VERSION,
    HUB_REPOSITORY,
    MAX_GUARD_BYTES,
    MAX_STREAM_BYTES,
    METADATA_CHUNKS,
    METADATA_VERSION,
    REPOSITORY_VERSION,
)
from .metadata import PACKED_CHUNKS, Metadata, metadata_problems
from .reader import Reader
from .varint import write_varint

if TYPE_CHECKING:
    from typing_extensions import Self

_LOWEST = 0, 0  # no version; stands for the lowest one that has all that a file holds


@dataclass(frozen=True)
class Streams:
    """The entropy-coded data of a pair, in the order of the file."""

    z_left: bytes
    z_right: bytes
    y_left: bytes
    y_right: bytes

    def in_file_order(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four streams as a tuple."""
        return self.z_left, self.z_right, self.y_left, self.y_right


@dataclass(frozen=True, kw_only=True)
class Container(Header):
    """Everything a `.bsc` file holds.

    guard: the guard list. latent_checksum: unsigned 32-bit checksum of the decoded latents. depth: what the second view
    is, if `view_kind` says that it is a depth map. version: where it is left out, the lowest that has all of this.
    """

    guard: bytes
    streams: Streams
    latent_checksum: int
    chunks: tuple[Chunk, ...] = ()
    depth: DepthView | None = None
    version: tuple[int, int] = _LOWEST

    def __post_init__(self) -> None:
        if self.version == _LOWEST:
            object.__setattr__(self, "version", self._lowest_version())

    def _lowest_version(self) -> tuple[int, int]:
        names = {chunk.name for chunk in self.chunks if isinstance(chunk, Chunk)}
        needed = [lowest_version(self)]
        if self.depth is not None:
            needed.append(DEPTH_VERSION)
        if HUB_REPOSITORY in names:
            needed.append(REPOSITORY_VERSION)
        if names & METADATA_CHUNKS:
            needed.append(METADATA_VERSION)
        return max(needed)

    def chunk(self, name: str) -> bytes | None:
        """The payload of the first optional chunk of this name, or None."""
        return next((chunk.payload for chunk in self.chunks if chunk.name == name), None)

    @property
    def metadata(self) -> Metadata:
        """What the file says beside its pictures, unpacked anew each time; of a file that `check` accepts."""
        return Metadata.of_chunks(self.chunks, self.version)

    def without_metadata(self) -> Self:
        """The same file without profile, Exif, XMP and calibration; the layout, which pixels need, stays."""
        return replace(self, chunks=tuple(chunk for chunk in self.chunks if chunk.name not in PACKED_CHUNKS))

    def check(self) -> None:
        """Raises InvalidInput for a field that no `.bsc` file of this version may hold."""
        require_types(self)
        for _, problem in _problems(self):
            raise InvalidInput(f"cannot write a .bsc file: {problem}")

    def to_bytes(self) -> bytes:
        """The file's bytes; raises what `check` raises."""
        self.check()
        streams = self.streams.in_file_order()
        head = bytearray(write_header(self, FLAG_CHUNKS if self.chunks else 0))
        head += b"" if self.depth is None else self.depth.to_bytes()
        head += write_varint(len(self.guard)) + self.guard
        head += b"".join(write_varint(len(stream)) for stream in streams)
        head += write_chunks(self.chunks)
        body = b"".join((head, *streams, self.latent_checksum.to_bytes(4, "little")))
        return body + zlib.crc32(body).to_bytes(4, "little")

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Container:
        """Read and check a whole file; the memory used is proportional to `len(data)`, metadata are not kept unpacked.

        Raises:
            NotABscFile: empty, other data, or a signature that a text-mode transfer damaged.
            UnsupportedVersion: a newer major version, or a feature of a newer minor one.
            CorruptFile: truncated, altered, inconsistent, or followed by other data.
            LimitExceeded: an intact file whose fields exceed the limits of `limits.py`.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidInput(f"a .bsc file must be given as bytes, not as {type(data).__name__}")
        reader = Reader(bytes(data))
        container = read_fields(reader)
        reader.finish()
        check_problems(_problems(container))
        return container


def peek_metadata(reader: Reader) -> Metadata:
    """What a file says beside its pictures, without its streams; raises what `Container.from_bytes` raises."""
    fields, _ = _read_front(reader)
    check_problems(_chunk_problems(fields["chunks"], fields["version"]))
    return Metadata.of_chunks(fields["chunks"], fields["version"])


def read_fields(reader: Reader) -> Container:
    """Takes all fields but the CRC off a file; what they say is not checked."""
    fields, lengths = _read_front(reader)
    streams = Streams(*(reader.take(length, f"stream {index}") for index, length in enumerate(lengths)))
    checksum = int.from_bytes(reader.take(4, "the checksum of the latents"), "little")
    return Container(**fields, streams=streams, latent_checksum=checksum)


def _read_front(reader: Reader) -> tuple[dict[str, Any], list[int]]:
    """The fields of a Container that stand before the streams, and the lengths of these."""
    header, flags = read_header(reader)
    depth = read_depth(reader, header.version) if header.view_kind is ViewKind.RGB8_DEPTH else None
    guard = reader.take(reader.varint("the length of the guard list"), "the guard list")
    lengths = [reader.varint(f"the length of stream {index}") for index in range(4)]
    chunks = read_chunks(reader) if flags & FLAG_CHUNKS else ()
    return {**vars(header), "depth": depth, "guard": guard, "chunks": chunks}, lengths


def _problems(container: Container) -> Iterator[tuple[bool, str]]:
    """What is wrong with the fields; True marks a limit of this reader rather than an inconsistency."""
    yield from header_problems(container)
    if len(container.guard) > MAX_GUARD_BYTES:
        yield True, f"a guard list of {len(container.guard)} bytes, the limit is {MAX_GUARD_BYTES}"
    largest = max(map(len, container.streams.in_file_order()))
    if largest > MAX_STREAM_BYTES:
        yield True, f"a stream of {largest} bytes, the limit is {MAX_STREAM_BYTES}"
    if not 0 <= container.latent_checksum < 2**32:
        yield False, f"latent checksum {container.latent_checksum}, it must be 0 to 2^32 - 1"
    has_depth = container.view_kind is ViewKind.RGB8_DEPTH
    if has_depth != (container.depth is not None):
        yield False, "views of colour and depth need a description of the depth, and no others have one"
    if has_depth and container.version < DEPTH_VERSION:
        yield False, f"a depth map in a file of version {container.version}, it must be {DEPTH_VERSION} or newer"
    if container.depth is not None:
        yield from container.depth.problems()
    yield from _chunk_problems(container.chunks, container.version)


def _chunk_problems(chunks: Sequence[Chunk], version: tuple[int, int]) -> Iterator[tuple[bool, str]]:
    yield from chunk_problems(chunks)
    yield from metadata_problems(chunks, version)

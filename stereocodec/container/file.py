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
from .bands import (
    Band,
    IndexEntry,
    Streams,
    band_name,
    band_problems,
    payload,
    read_index,
    read_payload,
    write_index,
)
from .chunks import Chunk, chunk_problems, read_chunks, write_chunks
from .depth import BoundedDepth, DepthView, read_bounded_depth, read_depth
from .field_types import require_types
from .header import (
    FLAG_BANDS,
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
    BANDS_VERSION,
    BOUND_VERSION,
    DEPTH_VERSION,
    HUB_REPOSITORY,
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


@dataclass(frozen=True, kw_only=True)
class Container(Header):
    """Everything a `.bsc` file holds.

    bands: what is coded, from the top of the views to their bottom (`bands.rows_of_bands`); one for all rows of small
    views. depth: of what has a depth map beside colour: what the second view is (`RGB8_DEPTH`), or the map itself
    (`RGB8_BOUNDED_DEPTH`). version: where it is left out, the lowest that has all of this.
    """

    bands: tuple[Band, ...]
    chunks: tuple[Chunk, ...] = ()
    depth: DepthView | BoundedDepth | None = None
    version: tuple[int, int] = _LOWEST

    def __post_init__(self) -> None:
        if self.version == _LOWEST:
            object.__setattr__(self, "version", self._lowest_version())

    def _lowest_version(self) -> tuple[int, int]:
        names = {chunk.name for chunk in self.chunks if isinstance(chunk, Chunk)}
        needed = [lowest_version(self)]
        if self.depth is not None:
            needed.append(_depth_version(self.depth))
        if HUB_REPOSITORY in names:
            needed.append(REPOSITORY_VERSION)
        if names & METADATA_CHUNKS:
            needed.append(METADATA_VERSION)
        if isinstance(self.bands, tuple) and len(self.bands) > 1:
            needed.append(BANDS_VERSION)
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
        for _, problem in problems(self):
            raise InvalidInput(f"cannot write a .bsc file: {problem}")

    def to_bytes(self) -> bytes:
        """The file's bytes; raises what `check` raises."""
        self.check()
        many = len(self.bands) > 1
        head = bytearray(write_header(self, (FLAG_CHUNKS if self.chunks else 0) | (FLAG_BANDS if many else 0)))
        head += b"" if self.depth is None else self.depth.to_bytes()
        parts = _many_bands(head, self) if many else _one_band(head, self)
        body = b"".join(parts)
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
        check_problems(problems(container))
        return container


def peek_metadata(reader: Reader) -> Metadata:
    """What a file says beside its pictures, without its streams; raises what `Container.from_bytes` raises."""
    fields = read_front(reader).fields
    check_problems(_chunk_problems(fields["chunks"], fields["version"]))
    return Metadata.of_chunks(fields["chunks"], fields["version"])


def read_fields(reader: Reader) -> Container:
    """Takes all fields but the CRC off a file; what they say is not checked."""
    front = read_front(reader)
    if front.index is not None:
        bands = tuple(read_payload(reader, entry, front.band_name(number)) for number, entry in enumerate(front.index))
        return Container(**front.fields, bands=bands)
    streams = Streams.of([reader.take(length, f"stream {index}") for index, length in enumerate(front.lengths)])
    checksum = int.from_bytes(reader.take(4, "the checksum of the latents"), "little")
    return Container(**front.fields, bands=(Band(front.guard, streams, checksum),))


@dataclass(frozen=True)
class Front:
    """What stands before the streams of a file.

    fields: of a Container, all but the bands. guard, lengths: of the only band. index: of several bands.
    """

    fields: dict[str, Any]
    guard: bytes = b""
    lengths: tuple[int, ...] = ()
    index: list[IndexEntry] | None = None

    def band_name(self, number: int) -> str:
        """How messages name one of several bands."""
        assert self.index is not None
        return band_name(number, self.fields["height"], len(self.index))


def read_front(reader: Reader) -> Front:
    """Takes all that stands before the streams off a file."""
    header, flags = read_header(reader)
    fields = {**vars(header), "depth": _read_depth(reader, header)}
    views = header.view_kind.coded_views
    if flags & FLAG_BANDS:
        check_problems(header_problems(header))  # before there is an entry for each band
        index = read_index(reader, header.height, views)
        fields["chunks"] = read_chunks(reader) if flags & FLAG_CHUNKS else ()
        reader.checked("its head")
        return Front(fields, index=index)
    guard = reader.take(reader.varint("the length of the guard list"), "the guard list")
    lengths = tuple(reader.varint(f"the length of stream {index}") for index in range(2 * views))
    fields["chunks"] = read_chunks(reader) if flags & FLAG_CHUNKS else ()
    return Front(fields, guard, lengths)


def _read_depth(reader: Reader, header: Header) -> DepthView | BoundedDepth | None:
    if header.view_kind is ViewKind.RGB8_BOUNDED_DEPTH:
        return read_bounded_depth(reader)
    return read_depth(reader, header.version) if header.view_kind is ViewKind.RGB8_DEPTH else None


def _depth_version(depth: DepthView | BoundedDepth) -> tuple[int, int]:
    return BOUND_VERSION if isinstance(depth, BoundedDepth) else DEPTH_VERSION


def _one_band(head: bytearray, container: Container) -> Iterator[bytes]:
    (band,) = container.bands
    streams = band.streams.in_file_order(container.view_kind.coded_views)
    yield bytes(head)
    yield write_varint(len(band.guard)) + band.guard
    yield b"".join(write_varint(len(stream)) for stream in streams)
    yield write_chunks(container.chunks)
    yield from streams
    yield band.latent_checksum.to_bytes(4, "little")


def _many_bands(head: bytearray, container: Container) -> Iterator[bytes]:
    head += write_index(container.bands, container.view_kind.coded_views) + write_chunks(container.chunks)
    yield bytes(head)
    yield zlib.crc32(head).to_bytes(4, "little")
    yield from map(payload, container.bands)


def problems(container: Container) -> Iterator[tuple[bool, str]]:
    """What is wrong with the fields; True marks a limit of this reader rather than an inconsistency."""
    yield from header_problems(container)
    yield from band_problems(container.bands, container.height, container.view_kind.coded_views)
    kind, depth = container.view_kind, container.depth
    if kind.has_depth != (depth is not None):
        yield False, "views of colour and depth need a description of the depth, and no others have one"
    if depth is not None:
        if isinstance(depth, BoundedDepth) != (kind is ViewKind.RGB8_BOUNDED_DEPTH):
            yield False, "a depth map within a bound needs a kind of view of its own"
        needed = _depth_version(depth)
        if container.version < needed:
            yield False, f"such a depth map in a file of version {container.version}, it must be {needed} or newer"
        yield from depth.problems()
    if len(container.bands) > 1 and kind is ViewKind.RGB8_DEPTH:
        yield False, "a depth map in several bands"
    if len(container.bands) > 1 and container.version < BANDS_VERSION:
        yield False, f"bands in a file of version {container.version}, it must be {BANDS_VERSION} or newer"
    yield from _chunk_problems(container.chunks, container.version)


def _chunk_problems(chunks: Sequence[Chunk], version: tuple[int, int]) -> Iterator[tuple[bool, str]]:
    yield from chunk_problems(chunks)
    yield from metadata_problems(chunks, version)

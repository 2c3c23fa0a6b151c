"""The fields of a `.bsc` file: written, read and checked.

A file has one spelling: whatever `Container.from_bytes` accepts, `Container.to_bytes` gives back byte for byte, unknown
optional chunks included.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import CorruptFile, InvalidInput, LimitExceeded
from .chunks import Chunk, chunk_problems, read_chunks, write_chunks
from .depth import DepthView, read_depth
from .field_types import require_types
from .limits import (
    DEPTH_VERSION,
    FIRST_VERSION,
    FRACTION_VERSION,
    HUB_REPOSITORY,
    MAX_GUARD_BYTES,
    MAX_PIXELS,
    MAX_QUALITY,
    MAX_SIDE,
    MAX_STREAM_BYTES,
    METADATA_CHUNKS,
    METADATA_VERSION,
    MODEL_ID_BYTES,
    QUALITY_STEPS,
    REPOSITORY_VERSION,
    SHOWN_VERSION,
    VERSION,
)
from .metadata import PACKED_CHUNKS, Metadata, metadata_problems
from .reader import SIGNATURE, Reader, corrupt
from .shown import AS_STORED, ORIENTATIONS, SHOWN_FLAGS, Channels, exchanges_sides, from_flags, to_flags
from .varint import write_varint

if TYPE_CHECKING:
    from typing_extensions import Self

_FLAG_CHUNKS, _FLAG_FRACTION = 0x01, 0x40
_FLAGS = tuple(
    sorted(
        shown | chunks | fraction
        for shown in SHOWN_FLAGS
        for chunks in (0, _FLAG_CHUNKS)
        for fraction in (0, _FLAG_FRACTION)
    )
)
_LOWEST = 0, 0  # no version; stands for the lowest one that has all that a file holds
# Signature, version, flags and kind, two sides as varints, quality and its fraction, and the id of the weights.
HEADER_BYTES = len(SIGNATURE) + 3 + 2 * 10 + 2 + MODEL_ID_BYTES
"""The most bytes that `peek_header` needs."""


class ViewKind(enum.IntEnum):
    """What the samples of both views are."""

    RGB8 = 0  # three channels, 8 bits each
    RGB8_DEPTH = 1  # the first of three channels, 8 bits each; the second a depth map (since 1.1)


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
class Header:
    """What a `.bsc` file begins with.

    width, height: pixels of each view, 1 to MAX_SIDE, their product at most MAX_PIXELS.
    quality: 0 to 100, in steps of 1/256. model_id: the first 6 bytes of the release's sha256.
    version: major and minor; of this major version, minors 0 to 15 can be held.
    channels: of colour pictures. orientation: how stored pictures are turned to be shown, 1 to 8 as in Exif.
    """

    width: int
    height: int
    quality: int | float
    model_id: bytes
    view_kind: ViewKind = ViewKind.RGB8
    version: tuple[int, int]
    channels: Channels = Channels.RGB
    orientation: int = AS_STORED

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of what is shown: of decoded pictures."""
        size = self.width, self.height
        return size[::-1] if exchanges_sides(self.orientation) else size


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
        needed = [FIRST_VERSION]
        if self.depth is not None:
            needed.append(DEPTH_VERSION)
        if HUB_REPOSITORY in names:
            needed.append(REPOSITORY_VERSION)
        if isinstance(self.quality, int | float) and self.quality % 1:
            needed.append(FRACTION_VERSION)
        if names & METADATA_CHUNKS:
            needed.append(METADATA_VERSION)
        if _is_marked(self):
            needed.append(SHOWN_VERSION)
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
        major, minor = self.version
        quality, fraction = divmod(int(self.quality * QUALITY_STEPS), QUALITY_STEPS)
        flags = to_flags(self.channels, self.orientation)
        flags |= (_FLAG_CHUNKS if self.chunks else 0) | (_FLAG_FRACTION if fraction else 0)
        head = bytearray(SIGNATURE)
        head += bytes((major << 4 | minor, flags, self.view_kind))
        head += write_varint(self.width) + write_varint(self.height)
        head += bytes((quality, fraction) if fraction else (quality,)) + self.model_id
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
        _check(_problems(container))
        return container


def peek_header(start: bytes) -> Header:
    """The header of a file that begins with `start`, HEADER_BYTES of it or the whole file; the rest is not checked.

    Raises what `Container.from_bytes` raises.
    """
    header, _ = _read_header(Reader(start))
    _check(_header_problems(header))
    return header


def peek_metadata(reader: Reader) -> Metadata:
    """What a file says beside its pictures, without its streams; raises what `Container.from_bytes` raises."""
    fields, _ = _read_front(reader)
    _check(_chunk_problems(fields["chunks"], fields["version"]))
    return Metadata.of_chunks(fields["chunks"], fields["version"])


def read_fields(reader: Reader) -> Container:
    """Takes all fields but the CRC off a file; what they say is not checked."""
    fields, lengths = _read_front(reader)
    streams = Streams(*(reader.take(length, f"stream {index}") for index, length in enumerate(lengths)))
    checksum = int.from_bytes(reader.take(4, "the checksum of the latents"), "little")
    return Container(**fields, streams=streams, latent_checksum=checksum)


def _read_front(reader: Reader) -> tuple[dict[str, Any], list[int]]:
    """The fields of a Container that stand before the streams, and the lengths of these."""
    header, flags = _read_header(reader)
    depth = read_depth(reader, header.version) if header.view_kind is ViewKind.RGB8_DEPTH else None
    guard = reader.take(reader.varint("the length of the guard list"), "the guard list")
    lengths = [reader.varint(f"the length of stream {index}") for index in range(4)]
    chunks = read_chunks(reader) if flags & _FLAG_CHUNKS else ()
    return {**vars(header), "depth": depth, "guard": guard, "chunks": chunks}, lengths


def _read_header(reader: Reader) -> tuple[Header, int]:
    """The header, and the flags of what follows."""
    reader.signature()
    version = reader.version()
    flags = reader.known(reader.byte("the flags"), _FLAGS, "flags", version)
    channels, orientation = from_flags(flags)
    view_kind = ViewKind(reader.known(reader.byte("the kind of view"), tuple(ViewKind), "kind of view", version))
    header = Header(
        width=reader.varint("the width"),
        height=reader.varint("the height"),
        quality=_read_quality(reader, has_fraction=bool(flags & _FLAG_FRACTION)),
        model_id=reader.take(MODEL_ID_BYTES, "the model id"),
        view_kind=view_kind,
        version=version,
        channels=channels,
        orientation=orientation,
    )
    return header, flags


def _read_quality(reader: Reader, *, has_fraction: bool) -> float:
    """A whole number stays an int."""
    quality = reader.byte("the quality")
    if not has_fraction:
        return quality
    fraction = reader.byte("the fraction of the quality")
    if fraction == 0:
        raise corrupt("damaged: a quality with a fraction of zero")
    return quality + fraction / QUALITY_STEPS


def _is_marked(header: Header) -> bool:
    """Whether pictures are anything but RGB that is shown as it is stored."""
    return header.channels is not Channels.RGB or header.orientation != AS_STORED


def _check(problems: Iterator[tuple[bool, str]]) -> None:
    """Raises what stands for the first problem of a file."""
    for is_limit, problem in problems:
        if is_limit:
            raise LimitExceeded(f"the file claims more than this reader accepts: {problem}")
        raise CorruptFile(f"the file is inconsistent, write it again from the pictures: {problem}")


def _problems(container: Container) -> Iterator[tuple[bool, str]]:
    """What is wrong with the fields; True marks a limit of this reader rather than an inconsistency."""
    yield from _header_problems(container)
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


def _header_problems(header: Header) -> Iterator[tuple[bool, str]]:
    width, height = header.width, header.height
    if width < 1 or height < 1:
        yield False, f"views of {width}x{height} pixels, both sides must be at least 1"
    if width > MAX_SIDE or height > MAX_SIDE:
        yield True, f"views of {width}x{height} pixels, the limit is {MAX_SIDE} per side"
    if width * height > MAX_PIXELS:
        yield True, f"views of {width}x{height} pixels, the limit is {MAX_PIXELS} pixels per view"
    if not 0 <= header.quality <= MAX_QUALITY:
        yield False, f"quality {header.quality}, it must be 0 to {MAX_QUALITY}"
    elif header.quality * QUALITY_STEPS % 1:
        yield False, f"quality {header.quality}, it must be a multiple of 1/{QUALITY_STEPS}"
    elif header.version < FRACTION_VERSION and header.quality % 1:
        yield False, f"quality {header.quality} in a file of version {header.version}, it must be {FRACTION_VERSION}"
    if len(header.model_id) != MODEL_ID_BYTES:
        yield False, f"a model id of {len(header.model_id)} bytes, it must have {MODEL_ID_BYTES}"
    if not (len(header.version) == 2 and header.version[0] == VERSION[0]):
        yield False, f"version {header.version}, the major version must be {VERSION[0]}"
    elif header.version[1] not in range(16):
        yield False, f"version {header.version}, the minor version must be 0 to 15"
    elif header.version < SHOWN_VERSION and _is_marked(header):
        yield False, f"grey or turned views in a file of version {header.version}, it must be {SHOWN_VERSION} or newer"
    if header.orientation not in ORIENTATIONS:
        yield False, f"orientation {header.orientation}, it must be 1 to 8, as in Exif"

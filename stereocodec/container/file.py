"""The `.bsc` container, version 1: bytes <-> the fields and the four streams of one stereo pair or RGB-D frame.

`docs/format.md` specifies every byte. This module needs the standard library alone, so that a file can
be examined where torch is not installed, and it treats the guard list and the streams as opaque bytes.

A file has one spelling: whatever `Container.from_bytes` accepts, `Container.to_bytes` gives back byte
for byte, unknown optional chunks included.
"""

from __future__ import annotations

import enum
import re
import zlib
from dataclasses import dataclass

from ..errors import CorruptFile, InvalidInput, LimitExceeded, NotABscFile, UnsupportedVersion
from .depth import DepthMode, DepthView, read_depth
from .limits import FIRST_VERSION, MAX_CHUNKS, MODEL_ID_BYTES, VERSION, problems
from .varint import read_varint, write_varint

SIGNATURE = b"\x89BSC\r\n\x1a\n"
_FLAG_CHUNKS = 0x01
# What is left of the signature after line endings were converted or the first byte was re-encoded.
_TEXT_MODE_DAMAGE = re.compile(rb".{0,3}BSC[\r\n]{1,3}\x1a", re.DOTALL)


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


@dataclass(frozen=True)
class Chunk:
    """Optional data that decoding does not need: a name of four ASCII letters, digits or `_`, and bytes."""

    name: str
    payload: bytes


@dataclass(frozen=True)
class Container:
    """Everything a `.bsc` file holds.

    width, height: pixels of each view, 1 to MAX_SIDE, their product at most MAX_PIXELS.
    quality: 0 to 100. model_id: the first 6 bytes of the release's sha256. guard: the guard list.
    latent_checksum: unsigned 32-bit checksum of the decoded latents.
    version: major and minor; of this major version, minors 0 to 15 can be held.
    depth: what the second view is, if `view_kind` says that it is a depth map.
    """

    width: int
    height: int
    quality: int
    model_id: bytes
    guard: bytes
    streams: Streams
    latent_checksum: int
    chunks: tuple[Chunk, ...] = ()
    view_kind: ViewKind = ViewKind.RGB8
    version: tuple[int, int] = FIRST_VERSION
    depth: DepthView | None = None

    def chunk(self, name: str) -> bytes | None:
        """The payload of the first optional chunk of this name, or None."""
        return next((chunk.payload for chunk in self.chunks if chunk.name == name), None)

    def to_bytes(self) -> bytes:
        """The file's bytes.

        Raises:
            InvalidInput: a field that no `.bsc` file of this version may hold.
        """
        _require_types(self)
        for _, problem in problems(self):
            raise InvalidInput(f"cannot write a .bsc file: {problem}")
        streams = self.streams.in_file_order()
        major, minor = self.version
        flags = _FLAG_CHUNKS if self.chunks else 0
        head = bytearray(SIGNATURE)
        head += bytes((major << 4 | minor, flags, self.view_kind))
        head += write_varint(self.width) + write_varint(self.height) + bytes((self.quality,)) + self.model_id
        head += b"" if self.depth is None else self.depth.to_bytes()
        head += write_varint(len(self.guard)) + self.guard
        head += b"".join(write_varint(len(stream)) for stream in streams)
        if self.chunks:
            head += write_varint(len(self.chunks))
            for chunk in self.chunks:
                head += chunk.name.encode("ascii") + write_varint(len(chunk.payload)) + chunk.payload
        body = b"".join((head, *streams, self.latent_checksum.to_bytes(4, "little")))
        return body + zlib.crc32(body).to_bytes(4, "little")

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Container:
        """Read and check a whole file; the memory used is proportional to `len(data)`.

        Raises:
            NotABscFile: empty, other data, or a signature that a text-mode transfer damaged.
            UnsupportedVersion: a newer major version, or a feature of a newer minor one.
            CorruptFile: truncated, altered, inconsistent, or followed by other data.
            LimitExceeded: an intact file whose fields exceed the limits of `limits.py`.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidInput(f"a .bsc file must be given as bytes, not as {type(data).__name__}")
        reader = Reader(bytes(data))
        container = _read(reader)
        reader.finish()
        for is_limit, problem in problems(container):
            if is_limit:
                raise LimitExceeded(f"the file claims more than this reader accepts: {problem}")
            raise CorruptFile(f"the file is inconsistent, write it again from the pictures: {problem}")
        return container


_FIELD_TYPES: dict[str, type] = {
    "width": int,
    "height": int,
    "quality": int,
    "model_id": bytes,
    "guard": bytes,
    "streams": Streams,
    "latent_checksum": int,
    "chunks": tuple,
    "view_kind": ViewKind,
    "version": tuple,
}


_DEPTH_TYPES: dict[str, type] = {
    "bits": int,
    "metres_per_step": float,
    "invalid": int,
    "near": int,
    "far": int,
    "mode": DepthMode,
    "mask": bytes,
}


class Reader:
    """Takes fields off the front of a file; whatever would run past the end is a truncation."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int, what: str) -> bytes:
        left = len(self._data) - self._position
        if count > left:
            raise _corrupt(f"truncated or damaged: {what} should have {count} bytes, {left} are left")
        start, self._position = self._position, self._position + count
        return self._data[start : self._position]

    def byte(self, what: str) -> int:
        return self.take(1, what)[0]

    def varint(self, what: str) -> int:
        try:
            value, self._position = read_varint(self._data, self._position)
        except EOFError as error:
            raise _corrupt(f"truncated or damaged: it ends within {what}") from error
        except ValueError as error:
            raise _corrupt(f"damaged: {what} is not a valid varint") from error
        return value

    def signature(self) -> None:
        if self._data.startswith(SIGNATURE):
            self._position = len(SIGNATURE)
        elif not self._data:
            raise NotABscFile("the file is empty; fetch or write it again")
        elif SIGNATURE.startswith(self._data):
            raise _corrupt("truncated: it ends within its signature")
        elif _TEXT_MODE_DAMAGE.match(self._data):
            raise NotABscFile(
                "not a .bsc file any more: its signature was altered as by a transfer in text mode; "
                "transfer the original again in binary mode"
            )
        else:
            raise NotABscFile("not a .bsc file: it does not begin with the signature of one")

    @staticmethod
    def known(value: int, known: range | tuple[int, ...], what: str, version: tuple[int, int]) -> int:
        """`value`, if this reader knows it; a newer minor version may define values that it does not."""
        if value in known:
            return value
        if version > VERSION:
            raise UnsupportedVersion(
                f"the file has version {version[0]}.{version[1]} of the .bsc format and uses {what} {value}, "
                f"this reader knows versions up to {VERSION[0]}.{VERSION[1]}; update stereocodec"
            )
        raise _corrupt(f"damaged: {what} {value} does not exist in its version of the format")

    def finish(self) -> None:
        """The CRC, then nothing more."""
        end = self._position
        stored = int.from_bytes(self.take(4, "the CRC"), "little")
        surplus = len(self._data) - self._position
        if surplus:
            raise _corrupt(f"damaged or has other data appended: {surplus} bytes follow its end")
        if zlib.crc32(memoryview(self._data)[:end]) != stored:
            raise _corrupt("damaged: its CRC-32 does not match")


def _corrupt(what: str) -> CorruptFile:
    return CorruptFile(f"the file is {what}; fetch or write it again")


def _read(reader: Reader) -> Container:
    reader.signature()
    version = _read_version(reader)
    flags = reader.known(reader.byte("the flags"), range(_FLAG_CHUNKS + 1), "flags", version)
    view_kind = ViewKind(reader.known(reader.byte("the kind of view"), tuple(ViewKind), "kind of view", version))
    width, height = reader.varint("the width"), reader.varint("the height")
    quality = reader.byte("the quality")
    model_id = reader.take(MODEL_ID_BYTES, "the model id")
    depth = read_depth(reader, version) if view_kind is ViewKind.RGB8_DEPTH else None
    guard = reader.take(reader.varint("the length of the guard list"), "the guard list")
    lengths = [reader.varint(f"the length of stream {index}") for index in range(4)]
    chunks = _read_chunks(reader) if flags & _FLAG_CHUNKS else ()
    streams = Streams(*(reader.take(length, f"stream {index}") for index, length in enumerate(lengths)))
    checksum = int.from_bytes(reader.take(4, "the checksum of the latents"), "little")
    return Container(width, height, quality, model_id, guard, streams, checksum, chunks, view_kind, version, depth)


def _read_version(reader: Reader) -> tuple[int, int]:
    major, minor = divmod(reader.byte("the version"), 16)
    if major > VERSION[0]:
        raise UnsupportedVersion(
            f"the file has version {major}.{minor} of the .bsc format and this reader knows "
            f"versions up to {VERSION[0]}.{VERSION[1]}; update stereocodec"
        )
    if major < VERSION[0]:
        raise _corrupt(f"damaged: version {major}.{minor} of the .bsc format does not exist")
    return major, minor


def _read_chunks(reader: Reader) -> tuple[Chunk, ...]:
    count = reader.varint("the number of optional chunks")
    if count == 0:
        raise _corrupt("damaged: it announces optional chunks and has none")
    if count > MAX_CHUNKS:
        # Checked here because the objects of many empty chunks would take far more memory than the file.
        raise LimitExceeded(f"the file claims {count} optional chunks, the limit is {MAX_CHUNKS}")
    chunks = []
    for index in range(count):
        # Latin-1 maps every byte to a character; names that are not ASCII are refused with the others.
        name = reader.take(4, f"the name of chunk {index}").decode("latin-1")
        length = reader.varint(f"the length of chunk {index}")
        chunks.append(Chunk(name, reader.take(length, f"chunk {index}")))
    return tuple(chunks)


def _require_types(container: Container) -> None:
    """Refuse what the annotations forbid, so that the checks of values cannot fail in another way."""
    for name, kind in _FIELD_TYPES.items():
        _require(name, getattr(container, name), kind)
    for stream in container.streams.in_file_order():
        _require("a stream", stream, bytes)
    if container.depth is not None:
        _require("the depth view", container.depth, DepthView)
        for name, kind in _DEPTH_TYPES.items():
            _require(f"the depth view's {name}", getattr(container.depth, name), kind)
    for number in container.version:
        _require("a version number", number, int)
    for chunk in container.chunks:
        _require("an optional chunk", chunk, Chunk)
        _require("a chunk's name", chunk.name, str)
        _require("a chunk's payload", chunk.payload, bytes)


def _require(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidInput(f"cannot write a .bsc file: {what} is {type(value).__name__}, not {kind.__name__}")

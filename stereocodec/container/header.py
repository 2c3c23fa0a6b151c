"""What a `.bsc` file begins with: its version, flags, sizes, quality and weights; written, read and checked."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import CorruptFile, LimitExceeded
from .limits import (
    FIRST_VERSION,
    FRACTION_VERSION,
    MAX_PIXELS,
    MAX_QUALITY,
    MAX_SIDE,
    MODEL_ID_BYTES,
    QUALITY_STEPS,
    SHOWN_VERSION,
    VERSION,
)
from .reader import SIGNATURE, Reader, corrupt
from .shown import AS_STORED, ORIENTATIONS, SHOWN_FLAGS, Channels, exchanges_sides, from_flags, to_flags
from .varint import write_varint

FLAG_CHUNKS = 0x01
_FLAG_FRACTION = 0x40
FLAG_BANDS = 0x80
_FLAGS = tuple(
    sorted(
        shown | chunks | fraction | bands
        for shown in SHOWN_FLAGS
        for chunks in (0, FLAG_CHUNKS)
        for fraction in (0, _FLAG_FRACTION)
        for bands in (0, FLAG_BANDS)
    )
)
# Signature, version, flags and kind, two sides as varints, quality and its fraction, and the id of the weights.
HEADER_BYTES = len(SIGNATURE) + 3 + 2 * 10 + 2 + MODEL_ID_BYTES
"""The most bytes that `peek_header` needs."""


class ViewKind(enum.IntEnum):
    """What the samples of both views are."""

    RGB8 = 0  # three channels, 8 bits each
    RGB8_DEPTH = 1  # the first of three channels, 8 bits each; the second a depth map (since 1.1)
    RGB8_BOUNDED_DEPTH = 2  # one of three channels, 8 bits each, beside a depth map within a bound (since 1.5)

    @property
    def coded_views(self) -> int:
        """How many views networks code, each with a stream of z and one of y; they code no depth within a bound."""
        return 1 if self is ViewKind.RGB8_BOUNDED_DEPTH else 2

    @property
    def has_depth(self) -> bool:
        """Whether there is a depth map beside colour."""
        return self is not ViewKind.RGB8


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


def lowest_version(header: Header) -> tuple[int, int]:
    """The lowest version that has all that the header says."""
    needed = [FIRST_VERSION]
    if isinstance(header.quality, int | float) and header.quality % 1:
        needed.append(FRACTION_VERSION)
    if _is_marked(header):
        needed.append(SHOWN_VERSION)
    return max(needed)


def write_header(header: Header, flags: int) -> bytes:
    """The header as it stands in a file; flags: of what follows."""
    major, minor = header.version
    quality, fraction = divmod(int(header.quality * QUALITY_STEPS), QUALITY_STEPS)
    flags |= to_flags(header.channels, header.orientation) | (_FLAG_FRACTION if fraction else 0)
    head = SIGNATURE + bytes((major << 4 | minor, flags, header.view_kind))
    head += write_varint(header.width) + write_varint(header.height)
    return head + bytes((quality, fraction) if fraction else (quality,)) + header.model_id


def peek_header(start: bytes) -> Header:
    """The header of a file that begins with `start`, HEADER_BYTES of it or the whole file; the rest is not checked.

    Raises what `Container.from_bytes` raises.
    """
    header, _ = read_header(Reader(start))
    check_problems(header_problems(header))
    return header


def read_header(reader: Reader) -> tuple[Header, int]:
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


def check_problems(problems: Iterator[tuple[bool, str]]) -> None:
    """Raises what stands for the first problem of a file."""
    for is_limit, problem in problems:
        if is_limit:
            raise LimitExceeded(f"the file claims more than this reader accepts: {problem}")
        raise CorruptFile(f"the file is inconsistent, write it again from the pictures: {problem}")


def header_problems(header: Header) -> Iterator[tuple[bool, str]]:
    """What is wrong with its fields; True marks a limit of this reader rather than an inconsistency."""
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

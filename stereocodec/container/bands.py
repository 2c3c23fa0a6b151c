"""The bands of a `.bsc` file: rows of both views that are coded on their own, so that memory does not grow with them.

`docs/format.md` states the same. This module needs the standard library alone.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .limits import BAND_UNIT, LEAST_BAND_UNITS, MAX_GUARD_BYTES, MAX_STREAM_BYTES
from .reader import Reader, corrupt
from .varint import write_varint


@dataclass(frozen=True)
class Streams:
    """The entropy-coded data of the views' rows, in the order of the file; a single view is the left one."""

    z_left: bytes
    z_right: bytes
    y_left: bytes
    y_right: bytes

    def in_file_order(self, views: int = 2) -> tuple[bytes, ...]:
        """The four streams of two views, or both of one."""
        return (self.z_left, self.z_right, self.y_left, self.y_right) if views == 2 else (self.z_left, self.y_left)

    @classmethod
    def of(cls, parts: Sequence[bytes]) -> Streams:
        """Those that `in_file_order` gives, of two views or of one."""
        return cls(*parts) if len(parts) == 4 else cls(parts[0], b"", parts[1], b"")


@dataclass(frozen=True)
class Band:
    """What a file holds of some rows of both views, or of all.

    guard: the guard list. latent_checksum: unsigned 32-bit checksum of the decoded latents.
    """

    guard: bytes
    streams: Streams
    latent_checksum: int

    @property
    def payload_bytes(self) -> int:
        """Of the guard list and the streams together."""
        return len(self.guard) + sum(map(len, self.streams.in_file_order()))


NOTHING = Band(b"", Streams(b"", b"", b"", b""), 0)
"""What stands for a band that is not known."""


@dataclass(frozen=True)
class IndexEntry:
    """What the index says of a band: the lengths of its guard list and streams, and two checksums."""

    lengths: tuple[int, ...]
    latent_checksum: int
    crc: int


def most_bands(height: int) -> int:
    """How many bands views of so many rows of pixels may have."""
    return max(1, _units(height) // LEAST_BAND_UNITS)


def rows_of_bands(height: int, count: int) -> list[tuple[int, int]]:
    """The first row of pixels of each band, and the one after its last."""
    units = _units(height)
    edges = [BAND_UNIT * (number * units // count) for number in range(count)] + [height]
    return list(itertools.pairwise(edges))


def band_name(number: int, height: int, count: int) -> str:
    """How messages name a band, counted from 0."""
    first, end = rows_of_bands(height, count)[number]
    return f"band {number + 1} of {count} (rows {first} to {end - 1})"


def write_index(bands: Sequence[Band], views: int) -> bytes:
    """What stands before the streams of several bands of so many views."""
    return write_varint(len(bands)) + b"".join(_entry(band, views) for band in bands)


def payload(band: Band) -> bytes:
    """The guard list and the streams of one of several bands, as they stand in the file."""
    return b"".join((band.guard, *band.streams.in_file_order()))


def read_index(reader: Reader, height: int, views: int) -> list[IndexEntry]:
    """Takes the index of the bands of so many views of so many rows off the front of what is left of a file."""
    count = reader.varint("the number of bands")
    if not 2 <= count <= most_bands(height):
        raise corrupt(f"damaged: {count} bands of {height} rows, it must be 2 to {most_bands(height)}")
    return [_read_entry(reader, number, views) for number in range(count)]


def read_payload(reader: Reader, entry: IndexEntry, name: str) -> Band:
    """Takes one of several bands off the front of what is left of a file; name: what messages call it."""
    guard, *streams = (reader.take(length, f"the data of {name}") for length in entry.lengths)
    band = Band(guard, Streams.of(streams), entry.latent_checksum)
    if zlib.crc32(payload(band)) != entry.crc:
        raise corrupt(f"damaged in {name}: the CRC-32 of the band does not match")
    return band


def band_problems(bands: Sequence[Band], height: int, views: int) -> Iterator[tuple[bool, str]]:
    """What is wrong with them; True marks a limit of this reader rather than an inconsistency."""
    if views == 1 and any(band.streams.z_right or band.streams.y_right for band in bands):
        yield False, "streams of a second view beside a single one"
    if not 1 <= len(bands) <= most_bands(height):
        yield False, f"{len(bands)} bands of {height} rows, it must be 1 to {most_bands(height)}"
    guards = sum(len(band.guard) for band in bands)
    if guards > MAX_GUARD_BYTES:
        yield True, f"a guard list of {guards} bytes, the limit is {MAX_GUARD_BYTES}"
    largest = max((len(stream) for band in bands for stream in band.streams.in_file_order()), default=0)
    if largest > MAX_STREAM_BYTES:
        yield True, f"a stream of {largest} bytes, the limit is {MAX_STREAM_BYTES}"
    for band in bands:
        if not 0 <= band.latent_checksum < 2**32:
            yield False, f"latent checksum {band.latent_checksum}, it must be 0 to 2^32 - 1"


def _units(height: int) -> int:
    return -(-height // BAND_UNIT)


def _entry(band: Band, views: int) -> bytes:
    lengths = map(len, (band.guard, *band.streams.in_file_order(views)))
    checksums = band.latent_checksum, zlib.crc32(payload(band))
    return b"".join(map(write_varint, lengths)) + b"".join(number.to_bytes(4, "little") for number in checksums)


def _read_entry(reader: Reader, number: int, views: int) -> IndexEntry:
    what = f"the index of band {number + 1}"
    lengths = tuple(reader.varint(what) for _ in range(1 + 2 * views))
    latents, crc = (int.from_bytes(reader.take(4, what), "little") for _ in range(2))
    return IndexEntry(lengths, latents, crc)

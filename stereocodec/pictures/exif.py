"""Exif data, read and changed where they stand: places and byte order of all else stay.

The layout is that of TIFF 6.0 and of Exif 3.0 (CIPA DC-008): a header of 8 bytes, directories of entries of 12 bytes,
of which the second one (IFD1) is about the thumbnail. The standard library alone is needed.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

_MAKE, _MODEL, _DATE, _DATE_TAKEN, _ORIENTATION = 0x010F, 0x0110, 0x0132, 0x9003, 0x0112
_EXIF_DIRECTORY = 0x8769
_DIRECTORIES = (_EXIF_DIRECTORY, 0x8825, 0xA005)  # of a photograph, its place, and interoperability
_THUMBNAILS = ((0x0201, 0x0202), (0x0111, 0x0117))  # where JPEG data or a strip of samples begin, and their length
_ENTRY_BYTES, _DIRECTORY_LEVELS = 12, 2
# Kinds of values as of `struct`; text and undefined bytes are 2 and 7.
_KINDS = dict(enumerate(("B", "s", "H", "I", "II", "b", "s", "h", "i", "ii", "f", "d", "I"), start=1))
_TEXT = 2
_MOST_TEXT, _MOST_ENTRIES = 200, 1000


@dataclass(frozen=True)
class ExifFacts:
    """What Exif data say of a picture, as they say it: the camera's maker and model, and when it was taken."""

    camera: str | None = None
    date: str | None = None


def kept_exif(data: bytes) -> bytes:
    """Exif data, from the TIFF header on, as a `.bsc` file keeps them.

    An orientation becomes 1, because it stands elsewhere. The thumbnail, which shows the picture as it was before it
    was coded, is cut off where it stands at the end, and otherwise its bytes become zero. Nothing else changes; of data
    that say nothing else nothing is left. Raises ValueError, which goes on from "the Exif", for data without a TIFF
    header and a whole first directory.
    """
    tiff = _Tiff(data)
    first = tiff.directory(tiff.first)
    if all(entry.tag == _ORIENTATION for entry in first.entries):
        return b""
    changed = bytearray(data)
    for entry in first.entries:
        if entry.tag == _ORIENTATION and entry.count and tiff.holds(entry) and entry.letters != "s":
            struct.pack_into(tiff.order + entry.letters, changed, entry.place, *(1 for _ in entry.letters))
    if first.next_place is None:
        return bytes(changed)
    (second,) = struct.unpack_from(f"{tiff.order}I", data, first.next_place)
    struct.pack_into(f"{tiff.order}I", changed, first.next_place, 0)
    used = _Ranges(_used(tiff, tiff.first, _DIRECTORY_LEVELS))
    for start, end in sorted(_thumbnail(tiff, second), reverse=True):
        if start < end and not used.meet(start, end):
            end = min(end, len(changed))
            changed[start:end] = b"" if end == len(changed) else bytes(end - start)
    return bytes(changed)


def exif_orientation(data: bytes) -> int | None:
    """The orientation in Exif data, from the TIFF header on, if they have one; raises ValueError as `kept_exif`."""
    tiff = _Tiff(data)
    entries = (entry for entry in tiff.directory(tiff.first).entries if entry.tag == _ORIENTATION)
    return next(map(tiff.number, entries), None)


def exif_facts(data: bytes) -> ExifFacts:
    """What Exif data, from the TIFF header on, say of camera and date; raises ValueError as `kept_exif`."""
    tiff = _Tiff(data)
    texts = dict(tiff.texts(tiff.first, (_MAKE, _MODEL, _DATE)))
    for entry in tiff.directory(tiff.first).entries:
        if entry.tag == _EXIF_DIRECTORY and (place := tiff.number(entry)) is not None:
            try:
                texts |= dict(tiff.texts(place, (_DATE_TAKEN,)))
            except ValueError:  # a directory that is not there has no date
                continue
    make, model = texts.get(_MAKE, ""), texts.get(_MODEL, "")
    camera = model if make and model.lower().startswith(make.split()[0].lower()) else f"{make} {model}".strip()
    return ExifFacts(camera or None, _readable_date(texts.get(_DATE_TAKEN) or texts.get(_DATE)))


@dataclass(frozen=True)
class _Entry:
    """letters: of one value, as of `struct`. place: where the values begin."""

    tag: int
    kind: int
    count: int
    letters: str
    place: int

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return self.count * struct.calcsize(f"={self.letters}")


@dataclass(frozen=True)
class _Directory:
    """next_place: where the place of the next directory stands, if the data have that."""

    place: int
    entries: tuple[_Entry, ...]
    next_place: int | None

    @property
    def end(self) -> int:
        return self.place + 2 + _ENTRY_BYTES * len(self.entries)


class _Tiff:
    """Data with a TIFF header; every place is checked against their length."""

    def __init__(self, data: bytes) -> None:
        order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[:4])
        if order is None or len(data) < 8:
            raise ValueError("is damaged: it does not begin with a TIFF header")
        self.data, self.order = data, order
        (self.first,) = struct.unpack_from(f"{order}I", data, 4)

    def directory(self, place: int) -> _Directory:
        """Raises ValueError where the data end before it does, and for more entries than any camera writes."""
        if place < 8 or place + 2 > len(self.data):
            raise ValueError(f"is damaged: it has no directory at byte {place}")
        (count,) = struct.unpack_from(f"{self.order}H", self.data, place)
        if count > _MOST_ENTRIES:
            raise ValueError(f"is damaged: its directory has {count} entries, more than {_MOST_ENTRIES}")
        end = place + 2 + _ENTRY_BYTES * count
        if end > len(self.data):
            raise ValueError(f"is damaged: it ends within its directory of {count} entries")
        entries = tuple(self._entry(start) for start in range(place + 2, end, _ENTRY_BYTES))
        return _Directory(place, entries, end if end + 4 <= len(self.data) else None)

    def _entry(self, start: int) -> _Entry:
        tag, kind, count = struct.unpack_from(f"{self.order}HHI", self.data, start)
        entry = _Entry(tag, kind, count, _KINDS.get(kind, "s"), start + 8)
        if entry.size <= 4:
            return entry
        (place,) = struct.unpack_from(f"{self.order}I", self.data, start + 8)
        return _Entry(tag, kind, count, entry.letters, place)

    def holds(self, entry: _Entry) -> bool:
        """Whether the data have all values of an entry."""
        return entry.place >= 8 and entry.place + entry.size <= len(self.data)

    def number(self, entry: _Entry) -> int | None:
        """The one whole number that an entry holds, if it does."""
        if entry.count != 1 or entry.letters not in ("B", "H", "I") or not self.holds(entry):
            return None
        return int(struct.unpack_from(self.order + entry.letters, self.data, entry.place)[0])

    def texts(self, place: int, tags: tuple[int, ...]) -> Iterator[tuple[int, str]]:
        """Values of text that are not empty, from a directory."""
        for entry in self.directory(place).entries:
            if entry.tag in tags and entry.kind == _TEXT and self.holds(entry):
                raw = self.data[entry.place : entry.place + min(entry.size, _MOST_TEXT)]
                if text := raw.split(b"\0")[0].decode("utf-8", "replace").strip():
                    yield entry.tag, text


def _thumbnail(tiff: _Tiff, place: int) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of what the directory of the thumbnail takes, and of its picture."""
    try:
        directory = tiff.directory(place)
    except ValueError:  # it is not there: unlinking it is enough
        return
    yield place, directory.end + (0 if directory.next_place is None else 4)
    numbers = {entry.tag: tiff.number(entry) for entry in directory.entries}
    for start_tag, length_tag in _THUMBNAILS:
        start, length = numbers.get(start_tag), numbers.get(length_tag)
        if start is not None and length is not None and start >= 8:
            yield start, min(start + length, len(tiff.data))
    yield from ((entry.place, entry.place + entry.size) for entry in directory.entries if tiff.holds(entry))


def _used(tiff: _Tiff, place: int, levels: int) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of what a directory and those within it take, as far as they are there."""
    try:
        directory = tiff.directory(place)
    except ValueError:
        return
    yield place, directory.end + 4
    yield from ((entry.place, entry.place + entry.size) for entry in directory.entries)
    inner = {entry.tag: tiff.number(entry) for entry in directory.entries if entry.tag in _DIRECTORIES}
    for start in inner.values() if levels else ():
        if start is not None:
            yield from _used(tiff, start, levels - 1)


class _Ranges:
    """Beginnings and ends, of which those that meet are one."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def meet(self, start: int, end: int) -> bool:
        """Whether any of them has bytes from `start` on and before `end`."""
        before = bisect_left(self._starts, end)  # those that begin before `end`; the last of them ends last
        return before > 0 and self._ends[before - 1] > start


def _readable_date(text: str | None) -> str | None:
    """2026-11-29 11:04:05 for 2026:11:29 11:04:05; what is no such date as it is."""
    try:
        return None if text is None else str(datetime.strptime(text, "%Y:%m:%d %H:%M:%S"))
    except ValueError:
        return text

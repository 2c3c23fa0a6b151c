"""The Multi-Picture Format of CIPA DC-007: which pictures an MPO file holds, and what it says of each.

A segment APP2 of the first picture holds a directory of all pictures, and one of each picture's attributes follows
there and in a segment of every other picture. Directories are those of TIFF.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

MP_MARK = b"MPF\0"
"""How the content of such a segment begins."""

NUMBER_OF_IMAGES, ENTRIES = 0xB001, 0xB002
INDIVIDUAL_NUMBER, BASE_VIEWPOINT, CONVERGENCE_ANGLE, BASELINE_LENGTH = 0xB101, 0xB204, 0xB205, 0xB206
_ENTRY_BYTES, _TYPE_BITS = 16, 0xFFFFFF
LONG, RATIONAL, UNDEFINED, SIGNED_RATIONAL = 4, 5, 7, 10
_SIZES = {LONG: 4, RATIONAL: 8, UNDEFINED: 1, SIGNED_RATIONAL: 8}
_UNKNOWN = 0xFFFFFFFF  # stands for a number that the camera does not know, and for both parts of a fraction


class MpClass(enum.IntEnum):
    """The upper eight bits of a picture's type."""

    UNDEFINED = 0
    THUMBNAIL = 1
    VIEWS = 2
    PRIMARY = 3


PANORAMA, DISPARITY, MULTI_ANGLE = 0x020001, 0x020002, 0x020003
"""Types of pictures that are views of one scene."""


@dataclass(frozen=True)
class MpEntry:
    """One picture of a file. type: 24 bits. offset: from the byte behind the MP_MARK; 0 of the first picture."""

    type: int
    offset: int

    @property
    def kind(self) -> int:
        """Its MpClass, or another number that the standard may have defined later."""
        return self.type >> 16


@dataclass(frozen=True)
class MpAttributes:
    """What is said of one picture; None where nothing is.

    number: of its viewpoint, from 1 on the left. base: number of the viewpoint that the other two refer to.
    convergence_angle: in degrees. baseline: in metres.
    """

    number: int | None = None
    base: int | None = None
    convergence_angle: float | None = None
    baseline: float | None = None


def mp_entries(content: bytes) -> list[MpEntry]:
    """The list of pictures; content: what follows the MP_MARK in the first picture's segment.

    Raises ValueError where there is none.
    """
    try:
        order, first = _header(content)
        fields, _ = _directory(content, first, order)
        count, entries = fields[NUMBER_OF_IMAGES], fields[ENTRIES]
        if not isinstance(count, int) or not isinstance(entries, bytes):
            raise ValueError("its list of pictures is of other types")
        return [_entry(entries, _ENTRY_BYTES * number, order) for number in range(count)]
    except KeyError as error:
        raise ValueError("it has no list of pictures") from error
    except struct.error as error:
        raise ValueError("its list of pictures is cut off") from error


def mp_attributes(content: bytes, *, first: bool) -> MpAttributes:
    """A picture's attributes, of what follows the MP_MARK in its segment; where they are damaged there are none.

    first: whether it is the first picture of its file, where the list of pictures comes before.
    """
    try:
        order, place = _header(content)
        if first:
            _, place = _directory(content, place, order)
        fields, _ = _directory(content, place, order) if place else ({}, 0)
    except (ValueError, struct.error):
        return MpAttributes()
    number, base = fields.get(INDIVIDUAL_NUMBER), fields.get(BASE_VIEWPOINT)
    angle, baseline = fields.get(CONVERGENCE_ANGLE), fields.get(BASELINE_LENGTH)
    return MpAttributes(
        number if isinstance(number, int) else None,
        base if isinstance(base, int) else None,
        angle if isinstance(angle, float) else None,
        baseline if isinstance(baseline, float) else None,
    )


def _header(content: bytes) -> tuple[str, int]:
    """The byte order as of `struct`, and where the first directory is."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    if order is None:
        raise ValueError("its list of pictures has no byte order")
    return order, int(struct.unpack_from(order + "L", content, 4)[0])


def _directory(content: bytes, place: int, order: str) -> tuple[dict[int, int | float | bytes], int]:
    """The fields of a directory whose values are known, and where the next directory is; 0 where there is none."""
    (count,) = struct.unpack_from(order + "H", content, place)
    fields: dict[int, int | float | bytes] = {}
    for at in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind, number, where = struct.unpack_from(order + "HHLL", content, at)
        size = _SIZES.get(kind, 0) * number
        start = at + 8 if size <= 4 else where
        value = _value(content[start : start + size], kind, order) if size else None
        if value is not None:
            fields[tag] = value
    return fields, int(struct.unpack_from(order + "L", content, place + 2 + 12 * count)[0])


def _value(data: bytes, kind: int, order: str) -> int | float | bytes | None:
    """The first number of a field, or its bytes; None where it is not known."""
    if kind == UNDEFINED:
        return data
    if kind == LONG:
        (number,) = struct.unpack_from(order + "L", data)
        return None if number == _UNKNOWN else int(number)
    numerator, denominator = struct.unpack_from(order + ("LL" if kind == RATIONAL else "ll"), data)
    is_known = denominator != 0 and denominator not in (_UNKNOWN, -1)
    return numerator / denominator if is_known else None


def _entry(entries: bytes, place: int, order: str) -> MpEntry:
    attribute, _, offset = struct.unpack_from(order + "LLL", entries, place)
    return MpEntry(attribute & _TYPE_BITS, offset)

"""A stereo pair as a multi-picture file (MPO), which viewers of 3D cameras' pictures know.

That is two JPEG files in a row, with the segment that CIPA DC-007-2009, "Multi-Picture Format", describes in each: the
first one's lists both, and says that they are views with a disparity; in each there are its number, counted from the
left, and the number of the view that the other ones are relative to.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from .jpeg_insertion import inserted, place_behind
from .jpeg_segments import APP1, APP2, segment_bytes
from .mp_format import (
    BASE_VIEWPOINT,
    BASELINE_LENGTH,
    CONVERGENCE_ANGLE,
    DISPARITY,
    ENTRIES,
    INDIVIDUAL_NUMBER,
    LONG,
    MP_MARK,
    NUMBER_OF_IMAGES,
    RATIONAL,
    SIGNED_RATIONAL,
    UNDEFINED,
)

_HEADER = b"MM\0*" + struct.pack(">I", 8)  # of a TIFF structure, whose first directory follows
_ENTRY = 12  # bytes of a tag in a directory
_VERSION = (0xB000, UNDEFINED, 4, b"0100")
_REPRESENTATIVE = 0x20000000  # the picture that programs show which know of none but one

Tag: TypeAlias = tuple[int, int, int, bytes]
"""Its number, its type, how many values it has, and these."""
Relation: TypeAlias = tuple[int, int, Fraction]
"""A tag's number, its type, and its value."""


def mpo_bytes(left: bytes, right: bytes, calibration: Mapping[str, Any] | None = None) -> bytes:
    """The file of a pair.

    left, right: JPEG files of our own, without such a segment. calibration: of which the baseline is written, in
    metres, and the `convergence_angle`, in degrees, if it has them; those of the left view, which is the base, are 0.
    """
    known = _relations(calibration)
    base = [(tag, kind, Fraction(0)) for tag, kind, _ in known]
    second = _with(right, _attributes(2, len(_HEADER), known))
    length = len(_with(left, _first_content(0, 0, 0, base)))
    place = place_behind(left, APP1) + 4 + len(MP_MARK)  # of the header, which places in the list are relative to
    return _with(left, _first_content(length, length - place, len(second), base)) + second


def _with(jpeg: bytes, content: bytes) -> bytes:
    return inserted(jpeg, segment_bytes(APP2, MP_MARK + _HEADER + content), behind=APP1)


def _first_content(length: int, second: int, second_length: int, base: list[Relation]) -> bytes:
    """What the segment of the first image, whose relations are `base`, holds behind its header.

    length: of the first image in bytes. second, second_length: where the other one begins, from the header, and its
    length.
    """
    entries = struct.pack(">IIIHH", _REPRESENTATIVE | DISPARITY, length, 0, 0, 0)
    entries += struct.pack(">IIIHH", DISPARITY, second_length, second, 0, 0)
    tags = [_VERSION, _long(NUMBER_OF_IMAGES, 2), (ENTRIES, UNDEFINED, len(entries), entries)]
    start = len(_HEADER)
    following = start + len(_directory(tags, start, 0))
    return _directory(tags, start, following) + _attributes(1, following, base)


def _attributes(number: int, start: int, relations: list[Relation]) -> bytes:
    """The directory of one image's own attributes."""
    numbers = [_VERSION, _long(INDIVIDUAL_NUMBER, number), _long(BASE_VIEWPOINT, 1)]
    return _directory([*numbers, *(_rational(*relation) for relation in relations)], start, 0)


def _relations(calibration: Mapping[str, Any] | None) -> list[Relation]:
    """How the right camera stands to the left one, as far as it is known."""
    known = calibration or {}
    angle, baseline = _fraction(known.get("convergence_angle")), _fraction(known.get("baseline"))
    relations: list[Relation] = [] if angle is None else [(CONVERGENCE_ANGLE, SIGNED_RATIONAL, angle)]
    return relations if baseline is None or baseline <= 0 else [*relations, (BASELINE_LENGTH, RATIONAL, baseline)]


def _fraction(value: Any) -> Fraction | None:
    """A number with six decimals; None for anything else, and for what is above the numbers of 31 bits then."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= 2000:  # nor is what compares with nothing (NaN)
        return None
    return Fraction(round(value * 10**6), 10**6)


def _long(tag: int, value: int) -> Tag:
    return tag, LONG, 1, struct.pack(">I", value)


def _rational(tag: int, kind: int, value: Fraction) -> Tag:
    letters = ">II" if kind == RATIONAL else ">ii"
    return tag, kind, 1, struct.pack(letters, value.numerator, value.denominator)


def _directory(tags: list[Tag], start: int, following: int) -> bytes:
    """A directory that begins at `start`, with the values that do not fit into it behind it.

    following: where the next directory begins, or 0.
    """
    place = start + 2 + _ENTRY * len(tags) + 4
    entries, values = struct.pack(">H", len(tags)), b""
    for tag, kind, count, value in tags:
        entries += struct.pack(">HHI", tag, kind, count)
        if len(value) > 4:
            entries += struct.pack(">I", place + len(values))
            values += value
        else:
            entries += value
    return entries + struct.pack(">I", following) + values

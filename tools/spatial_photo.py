"""Makes a spatial photo as phones and headsets write it: a HEIC of two pictures that are grouped as a stereo pair.

pillow-heif writes both pictures; it cannot write the group and the properties of the cameras, so the `meta` box is
edited here. Boxes are those of ISO/IEC 23008-12 (HEIF) and, for the cameras, of its amendment `cmin` and `cmex`, which
Apple's software writes under UUIDs of its own, beside a property for the disparity adjustment
(github.com/strukturag/libheif issues 1164 and 1191).

    python tools/spatial_photo.py left.png right.png photo.heic --baseline 64 --fov 63.4 --disparity-adjustment 0.02
"""

from __future__ import annotations

import argparse
import io
import math
import struct
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

INTRINSICS, EXTRINSICS = (
    uuid.UUID("22cc04c7-d6d9-4e07-9d90-4eb6ecbaf3a3").bytes,
    uuid.UUID("4363e914-5b7d-4aab-97ae-bea69803b434").bytes,
)
DISPARITY = uuid.UUID("de225085-36cb-4365-8743-2f8705e7c78a").bytes
_META = 4  # bytes of version and flags
_GROUP = 100
_TRANSFORMS = (b"irot", b"imir", b"clap")  # properties that no reader may leave out


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box; `kind` is of four characters, or 16 bytes, a UUID."""
    body = (kind if len(kind) == 16 else b"") + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), b"uuid" if len(kind) == 16 else kind) + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box whose body begins with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def group(kind: bytes, entities: Sequence[int], number: int = _GROUP) -> bytes:
    """A box that groups items, such as b"ster": the left picture, then the right one."""
    return full_box(kind, struct.pack(f">II{len(entities)}I", number, len(entities), *entities))


def intrinsics(focal: float, centre: tuple[float, float], size: tuple[int, int], kind: bytes = INTRINSICS) -> bytes:
    """A camera with a focal length and a principal point in pixels of a coded picture of width and height `size`."""
    shift = 28
    relative = focal / size[0], centre[0] / size[0], centre[1] / size[1]
    return full_box(kind, *(struct.pack(">i", round(value * 2**shift)) for value in relative), flags=shift << 8)


def extrinsics(x: float, kind: bytes = EXTRINSICS) -> bytes:
    """A camera x metres to the right of the origin, that looks straight ahead."""
    return full_box(kind, struct.pack(">i", round(x * 1e6)), flags=1) if x else full_box(kind)


def disparity(adjustment: float) -> bytes:
    """A horizontal shift that puts the screen where it is comfortable, as a fraction of the width."""
    return box(DISPARITY, struct.pack(">i", round(adjustment * 10000)))


def grouped(
    data: bytes,
    groups: Sequence[bytes],
    properties: Mapping[int, Sequence[bytes]] | None = None,
    references: Sequence[bytes] = (),
) -> bytes:
    """A HEIF file with boxes for groups, with more properties of items or groups, by number, and with references."""
    start, meta = next((place, body) for place, kind, body in _boxes(data) if kind == b"meta")
    children = {kind: body for _, kind, body in _boxes(meta[_META:])}
    container, associations = (dict(_kinds(children[b"iprp"]))[kind] for kind in (b"ipco", b"ipma"))
    children[b"iprp"] = _with_properties(container, associations, properties or {})
    if groups:
        children[b"grpl"] = b"".join(groups)
    if references:
        children[b"iref"] = children.get(b"iref", bytes(4)) + b"".join(references)
    grown = sum(8 + len(body) for body in children.values()) + _META - len(meta)
    children[b"iloc"] = _moved(children[b"iloc"], grown)
    changed = box(b"meta", meta[:_META], *(box(kind, body) for kind, body in children.items()))
    return data[:start] + changed + data[start + 8 + len(meta) :]


def spatial_photo(
    left: Image.Image,
    right: Image.Image,
    *,
    baseline: float,
    field_of_view: float,
    disparity_adjustment: float = 0.0,
    quality: int = 90,
) -> bytes:
    """A HEIC file of two pictures of one size. baseline: metres. field_of_view: horizontal, degrees.

    disparity_adjustment: a fraction of the width.
    """
    data = heic(left, right, quality=quality)
    size = coded_size(data)
    focal = left.width / 2 / math.tan(math.radians(field_of_view) / 2)
    both = [intrinsics(focal, (left.width / 2, left.height / 2), size), disparity(disparity_adjustment)]
    first, second = picture_numbers(data)
    cameras = {first: [*both, extrinsics(0)], second: [*both, extrinsics(baseline)]}
    return grouped(data, [group(b"ster", (first, second))], cameras)


def heic(*pictures: Image.Image, quality: int = 90, **options: Any) -> bytes:
    """A HEIC file of pictures that nothing says belong together; options: others of `HeifFile.save`."""
    from pillow_heif import HeifFile

    heif, file = HeifFile(), io.BytesIO()
    for picture in pictures:
        heif.add_from_pillow(picture)
    heif.save(file, quality=quality, **options)
    return file.getvalue()


def picture_numbers(data: bytes) -> list[int]:
    """The numbers of the pictures in a HEIC file that pillow-heif wrote, whose other items are Exif data and such."""
    meta = dict(_kinds(data))[b"meta"]
    entries = _kinds(dict(_kinds(meta[_META:]))[b"iinf"][6:])
    return [struct.unpack_from(">H", body, 4)[0] for _, body in entries if body[8:12] == b"hvc1"]


def coded_size(data: bytes) -> tuple[int, int]:
    """Width and height in which the encoder has coded the pictures, which it then cuts."""
    place = data.index(b"ispe") + 8
    width, height = struct.unpack_from(">II", data, place)
    return width, height


def _boxes(data: bytes) -> list[tuple[int, bytes, bytes]]:
    found, place = [], 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        found.append((place, kind, data[place + 8 : place + size]))
        place += size
    return found


def _kinds(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(kind, body) for _, kind, body in _boxes(data)]


def _with_properties(container: bytes, associations: bytes, properties: Mapping[int, Sequence[bytes]]) -> bytes:
    """The `iprp` box's body with properties added; `associations` is an `ipma` of version 0 with short indexes."""
    held = len(_boxes(container))
    entries, place = {}, 8
    for _ in range(struct.unpack_from(">I", associations, 4)[0]):
        (number,) = struct.unpack_from(">H", associations, place)
        count = associations[place + 2]
        entries[number] = associations[place + 3 : place + 3 + count]
        place += 3 + count
    for number, added in properties.items():
        for prop in added:
            container += prop
            held += 1
            essential = 0x80 if prop[4:8] in _TRANSFORMS else 0
            entries[number] = entries.get(number, b"") + bytes([held | essential])
    body = b"".join(struct.pack(">HB", number, len(listed)) + listed for number, listed in sorted(entries.items()))
    return box(b"ipco", container) + box(b"ipma", associations[:4], struct.pack(">I", len(entries)), body)


def _moved(locations: bytes, distance: int) -> bytes:
    """An `iloc` box's body of version 0 with fields of four bytes, for data that moved back."""
    moved = bytearray(locations)
    (items,) = struct.unpack_from(">H", locations, 6)
    base = locations[5] >> 4  # the size of a field, 0 or 4
    place = 8
    for _ in range(items):
        (extents,) = struct.unpack_from(">H", locations, place + 4 + base)
        place += 6 + base
        for _ in range(extents):
            (offset,) = struct.unpack_from(">I", locations, place)
            struct.pack_into(">I", moved, place, offset + distance)
            place += 8
    return bytes(moved)


def main() -> None:
    """Writes the file that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("left", type=Path)
    parser.add_argument("right", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--baseline", type=float, default=64.0, metavar="MM")
    parser.add_argument("--fov", type=float, default=60.0, metavar="DEGREES", help="horizontal field of view")
    parser.add_argument("--disparity-adjustment", type=float, default=0.0, metavar="FRACTION")
    parser.add_argument("--quality", type=int, default=90)
    arguments = parser.parse_args()
    views = (Image.open(path).convert("RGB") for path in (arguments.left, arguments.right))
    data = spatial_photo(
        *views,
        baseline=arguments.baseline / 1000,
        field_of_view=arguments.fov,
        disparity_adjustment=arguments.disparity_adjustment,
        quality=arguments.quality,
    )
    arguments.output.write_bytes(data)


if __name__ == "__main__":
    main()

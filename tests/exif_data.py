"""Exif data made by hand, as a camera has them."""

import struct

ORIENTATION, MAKE, MODEL, DATE, EXIF_DIRECTORY, DATE_TAKEN, MAKER_NOTE = (
    0x112,
    0x10F,
    0x110,
    0x132,
    0x8769,
    0x9003,
    0x927C,
)
THUMBNAIL = b"\xff\xd8" + bytes(range(1, 250)) * 8 + b"\xff\xd9"
NOTE = b"FUJIFILM" + bytes(range(200))


class Block:
    """Bytes of which entries can point to later ones."""

    def __init__(self, order):
        self.order = order
        self.data = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8))

    def directory(self, entries, next_place=True):
        """Appends a directory of (tag, kind, count, value); returns the places of the values by tag.

        A value is a number, or bytes, which are put behind the directory where they are longer than four.
        """
        start = len(self.data)
        self.data += struct.pack(f"{self.order}H", len(entries)) + bytes(12 * len(entries) + 4 * next_place)
        places = {}
        for index, (tag, kind, count, value) in enumerate(entries):
            place = start + 2 + 12 * index
            struct.pack_into(f"{self.order}HHI", self.data, place, tag, kind, count)
            places[tag] = place + 8
            if isinstance(value, int):
                struct.pack_into(self.order + {3: "H", 4: "I"}[kind], self.data, place + 8, value)
            elif len(value) <= 4:
                self.data[place + 8 : place + 8 + len(value)] = value
            else:
                self.point(place + 8)
                places[tag] = len(self.data)
                self.data += value + bytes(len(value) % 2)
        places["next"] = start + 2 + 12 * len(entries)
        return places

    def point(self, place):
        """What comes next is what the number at `place` tells."""
        struct.pack_into(f"{self.order}I", self.data, place, len(self.data))


def camera_exif(order="<", orientation=6, *, thumbnail=THUMBNAIL, behind=b""):
    """From the TIFF header on: camera, date, a maker's note and a thumbnail; `behind` comes after that."""
    block = Block(order)
    first = block.directory(
        [
            (MAKE, 2, 9, b"FUJIFILM\0"),
            (MODEL, 2, 16, b"FinePix REAL 3D\0"),
            (ORIENTATION, 3, 1, orientation),
            (DATE, 2, 20, b"2026:11:29 11:04:05\0"),
            (EXIF_DIRECTORY, 4, 1, 0),
        ]
    )
    block.point(first[EXIF_DIRECTORY])
    block.directory([(DATE_TAKEN, 2, 20, b"2026:11:28 10:03:04\0"), (MAKER_NOTE, 7, len(NOTE), NOTE)])
    if thumbnail:
        block.point(first["next"])
        second = block.directory([(0x103, 3, 1, 6), (0x201, 4, 1, 0), (0x202, 4, 1, len(thumbnail))])
        block.point(second[0x201])
        block.data += thumbnail + behind
    return bytes(block.data)

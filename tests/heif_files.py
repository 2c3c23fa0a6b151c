"""Small HEIC and AVIF files of two pictures, as tests need them."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image
from spatial_photo import box, full_box

import stereocodec

WIDTH, HEIGHT = 64, 48


def view(seed=0, size=(WIDTH, HEIGHT)):
    """A smooth picture, which a lossy codec keeps, with a corner that tells how it is turned."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([rows * 255 // height, columns * 255 // width, np.full_like(rows, 40 + 120 * seed)], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def alike(pixels, image):
    """Whether decoded pixels are those of a picture, up to what a lossy codec changes."""
    expected = np.asarray(image, np.int16)
    return pixels.shape == expected.shape and np.abs(pixels.astype(np.int16) - expected).max() < 24


def opened(data, **options):
    """The pair in the bytes of a file."""
    return stereocodec.open_pair(io.BytesIO(data), **options)


def is_pair(pair, left, right):
    """Whether the views of a pair, upright, are two pictures, up to what a lossy codec changes."""
    return alike(pair.left.upright().pixels, left) and alike(pair.right.upright().pixels, right)


def avif_of(*images):
    """An AVIF file of still pictures, numbers 1, 2 and so on, with nothing that says what they are to each other."""
    streams, children = [], {}
    for image in images:
        file = io.BytesIO()
        image.save(file, "AVIF", quality=90)
        data = file.getvalue()
        top = dict(_boxes(data))
        streams.append(top[b"mdat"])
        children = children or dict(_boxes(top[b"meta"][4:]))
        head = data[: data.index(b"meta") - 4]
    numbers = range(1, len(images) + 1)
    held = dict(_boxes(children[b"iprp"]))
    (count,) = struct.unpack_from(">B", held[b"ipma"], 10)
    listed = held[b"ipma"][10 : 11 + count]
    associations = b"".join(struct.pack(">H", number) + listed for number in numbers)
    entries = [full_box(b"infe", struct.pack(">HH", number, 0), b"av01", b"\0", version=2) for number in numbers]

    def meta(start):
        places = [start + sum(map(len, streams[: number - 1])) for number in numbers]
        located = zip(numbers, places, streams, strict=True)
        return full_box(
            b"meta",
            box(b"hdlr", children[b"hdlr"]),
            full_box(b"pitm", struct.pack(">H", 1)),
            full_box(
                b"iloc",
                struct.pack(">HH", 0x4400, len(images)),
                *(struct.pack(">HHHII", number, 0, 1, place, len(stream)) for number, place, stream in located),
            ),
            full_box(b"iinf", struct.pack(">H", len(images)), *entries),
            box(b"iprp", box(b"ipco", held[b"ipco"]), full_box(b"ipma", struct.pack(">I", len(images)), associations)),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *streams)


def _boxes(data):
    place = 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        yield kind, data[place + 8 : place + size]
        place += size

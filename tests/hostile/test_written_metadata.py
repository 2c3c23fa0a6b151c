"""Metadata of hostile `.bsc` files in the pictures that are written: the picture is there, whatever they are."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import Image

from stereocodec import Metadata, save_pair
from stereocodec.pictures.formats import FORMATS

LEFT, RIGHT = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
PROFILE = matrix_profile(DISPLAY_P3, "wide")


def directory(*entries, following=0):
    body = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", following)


EXIF = {
    "empty": b"",
    "cut off": b"II",
    "no directory": b"II*\0\xff\xff\xff\xff",
    "many entries": b"II*\0\x08\0\0\0\xff\xff",
    "itself as the Exif directory": directory((0x8769, 4, 1, struct.pack("<I", 8))),
    "text as the Exif directory": directory((0x8769, 2, 4, b"abc\0")),
    "itself as the next directory": directory((0x10F, 2, 4, b"abc\0"), following=8),
    "a long value": directory((0x10F, 2, 2**32 - 1, struct.pack("<I", 8))),
    "an unknown type": directory((0x10F, 99, 1, b"abcd")),
    "how samples lie": directory(
        (259, 3, 1, b"\7\0\0\0"), (273, 4, 1, b"\xff" * 4), (278, 4, 1, bytes(4)), (317, 3, 1, b"\2\0\0\0")
    ),
    "a raw file": directory((50706, 1, 4, b"\1\4\0\0"), (330, 4, 1, struct.pack("<I", 8))),
    "a division by 0": directory((282, 5, 1, struct.pack("<I", 26))) + bytes(8),
    "a negative count of GPS": directory((0x8825, 9, 1, b"\xff" * 4)),
}
PROFILES = {
    "empty": b"",
    "short": PROFILE[:100],
    "cut off": PROFILE[:-200],
    "a table of 4 billion": PROFILE[:128] + b"\xff" * 4 + PROFILE[132:],
    "tags beyond its end": PROFILE[:136] + b"\xff\xff\xff\xf0" * 60,
    "of CMYK": PROFILE[:16] + b"CMYK" + PROFILE[20:],
}


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("what", sorted(EXIF))
def test_exif_leaves_the_picture_as_it_is(name, what):
    check(name, Metadata(exif=EXIF[what]))


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("what", sorted(PROFILES))
def test_a_profile_leaves_the_picture_as_it_is(name, what):
    check(name, Metadata(icc_profile=PROFILES[what]))


def check(name, metadata):
    stream = io.BytesIO()
    save_pair(LEFT, RIGHT, stream, layout="left", format=name, metadata=metadata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a format can only hold as it is
        with Image.open(stream) as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(pixels - LEFT).max() <= (40 if FORMATS[name].lossy else 0)


@pytest.mark.parametrize("what", sorted(PROFILES))
def test_an_anaglyph_is_made_without_a_profile_that_cannot_be_used(what):
    made = []
    for profile in (PROFILES[what], None):
        stream = io.BytesIO()
        save_pair(LEFT, RIGHT, stream, layout="anaglyph", metadata=Metadata(icc_profile=profile))
        made.append(stream.getvalue())
    assert made[0] == made[1]


@pytest.mark.parametrize("xmp", [b"", b"\xff\xfe\0", b"<x>" * 40_000, bytes(100)])
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_xmp_is_kept_as_it_is_or_left_out(name, xmp):
    check(name, Metadata(xmp=xmp))

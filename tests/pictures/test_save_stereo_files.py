"""`save_pair`: MPO, stereo JPEG and PNG, and layouts whose pixels are not square."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image
from saved_pairs import JOINED, LEFT, RIGHT, WIDE, XMP, exif, pixels

from stereocodec import Metadata, save_pair
from stereocodec.container.layouts import LAYOUT_NAMES, Layout


@pytest.fixture(autouse=True)
def _where_relative_names_lie(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_mpo():
    (saved,) = save_pair(LEFT, RIGHT, "x.mpo", metadata=Metadata(WIDE, exif(), XMP))
    assert (saved.size, saved.words, saved.left_out) == ((16, 6), "two pictures (MPO)", ())
    with Image.open("x.mpo") as image:
        assert (image.n_frames, image.info["icc_profile"], image.info["xmp"]) == (2, WIDE, XMP)
        assert image.getexif()[ExifTags.Base.Make] == "Camera"
        assert np.abs(np.asarray(image).astype(int) - LEFT).mean() < 4
        image.seek(1)
        assert image.info["icc_profile"] == WIDE
        assert np.abs(np.asarray(image).astype(int) - RIGHT).mean() < 4
    save_pair(LEFT, RIGHT, "x.jpg", layout="mpo", metadata=Metadata(WIDE, exif(), XMP))
    with open("x.jpg", "rb") as file, open("x.mpo", "rb") as other:
        assert file.read() == other.read()


@pytest.mark.parametrize(
    ("layout", "flags", "place"),
    [
        (None, 0, 2),
        ("jps", 0, 2),
        ("sbs-cross", 0, 2),
        ("sbs", 4, 2),
        ("tb", 4, 3),
        ("half-sbs", 6, 2),
        ("half-tb-cross", 1, 3),
    ],
)
def test_stereo_jpeg_says_how_it_holds_both_views(layout, flags, place):
    save_pair(LEFT, RIGHT, "x.jps", layout=layout, metadata=Metadata(WIDE))
    with open("x.jps", "rb") as file:
        data = file.read()
    start = data.index(b"_JPSJPS_")
    assert data[start - 4 : start - 2] == b"\xff\xe3"
    assert struct.unpack_from(">HBBBB", data, start + 8) == (4, 0, flags, place, 1)
    assert data.index(b"ICC_PROFILE") < start < data.index(b"\xff\xc0")
    expected = JOINED.get({None: "sbs-cross", "jps": "sbs-cross"}.get(layout, layout))
    if expected is not None:
        assert np.abs(pixels("x.jps").astype(int) - expected).mean() < 4


def test_stereo_png_is_crossed_and_says_so_where_its_chunk_can():
    save_pair(LEFT, RIGHT, "x.pns")
    np.testing.assert_array_equal(pixels("x.pns"), JOINED["sbs-cross"])
    with open("x.pns", "rb") as file:
        data = file.read()
    assert struct.pack(">I", 1) + b"sTER\0" in data[33:46]
    save_pair(LEFT[:, :9], RIGHT[:, :9], "y.pns")  # whose right half would have to begin at a multiple of 8
    with open("y.pns", "rb") as file:
        assert b"sTER" not in file.read()


def smooth(width, height):
    """A ramp across and one down, which survive being squeezed and stretched."""
    picture = np.full((height, width, 3), 90)
    picture[..., 0] = np.linspace(20, 220, width)
    picture[..., 1] = np.linspace(20, 220, height)[:, None]
    return picture.astype(np.uint8)


@pytest.mark.parametrize("layout", [name for name in LAYOUT_NAMES if name.startswith("half")])
def test_half_layouts(layout):
    """As stored in the same form, stretched to square pixels in others, squeezed in another half form."""
    half = Layout(layout)
    width, height = (20, 24) if half.beside else (40, 12)
    left, right = smooth(width, height), 255 - smooth(width, height)
    metadata = Metadata(layout=half)
    first, second = (right, left) if half.crossed else (left, right)
    (saved,) = save_pair(left, right, "same.png", metadata=metadata)
    np.testing.assert_array_equal(pixels("same.png"), (np.hstack if half.beside else np.vstack)([first, second]))
    assert saved.size == (40, 24)
    with Image.open("same.png") as image:
        assert image.info["aspect"] == ((1, 2) if half.beside else (2, 1))
    (saved,) = save_pair(left, right, "folder", metadata=metadata)
    assert saved.path.name == f"{layout}.png"
    for one in save_pair(left, right, "two", layout="two", metadata=metadata):
        assert one.size == (40, 24)
        stretched = smooth(40, 24) if one.words == "left view" else 255 - smooth(40, 24)
        assert np.abs(pixels(one.path).astype(int) - stretched).max() <= 8
        with Image.open(one.path) as image:
            assert "aspect" not in image.info
    for wanted, size in (
        ("sbs", (80, 24)),
        ("tb", (40, 48)),
        ("left", (40, 24)),
        ("anaglyph", (40, 24)),
        ("mpo", (40, 24)),
    ):
        (saved,) = save_pair(
            left, right, f"{wanted}.{'mpo' if wanted == 'mpo' else 'png'}", layout=wanted, metadata=metadata
        )
        assert saved.size == size
        with Image.open(saved.path) as image:
            assert image.size == size
    for wanted in ("half-sbs", "half-tb-cross"):
        (saved,) = save_pair(left, right, f"{wanted}.png", layout=wanted, metadata=metadata)
        assert (saved.size, pixels(saved.path).shape) == ((40, 24), (24, 40, 3))


def test_full_views_are_squeezed_into_half_layouts_and_odd_ones_rounded_up():
    left, right = smooth(41, 21), 255 - smooth(41, 21)
    save_pair(left, right, "a.png", layout="half-sbs-cross")
    assert pixels("a.png").shape == (21, 42, 3)
    assert np.abs(pixels("a.png")[:, 21:].astype(int) - smooth(21, 21)).max() <= 8
    save_pair(left, right, "b.png", layout="half-tb")
    assert pixels("b.png").shape == (22, 41, 3)

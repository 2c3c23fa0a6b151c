"""MPO files byte by byte: what CIPA DC-007 asks of a disparity pair, read by Pillow and by ExifTool."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess

import numpy as np
import pytest
from PIL import ExifTags, Image

from stereocodec.container.metadata import Metadata
from stereocodec.pictures.encoding import encode_picture
from stereocodec.pictures.formats import JPEG
from stereocodec.pictures.mpo_bytes import mpo_bytes

VIEWS = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
LEFT, RIGHT = (encode_picture(view, JPEG, "x").data for view in VIEWS)


def tags(content, start):
    """The entries of a directory (tag: type, count, value or place), and where the next one begins."""
    (count,) = struct.unpack_from(">H", content, start)
    entries = {}
    for number in range(count):
        tag, kind, length, value = struct.unpack_from(">HHI4s", content, start + 2 + 12 * number)
        entries[tag] = (kind, length, value)
    assert list(entries) == sorted(entries)
    return entries, struct.unpack_from(">I", content, start + 2 + 12 * count)[0]


def segment(jpeg):
    """What follows the identifier in the APP2 segment that begins the second part of a JPEG file."""
    place = jpeg.index(b"\xff\xe2")
    (length,) = struct.unpack_from(">H", jpeg, place + 2)
    assert jpeg[place + 4 : place + 8] == b"MPF\0"
    return place + 8, jpeg[place + 8 : place + 2 + length]


def long(entries, tag):
    kind, length, value = entries[tag]
    assert (kind, length) == (4, 1)
    return struct.unpack(">I", value)[0]


def test_the_list_has_two_views_with_a_disparity_at_their_places():
    data = mpo_bytes(LEFT, RIGHT)
    header, content = segment(data)
    assert content[:8] == b"MM\0*\0\0\0\x08"
    entries, following = tags(content, 8)
    assert entries[0xB000] == (7, 4, b"0100")
    assert long(entries, 0xB001) == 2
    kind, length, place = entries[0xB002]
    assert (kind, length) == (7, 32)
    listed = struct.unpack_from(">IIIHHIIIHH", content, struct.unpack(">I", place)[0])
    first, second = listed[1], header + listed[7]
    assert listed == (0x20020002, first, 0, 0, 0, 0x00020002, len(data) - first, first - header, 0, 0)
    assert second == first
    for jpeg, part in ((LEFT, data[:first]), (RIGHT, data[first:])):
        assert part.startswith(b"\xff\xd8")
        assert part.endswith(b"\xff\xd9")
        assert len(part) > len(jpeg)
    own, end = tags(content, following)
    assert (long(own, 0xB101), long(own, 0xB204), end) == (1, 1, 0)
    own, end = tags(segment(data[first:])[1], 8)
    assert own[0xB000] == (7, 4, b"0100")
    assert (long(own, 0xB101), long(own, 0xB204), end) == (2, 1, 0)


def test_pillow_reads_both_views():
    with Image.open(io.BytesIO(mpo_bytes(LEFT, RIGHT))) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
        types = [entry["Attribute"]["MPType"] for entry in image.mpinfo[0xB002]]
        assert types == ["Multi-Frame Image (Disparity)"] * 2 or types == ["Multi-Frame Image: (Disparity)"] * 2
        assert image.mpinfo[0xB002][0]["Attribute"]["RepresentativeImageFlag"]
        for number, jpeg in enumerate((LEFT, RIGHT)):
            image.seek(number)
            np.testing.assert_array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(jpeg))))


def test_the_segment_stands_behind_exif_and_before_the_profile():
    profile = bytes(16) + b"RGB " + bytes(200)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    metadata = Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0"), xmp=b"<x/>")
    left = encode_picture(VIEWS[0], JPEG, "x", metadata=metadata).data
    place = left.index(b"\xff\xdb")
    left = left[:place] + b"\xff\xe2" + struct.pack(">H", 2 + len(profile)) + profile + left[place:]
    data = mpo_bytes(left, RIGHT)
    places = [data.index(mark) for mark in (b"JFIF\0", b"Exif\0\0", b"http://ns.adobe.com/xap", b"MPF\0", profile)]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [
        ({"baseline": 0.063, "convergence_angle": -2.25}, (-2.25, 0.063)),
        ({"baseline": 0.0769999999}, (None, 0.077)),
        ({"convergence_angle": 2}, (2.0, None)),
        ({}, (None, None)),
        # What a hostile file may say.
        ({"baseline": 0, "convergence_angle": True}, (None, None)),
        ({"baseline": -1.0, "convergence_angle": "2"}, (None, None)),
        ({"baseline": float("inf"), "convergence_angle": float("nan")}, (None, None)),
        ({"baseline": 4300.000001, "convergence_angle": -2200.000001}, (None, None)),
        ({"baseline": 10**400, "convergence_angle": [1]}, (None, None)),
    ],
)
def test_baseline_and_convergence_are_those_of_the_calibration(calibration, expected):
    data = mpo_bytes(LEFT, RIGHT, calibration)
    _, content = segment(data)
    _, following = tags(content, 8)
    first, _ = tags(content, following)
    second_start = data.index(b"\xff\xd8\xff\xe0", 4)
    _, other = segment(data[second_start:])
    second, _ = tags(other, 8)
    for tag, kind, letters, value in ((0xB205, 10, ">ii", expected[0]), (0xB206, 5, ">II", expected[1])):
        if value is None:
            assert tag not in first | second
            continue
        found = []
        for entries, where in ((first, content), (second, other)):
            assert entries[tag][:2] == (kind, 1)
            numerator, denominator = struct.unpack_from(letters, where, struct.unpack(">I", entries[tag][2])[0])
            found.append(numerator / denominator)
        assert found == [0, pytest.approx(value)]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool (Debian: libimage-exiftool-perl)")
def test_exiftool_finds_nothing_to_complain_of(tmp_path):
    (tmp_path / "x.mpo").write_bytes(mpo_bytes(LEFT, RIGHT, {"baseline": 0.063}))
    command = ["exiftool", "-j", "-a", "-G1", "-validate", "-warning", "-error", "-MPF:all", str(tmp_path / "x.mpo")]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert not [key for key in found if key.endswith((":Warning", ":Error"))]
    assert found["ExifTool:Validate"] == "OK"
    for number in (1, 2):
        assert found[f"MPImage{number}:MPImageType"] == "Multi-frame Disparity"
    assert found["MPImage1:MPImageFlags"] == "Representative image"

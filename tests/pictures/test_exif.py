"""Exif data are changed where they stand: the orientation, and what is about the thumbnail."""

import io
import struct
import zlib

import pytest
from exif_data import NOTE, THUMBNAIL, Block, camera_exif
from PIL import ExifTags, Image

from stereocodec.pictures.exif import ExifFacts, exif_facts, exif_orientation, kept_exif

ORDERS = ["<", ">"]


def as_pillow_reads(data):
    exif = Image.Exif()
    exif.load(data)
    return exif


@pytest.mark.parametrize("order", ORDERS)
def test_the_orientation_becomes_one_and_all_else_stays_where_it_is(order):
    data = camera_exif(order, 6, thumbnail=b"")
    kept = kept_exif(data)
    assert exif_orientation(data) == 6
    changed = [place for place in range(len(data)) if data[place] != kept[place]]
    assert len(changed) == 1
    assert kept == camera_exif(order, 1, thumbnail=b"")
    assert as_pillow_reads(kept)[ExifTags.Base.Orientation] == 1
    assert as_pillow_reads(kept).get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == NOTE


@pytest.mark.parametrize("order", ORDERS)
def test_a_thumbnail_at_the_end_is_cut_off(order):
    data = camera_exif(order)
    kept = kept_exif(data)
    assert len(kept) < len(data) - len(THUMBNAIL)
    assert kept == camera_exif(order, 1, thumbnail=b"")
    assert as_pillow_reads(data).get_ifd(ExifTags.IFD.IFD1) != {}
    assert as_pillow_reads(kept).get_ifd(ExifTags.IFD.IFD1) == {}


@pytest.mark.parametrize("order", ORDERS)
def test_a_thumbnail_before_other_data_becomes_zero(order):
    behind = b"what no directory tells of"
    data = camera_exif(order, behind=behind)
    kept = kept_exif(data)
    assert len(kept) == len(data)
    assert kept.endswith(bytes(len(THUMBNAIL)) + behind)
    without = camera_exif(order, 1, thumbnail=b"")
    assert kept.startswith(without)
    assert len(zlib.compress(kept, 9)) < len(zlib.compress(without, 9)) + len(behind) + 20


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("kind", "value"),
    [(4, 6), (9, None), (5, None), (12, None)],
)
def test_orientations_of_other_kinds(order, kind, value):
    letters = {9: "i", 5: "II", 12: "d"}.get(kind)
    if value is None:
        value = struct.pack(order + letters, *([6, 1][: len(letters)]))
    block = Block(order)
    block.directory([(ExifTags.Base.Make, 2, 1, b"\0"), (ExifTags.Base.Orientation, kind, 1, value)])
    assert as_pillow_reads(bytes(block.data))[ExifTags.Base.Orientation] == 6
    assert as_pillow_reads(kept_exif(bytes(block.data)))[ExifTags.Base.Orientation] == 1


def test_what_ends_after_its_directory_has_no_second_one():
    block = Block(">")
    block.directory([(ExifTags.Base.Make, 2, 1, b"\0"), (ExifTags.Base.Orientation, 3, 1, 8)], next_place=False)
    assert exif_orientation(kept_exif(bytes(block.data))) == 1


def test_of_data_that_tell_the_orientation_alone_nothing_is_left():
    for entries in ([], [(ExifTags.Base.Orientation, 3, 1, 8)]):
        block = Block("<")
        places = block.directory(entries)
        block.point(places["next"])
        block.directory([(0x201, 4, 1, 8)])
        assert kept_exif(bytes(block.data)) == b""


def test_exif_that_pillow_writes_is_understood():
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "NIKON CORPORATION", "NIKON D1"
    exif[ExifTags.Base.DateTime] = "2001:02:03 04:05:06"
    exif[ExifTags.Base.Orientation] = 3
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    assert exif_facts(data) == ExifFacts("NIKON D1", "2001-02-03 04:05:06")
    assert exif_orientation(kept_exif(data)) == 1


@pytest.mark.parametrize("order", ORDERS)
def test_camera_and_date(order):
    assert exif_facts(camera_exif(order)) == ExifFacts("FUJIFILM FinePix REAL 3D", "2026-11-28 10:03:04")
    plain = Block(order)
    plain.directory([(0x110, 2, 3, b"\xff\x1bM"), (0x132, 2, 4, b"now\0")])
    assert exif_facts(bytes(plain.data)) == ExifFacts("\ufffd\x1bM", "now")
    empty = Block(order)
    empty.directory([])
    assert exif_facts(bytes(empty.data)) == ExifFacts()


def test_pillow_reads_the_kept_data_of_a_jpeg():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=b"Exif\0\0" + kept_exif(camera_exif()))
    with Image.open(file) as image:
        assert image.getexif()[ExifTags.Base.Model] == "FinePix REAL 3D"

"""HEIC, AVIF and VR photos whose boxes and packets lie: one line each, in bounded memory."""

from __future__ import annotations

import io
import struct
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
import spatial_photo as boxes
from heif_files import avif_of, view
from mpo_files import jpeg
from vr_photos import EXTENSION, MAIN, PANORAMA, packet, pieces, vr_photo, with_segments

import stereocodec
from stereocodec.errors import InvalidInput
from stereocodec.pictures.heif_items import read_items

AVIF = boxes.grouped(avif_of(view(0), view(1)), [boxes.group(b"ster", (1, 2))], {1: [boxes.extrinsics(0)]})
VR = vr_photo(jpeg(view(0)), jpeg(view(1)))
HEAD = boxes.box(b"ftyp", b"heic", bytes(4), b"mif1heic")


def outcome(data, **options):
    """The pair, or the message of its refusal."""
    try:
        return stereocodec.open_pair(io.BytesIO(data), name="the file", **options)
    except InvalidInput as error:
        return str(error)


@contextmanager
def bounded_memory():
    """Fails where more than 64 MiB are taken at a time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def is_line(result):
    return isinstance(result, str) and "\n" not in result and len(result) < 400


def heif(*, items=b"", properties=b"", associations=b"", groups=b"", references=b""):
    """A HEIC file without pictures whose lists are given."""
    parts = [
        boxes.full_box(b"pitm", struct.pack(">H", 1)),
        boxes.full_box(b"iinf", struct.pack(">H", 2), items),
        boxes.box(b"iprp", boxes.box(b"ipco", properties), boxes.full_box(b"ipma", associations)),
        boxes.full_box(b"iref", references),
        boxes.box(b"grpl", groups),
    ]
    return HEAD + boxes.full_box(b"meta", *parts)


def entry(number):
    return boxes.full_box(b"infe", struct.pack(">HH", number, 0), b"hvc1", version=2)


TWO = entry(1) + entry(2)


@pytest.mark.parametrize("kind", [b"meta", b"iinf", b"iprp", b"ipco", b"ipma", b"grpl", b"ster", b"pitm", b"infe"])
@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, 2**31, 2**32 - 1])
def test_sizes_of_boxes_that_lie(kind, size):
    place = AVIF.index(kind) - 4
    result = outcome(AVIF[:place] + struct.pack(">I", size) + AVIF[place + 4 :])
    assert is_line(result) or result.left.pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("size", [0, 15, 16, 2**32, 2**63, 2**64 - 1])
def test_long_sizes_of_boxes_that_lie(size):
    for data in (HEAD, HEAD + boxes.box(b"meta", bytes(4))):
        assert is_line(outcome(data + struct.pack(">I4sQ", 1, b"meta", size) + bytes(100)))


@pytest.mark.parametrize(
    "lists",
    [
        {"items": b"".join(entry(number) for number in range(2**14 + 1))},
        {"items": TWO, "groups": boxes.full_box(b"ster", struct.pack(">II", 9, 2**32 - 1))},
        {"items": TWO, "groups": b"".join(boxes.group(b"altr", (), number) for number in range(2**14 + 1))},
        {"items": TWO, "references": boxes.box(b"dimg", struct.pack(">HH", 1, 2**16 - 1))},
        {"items": TWO, "associations": struct.pack(">I", 2**32 - 1)},
        {"items": TWO, "associations": struct.pack(">I", 2**10) + (b"\0\1\xff" + b"\1" * 255) * 2**10},
        {"items": TWO, "properties": boxes.box(b"free") * (2**14 + 1)},
    ],
    ids=["items", "members", "groups", "references", "associations", "properties of an item", "properties"],
)
def test_lists_without_end_are_refused(lists):
    result = outcome(heif(**lists))
    assert is_line(result)
    assert "is damaged" in result


def test_what_describes_pictures_has_a_limit():
    assert "longer than 4194304 bytes" in outcome(heif(properties=boxes.box(b"free", bytes(2**22))))


def test_one_large_property_of_many_items_is_held_once():
    pairs = b"".join(struct.pack(">HBB", number, 1, 1) for number in range(2**12))
    data = heif(items=TWO, properties=boxes.box(b"free", bytes(2**21)), associations=struct.pack(">I", 2**12) + pairs)
    with bounded_memory():
        assert len(read_items(data).properties) == 2**12
        assert is_line(outcome(data))


@pytest.mark.parametrize("kind", [b"ster", b"altr"])
def test_groups_that_name_themselves_or_each_other_end(kind):
    circle = boxes.group(kind, (51, 51), 50) + boxes.group(b"altr", (50, 50), 51)
    for groups in (circle, circle + boxes.group(b"ster", (50, 51), 52), boxes.group(b"ster", (7, 7), 7)):
        assert is_line(outcome(heif(items=TWO, groups=groups)))


@pytest.mark.parametrize(
    "prop",
    [
        boxes.box(b"cmin"),
        boxes.full_box(b"cmin", bytes(12)),
        boxes.full_box(b"cmin", struct.pack(">3i", -1, 2**31 - 1, -(2**31)), flags=0xFFFFFF),
        boxes.full_box(b"cmex", bytes(3), flags=7),
        boxes.full_box(b"cmex", struct.pack(">3i", *[2**31 - 1] * 3), flags=24),
        boxes.box(boxes.DISPARITY, struct.pack(">i", 2**31 - 1)),
        boxes.box(boxes.DISPARITY),
        boxes.box(b"uuid"),
    ],
)
def test_cameras_that_are_damaged_or_impossible(prop):
    data = boxes.grouped(avif_of(view(0), view(1)), [boxes.group(b"ster", (1, 2))], {1: [prop], 2: [prop]})
    result = outcome(data)
    if not is_line(result):
        numbers = np.array(list(flat(result.metadata.calibration or {})), float)
        assert np.isfinite(numbers).all()


def flat(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from flat(part)
    else:
        yield value


@pytest.mark.parametrize("aperture", [(64, 0, 48, 1, 0, 1, 0, 1), (2**31 - 1, 1, -(2**31), 1, 5, -1, 7, 3)])
def test_an_aperture_that_divides_by_zero_or_is_nowhere(aperture):
    pytest.importorskip("pillow_heif", reason="HEIC needs the extra stereocodec[heif]")
    camera = boxes.intrinsics(50, (32, 32), (64, 64))
    data = boxes.grouped(
        boxes.heic(view(0, (64, 64)), view(1, (64, 64))),
        [boxes.group(b"ster", (1, 2))],
        {1: [camera, boxes.box(b"clap", struct.pack(">8i", *aperture))]},
    )
    assert is_line(outcome(data))


@pytest.mark.parametrize(
    ("total", "place", "content", "message"),
    [
        (2**32 - 1, 0, b"<a/>", "claims 4294967295 bytes, the limit is 67108864"),
        (2**26, 2**26, b"", "pieces of its XMP are missing"),
        (4, 2**32 - 1, b"<a/>", "pieces of its XMP are missing"),
        (0, 0, b"", "its XMP is no XML"),
        (3, 0, b"<a/>", "pieces of its XMP are missing"),
    ],
)
def test_lengths_and_places_of_extended_packets_that_lie(total, place, content, message):
    guid = b"0" * 32
    main = packet(PANORAMA, f'GImage:Mime="image/jpeg" xmpNote:HasExtendedXMP="{guid.decode()}"')
    piece = EXTENSION + guid + struct.pack(">II", total, place) + content
    for contents in ([piece], [piece, piece], [piece[:60]]):
        with bounded_memory():
            result = outcome(with_segments(jpeg(view(0)), [MAIN + main, *contents]))
        assert is_line(result)
        assert message in result or len(contents[0]) < len(piece)


@pytest.mark.parametrize(
    "extended",
    [
        b"<!DOCTYPE a [" + b"".join(b"<!ENTITY e%d '%s'>" % (n + 1, b"&e%d;" % n * 10) for n in range(20)) + b"]><a/>",
        b"<a>" * 100_000,
        b"<a " + b"".join(b'b%d="" ' % number for number in range(200_000)) + b"/>",
        b"<a>" + b"A" * 10**6,
        bytes(10**5),
    ],
    ids=["entities", "depth", "attributes", "no end", "zeros"],
)
def test_extended_packets_that_would_take_memory(extended):
    parts = pieces(extended)
    guid = parts[0][len(EXTENSION) : len(EXTENSION) + 32].decode()
    main = packet(PANORAMA, f'GImage:Mime="image/jpeg" xmpNote:HasExtendedXMP="{guid}"')
    with bounded_memory():
        assert is_line(outcome(with_segments(jpeg(view(0)), [MAIN + main, *parts])))


@pytest.mark.parametrize(("data", "reach"), [(AVIF, 600), (VR, len(VR))], ids=["AVIF", "VR"])
def test_altered_files_are_a_pair_or_one_line(data, reach):
    random = np.random.default_rng(1)
    for _ in range(60):
        altered = bytearray(data)
        for place in random.integers(0, reach, 3):
            altered[place] = random.integers(256)
        result = outcome(bytes(altered), layout=random.choice([None, "mpo"]))
        assert is_line(result) or result.left.pixels.shape == result.right.pixels.shape


@pytest.mark.parametrize("size", [(65535, 65535), (2**31, 1), (0, 0)])
def test_pictures_that_claim_to_be_huge_or_nothing(size):
    place = AVIF.index(b"ispe") + 8
    with bounded_memory():
        assert is_line(outcome(AVIF[:place] + struct.pack(">II", *size) + AVIF[place + 8 :]))

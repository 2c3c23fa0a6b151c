"""Pairs in HEIC and AVIF files: which pictures are the views, and what is kept of them."""

from __future__ import annotations

import io
import math
import struct
import sys

import numpy as np
import pytest
import spatial_photo as boxes
from commands import run
from heif_files import HEIGHT, WIDTH, alike, avif_of, is_pair, opened, view
from PIL import Image, ImageCms
from spatial_photo import heic

from stereocodec.container import Container
from stereocodec.errors import InvalidInput
from stereocodec.pictures.heif_items import read_items
from stereocodec.pictures.pil import load_picture

pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra stereocodec[heif]")
SIZE = WIDTH, HEIGHT
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:apple="http://ns.apple.com/image/1.0/" apple:Baseline="64.5" apple:HorizontalFOV="nan">
<apple:HorizontalDisparityAdjustment>0.03</apple:HorizontalDisparityAdjustment></rdf:Description></rdf:RDF></x:xmpmeta>
"""


def plain(**options):
    """A HEIC of two pictures that nothing says belong together."""
    return heic(view(0, **options), view(1, **options))


def test_a_spatial_photo_is_known_and_its_cameras_are_kept():
    left, right = view(0), view(1)
    data = boxes.spatial_photo(left, right, baseline=0.0193, field_of_view=63.4, disparity_adjustment=0.0215)
    pair = opened(data)
    assert is_pair(pair, left, right)
    focal = pytest.approx(WIDTH / 2 / math.tan(math.radians(63.4 / 2)), abs=1e-5)
    camera = {"focal_length": [focal, focal], "principal_point": [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]}
    assert pair.metadata.calibration == {
        "size": [WIDTH, HEIGHT],
        "left": {**camera, "position": [0, 0, 0]},
        "right": {**camera, "position": [0.0193, 0, 0]},
        "baseline": 0.0193,
        "field_of_view": pytest.approx(63.4, abs=1e-5),
        "disparity_adjustment": 0.0215,
    }


@pytest.mark.parametrize("kind", [b"ster", b"stem"])
def test_the_first_picture_of_the_group_is_the_left_one_whatever_the_primary_one(kind):
    entities = (2, 1) if kind == b"ster" else (2, 1, 2)
    data = boxes.grouped(plain(), [boxes.group(kind, entities)], {})
    assert read_items(data).primary == 1
    assert is_pair(opened(data), view(1), view(0))
    assert is_pair(opened(data, swap=True), view(0), view(1))


def test_a_group_may_name_alternatives_of_a_picture_and_hidden_ones():
    data = boxes.grouped(plain(), [boxes.group(b"altr", (7, 2), 50), boxes.group(b"ster", (1, 50))])
    hidden = bytearray(data)
    hidden[read_items(data).items[2].flags] |= 1
    assert is_pair(opened(bytes(hidden)), view(0), view(1))


def test_two_pictures_without_a_group_need_the_layout():
    data = plain()
    with pytest.raises(InvalidInput, match=r"holds 2 pictures .* give --layout mpo, or layout='mpo' in Python"):
        opened(data)
    pair = opened(data, layout="mpo")
    assert is_pair(pair, view(0), view(1))
    assert pair.metadata.calibration is None
    with pytest.raises(InvalidInput, match="holds 3 pictures"):
        opened(heic(view(0), view(1), view(0)), layout="mpo")


@pytest.mark.parametrize("kind", [b"thmb", b"auxl"])
def test_what_serves_a_picture_is_no_view(kind):
    is_to = boxes.box(kind, struct.pack(">HHH", 2, 1, 1))
    gain_map = boxes.full_box(b"auxC", b"urn:com:apple:photo:2020:aux:hdrgainmap\0")
    data = boxes.grouped(plain(), [], {2: [gain_map]} if kind == b"auxl" else {}, [is_to])
    assert read_items(data).pictures() == [1]
    with pytest.raises(InvalidInput, match="does not say how it holds two views"):
        opened(data)


def test_parts_and_alternatives_of_a_picture_are_no_views():
    part = boxes.grouped(plain(), [], references=[boxes.box(b"dimg", struct.pack(">HHH", 1, 1, 2))])
    alternative = boxes.grouped(plain(), [boxes.group(b"altr", (1, 2))])
    assert read_items(part).pictures() == read_items(alternative).pictures() == [1]
    # As phones have it: the primary picture and its gain map together make one of high dynamic range.
    made_of_both = boxes.grouped(plain(), [], references=[boxes.box(b"dimg", struct.pack(">HHHH", 9, 2, 1, 2))])
    assert read_items(made_of_both).pictures() == [1]
    hidden = bytearray(plain())
    hidden[read_items(plain()).items[2].flags] |= 1
    assert read_items(bytes(hidden)).pictures() == [1]


def test_thumbnails_and_masks_as_they_are_written_are_no_views():
    for data in (heic(view(0), thumbnails=[16, 32]), heic(view(0).convert("RGBA"))):
        items = read_items(data)
        assert len(items.items) > 1
        assert items.pictures() == [1]


def test_one_picture_with_a_layout_is_split():
    pair = opened(heic(view(0, size=(2 * WIDTH, HEIGHT))), layout="sbs")
    assert alike(pair.left.pixels, view(0, size=(2 * WIDTH, HEIGHT)).crop((0, 0, WIDTH, HEIGHT)))


@pytest.mark.parametrize(
    ("transform", "turn", "centre"),
    [
        (boxes.box(b"irot", b"\1"), Image.Transpose.ROTATE_90, (23.5, 43.5)),
        (boxes.box(b"irot", b"\3"), Image.Transpose.ROTATE_270, (23.5, 19.5)),
        (boxes.box(b"imir", b"\0"), Image.Transpose.FLIP_TOP_BOTTOM, (19.5, 23.5)),
        (boxes.box(b"imir", b"\1"), Image.Transpose.FLIP_LEFT_RIGHT, (43.5, 23.5)),
    ],
)
def test_turned_pictures_are_turned_once_and_their_cameras_with_them(transform, turn, centre):
    # The encoder codes 64x48 as 64x64, and cuts off what is below.
    coded = boxes.intrinsics(50, (20, 24), (64, 64))
    data = boxes.grouped(plain(), [boxes.group(b"ster", (1, 2))], {number: [coded, transform] for number in (1, 2)})
    pair = opened(data)
    assert is_pair(pair, view(0).transpose(turn), view(1).transpose(turn))
    assert pair.left.orientation == 1
    assert pair.metadata.calibration["left"]["principal_point"] == list(centre)
    width = pair.left.pixels.shape[1]
    assert pair.metadata.calibration["size"] == [width, pair.left.pixels.shape[0]]
    assert pair.metadata.calibration["field_of_view"] == pytest.approx(math.degrees(2 * math.atan(width / 100)))


def test_an_orientation_that_exif_and_the_file_tell_is_applied_once():
    pillow_heif.register_heif_opener()
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    view(0).save(file, "HEIF", exif=exif.tobytes(), save_all=True, append_images=[view(1)], quality=90)
    assert b"irot" in file.getvalue()
    pair = opened(file.getvalue(), layout="mpo")
    assert is_pair(pair, view(0).transpose(Image.Transpose.ROTATE_270), view(1).transpose(Image.Transpose.ROTATE_270))
    assert pair.left.orientation == pair.right.orientation == 1


def test_intrinsics_are_those_that_libheif_reads():
    pillow_heif.register_heif_opener()
    square = plain(size=(64, 64))
    for kind in (b"cmin", boxes.INTRINSICS):
        matrix = boxes.intrinsics(71.25, (30.5, 33), (64, 64), kind)
        data = boxes.grouped(square, [boxes.group(b"ster", (1, 2))], {1: [matrix]})
        camera = opened(data).metadata.calibration["left"]
        with Image.open(io.BytesIO(data)) as image:
            expected = image.info["heif"]["camera_intrinsic_matrix"]
        assert camera["focal_length"] == pytest.approx([expected["focal_length_x"], expected["focal_length_y"]])
        assert camera["principal_point"] == pytest.approx(
            [expected["principal_point_x"] - 0.5, expected["principal_point_y"] - 0.5]
        )


@pytest.mark.parametrize(("code", "unit", "flag"), [("h", 2**14, 0), ("i", 2**30, 16)])
def test_a_camera_with_two_focal_lengths_and_turned(code, unit, flag):
    matrix = boxes.full_box(b"cmin", struct.pack(">5i", 2**20, 2**19, 2**19, 2**20 * 3 // 2, 0), flags=20 << 8 | 1)
    quarter = round(math.sqrt(0.5) * unit)
    pose = boxes.full_box(b"cmex", struct.pack(f">i3{code}", -5000, 0, quarter, 0), flags=2 | 8 | flag)
    data = boxes.grouped(plain(size=(64, 64)), [boxes.group(b"ster", (1, 2))], {2: [matrix, pose]})
    half = pytest.approx(math.sqrt(0.5), abs=1e-4)
    assert opened(data).metadata.calibration == {
        "size": [64, 64],
        "right": {
            "focal_length": [64, 96],
            "principal_point": [31.5, 31.5],
            "position": [0, -0.005, 0],
            "orientation": [0, half, 0, half],
        },
        "field_of_view": pytest.approx(math.degrees(2 * math.atan(0.5)), abs=1e-5),
    }


def test_exif_profile_and_xmp_are_kept_and_apples_xmp_tells_the_cameras():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    images = [view(0), view(1)]
    for image in images:
        image.info.update(exif=exif.tobytes(), xmp=XMP.encode(), icc_profile=profile)
    metadata = opened(heic(*images), layout="mpo").metadata
    assert metadata.calibration == {"baseline": 0.0645, "disparity_adjustment": 0.03}
    assert metadata.icc_profile == profile
    assert metadata.xmp == XMP.encode()
    kept = Image.Exif()
    kept.load(b"Exif\0\0" + metadata.exif)
    assert kept[0x010F] == "a maker"


def test_what_the_properties_say_goes_before_xmp():
    images = [view(0), view(1)]
    images[0].info["xmp"] = XMP.encode()
    data = heic(*images)
    left, right = boxes.picture_numbers(data)
    own = [boxes.extrinsics(0), boxes.disparity(0.5)]  # what the group says goes before it
    properties = {100: [boxes.disparity(-0.01)], left: own, right: [boxes.extrinsics(0.07)]}
    group = boxes.group(b"ster", (left, right), 100)
    calibration = opened(boxes.grouped(data, [group], properties)).metadata.calibration
    assert (calibration["baseline"], calibration["disparity_adjustment"]) == (0.07, -0.01)


def test_more_than_8_bits_are_refused():
    deep = pillow_heif.HeifFile()
    for number in range(2):
        deep.add_frombytes("RGB;16", SIZE, np.full((HEIGHT, WIDTH, 3), 9000 * number, np.uint16).tobytes())
    file = io.BytesIO()
    deep.save(file)
    with pytest.raises(InvalidInput, match=r"the left view of .* more than 8 bits per channel"):
        opened(boxes.grouped(file.getvalue(), [boxes.group(b"ster", (1, 2))]))


def test_views_of_two_sizes_are_refused():
    data = boxes.grouped(heic(view(0), view(1, (80, 48))), [boxes.group(b"ster", (1, 2))])
    with pytest.raises(InvalidInput, match="left is 64x48, right is 80x48"):
        opened(data)


def test_a_group_that_names_what_is_not_there_is_refused():
    for entities in ((1, 9), (1, 1)):
        data = boxes.grouped(plain(), [boxes.group(b"ster", entities)], {})
        with pytest.raises(InvalidInput, match="is damaged: its stereo pair names pictures that are not there"):
            opened(data)


def test_a_damaged_right_view_is_refused():
    data = boxes.spatial_photo(view(0), view(1), baseline=0.06, field_of_view=60)
    with pytest.raises(InvalidInput, match="the right view of the picture is "):
        opened(data[: len(data) - len(data) // 4])


def test_a_heic_that_libheif_does_not_know_is_one_line():
    with pytest.raises(InvalidInput, match=r"^left is a HEIC that cannot be decoded: it is damaged, or of a kind"):
        load_picture(io.BytesIO(heic(view(0))[:100]), "left")


def test_pictures_of_their_own_are_read_too(tmp_path):
    (tmp_path / "left.heic").write_bytes(heic(view(0)))
    picture = load_picture(tmp_path / "left.heic")
    assert alike(picture.pixels, view(0))
    spatial = boxes.spatial_photo(view(0), view(1), baseline=0.06, field_of_view=60)
    with pytest.raises(
        InvalidInput, match=r"^left holds 2 pictures \(HEIC\): .* name this file alone, bisic encode IN"
    ):
        load_picture(io.BytesIO(spatial), "left")


def test_without_the_extra_one_line_names_it_and_the_rest_is_read(monkeypatch):
    data = boxes.spatial_photo(view(0), view(1), baseline=0.06, field_of_view=60)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for read in (opened, lambda data: load_picture(io.BytesIO(data))):
        with pytest.raises(InvalidInput, match=r"is a HEIC: reading it needs pip install 'stereocodec\[heif\]'$"):
            read(data)
    assert is_pair(opened(boxes.grouped(avif_of(view(0), view(1)), [boxes.group(b"ster", (1, 2))])), view(0), view(1))


def test_bisic_encodes_a_spatial_photo_and_two_files(folder, raw_codec):
    (folder / "photo.heic").write_bytes(boxes.spatial_photo(view(0), view(1), baseline=0.06, field_of_view=60))
    for name, number in (("left.heic", 0), ("right.heic", 1)):
        (folder / name).write_bytes(heic(view(number)))
    for arguments in (["photo.heic"], ["left.heic", "right.heic"]):
        result = run("encode", *arguments, "-o", "pair.bsc", "--no-verify", "-f")
        assert result.exit_code == 0, result.output
        stored = Container.from_bytes((folder / "pair.bsc").read_bytes())
        left = np.frombuffer(stored.bands[0].streams.y_left, np.uint8).reshape(HEIGHT, WIDTH, 3)
        assert alike(left, view(0))

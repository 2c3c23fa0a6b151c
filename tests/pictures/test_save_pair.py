"""`save_pair`: the forms in which a pair is written, their names, and that it is all or nothing."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from commands import names
from icc_profiles import DISPLAY_P3, grey_profile, matrix_profile
from PIL import ExifTags, Image

import stereocodec
from stereocodec import Metadata, save_pair
from stereocodec.container.layouts import LAYOUT_NAMES, Layout
from stereocodec.errors import InvalidInput, OutputError
from stereocodec.pictures.anaglyph import anaglyph
from stereocodec.pictures.output_form import OUTPUT_LAYOUTS, output_form
from stereocodec.pictures.save_frame import save_frame

HEIGHT, WIDTH = 6, 16
LEFT, RIGHT = np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
WIDE = matrix_profile(DISPLAY_P3, "wide")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
JOINED = {
    "sbs": np.hstack([LEFT, RIGHT]),
    "sbs-cross": np.hstack([RIGHT, LEFT]),
    "tb": np.vstack([LEFT, RIGHT]),
    "tb-cross": np.vstack([RIGHT, LEFT]),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def said(path):
    with Image.open(path) as image:
        return image.info


def written(saved):
    return [str(one.path) for one in saved]


def exif():
    data = Image.Exif()
    data[ExifTags.Base.Make] = "Camera"
    return data.tobytes().removeprefix(b"Exif\0\0")


def test_it_is_public():
    assert stereocodec.save_pair is save_pair
    assert "save_pair" in stereocodec.__all__


@pytest.mark.parametrize("target", ["out", "out/", "deep/er/out", "x.png/", "v1.2"])
def test_a_folder_gets_two_files_and_is_made(target):
    saved = save_pair(LEFT, RIGHT, target)
    left, right = written(saved)
    assert (left, right) == (f"{target.rstrip('/')}/left.png", f"{target.rstrip('/')}/right.png")
    np.testing.assert_array_equal(pixels(left), LEFT)
    np.testing.assert_array_equal(pixels(right), RIGHT)
    assert [(one.size, one.words) for one in saved] == [((16, 6), "left view"), ((16, 6), "right view")]


@pytest.mark.parametrize("layout", sorted(JOINED))
def test_one_picture_of_both_views(layout):
    (saved,) = save_pair(LEFT, RIGHT, "deep/x.png", layout=layout)
    np.testing.assert_array_equal(pixels("deep/x.png"), JOINED[layout])
    assert saved.size == JOINED[layout].shape[1::-1]
    assert saved.words == Layout(layout).words


def test_a_picture_without_a_layout_is_side_by_side_or_as_the_file_says():
    save_pair(LEFT, RIGHT, "a.webp")
    np.testing.assert_array_equal(pixels("a.webp"), JOINED["sbs"])
    save_pair(LEFT, RIGHT, "b.tif", metadata=Metadata(layout=Layout.TB_CROSS))
    np.testing.assert_array_equal(pixels("b.tif"), JOINED["tb-cross"])
    save_pair(LEFT, RIGHT, "c.png", metadata=Metadata(layout=Layout.TB_CROSS), layout="sbs")
    np.testing.assert_array_equal(pixels("c.png"), JOINED["sbs"])


@pytest.mark.parametrize(("layout", "view"), [("left", LEFT), ("right", RIGHT)])
def test_one_view(layout, view):
    save_pair(LEFT, RIGHT, "x.bmp", layout=layout)
    np.testing.assert_array_equal(pixels("x.bmp"), view)


def test_two_files_of_a_name():
    saved = save_pair(LEFT, RIGHT, "a/x.tiff", layout="two")
    assert written(saved) == ["a/x_left.tiff", "a/x_right.tiff"]
    np.testing.assert_array_equal(pixels("a/x_right.tiff"), RIGHT)


@pytest.mark.parametrize("layout", [layout for layout in OUTPUT_LAYOUTS if layout != "two"])
def test_every_layout_in_a_folder_has_a_name_and_one_on_a_stream(layout):
    (saved,) = save_pair(LEFT, RIGHT, "out", layout=layout, name="pair")
    assert saved.path.name == {"mpo": "pair.mpo", "jps": "pair.jps"}.get(layout, f"pair_{layout}.png")
    stream = io.BytesIO()
    (streamed,) = save_pair(LEFT, RIGHT, stream, layout=layout)
    assert stream.getvalue() == saved.path.read_bytes()
    assert (streamed.path, streamed.size, streamed.words) == (None, saved.size, saved.words)


@pytest.mark.parametrize(
    ("format", "suffix"),
    [
        ("png", "png"),
        ("webp", "webp"),
        ("avif", "avif"),
        ("jpeg", "jpg"),
        ("tiff", "tif"),
        ("ppm", "ppm"),
        ("bmp", "bmp"),
    ],
)
def test_the_format_of_files_whose_names_we_choose(format, suffix):
    assert written(save_pair(LEFT, RIGHT, "out", format=format)) == [f"out/left.{suffix}", f"out/right.{suffix}"]
    with Image.open(f"out/right.{suffix}") as image:
        assert image.format == format.upper()
    stream = io.BytesIO()
    save_pair(LEFT, RIGHT, stream, format=format)
    with Image.open(stream) as image:
        assert (image.format, image.size) == (format.upper(), (32, 6))


def test_grey_pairs_stay_grey():
    left, right = LEFT[..., 0], RIGHT[..., 0]
    assert written(save_pair(left, right, "out", format="ppm")) == ["out/left.pgm", "out/right.pgm"]
    assert (pixels("out/right.pgm") == right).all()
    for name in ("x.png", "x.mpo", "x.jps", "x.tif"):
        save_pair(left, right, name)
        with Image.open(name) as image:
            assert image.mode == "L"
    save_pair(left, right, "a.png", layout="anaglyph")
    np.testing.assert_array_equal(pixels("a.png"), anaglyph(np.dstack([left] * 3), np.dstack([right] * 3)))
    for layout, views in (("anaglyph", (left, right)), ("left", (LEFT, RIGHT))):
        with pytest.raises(OutputError, match=r"^c\.pgm would be in colour, and PGM is grey: use \.ppm$"):
            save_pair(*views, "c.pgm", layout=layout)


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


def test_an_anaglyph_is_of_srgb_and_says_nothing_else():
    profile = matrix_profile(DISPLAY_P3, "wide")
    (saved,) = save_pair(LEFT, RIGHT, "x.png", layout="anaglyph", metadata=Metadata(profile, exif(), XMP))
    assert saved.left_out == ()
    with Image.open("x.png") as image:
        assert "icc_profile" not in image.info
        assert image.info["xmp"] == XMP
        assert (np.asarray(image) != anaglyph(LEFT, RIGHT)).any()
    save_pair(LEFT, RIGHT, "y.png", layout="anaglyph")
    np.testing.assert_array_equal(pixels("y.png"), anaglyph(LEFT, RIGHT))
    save_pair(LEFT[..., 0], RIGHT[..., 0], "z.png", layout="anaglyph", metadata=Metadata(grey_profile(1.8)))
    with Image.open("z.png") as image:
        assert "icc_profile" not in image.info


def test_metadata_are_those_of_pil_images_unless_others_are_given():
    left, right = Image.fromarray(LEFT), Image.fromarray(RIGHT)
    left.info["xmp"] = XMP
    save_pair(left, right, "a")
    assert said("a/left.png")["xmp"] == said("a/right.png")["xmp"] == XMP
    save_pair(left, right, "b", metadata=Metadata())
    assert "xmp" not in said("b/left.png")


@pytest.mark.parametrize("layout", ["two", "sbs", "mpo", "anaglyph"])
def test_existing_files_are_kept_unless_told_otherwise_and_nothing_is_half_written(folder, layout):
    target = "x.mpo" if layout == "mpo" else "x.png"
    existing = "x_right.png" if layout == "two" else target
    (folder / existing).write_bytes(b"old")
    with pytest.raises(OutputError, match=f"{existing} exists already"):
        save_pair(LEFT, RIGHT, target, layout=layout)
    assert names(folder) == [existing]
    assert (folder / existing).read_bytes() == b"old"
    save_pair(LEFT, RIGHT, target, layout=layout, overwrite=True)
    assert len(pixels(existing)) == HEIGHT


def test_a_folder_is_taken_back_when_a_picture_could_not_be_written(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="no space is left"):
        save_pair(LEFT, RIGHT, "new/deep/x.png")
    assert names(folder) == []


def test_views_that_are_no_pair_are_refused(folder):
    with pytest.raises(InvalidInput, match="left is 16x6, right is 15x6"):
        save_pair(LEFT, RIGHT[:, :-1], "x.png")
    assert names(folder) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "triple"}, "layout is 'triple'; use one of two, sbs, "),
        ({"format": "gif"}, "format is 'gif'; use one of png, "),
    ],
)
def test_names_that_are_not_known(settings, message):
    with pytest.raises(InvalidInput, match=message):
        save_pair(LEFT, RIGHT, "out", **settings)


@pytest.mark.parametrize("name", ["x.jxl", "x.heic", "x.gif", "pair.bsc", "film.mp4"])
def test_a_suffix_of_others_is_no_name_of_a_folder(folder, name):
    with pytest.raises(InvalidInput, match=f"{name} cannot be written: use .png "):
        output_form(name)
    (folder / name).mkdir()
    assert output_form(name).is_folder


def test_a_joined_picture_above_a_limit_is_one_line_with_a_way_out(folder):
    wide = np.zeros((1, 9000, 3), np.uint8)
    with pytest.raises(
        OutputError, match=r"x\.webp would be 18000x1, and WebP has sides of up to 16383 pixels: use \.png"
    ):
        save_pair(wide, wide, "x.webp")
    save_pair(wide, wide, "x.webp", layout="two")
    assert names(folder) == ["x_left.webp", "x_right.webp"]


def test_a_frame_of_colour_and_depth(folder):
    depth = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 600
    color, depth_path = save_frame(LEFT, depth, "a/b", metadata=Metadata(WIDE, exif(), XMP), name="frame")
    assert (str(color), str(depth_path)) == ("a/b/frame_color.png", "a/b/frame_depth.png")
    with Image.open(color) as image, Image.open(depth_path) as map_:
        assert (image.info["icc_profile"], image.info["xmp"]) == (WIDE, XMP)
        np.testing.assert_array_equal(np.asarray(image), LEFT)
        np.testing.assert_array_equal(np.asarray(map_), depth)
        assert not {"icc_profile", "xmp", "exif"} & map_.info.keys()
    with pytest.raises(OutputError, match="exists already"):
        save_frame(LEFT, depth, "a/b", name="frame")
    save_frame(LEFT, Image.fromarray(depth), "a/b", name="frame", overwrite=True)

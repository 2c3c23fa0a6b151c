"""`save_pair`: the forms in which a pair is written, their names, and that it is all or nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from commands import names
from icc_profiles import DISPLAY_P3, grey_profile, matrix_profile
from PIL import Image
from saved_pairs import HEIGHT, JOINED, LEFT, RIGHT, WIDE, WIDTH, XMP, exif, pixels

import stereocodec
from stereocodec import Metadata, save_pair
from stereocodec.container.layouts import Layout
from stereocodec.errors import InvalidInput, OutputError
from stereocodec.pictures.anaglyph import anaglyph
from stereocodec.pictures.encoding import encode_picture
from stereocodec.pictures.output_form import OUTPUT_LAYOUTS, output_form
from stereocodec.pictures.save_frame import save_frame


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(path):
    with Image.open(path) as image:
        return image.info


def written(saved):
    return [str(one.path) for one in saved]


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


def test_one_picture_is_encoded_when_the_other_one_is_written(folder, monkeypatch):
    sizes = []

    def watched(*arguments, **settings):
        sizes.append([path.stat().st_size for path in folder.rglob("*") if path.is_file()])
        return encode_picture(*arguments, **settings)

    monkeypatch.setattr("stereocodec.pictures.save_pair.encode_picture", watched)
    save_pair(LEFT, RIGHT, "x.png", layout="two")
    first, second = sizes
    assert sum(first) == 0
    assert sum(second) == (folder / "x_left.png").stat().st_size
    # All or nothing all the same.
    sizes.clear()
    with pytest.raises(OutputError, match="WebP has sides"):
        save_pair(*np.zeros((2, 1, 17000, 3), np.uint8), "y.webp", layout="two")
    assert names(folder) == ["x_left.png", "x_right.png"]


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

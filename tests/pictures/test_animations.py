"""Pairs in the frames and pages of files that Pillow reads."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from commands import error_line, run
from PIL import ExifTags, GifImagePlugin, Image, features

from stereocodec.container.layouts import Layout
from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.open_pair import open_pair

RANDOM = np.random.default_rng(0)
PAGES = RANDOM.integers(0, 8, (3, 6, 8, 3), dtype=np.uint8) * 36  # few colours, so that a GIF holds them
SETTINGS = {
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "PNG": {},
    "TIFF": {},
    "GIF": {},
}
EXACT = ("GIF", "PNG", "WEBP", "TIFF")


def animation(image_format, frames, mode="RGB", **settings):
    first, *others = (Image.fromarray(frame).convert(mode) for frame in frames)
    file = io.BytesIO()
    first.save(file, image_format, save_all=True, append_images=others, **SETTINGS[image_format], **settings)
    file.seek(0)
    return file


def assert_views(pair, left, right):
    np.testing.assert_array_equal(pair.left.shown(), left)
    np.testing.assert_array_equal(pair.right.shown(), right)


@pytest.mark.parametrize("image_format", EXACT)
def test_two_frames_are_the_views_when_the_layout_says_so(image_format):
    file = animation(image_format, PAGES[:2])
    assert_views(open_pair(file, layout="mpo"), *PAGES[:2])
    file.seek(0)
    assert_views(open_pair(file, layout="mpo", swap=True), *PAGES[1::-1])


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_two_frames_of_an_avif_sequence():
    smooth = np.stack([np.full((64, 64, 3), 60, np.uint8), np.full((64, 64, 3), 200, np.uint8)])
    pair = open_pair(animation("AVIF", smooth), layout="mpo")
    assert [int(view.pixels.mean().round()) for view in pair] == [60, 200]


@pytest.mark.parametrize("image_format", EXACT)
def test_one_frame_of_many_holds_both_views(image_format):
    for number, page in enumerate(PAGES):
        pair = open_pair(animation(image_format, PAGES), layout="tb-cross", frame=number)
        assert_views(pair, page[3:], page[:3])
        assert pair.metadata.layout is Layout.TB_CROSS


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "TIFF"])
def test_grey_frames_stay_grey(image_format):
    grey = PAGES[..., 0]
    pair = open_pair(animation(image_format, grey[:2], "L"), layout="mpo")
    assert pair.left.channels is Channels.GREY
    assert_views(pair, *grey[:2])
    packed = open_pair(animation(image_format, grey, "L"), layout="sbs", frame=2)
    assert_views(packed, grey[2, :, :4], grey[2, :, 4:])


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_frames_keep_their_orientation(image_format):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pair = open_pair(animation(image_format, PAGES[:2], exif=exif), layout="mpo")
    assert pair.left.orientation == pair.right.orientation == 6
    assert_views(pair, np.rot90(PAGES[0], -1), np.rot90(PAGES[1], -1))


def test_transparent_frames_are_laid_onto_the_background():
    clear = Image.new("RGBA", (8, 6), (0, 0, 0, 0))
    file = io.BytesIO()
    clear.save(file, "PNG", save_all=True, append_images=[Image.new("RGBA", (8, 6), (10, 20, 30, 255))])
    file.seek(0)
    with pytest.raises(InvalidInput, match="alpha channel"):
        open_pair(file, layout="mpo")
    file.seek(0)
    assert_views(
        open_pair(file, layout="mpo", background="white"), np.full((6, 8, 3), 255), np.full((6, 8, 3), [10, 20, 30])
    )


@pytest.mark.parametrize(
    ("pages", "settings", "message"),
    [
        (2, {}, r"x holds 2 frames \(TIFF\): give --frame N and a --layout .*or --layout mpo if they are the left and"),
        (3, {}, r"x holds 3 frames \(TIFF\): give --frame N and a --layout for one that holds both views$"),
        (3, {"layout": "mpo"}, "holds 3 frames: the layout mpo takes both of two"),
        (2, {"layout": "mpo", "frame": 0}, "the layout mpo takes both of two, and no --frame"),
        (3, {"layout": "sbs", "frame": 3}, "x has 3 frames: --frame .* takes 0 to 2, not 3"),
        (3, {"frame": 1}, "one picture of 8x6 .* that does not say how it holds two views"),
        (1, {"layout": "sbs", "frame": 0}, "x is no film or animation of several frames: leave --frame out"),
    ],
)
def test_what_is_missing_or_too_much_is_said(pages, settings, message):
    with pytest.raises(InvalidInput, match=message):
        open_pair(animation("TIFF", PAGES[:pages]), name="x", **settings)


def test_pages_of_different_size():
    with pytest.raises(InvalidInput, match="left is 8x6, right is 7x6"):
        open_pair(animation("TIFF", [PAGES[0], PAGES[1, :, :7]]), layout="mpo")


def test_frames_that_are_too_large_are_refused_before_one_is_decoded(monkeypatch):
    data = bytearray(animation("GIF", PAGES).getvalue())
    data[6:10] = struct.pack("<HH", 12000, 12000)
    monkeypatch.setattr(GifImagePlugin.GifImageFile, "load", lambda image: pytest.fail("a frame was decoded"))
    with pytest.raises(InvalidInput, match=r"x is 12000x12000: a \.bsc file holds"):
        open_pair(io.BytesIO(data), name="x", layout="sbs", frame=2)


def test_each_view_of_a_frame_may_be_as_large_as_the_format_allows(monkeypatch):
    monkeypatch.setattr("stereocodec.pictures.pil.MAX_PIXELS", 6 * 4)
    assert open_pair(animation("TIFF", PAGES), layout="sbs", frame=1).left.pixels.shape == (6, 4, 3)
    with pytest.raises(InvalidInput, match="up to 24 pixels per view"):
        open_pair(animation("TIFF", PAGES[:2]), layout="mpo")


def test_one_frame_is_a_picture_as_before():
    for image_format in EXACT:
        assert_views(open_pair(animation(image_format, PAGES[:1]), layout="tb"), PAGES[0, :3], PAGES[0, 3:])


def outcome(data, **settings):
    """The views, or the line of a refusal."""
    try:
        return [view.shown() for view in open_pair(io.BytesIO(data), name="x", **settings)]
    except InvalidInput as error:
        return str(error)


@pytest.mark.parametrize("image_format", EXACT)
@pytest.mark.parametrize("settings", [{"layout": "mpo"}, {"layout": "sbs", "frame": 1}])
def test_damaged_files_give_a_line(image_format, settings):
    whole = animation(image_format, PAGES[:2]).getvalue()
    results = [outcome(whole[:length], **settings) for length in range(12, len(whole) - 40, 23)]
    lines = [result for result in results if isinstance(result, str)]
    assert len(lines) > 0.8 * len(results)
    assert all(line.startswith("x ") and line.isprintable() for line in lines)


@pytest.mark.parametrize("frame", [-1, 1.5, True, "0"])
def test_frames_are_whole_numbers(frame):
    with pytest.raises(InvalidInput, match=r"frame is .*whole number from 0"):
        open_pair(animation("GIF", PAGES), frame=frame)
    assert open_pair(animation("GIF", PAGES), frame=np.int64(1), layout="sbs").left.pixels.shape == (6, 4, 3)


def test_the_command(folder, raw_codec):
    (folder / "pages.tif").write_bytes(animation("TIFF", PAGES // 2).getvalue())
    result = run("encode", "pages.tif", "--layout", "sbs", "--frame", "1", "-o", "pair.bsc")
    assert result.exit_code == 0, result.output
    line = error_line(run("encode", "left.png", "--layout", "sbs", "--frame", "0", "-o", "other.bsc"))
    assert "left.png is no film or animation of several frames: leave --frame out" in line
    line = error_line(run("encode", "pair.bsc", "-o", "other.bsc"))
    assert "pair.bsc is a .bsc file already: bisic decode gives its pair" in line

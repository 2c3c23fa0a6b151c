"""`bisic decode`: one file or two, in the form that a name, a layout or the .bsc file asks for."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from commands import error_line, names, run
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import Image

from stereocodec.container import Container, Metadata
from stereocodec.container.layouts import Layout
from stereocodec.container.limits import METADATA_VERSION

WIDE = matrix_profile(DISPLAY_P3, "wide")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


@pytest.fixture
def views(pair_file):
    """What the file's views are decoded to."""
    left, right = (np.asarray(Image.open(pair_file.parent / f"{view}.png").copy()) for view in ("left", "right"))
    return left + np.uint8(1), right


@pytest.fixture
def tell(pair_file):
    """Lets the file say something of its pair."""

    def tell(**metadata):
        container = Container.from_bytes(pair_file.read_bytes())
        told = replace(container, version=METADATA_VERSION, chunks=Metadata(**metadata).to_chunks())
        pair_file.write_bytes(told.to_bytes())

    return tell


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def said(*arguments):
    result = run("decode", "pair.bsc", *arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("arguments", "line", "made"),
    [
        (["-o", "x.png"], "x.png: 16x6, side by side", "x.png"),
        (["-o", "x.jps"], "x.jps: 16x6, side by side, right view on the left", "x.jps"),
        (["-o", "x.pns"], "x.pns: 16x6, side by side, right view on the left", "x.pns"),
        (["-o", "X.MPO"], "X.MPO: 8x6, two pictures (MPO)", "X.MPO"),
        (["-o", "x.tif", "--layout", "half-tb"], "x.tif: 8x6, top and bottom, half height", "x.tif"),
        (["-o", "x.png", "--layout", "anaglyph"], "x.png: 8x6, red-cyan anaglyph", "x.png"),
        (["-o", "x.png", "--layout", "right"], "x.png: 8x6", "x.png"),
        (["-o", "a/b/x.avif", "--layout", "two"], "a/b/x_left.avif, a/b/x_right.avif: 8x6", "a"),
        (["-o", "a/b/x.webp"], "a/b/x.webp: 16x6, side by side", "a"),
        (["-o", "out", "--format", "jpeg"], "out/pair_left.jpg, out/pair_right.jpg: 8x6", "out"),
        (
            ["-o", "out", "--layout", "tb-cross"],
            "out/pair_tb-cross.png: 8x12, top and bottom, right view on top",
            "out",
        ),
        (["--layout", "mpo"], "pair.mpo: 8x6, two pictures (MPO)", "pair.mpo"),
        (["--layout", "jps"], "pair.jps: 16x6, side by side, right view on the left", "pair.jps"),
        (["--layout", "anaglyph"], "pair_anaglyph.png: 8x6, red-cyan anaglyph", "pair_anaglyph.png"),
    ],
)
def test_the_message_says_what_was_written_and_how(pair_file, arguments, line, made):
    assert said(*arguments) == f"{line}\n"
    assert set(names(pair_file.parent)) - {"left.png", "pair.bsc", "right.png"} == {made}


def test_one_picture_holds_both_views(views):
    said("-o", "x.png", "--layout", "sbs-cross")
    np.testing.assert_array_equal(pixels("x.png"), np.hstack(views[::-1]))


def test_the_layout_that_the_file_came_in_is_taken_where_one_picture_is_named(views, tell):
    tell(layout=Layout.TB)
    said("-o", "x.png")
    np.testing.assert_array_equal(pixels("x.png"), np.vstack(views))
    assert said() == "pair_left.png, pair_right.png: 8x6\n"
    assert said("-o", "y.jps").endswith(": 16x6, side by side, right view on the left\n")


def test_a_file_of_a_half_form_comes_back_in_that_form(views, tell):
    tell(layout=Layout.HALF_SBS_CROSS)
    line = "pair_half-sbs-cross.png: 16x6, side by side, half width, right view on the left\n"
    assert said() == line
    np.testing.assert_array_equal(pixels("pair_half-sbs-cross.png"), np.hstack(views[::-1]))
    with Image.open("pair_half-sbs-cross.png") as image:
        assert image.info["aspect"] == (1, 2)
    assert said("-o", "out") == f"out/{line}"
    assert said("--layout", "two") == "pair_left.png, pair_right.png: 16x6\n"
    assert pixels("pair_left.png").shape == (6, 16, 3)
    assert said("--left", "l.png") == "l.png: 16x6\n"
    assert said("-o", "full.png", "--layout", "sbs") == "full.png: 32x6, side by side\n"


def test_standard_output_holds_one_picture_in_any_format(views):
    result = run("decode", "pair.bsc", "-o", "-")
    assert result.exit_code == 0
    np.testing.assert_array_equal(pixels(io.BytesIO(result.stdout_bytes)), np.hstack(views))
    assert result.stderr == "standard output: 16x6, side by side\n"
    for arguments, form in (
        (["--format", "tiff"], "TIFF"),
        (["--layout", "mpo"], "MPO"),
        (["--layout", "jps"], "JPEG"),
        (["--layout", "left", "--format", "webp", "-Q"], "WEBP"),
    ):
        result = run("decode", "pair.bsc", "-o", "/dev/stdout", *arguments)
        with Image.open(io.BytesIO(result.stdout_bytes)) as image:
            assert image.format == form
    assert result.stderr == ""
    result = run("decode", "pair.bsc", "--right", "-", "--format", "bmp")
    np.testing.assert_array_equal(pixels(io.BytesIO(result.stdout_bytes)), views[1])


def test_the_quality_of_lossy_formats(pair_file):
    sizes = {}
    for quality in ("10", "95", None):
        given = [] if quality is None else ["--output-quality", quality]
        for name in ("x.jpg", "x.avif", "x.mpo", "x.jps"):
            said("-fo", name, *given)
            sizes[name, quality] = (pair_file.parent / name).stat().st_size
        said("-f", "--left", "l.jpg", *given)
        sizes["l.jpg", quality] = (pair_file.parent / "l.jpg").stat().st_size
    for name in ("x.jpg", "x.avif", "x.mpo", "x.jps", "l.jpg"):
        assert sizes[name, "10"] < sizes[name, "95"] == sizes[name, None]


def test_metadata_of_the_file_stand_in_the_pictures(tell):
    tell(icc_profile=WIDE, xmp=XMP)
    for arguments, name in ((["-o", "x.png"], "x.png"), ([], "pair_right.png"), (["-o", "x.mpo"], "x.mpo")):
        said(*arguments)
        with Image.open(name) as image:
            assert (image.info["icc_profile"], image.info["xmp"]) == (WIDE, XMP)
    assert said("-o", "x.bmp") == (
        "x.bmp: 16x6, side by side; without ICC profile (BMP holds none), XMP (BMP holds none)\n"
    )
    assert said("-fo", "x.bmp", "--no-metadata") == "x.bmp: 16x6, side by side\n"
    assert said("--left", "l.png", "--right", "r.ppm").endswith(
        ": 8x6; without ICC profile (PPM holds none), XMP (PPM holds none)\n"
    )
    assert said("-o", "out", "--format", "ppm").endswith(
        ": 8x6; without ICC profile (PPM holds none), XMP (PPM holds none)\n"  # of two files, once
    )


def test_existing_files_are_kept_unless_forced(pair_file):
    existing = pair_file.parent / "x.mpo"
    existing.write_bytes(b"old")
    assert "x.mpo exists already" in error_line(run("decode", "pair.bsc", "-o", "x.mpo"))
    assert existing.read_bytes() == b"old"
    said("-fo", "x.mpo")
    assert existing.read_bytes().startswith(b"\xff\xd8")


def test_what_cannot_be_written_is_said_before_anything_is_decoded(pair_file, raw_codec, monkeypatch):
    def never(*_, **__):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(raw_codec, "decompress", never)
    (pair_file.parent / "file").touch()
    for arguments, message in (
        (["-o", "left.png"], "left.png exists already"),
        (["-o", "file/x.png"], "cannot write file/x.png"),
        (["-o", "x.pgm"], "x.pgm would be in colour, and PGM is grey: use .ppm"),
        (["--left", "file/x.png"], "cannot write file/x.png"),
    ):
        assert message in error_line(run("decode", "pair.bsc", *arguments))
    assert names(pair_file.parent) == ["file", "left.png", "pair.bsc", "right.png"]


def test_what_the_form_is_made_of_is_not_the_file_itself(pair_file):
    data = pair_file.read_bytes()
    pair_file.rename("pair.png")
    result = run("decode", "pair.png", "-o", "./pair.png", "-f")
    assert result.exit_code == 2
    assert "--output is the file to decode" in " ".join(result.output.split())
    assert (pair_file.parent / "pair.png").read_bytes() == data

"""`bisic decode`: where the views go, in which formats."""

from __future__ import annotations

import io

import numpy as np
import pytest
from commands import HEIGHT, MODEL_ID, WIDTH, error_line, names, run
from PIL import Image

from stereocodec.container import Band, Container, Streams
from stereocodec.pictures.formats import SUFFIXES


def expected_views(folder):
    left, right = (np.asarray(Image.open(folder / f"{view}.png")) for view in ("left", "right"))
    return left + np.uint8(1), right


def check_views(folder, left, right):
    for path, expected in zip((left, right), expected_views(folder), strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), expected)


def test_decode_writes_beside_the_input_by_default(pair_file):
    result = run("decode", str(pair_file))
    assert result.exit_code == 0
    assert result.output == f"{pair_file.parent / 'pair_left.png'}, {pair_file.parent / 'pair_right.png'}: 8x6\n"
    check_views(pair_file.parent, "pair_left.png", "pair_right.png")


def test_decode_into_a_folder(pair_file):
    (pair_file.parent / "out").mkdir()
    assert run("decode", "pair.bsc", "-o", "out", "-Q").output == ""
    check_views(pair_file.parent, "out/pair_left.png", "out/pair_right.png")


def test_decode_from_standard_input(pair_file):
    (pair_file.parent / "out").mkdir()
    assert run("decode", "-", "-o", "out", stdin=pair_file.read_bytes()).exit_code == 0
    check_views(pair_file.parent, "out/left.png", "out/right.png")


@pytest.mark.parametrize("extension", sorted(SUFFIXES.keys() - {".pgm"}))
def test_decode_into_every_format(pair_file, extension):
    result = run("decode", "pair.bsc", "--left", f"l{extension}", "--right", f"r{extension.upper()}")
    assert result.exit_code == 0, result.output
    if SUFFIXES[extension].lossy:
        for path in (f"l{extension}", f"r{extension.upper()}"):
            with Image.open(path) as image:
                assert (image.format, image.size) == (SUFFIXES[extension].name, (WIDTH, HEIGHT))
    else:
        check_views(pair_file.parent, f"l{extension}", f"r{extension.upper()}")


def test_decode_writes_only_the_views_that_are_named(pair_file):
    assert run("decode", "pair.bsc", "--right", "r.png").exit_code == 0
    assert names(pair_file.parent) == ["left.png", "pair.bsc", "r.png", "right.png"]
    np.testing.assert_array_equal(np.asarray(Image.open("r.png")), expected_views(pair_file.parent)[1])


def test_decode_one_view_to_standard_output(pair_file):
    result = run("decode", "pair.bsc", "--left", "-")
    assert result.exit_code == 0
    png = np.asarray(Image.open(io.BytesIO(result.stdout_bytes)))
    np.testing.assert_array_equal(png, expected_views(pair_file.parent)[0])
    both = run("decode", "-", "--left", "l.png", "--right", "-", stdin=pair_file.read_bytes())
    assert both.exit_code == 0
    png = np.asarray(Image.open(io.BytesIO(both.stdout_bytes)))
    np.testing.assert_array_equal(png, expected_views(pair_file.parent)[1])
    assert names(pair_file.parent) == ["l.png", "left.png", "pair.bsc", "right.png"]


def test_decode_overwrites_only_when_forced_and_leaves_neither_view_otherwise(pair_file):
    other = pair_file.parent / "pair_right.png"
    other.write_bytes(b"old")
    assert "pair_right.png exists already" in error_line(run("decode", "pair.bsc"))
    assert names(pair_file.parent) == ["left.png", "pair.bsc", "pair_right.png", "right.png"]
    assert other.read_bytes() == b"old"
    assert run("decode", "pair.bsc", "-f").exit_code == 0
    check_views(pair_file.parent, "pair_left.png", "pair_right.png")


def test_decode_reports_a_format_that_cannot_hold_the_picture(folder, raw_codec):
    streams = Streams(b"", b"", bytes(3 * 20_000), bytes(3 * 20_000))
    wide = Container(width=20_000, height=1, quality=50, model_id=MODEL_ID, bands=(Band(b"", streams, 7),))
    (folder / "wide.bsc").write_bytes(wide.to_bytes())
    line = error_line(run("decode", "wide.bsc", "--left", "l.png", "--right", "r.webp"))
    assert "r.webp would be 20000x1, and WebP has sides of up to 16383 pixels: use .png" in line
    assert names(folder) == ["left.png", "right.png", "wide.bsc"]


def test_decode_with_the_wrong_model(pair_file):
    assert "not written with other" in error_line(run("decode", "pair.bsc", "--model", "other"))

"""`bisic encode` of one file that holds both views, on disk and from standard input."""

from __future__ import annotations

import numpy as np
import pytest
from commands import error_line, run
from mpo_files import BASELINE, DISPARITY, PRIMARY, UNDEFINED, jpeg, mpo, picture, pixels_of

from stereocodec.container import Container
from stereocodec.container.layouts import Layout
from stereocodec.pictures.jps import jps_segment

LEFT, RIGHT = jpeg(picture(1)), jpeg(picture(2))
BOTH = jpeg(picture(3, (64, 24)))
MPO = mpo([LEFT, RIGHT], attributes=[{BASELINE: (75, 1000)}])


def coded(name="pair.bsc"):
    """The views in a file of the codec that stores pixels, and its metadata."""
    with open(name, "rb") as file:
        container = Container.from_bytes(file.read())
    shape = container.height, container.width, 3
    views = [
        np.frombuffer(stream, np.uint8)
        for stream in (container.bands[0].streams.y_left, container.bands[0].streams.y_right)
    ]
    return [view.reshape(shape) for view in views], container.metadata


def assert_coded(left, right):
    views, metadata = coded()
    np.testing.assert_array_equal(views, [left, right])
    return metadata


@pytest.fixture
def files(folder, raw_codec):
    for name, data in {"photo.mpo": MPO, "photo.jps": BOTH, "photo_SBS.jpg": BOTH}.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_cameras_file_needs_no_option(files):
    assert run("encode", "photo.mpo", "-o", "pair.bsc", "--no-verify").exit_code == 0
    metadata = assert_coded(pixels_of(LEFT), pixels_of(RIGHT))
    assert metadata.calibration == {"baseline": 0.075}
    assert run("encode", "photo.mpo", "--swap", "-o", "pair.bsc", "-f", "--no-verify").exit_code == 0
    assert_coded(pixels_of(RIGHT), pixels_of(LEFT))


def test_layouts_are_kept_in_the_file(files):
    both = pixels_of(BOTH)
    assert run("encode", "photo_SBS.jpg", "--layout", "half-sbs", "-o", "pair.bsc", "--no-verify").exit_code == 0
    assert assert_coded(both[:, :32], both[:, 32:]).layout is Layout.HALF_SBS
    assert run("encode", "photo.jps", "-o", "pair.bsc", "-f", "--no-verify").exit_code == 0
    assert assert_coded(both[:, 32:], both[:, :32]).layout is Layout.SBS_CROSS
    (files / "photo.png").write_bytes(mpo([LEFT, RIGHT], (PRIMARY, UNDEFINED)))
    assert run("encode", "photo.png", "--layout", "mpo", "-o", "pair.bsc", "-f", "--no-verify").exit_code == 0
    assert assert_coded(pixels_of(LEFT), pixels_of(RIGHT)).layout is None


def test_standard_input_is_known_by_what_it_holds(files):
    both = pixels_of(BOTH)
    encode = ("encode", "-", "-o", "pair.bsc", "-f", "--no-verify")
    assert run(*encode, stdin=MPO).exit_code == 0
    assert_coded(pixels_of(LEFT), pixels_of(RIGHT))
    assert run(*encode, stdin=BOTH[:2] + jps_segment(Layout.TB_CROSS) + BOTH[2:]).exit_code == 0
    assert assert_coded(both[12:], both[:12]).layout is Layout.TB_CROSS
    assert run(*encode, "--layout", "sbs", stdin=BOTH).exit_code == 0
    assert_coded(both[:, :32], both[:, 32:])
    line = error_line(run(*encode, stdin=BOTH))
    assert "standard input is one picture of 64x24 (2.67:1) that does not say how it holds two views" in line
    assert "by its name" not in line  # it has none


def test_what_fits_is_said_and_nothing_is_written(files):
    line = error_line(run("encode", "photo_SBS.jpg", "-o", "pair.bsc"))
    assert "but looks like sbs by its name: give --layout sbs" in line
    assert not (files / "pair.bsc").exists()


def test_two_files_of_which_one_holds_both_views(files):
    line = error_line(run("encode", "photo.mpo", "right.png", "-o", "pair.bsc"))
    assert line.endswith(
        "photo.mpo holds both views of a pair (MPO): name this file alone, bisic encode photo.mpo -o pair.bsc, "
        "or open_pair in Python"
    )


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (jpeg(picture(1, (33, 24))), ("--layout", "sbs"), "width of 33 pixels"),
        (LEFT, ("--layout", "mpo"), "does not hold two pictures"),
        (MPO[:-150], (), "picture 2 of photo.mpo is truncated or damaged"),
        (mpo([LEFT, jpeg(picture(2, (16, 12)))]), (), "left is 32x24, right is 16x12"),
        (mpo([LEFT, RIGHT, LEFT], (DISPARITY,) * 3), (), "holds 3 pictures (MPO), no pair of two views"),
        (b"", (), "is not a picture"),
    ],
)
def test_bad_files_give_one_line(files, data, options, message):
    (files / "photo.mpo").write_bytes(data)
    assert message in error_line(run("encode", "photo.mpo", *options, "-o", "pair.bsc"))

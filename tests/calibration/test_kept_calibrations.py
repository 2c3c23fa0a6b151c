"""Calibrations in `.bsc` files that the codecs write, and the words for people."""

from __future__ import annotations

import pytest
from conftest import one_line
from rgbd_frames import frame, save_small

from stereocodec import Metadata, RgbdCodec
from stereocodec.calibration import check_calibration, describe_calibration
from stereocodec.container import Container, Layout
from stereocodec.errors import InvalidInput

CALIBRATION = {
    "size": [96, 64],
    "left": {"focal_length": [100.1, 100.2], "principal_point": [47.5, 31.5]},
    "baseline": 0.1 + 0.2,
    "rig": {"shims": [1, None, True]},
}


def test_a_pair_keeps_its_calibration_to_the_last_digit(tiny_codec, pair):
    data = tiny_codec.compress(*pair, metadata=Metadata(calibration=CALIBRATION))
    assert Container.from_bytes(data).metadata == Metadata(calibration=CALIBRATION)


def test_a_frame_keeps_the_calibration_of_its_colour_camera(tmp_path):
    codec = RgbdCodec.from_pretrained(save_small(tmp_path / "small"), device="cpu")
    calibration = {"size": [90, 70], "left": {"matrix": [9, 0, 45, 0, 9, 35, 0, 0, 1]}}
    data = codec.compress(*frame(), metadata=Metadata(calibration=calibration))
    assert Container.from_bytes(data).metadata.calibration == calibration
    with pytest.raises(InvalidInput, match="is of views of 91x70, these have 90x70"):
        codec.compress(*frame(), metadata=Metadata(calibration=calibration | {"size": [91, 70]}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": [64, 96]}, "calibration is of views of 64x96, these have 96x64"),
        ({"size": None}, "calibration: size must be"),
        ({"baseline": -1}, "calibration: baseline must be"),
        ({"right": {"projection": [0] * 9}}, "calibration: right.projection must be 12 numbers"),
    ],
)
def test_calibrations_that_the_views_cannot_have_are_refused_before_any_network_runs(
    tiny_codec, pair, no_networks, changes, message
):
    with pytest.raises(InvalidInput) as error:
        tiny_codec.compress(*pair, metadata=Metadata(calibration=CALIBRATION | changes))
    assert message in one_line(error)


@pytest.mark.parametrize(
    ("layout", "fitting"),
    [
        (None, [(96, 64)]),
        (Layout.TB, [(96, 64)]),
        (Layout.HALF_SBS_CROSS, [(96, 64), (192, 64)]),
        (Layout.HALF_TB, [(96, 64), (96, 128)]),
    ],
)
def test_sizes_that_a_calibration_may_have(layout, fitting):
    for size in [(96, 64), (192, 64), (96, 128), (192, 128)]:
        calibration = {"size": list(size)}
        if size in fitting:
            check_calibration(calibration, (96, 64), layout)
        else:
            with pytest.raises(InvalidInput, match="is of views of"):
                check_calibration(calibration, (96, 64), layout)


@pytest.mark.parametrize(
    ("calibration", "line"),
    [
        (
            CALIBRATION,
            "baseline 300 mm, focal length 100.1 x 100.2 px, principal point (47.5, 31.5), "
            "views of 96x64, 1 other entry",
        ),
        (
            {
                "left": {"focal_length": [1000, 1000], "principal_point": [479.5, 319.5]},
                "right": {"focal_length": [1000, 1000], "principal_point": [481.25, 319.5], "distortion": [0.1, 0.2]},
            },
            "focal length 1000 px, principal point (479.5, 319.5) (left) and (481.25, 319.5) (right), "
            "distortion of 2 coefficients",
        ),
        (
            {"baseline": 1.5, "field_of_view": 71.25, "convergence_angle": -2.5, "disparity_adjustment": 0.02}
            | {"disparities": [5, 86]},
            "baseline 1.5 m, field of view 71.25 degrees, convergence -2.5 degrees, "
            "disparity adjustment 2 % of the width, disparities 5 to 86 px",
        ),
        ({"left": {"rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1]}, "right": {}}, "of both cameras"),
    ],
)
def test_a_calibration_in_words(calibration, line):
    assert describe_calibration(calibration) == line

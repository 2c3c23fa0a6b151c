"""Pairs in AVIF files, which Pillow decodes itself."""

from __future__ import annotations

import pytest
import spatial_photo as boxes
from heif_files import HEIGHT, WIDTH, avif_of, is_pair, opened, view
from PIL import Image

from stereocodec.errors import InvalidInput

SIZE = WIDTH, HEIGHT


def test_two_stills_of_an_avif_file():
    data = avif_of(view(0), view(1))
    grouped = boxes.grouped(data, [boxes.group(b"ster", (2, 1))])
    assert is_pair(opened(grouped), view(1), view(0))
    assert is_pair(opened(data, layout="mpo"), view(0), view(1))
    with pytest.raises(InvalidInput, match=r"holds 2 pictures .* --layout mpo"):
        opened(data)


def test_cameras_are_exchanged_with_their_views():
    camera = [boxes.intrinsics(50, (20, 24), SIZE)]
    data = boxes.grouped(avif_of(view(0), view(1)), [boxes.group(b"ster", (1, 2))], {1: camera})
    as_stored, exchanged = opened(data).metadata.calibration, opened(data, swap=True).metadata.calibration
    assert exchanged["right"] == as_stored["left"]
    assert "left" not in exchanged
    assert exchanged["size"] == as_stored["size"]


@pytest.mark.parametrize("said", [boxes.disparity(1.5), boxes.intrinsics(-50, (20, 24), SIZE)], ids=["shift", "length"])
def test_what_no_camera_can_have_is_left_out(said):
    data = boxes.grouped(avif_of(view(0), view(1)), [boxes.group(b"ster", (1, 2))], {1: [said]})
    assert opened(data).metadata.calibration is None


def test_turned_stills_of_an_avif_file_are_kept_as_they_are_stored():
    properties = [boxes.intrinsics(50, (20, 24), SIZE), boxes.box(b"irot", b"\1")]
    data = boxes.grouped(avif_of(view(0), view(1)), [boxes.group(b"ster", (1, 2))], {1: properties, 2: properties})
    pair = opened(data)
    assert pair.left.orientation == 8
    assert is_pair(pair, view(0).transpose(Image.Transpose.ROTATE_90), view(1).transpose(Image.Transpose.ROTATE_90))
    assert pair.metadata.calibration["left"]["principal_point"] == [19.5, 23.5]
    assert pair.metadata.calibration["size"] == [WIDTH, HEIGHT]

"""What films say of how they hold both views."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from stereocodec.container.layouts import Layout
from stereocodec.errors import InvalidInput

pytest.importorskip("av", reason="needs PyAV, of the extra video")
from films import FRAMES, MOV, assert_views, box, film, opened, refusal, with_boxes


@pytest.mark.parametrize(
    ("mode", "layout"),
    [
        ("left_right", Layout.SBS),
        ("right_left", Layout.SBS_CROSS),
        ("top_bottom", Layout.TB),
        ("bottom_top", Layout.TB_CROSS),
    ],
)
def test_matroska_says_how_views_lie(mode, layout):
    data = film(FRAMES, metadata=[{"stereo_mode": mode}])
    first, second = np.split(FRAMES[2], 2, axis=1 if layout.beside else 0)
    pair = opened(data, frame=2)
    assert_views(pair, *((second, first) if layout.crossed else (first, second)))
    assert pair.metadata.layout is layout
    assert_views(opened(data, layout="sbs"), FRAMES[0, :, :32], FRAMES[0, :, 32:])  # what is given holds


@pytest.mark.parametrize(
    ("mode", "mark", "layout"),
    [("left_right", b"\x54\xb0\x81", "half-sbs"), ("bottom_top", b"\x54\xba\x81", "half-tb-cross")],
)
def test_matroska_says_that_views_are_squeezed(mode, mark, layout):
    data = film(FRAMES, metadata=[{"stereo_mode": mode}])
    place = data.index(mark) + len(mark)  # the width, or height, of one view when it is shown
    data = data[:place] + bytes((2 * data[place],)) + data[place + 1 :]
    assert opened(data).metadata.layout.value == layout


@pytest.mark.parametrize(("mode", "layout"), [(1, Layout.TB), (2, Layout.SBS)])
def test_mp4_says_how_views_lie(mode, layout):
    pair = opened(with_boxes(film(FRAMES, **MOV), box(b"st3d", bytes((0, 0, 0, 0, mode)))))
    assert pair.metadata.layout is layout
    assert_views(pair, *np.split(FRAMES[0], 2, axis=1 if layout.beside else 0))


@pytest.mark.parametrize(("packing", "layout"), [(3, Layout.SBS), (4, Layout.TB)])
def test_h264_says_how_views_lie(packing, layout):
    options = {"x264-params": f"frame-packing={packing}", "qp": "1"}
    pair = opened(film(FRAMES, form="avi", codec="libx264", pixels="yuv420p", options=options))
    assert pair.metadata.layout is layout


EYES = box(
    b"eyes",
    box(b"stri", bytes((0, 0, 0, 0, 3)))
    + box(b"cams", box(b"blin", struct.pack(">II", 0, 19240)))
    + box(b"cmfy", box(b"dadj", struct.pack(">Ii", 0, 200))),
)


def test_a_spatial_video_says_how_its_cameras_stood():
    pack = box(b"pack", box(b"pkin", bytes(4) + b"side"))
    field = box(b"hfov", struct.pack(">I", 63500))
    pair = opened(with_boxes(film(FRAMES, **MOV), box(b"vexu", EYES + pack), field))
    assert pair.metadata.layout is Layout.SBS
    assert pair.metadata.calibration == {"baseline": 0.01924, "field_of_view": 63.5, "disparity_adjustment": 0.02}


def test_a_spatial_video_whose_second_view_is_a_layer_is_refused():
    line = refusal(with_boxes(film(FRAMES, **MOV), box(b"vexu", EYES)))
    assert line == "x holds its views in two layers, as of a spatial video (MV-HEVC): put them side by side first"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("row_interleaved_lr", "row by row: put them side by side first, e.g. with ffmpeg -i IN -vf stereo3d=irl:sbsl"),
        ("row_interleaved_rl", "stereo3d=irr:sbsl"),
        ("col_interleaved_lr", "column by column: .*stereo3d=icl:sbsl"),
        ("block_lr", "in turns, frame by frame: .*stereo3d=al:sbsl"),
        ("checkerboard_rl", "as a checkerboard: put them side by side first$"),
    ],
)
def test_views_that_are_woven_are_refused_with_a_command(mode, words):
    data = film(FRAMES, metadata=[{"stereo_mode": mode}])
    with pytest.raises(InvalidInput, match=f"^x holds its views .*{words}"):
        opened(data)
    assert opened(data, layout="sbs").metadata.layout is Layout.SBS


def test_a_film_that_says_nothing_is_asked_about_like_a_picture():
    data = film(FRAMES)
    assert "x is one picture of 64x32 (2.00:1) that does not say how it holds two views" in refusal(data)
    assert refusal(data, layout="mpo") == "x does not hold two pictures: leave the layout out"

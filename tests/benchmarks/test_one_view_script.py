"""The script that measures one view alone: what its points are, what each part of a setting changes, and its table."""

from __future__ import annotations

from dataclasses import replace

import one_view
import pytest
from conftest import sample_crop

from stereocodec.container import Container
from stereocodec.pictures.rgb import psnr

PAIR = sample_crop(64, 96)


def refined(codec):
    """The bits and the PSNR of one view at an effort that refines."""
    found = one_view.left_point(codec, PAIR[:1], 40, 6)
    return found.bpp, found.psnr


def test_the_left_view_of_a_pair_has_the_streams_and_the_psnr_of_the_file(tiny_codec):
    found = one_view.left_point(tiny_codec, tuple(PAIR), 40, 5)
    data = tiny_codec.compress(*PAIR, quality=40)
    streams = Container.from_bytes(data).bands[0].streams
    assert found.bpp == 8 * (len(streams.z_left) + len(streams.y_left)) / (64 * 96)
    assert found.psnr == pytest.approx(psnr(PAIR[0], tiny_codec.decompress(data, output="numpy")[0]), abs=0.01)


@pytest.mark.parametrize("changed", [{"propagation": (1.0, 0.0)}, {"curvature": 5.0}, {"seen": "nothing"}])
def test_every_part_of_a_setting_changes_what_is_coded(trained, changed):
    as_written = refined(trained)
    with one_view.coded_with(one_view.WRITTEN):
        assert refined(trained) == as_written
    with one_view.coded_with(one_view.WRITTEN._replace(**changed)):
        assert refined(trained) != as_written


def test_the_table_compares_with_the_pair_and_with_files(tiny_codec):
    curve = [one_view.left_point(tiny_codec, PAIR[:1], quality, 1) for quality in (20, 80)]
    half = [replace(each, file_bytes=each.file_bytes / 2) for each in curve]
    other = one_view.WRITTEN._replace(curvature=7.0)
    ways = {None: curve, one_view.WRITTEN: half, other: curve}
    points = {(way, effort): {"scene": found} for way, found in ways.items() for effort in one_view.TRIED}
    text = one_view.report(points)
    assert f"| **{one_view.WRITTEN}** | -50.00 | +0.00 | -50.00 | +0.00 |" in text
    assert f"| {other} | +0.00 | +100.00 | +0.00 | +100.00 |" in text

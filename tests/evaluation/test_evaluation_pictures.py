"""What the report shows: details of pictures, files that do not decode to what was measured, and mean curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import sample_crop
from PIL import Image

from stereocodec.evaluation.codecs.base import PillowCodec
from stereocodec.evaluation.datasets import find_dataset
from stereocodec.evaluation.pictures import busiest, scenes
from stereocodec.evaluation.plots import mean_curves
from stereocodec.evaluation.points import Point
from stereocodec.evaluation.runner import evaluate, find_anchor


def test_the_busiest_part_is_where_the_edges_are():
    view = np.full((200, 400, 3), 90, np.uint8)
    view[120:160, 300:340] = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert busiest(view, (80, 80)) == (280, 100, 80, 80)
    assert busiest(view, (1000, 80)) == (0, 100, 400, 80)


@pytest.fixture
def finished(tmp_path):
    """A run of JPEG and WebP on one pair, and the folder of its results."""
    for side, view in zip(("left", "right"), sample_crop(48, 80), strict=True):
        Image.fromarray(view).save(tmp_path / f"scene_{side}.png")
    codecs = [replace(c, scale=replace(c.scale, measured=(20, 70))) for c in map(find_anchor, ("jpeg", "webp"))]
    return evaluate(find_dataset(tmp_path), codecs, tmp_path / "out", shown=["scene"]), tmp_path / "out"


@pytest.mark.slow
def test_files_that_fail_or_decode_to_another_picture_are_left_out(finished, monkeypatch):
    run, folder = finished
    (scene,) = scenes(run, folder)
    assert [detail.codec for detail in scene.details] == ["original", "jpeg420", "webp"]
    decode = PillowCodec.decode

    def altered(codec, files, shape):
        left, right = decode(codec, files, shape)
        if codec.name == "jpeg420":
            return np.flipud(left), right
        raise RuntimeError("no such stream")

    monkeypatch.setattr(PillowCodec, "decode", altered)
    (scene,) = scenes(run, folder)
    assert [detail.codec for detail in scene.details] == ["original"]


def test_curves_are_means_over_all_pairs_of_the_settings_that_all_have():
    def point(codec, pair, setting, bpp, psnr):
        return Point(codec, pair, "g", setting, round(1000 * bpp), bpp, psnr, psnr, psnr, 0.9, 0, 0)

    points = [
        point("a", "one", "q2", 0.4, 34),
        point("a", "two", "q2", 0.8, 30),
        point("a", "one", "q1", 0.2, 30),
        point("a", "two", "q1", 0.2, 28),
        point("a", "one", "q3", 9.0, 40),
        point("b", "one", "q1", 0.1, 29),
    ]
    curves = mean_curves(points, "psnr")
    assert {codec: len(curve) for codec, curve in curves.items()} == {"a": 2, "b": 0}
    assert np.allclose(curves["a"], [(0.2, 29), (0.6, 32)])

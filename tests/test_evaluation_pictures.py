"""Details for the report: where they are cut out, and files that do not decode to what was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import sample_crop
from PIL import Image

from stereocodec.evaluation.codecs import PillowCodec
from stereocodec.evaluation.datasets import find_pairs
from stereocodec.evaluation.pictures import busiest, scenes
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
    return evaluate(find_pairs(tmp_path), codecs, tmp_path / "out", shown=["scene"]), tmp_path / "out"


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

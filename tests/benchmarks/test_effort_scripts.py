"""The scripts that measure effort: what a level, and what more fields of disparities, make of a pair."""

from __future__ import annotations

import disparity_fields
import effort
import numpy as np
import pytest
import rd_points
import torch
from conftest import sample_crop
from PIL import Image

from stereocodec.effort import EFFORTS


@pytest.fixture
def pair(tmp_path):
    for side, view in zip(("left", "right"), sample_crop(64, 96), strict=True):
        Image.fromarray(view).save(tmp_path / f"scene_{side}.png")
    return rd_points.find_pairs(tmp_path)[0]


def test_a_process_measures_a_pair_at_a_level(pair, tiny_release, tiny_codec, monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(effort, "PART", (64, 64))
    level, name, points = effort._points((str(tiny_release), "cpu", pair, 2))
    assert (level, name) == (2, "scene")
    part = [view[:, 16:80] for view in sample_crop(64, 96)]
    expected = [len(tiny_codec.compress(*part, quality=quality, effort=2)) for quality in effort.QUALITIES]
    assert [point.file_bytes for point in points] == expected


def test_a_cost_is_bits_and_errors_with_so_many_fields(pair, tiny_codec, monkeypatch):
    seen = []
    choices = type(tiny_codec._choices)
    original = choices.effort
    monkeypatch.setattr(choices, "effort", lambda self, level: seen.append(original(self, level)) or seen[-1])
    cost, seconds = disparity_fields.coded(tiny_codec, pair.load(), 40, 2)
    assert (seen[0].fields, seen[0].passes) == (2, EFFORTS[6].passes)
    assert EFFORTS[6].fields != 2
    assert seconds > 0
    monkeypatch.setitem(EFFORTS, 6, seen[0])
    data = tiny_codec.compress(*pair.load(), quality=40, effort=6)
    errors = np.stack(pair.load()) - np.stack(tiny_codec.decompress(data, output="numpy")).astype(float)
    worth = float(tiny_codec._coder.model.trade_off(torch.tensor(0.4)))
    assert cost == pytest.approx(8 * len(data) + worth * np.square(errors).mean() * 2 * 64 * 96, rel=1e-5)

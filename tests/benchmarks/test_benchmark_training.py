"""The scripts that compare training, and the one that looks for borders of blocks."""

from __future__ import annotations

import blocks
import numpy as np
import pytest
import torch
import untrained_starts
from validation_curves import percents

from stereocodec.models.bisic_rt.dct import colour_dct

CURVE = [{"bpp": 0.1, "psnr": 27.0}, {"bpp": 0.3, "psnr": 31.0}, {"bpp": 1.0, "psnr": 35.0}, {"bpp": 2.0, "psnr": 38.0}]


def test_equal_curves_differ_by_nothing_and_scaled_rates_by_their_factor():
    assert percents(CURVE, CURVE) == ["+0.0"] * 4
    smaller = [{**row, "bpp": 0.8 * row["bpp"]} for row in CURVE]
    assert percents(smaller, CURVE) == ["-20.0"] * 4


def test_a_band_without_overlap_has_no_percentage():
    assert percents(CURVE[:2], CURVE)[3] == "-"
    at_the_top = [*CURVE[:2], *({**row, "bpp": 0.5 * row["bpp"]} for row in CURVE[2:])]
    change = percents(at_the_top, CURVE)
    assert float(change[3]) == pytest.approx(-50, abs=1)
    assert float(change[1]) > float(change[2]) > float(change[3])


def test_borders_of_blocks_are_found():
    ramp = np.broadcast_to(np.arange(160, dtype=np.uint8)[None, :, None], (32, 160, 3))
    assert blocks.prominence(ramp) == pytest.approx(1)
    in_blocks = ramp // 16 * 16 + np.arange(160, dtype=np.uint8)[None, :, None] % 2
    assert blocks.prominence(in_blocks) > 5


def test_the_former_start_is_an_orthonormal_one():
    matrix = untrained_starts._haar_step(colour_dct(32)[0], 100)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(100), atol=1e-6, rtol=0)

"""PSNR, MS-SSIM and BD-rate against other implementations and against numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import sample_crop
from scipy.ndimage import correlate1d
from skimage.metrics import peak_signal_noise_ratio

from stereocodec.evaluation.bd_rate import BdRate, Refused, all_comparisons, compare, mean_percent, rising
from stereocodec.evaluation.metrics import MIN_SIDE, ms_ssim, psnr
from stereocodec.evaluation.points import Point, decibels_of


def noisy(view, deviation, seed=0):
    noise = np.random.default_rng(seed).normal(0, deviation, view.shape)
    return (view + noise).round().clip(0, 255).astype(np.uint8)


def ms_ssim_by_definition(reference, decoded):
    """Wang et al. 2003 in NumPy and float64: a window of 11 taps, deviation 1.5, 2x2 means between the scales."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def blur(x):
        for axis in (0, 1):
            x = correlate1d(x, taps, axis=axis)
        return x[5:-5, 5:-5]

    def halved(x):
        height, width = (side // 2 * 2 for side in x.shape[:2])
        return x[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))

    weights, c1, c2 = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333), (0.01 * 255) ** 2, (0.03 * 255) ** 2
    x, y = reference.astype(float), decoded.astype(float)
    product = np.ones(3)
    for scale, weight in enumerate(weights):
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        similarity = (2 * vxy + c2) / (vx + vy + c2)
        if scale == len(weights) - 1:
            similarity *= (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        product *= similarity.mean(axis=(0, 1)) ** weight
        x, y = halved(x), halved(y)
    return product.mean()


@pytest.mark.parametrize("deviation", [1, 8, 40])
def test_psnr_is_that_of_scikit_image(deviation):
    view = sample_crop(40, 56)[0]
    expected = peak_signal_noise_ratio(view, noisy(view, deviation), data_range=255)
    assert psnr(view, noisy(view, deviation)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("deviation", [2, 12, 40])
def test_ms_ssim_is_that_of_its_definition(deviation):
    view = sample_crop(176, 192)[0]
    found = ms_ssim(view, noisy(view, deviation))
    assert found == pytest.approx(ms_ssim_by_definition(view, noisy(view, deviation)), abs=1e-5)
    assert found < 1


def test_ms_ssim_needs_pictures_of_some_size_and_has_decibels():
    view = sample_crop(MIN_SIDE, MIN_SIDE)[0]
    assert ms_ssim(view, view) == pytest.approx(1, abs=1e-6)
    assert math.isnan(ms_ssim(view[1:], view[1:]))
    assert decibels_of(0.99) == pytest.approx(20)
    assert decibels_of(1) == math.inf
    assert math.isnan(decibels_of(math.nan))


def curve(codec, measured, pair="scene"):
    """Points of (bytes, PSNR)."""
    return [
        Point(codec, pair, "group", f"q{size}", size, size / 1000, db, db, db, 1 - 10 ** (-db / 20), 0, 0)
        for size, db in measured
    ]


# Straight lines over log-rate: 3 dB for each doubling.
LINE = [(100 * 2**i, 30.0 + 3 * i) for i in range(5)]


@pytest.mark.parametrize("factor", [0.5, 0.8, 3.0])
def test_bd_rate_of_a_curve_at_a_factor_of_the_bytes_is_worked_out_by_hand(factor):
    test = [(round(size * factor), db) for size, db in LINE]
    found = compare(curve("test", test), curve("anchor", LINE), "psnr")
    assert isinstance(found, BdRate)
    assert found.percent == pytest.approx(100 * (factor - 1), abs=0.01)
    # 3 dB for each doubling: the vertical distance of the two lines.
    assert found.decibels == pytest.approx(-3 * math.log2(factor), abs=0.01)
    assert (found.low_db, found.high_db, found.overlap) == (30, 42, 1)
    assert (found.codec, found.reference, found.pair, found.group) == ("test", "anchor", "scene", "group")


def test_bd_rate_of_lines_of_different_slope_is_the_mean_over_the_common_range():
    # log2 of the rate: (db - 30) / 3 and (db - 30) / 4 between 30 and 42 dB. Their mean difference is
    # (1/4 - 1/3) * 6 = -1/2, so the test needs 2 ** -0.5 of the bits.
    test = [(1000 * 2 ** ((db - 30) / 4), db) for db in (30.0, 34.0, 38.0, 42.0)]
    anchor = [(1000 * 2 ** ((db - 30) / 3), db) for db in (30.0, 33.0, 36.0, 39.0, 42.0)]
    found = compare(curve("test", test), curve("anchor", anchor), "psnr")
    assert found.percent == pytest.approx(100 * (2**-0.5 - 1), abs=0.01)


def test_curves_that_hardly_overlap_are_refused_with_the_ranges():
    higher = [(size, db + 7) for size, db in LINE]
    found = compare(curve("test", higher), curve("anchor", LINE), "psnr")
    assert isinstance(found, Refused)
    assert "37.0 to 49.0 dB and 30.0 to 42.0 dB" in found.reason
    assert "42 %" in found.reason
    assert isinstance(compare(curve("test", higher), curve("anchor", LINE), "psnr", min_overlap=0.4), BdRate)
    far = compare(curve("test", [(s, db + 20) for s, db in LINE]), curve("anchor", LINE), "psnr", min_overlap=0)
    assert "share 0 %" in far.reason
    assert "two points" in compare(curve("test", LINE[:1]), curve("anchor", LINE), "psnr").reason


def test_lossless_points_and_points_that_do_not_rise_are_left_out():
    points = curve("test", LINE)
    lossless = replace(points[-1], psnr=math.inf, file_bytes=10000)
    worse = replace(points[2], file_bytes=points[2].file_bytes + 1)
    assert rising([lossless, worse, *points], "psnr") == points


def test_comparisons_cover_both_metrics_every_reference_and_the_pairs_of_both():
    test = curve("test", LINE) + curve("test", LINE, "other")
    references = curve("a", LINE) + curve("b", [(2 * s, db) for s, db in LINE]) + curve("b", LINE, "elsewhere")
    found = all_comparisons(test, references)
    assert {(f.metric, f.reference, f.pair) for f in found} == {
        (metric, name, "scene") for metric in ("psnr", "msssim_db") for name in "ab"
    }
    assert mean_percent([f for f in found if f.reference == "b"]) == pytest.approx(-50, abs=0.01)

"""The search for a size or a PSNR, on curves and on a small model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import one_line, sample_crop

from stereocodec.container import Container, ViewKind
from stereocodec.effort import Effort
from stereocodec.errors import InvalidInput
from stereocodec.pictures.rgb import psnr
from stereocodec.targets import MAX_CODINGS, Target, TargetSearch, Trial, target_of

PAIR = sample_crop(64, 96)


class Curve:
    """Sizes and PSNR that grow with the quality, with noise of some 0.2 %; counts codings."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.level, self.slope = self.random.uniform(7, 13), self.random.uniform(0.035, 0.055)
        self.bend = self.random.uniform(-1e-4, 1e-4)
        self.qualities = []

    def __call__(self, quality):
        self.qualities.append(quality)
        grown = self.slope * (quality - 50) + self.bend * (quality - 50) ** 2 + self.random.normal(0, 0.002)
        return Trial(max(60, int(math.exp(self.level + grown))), 34 + 4 * grown, quality)

    def target(self, quality, kind):
        grown = self.slope * (quality - 50) + self.bend * (quality - 50) ** 2
        return Target("size", int(math.exp(self.level + grown))) if kind == "size" else Target("psnr", 34 + 4 * grown)


@pytest.mark.parametrize("kind", ["size", "psnr"])
def test_targets_are_kept_and_nearly_reached_in_few_codings(kind):
    codings = []
    for seed in range(200):
        curve = Curve(seed)
        target = curve.target(curve.random.uniform(5, 95), kind)
        quality, trial = TargetSearch(target).run(curve)
        assert quality == trial.coded
        assert target.is_kept(trial)
        assert trial.size > 0.99 * target.value - 1 if kind == "size" else trial.psnr < target.value + 0.04
        assert all(0 <= tried <= 100 and tried * 256 == int(tried * 256) for tried in curve.qualities)
        codings.append(len(curve.qualities))
    assert max(codings) <= MAX_CODINGS
    assert np.median(codings) == 3


@pytest.mark.parametrize("seed", range(5))
def test_what_the_ends_of_the_range_keep_is_taken(seed):
    curve = Curve(seed)
    assert TargetSearch(Target("size", 10**9)).run(curve)[0] == 100
    assert TargetSearch(Target("psnr", 1.0)).run(curve)[0] == 0


@pytest.mark.parametrize("seed", range(5))
def test_what_no_quality_keeps_is_refused_with_what_is_possible(seed):
    curve = Curve(seed)
    with pytest.raises(InvalidInput, match=r"no quality makes a file of 10 bytes.*the smallest has \d") as caught:
        TargetSearch(Target("size", 10)).run(curve)
    assert 0 in curve.qualities
    assert len(curve.qualities) <= MAX_CODINGS
    with pytest.raises(InvalidInput, match=r"no quality reaches a PSNR of 99.5 dB: the best one gives \d+\.\d+ dB"):
        TargetSearch(Target("psnr", 99.5)).run(curve)
    assert 100 in curve.qualities
    one_line(caught)


def test_a_jump_across_the_target_keeps_it():
    for kind, jump in (
        ("size", lambda q: Trial(1000 if q < 61.3 else 5000, 0, q)),
        ("psnr", lambda q: Trial(1, 20 if q < 61.3 else 60, q)),
    ):
        target = Target(kind, 2000 if kind == "size" else 40)
        quality, trial = TargetSearch(target).run(jump)
        assert target.is_kept(trial)
        assert abs(quality - 61.3) < 15


def test_an_end_of_the_range_is_tried_before_a_target_is_refused():
    """Beside a plateau just beyond the target, the line through two trials leads there slowly, or nowhere."""
    small = TargetSearch(Target("size", 4800)).run(lambda q: Trial(1000 if q < 10 else 5000, 0, q))
    good = TargetSearch(Target("psnr", 20.1)).run(lambda q: Trial(1, 60 if q > 90 else 20, q))
    assert (small[0], good[0]) == (0, 100)


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ((None, None, None), None),
        ((200_000, None, None), Target("size", 200_000)),
        ((None, 1e-9, None), Target("size", 1)),
        ((None, 1e308, None), Target("size", 2**62)),
        ((None, np.float32(0.25), None), Target("size", 31)),
        ((None, None, 36), Target("psnr", 36)),
    ],
)
def test_what_is_asked_for(arguments, target):
    assert target_of(*arguments, pixels=1000) == target


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "200k", True])
@pytest.mark.parametrize("name", ["target_size", "target_bpp", "target_psnr"])
def test_bad_targets(tiny_codec, name, value):
    with pytest.raises(InvalidInput, match=f"{name} is .*it must be a number above 0") as caught:
        tiny_codec.compress(*PAIR, **{name: value})
    one_line(caught)


def test_one_target_at_a_time(tiny_codec):
    with pytest.raises(InvalidInput, match="target_size and target_psnr are different targets"):
        tiny_codec.compress(*PAIR, target_size=1000, target_psnr=30)
    with pytest.raises(InvalidInput, match="quality 50 and a target"):
        tiny_codec.compress(*PAIR, quality=50, target_bpp=1)


def test_models_with_a_single_quality_take_no_target(tiny_codec, monkeypatch):
    monkeypatch.setattr(type(tiny_codec._coder.model), "has_qualities", False)
    with pytest.raises(InvalidInput, match="has a single quality; leave targets out"):
        tiny_codec.compress(*PAIR, target_size=1000)


def test_files_keep_their_targets_and_are_those_of_the_quality(tiny_codec):
    middle = len(tiny_codec.compress(*PAIR, quality=40))
    small = tiny_codec.compress(*PAIR, target_size=middle)
    assert 0.9 * middle < len(small) <= middle
    quality = Container.from_bytes(small).quality
    assert tiny_codec.compress(*PAIR, quality=quality) == small
    bpp = 8 * middle / (2 * 64 * 96)
    assert 8 * len(tiny_codec.compress(*PAIR, target_bpp=bpp)) / (2 * 64 * 96) <= bpp
    good = tiny_codec.decompress(tiny_codec.compress(*PAIR, quality=60), output="numpy")
    wanted = sum(map(psnr, PAIR, good)) / 2
    found = tiny_codec.decompress(tiny_codec.compress(*PAIR, target_psnr=wanted), output="numpy")
    assert wanted <= sum(map(psnr, PAIR, found)) / 2 < wanted + 0.5


def test_fractions_of_a_quality_lie_between_whole_ones(tiny_codec):
    coded = [tiny_codec.encode(*PAIR, quality=quality) for quality in (70, 70.5, 71)]
    sizes = [len(container.to_bytes()) for container in coded]
    assert sizes[0] <= sizes[1] <= sizes[2]
    assert coded[1].bands[0].streams not in (coded[0].bands[0].streams, coded[2].bands[0].streams)
    assert Container.from_bytes(tiny_codec.compress(*PAIR, quality=70.3)).quality == 70 + 77 / 256
    assert tiny_codec.compress(*PAIR, quality=70.0) == tiny_codec.compress(*PAIR, quality=70)


def test_preparing_once_changes_no_file(tiny_codec):
    model = tiny_codec._coder.model
    prepared, other = (tiny_codec._coder.prepare(PAIR, ViewKind.RGB8, Effort()) for _ in "ab")
    for quality in (20, 80):
        once, again = (tiny_codec._coder.encode(p, quality) for p in (prepared, other))
        assert once == again
    np.testing.assert_array_equal(prepared.only.pictures.mul(255).round().byte()[:, :64, :96], PAIR)
    assert model.config.stereo

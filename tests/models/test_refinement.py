"""Latents that are refined for a pair cost less, in strips as well; where none are found they stay."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from bfloat16_units import UNITS, processor_with
from bisic_networks import small_model
from conftest import sample_crop

from stereocodec.entropy.trial import TrialCoder
from stereocodec.models.bisic_rt import refinement
from stereocodec.models.registry import build_model
from stereocodec.releases.folders import BUILT_IN
from stereocodec.releases.release import load_release

SIZE = (128, 128)
QUALITY = torch.full((2,), 0.4)


@pytest.fixture(scope="module")
def model():
    return load_release(BUILT_IN / "bisic-rt").model.requires_grad_(False)


def analysed(model, height, width):
    x = torch.stack([torch.from_numpy(view.copy()) for view in sample_crop(height, width)]).float() / 255
    return model.analyse(x, QUALITY)


@pytest.fixture(scope="module")
def latents(model):
    return analysed(model, *SIZE)


def cost(model, latents):
    return refinement._Strip(model, latents, QUALITY).cost(latents.error_share)


def test_refined_latents_cost_less_with_every_pass(model, latents):
    said = []
    few, more = (model.refined(latents, QUALITY, passes, said.append) for passes in (2, 8))
    costs = [cost(model, which) for which in (latents, few, more)]
    assert costs[0] > 1.01 * costs[1] > 1.01 * costs[2]
    assert said == pytest.approx([0.5, 1, *(n / 8 for n in range(1, 9))])
    assert few.error_share == refinement._CHOICE < latents.error_share == 1
    assert torch.equal(few.disparity, latents.disparity)
    assert few.y.shape == latents.y.shape


def test_it_takes_latents_of_an_inference_and_leaves_them_alone(model, latents):
    with torch.inference_mode():
        within = latents.copied()
    refined = model.refined(within, QUALITY, 1, lambda _: None)
    assert not refined.y.is_inference()
    assert torch.equal(within.y, latents.y)


def test_disparities_are_those_that_cost_least(model, latents):
    """Of what was found, one is wrong on the left and one on the right; another one is wrong everywhere."""
    found = latents.disparity
    left = torch.arange(found.shape[2]) < found.shape[2] // 2
    others = torch.cat([torch.where(left, found, found + 30), found - 50])
    given = replace(latents, disparity=torch.where(left, found - 40, found), others=others)
    strip = refinement._Strip(model, given, QUALITY)
    saved = strip.choose_disparities()
    assert saved == pytest.approx(cost(model, given) - strip.cost(given.error_share), rel=0.01)
    assert (strip.disparity == found).float().mean() > 0.9
    wholes = [cost(model, replace(given, disparity=field[None])) for field in (*given.disparity, *others)]
    assert strip.cost(1.0) < min(wholes)
    refined = model.refined(given, QUALITY, 2, lambda _: None)
    assert torch.equal(refined.disparity, strip.disparity)
    assert torch.equal(given.disparity, torch.where(left, found - 40, found))


def test_of_whole_fields_the_best_is_taken_where_a_mixture_costs_more(model, latents, monkeypatch):
    given = replace(latents, disparity=latents.disparity - 40, others=latents.disparity)
    monkeypatch.setattr(refinement, "best_of_fields", lambda fields, costs, start: fields[1 - start] + 7)
    strip = refinement._Strip(model, given, QUALITY)
    strip.choose_disparities()
    assert torch.equal(strip.disparity, latents.disparity)


def test_disparities_are_chosen_in_every_strip(model, latents, monkeypatch):
    monkeypatch.setattr(refinement, "_STRIP_PIXELS", 3 * 64 * SIZE[1])
    given = replace(latents, disparity=latents.disparity - 40, others=latents.disparity)
    refined = model.refined(given, QUALITY, 1, lambda _: None)
    same = (refined.disparity == latents.disparity).float().mean((0, 2))
    assert (same > 0.7).all()


def test_what_gets_no_better_stays_as_it_is(model, latents, monkeypatch):
    monkeypatch.setattr(refinement._Strip, "refined", lambda *_: (0.0, 0 * latents.y, latents.z))
    same = model.refined(latents, QUALITY, 2, lambda _: None)
    assert torch.equal(same.y, latents.y)
    assert same.error_share == latents.error_share


def test_better_disparities_are_taken_where_passes_find_nothing(model, latents, monkeypatch):
    monkeypatch.setattr(refinement._Strip, "refined", lambda strip, *_: (0.0, strip._latents.y, strip._latents.z))
    given = replace(latents, disparity=latents.disparity - 40, others=latents.disparity)
    refined = model.refined(given, QUALITY, 1, lambda _: None)
    assert (refined.disparity == latents.disparity).float().mean() > 0.7


def test_what_is_coded_on_trial_has_the_precision_of_the_processor(model, latents, monkeypatch):
    costs = []
    for units in ((), UNITS):
        processor_with(monkeypatch, *units)
        costs.append(cost(model, latents))
    assert costs[0] != costs[1] == pytest.approx(costs[0], rel=0.02)


def test_strips_are_refined_one_after_the_other(model, latents, monkeypatch):
    monkeypatch.setattr(refinement, "_STRIP_PIXELS", 3 * 64 * SIZE[1])
    said = []
    refined = model.refined(latents, QUALITY, 3, said.append)
    assert said == pytest.approx([n / 6 for n in range(1, 7)])
    assert cost(model, refined) < 0.99 * cost(model, latents)
    both = [(refined.y[:, rows] != latents.y[:, rows]).any() for rows in (slice(0, 4), slice(4, 8))]
    assert all(both)


def test_strips_take_their_own_rows_alone(model, monkeypatch):
    monkeypatch.setattr(refinement, "_STRIP_PIXELS", 4 * 64 * 64)
    monkeypatch.setattr(
        refinement._Strip, "refined", lambda strip, *_: (1.0, strip._latents.y + 1, strip._latents.z + 1)
    )
    latents = analysed(model, 320, 64)
    assert len(refinement._strips(5, 64)) == 3
    put_together = model.refined(latents, QUALITY, 1, lambda _: None)
    assert torch.equal(put_together.y, latents.y + 1)
    assert torch.equal(put_together.z, latents.z + 1)


@pytest.mark.parametrize("rate", [50.0, refinement._RATE])
def test_the_best_latents_of_all_passes_are_taken(model, latents, monkeypatch, rate):
    """Those given, where a step goes much too far, and else the last ones."""
    monkeypatch.setattr(refinement, "_RATE", rate)
    strip = refinement._Strip(model, latents, QUALITY)
    saved, y, z = strip.refined(2, lambda _: None)
    given = strip.cost(refinement._CHOICE)
    # With gradients other kernels compute.
    assert saved == pytest.approx(given - strip.cost(refinement._CHOICE, y, z), abs=1e-4 * given)
    if rate > 1:
        assert saved == 0
        assert torch.equal(y, latents.y)
        assert torch.equal(z, latents.z)
    else:
        after_one = strip.refined(1, lambda _: None)[0]
        assert saved > after_one > 0.003 * given


def test_what_errors_are_worth_in_the_walk_follows_their_share(model, latents):
    worth = []
    for share in (1.0, 0.25):
        coder = TrialCoder(model.prior, model.laplace_share, model.dependence, latents.y.shape)
        with torch.no_grad():
            model.walk(coder, replace(latents, pictures=None, error_share=share), QUALITY, SIZE)
        worth.append(coder.error_bits)
    assert (worth[0] > 0).all()
    torch.testing.assert_close(worth[1], 0.25 * worth[0])


def test_a_model_without_efforts_keeps_its_latents(latents):
    assert small_model("bisic-fast").refined(latents, QUALITY, 2, lambda _: None) is latents


@pytest.mark.parametrize(("height", "width"), [(1, 64), (13, 1024), (63, 6016), (200, 64), (7, 2**21)])
def test_strips_are_all_of_a_picture_and_bounded(height, width):
    strips = refinement._strips(height, width)
    assert [row for first, last in strips for row in range(first, last)] == list(range(height))
    for first, last in strips:
        rows = min(last + 1, height) - max(first - 1, 0)
        assert rows * 64 * width <= refinement._STRIP_PIXELS or last - first == 1


def test_a_model_without_views_that_see_each_other_is_refined_too(latents):
    config = {"channels8": 16, "channels16": 24, "latent_channels": 16, "entropy_channels": 24, "hyper_channels": 8}
    torch.manual_seed(0)
    alone = build_model("bisic-rt", {**config, "stereo": False}).requires_grad_(False)
    alone.calibrate(latents.pictures)
    before = alone.analyse(latents.pictures, QUALITY)
    assert cost(alone, alone.refined(before, QUALITY, 6, lambda _: None)) < cost(alone, before)

"""Log-scales that follow what decoded neighbours deviate from their means."""

from __future__ import annotations

import math

import pytest
import torch

from stereocodec.models.bisic_rt.neighbours import Deviations, NeighbourScales, expected_deviation

CHANNELS = 6


def scales_after(decoded, coded, log_scale=0.0):
    """What is added to log-scales (1, 9, 11, C) when the elements of `coded` turned out as `decoded`, means of 0."""
    means = torch.zeros(1, 9, 11, CHANNELS, dtype=torch.float64)
    scales = torch.full_like(means, log_scale)
    deviations = Deviations(means)
    deviations.add(means + decoded, means, scales, coded)
    with torch.no_grad():
        return NeighbourScales(CHANNELS).double()(deviations)[0]


def test_nothing_decoded_changes_nothing():
    nothing = torch.zeros(9, 11, CHANNELS, dtype=torch.bool)
    assert not scales_after(5.0, nothing).any()


@pytest.mark.parametrize(("decoded", "sign"), [(0.0, -1), (2.5, 1)])
def test_scales_follow_neighbours_of_the_same_channel(decoded, sign):
    coded = torch.zeros(9, 11, CHANNELS, dtype=torch.bool)
    coded[4, 5, 2] = True
    change = scales_after(decoded, coded)
    assert (sign * change[2:7, 3:8, 2] > 0.01).all()
    assert (sign * change[4, 5] > 0.001).all()  # other channels of the position follow too
    elsewhere = change.clone()
    elsewhere[2:7, 3:8, 2] = 0
    elsewhere[4, 5] = 0
    assert not elsewhere.any()


def test_neighbours_as_large_as_expected_change_nothing():
    coded = torch.ones(9, 11, CHANNELS, dtype=torch.bool)
    expected = float(expected_deviation(torch.tensor(0.7, dtype=torch.float64)))
    assert scales_after(expected, coded, log_scale=0.7).abs().max() < 1e-12


@pytest.mark.parametrize("log_scale", [-1e4, 1e4])
def test_impossible_values_give_numbers(log_scale):
    """As decoding that has gone astray meets them: it must come to its checksum."""
    coded = torch.ones(9, 11, CHANNELS, dtype=torch.bool)
    assert scales_after(1e6, coded, log_scale).isfinite().all()


@pytest.mark.parametrize("scale", [0.25, 0.4, 1.0, 3.0, 50.0])
def test_expected_deviation_is_that_of_whole_symbols(scale):
    place = torch.arange(0, 400, dtype=torch.float64)
    tail = 0.5 * torch.erfc((place + 0.5) / (scale * math.sqrt(2)))  # the chance of more than `place`, on one side
    textbook = float(2 * tail.sum())
    found = float(expected_deviation(torch.tensor(scale, dtype=torch.float64).log()))
    assert found == pytest.approx(textbook, rel=0.15)

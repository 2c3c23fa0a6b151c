"""The lattice: what parameters are rounded to, and which lattices a release may have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.entropy.lattice import MAX_MEAN_STEPS, MAX_WRITTEN_SYMBOL, Lattice
from stereocodec.errors import InvalidRelease

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)
FINITE = st.floats(-1e300, 1e300)


@PROPERTY
@given(mean=st.lists(FINITE, max_size=20), steps=st.integers(1, 64))
def test_mean_coordinates_are_means_in_steps_within_the_bounds(mean, steps):
    coordinates = Lattice(mean_steps=steps).mean_coordinates(torch.tensor(mean, dtype=torch.float64))
    expected = np.clip(np.array(mean, dtype=np.float64) * steps, -MAX_MEAN_STEPS, MAX_MEAN_STEPS)
    np.testing.assert_array_equal(coordinates, expected)


@PROPERTY
@given(log_scale=st.lists(FINITE, max_size=20), levels=st.integers(2, 256))
def test_scale_coordinates_stay_within_the_levels(log_scale, levels):
    coordinates = Lattice(scale_levels=levels).scale_coordinates(torch.tensor(log_scale, dtype=torch.float64))
    rounded = np.floor(coordinates + 0.5)
    assert np.all((rounded >= 0) & (rounded <= levels - 1))


@PROPERTY
@given(levels=st.integers(2, 256), low=st.floats(0.01, 1.0), ratio=st.floats(1.5, 1e5))
def test_the_scale_of_a_level_lies_on_that_level(levels, low, ratio):
    lattice = Lattice(scale_levels=levels, scale_min=low, scale_max=low * ratio)
    assert lattice.scales.shape == (levels,)
    assert np.all(np.diff(lattice.scales) > 0)
    coordinates = lattice.scale_coordinates(torch.from_numpy(np.log(lattice.scales)))
    np.testing.assert_allclose(coordinates, np.arange(levels), atol=1e-9)


def test_the_nearest_scale_is_at_most_half_a_level_away():
    lattice = Lattice()
    log_scale = torch.linspace(math.log(lattice.scale_min), math.log(lattice.scale_max), 1001, dtype=torch.float64)
    chosen = lattice.scales[np.floor(lattice.scale_coordinates(log_scale) + 0.5).astype(int)]
    half_level = 0.5 * math.log(lattice.scale_max / lattice.scale_min) / (lattice.scale_levels - 1)
    assert np.abs(np.log(chosen) - log_scale.numpy()).max() <= half_level + 1e-12


def test_extreme_latents_fit_the_checksums_32_bits():
    # Escaped symbols reach +-2**23 in damaged files; written ones at most MAX_WRITTEN_SYMBOL.
    assert 2**23 * 64 + MAX_MEAN_STEPS < 2**31
    assert MAX_WRITTEN_SYMBOL <= 2**23


def test_what_is_not_a_number_stays_so():
    lattice = Lattice()
    nan = torch.tensor([math.nan], dtype=torch.float64)
    assert np.isnan(lattice.mean_coordinates(nan)).all()
    assert np.isnan(lattice.scale_coordinates(nan)).all()


def test_single_precision_is_refused():
    with pytest.raises(AssertionError, match="float64"):
        Lattice().mean_coordinates(torch.zeros(1))


@pytest.mark.parametrize(
    "arguments",
    [
        {"mean_steps": 0},
        {"mean_steps": 65},
        {"mean_steps": 1.5},
        {"scale_levels": 1},
        {"scale_levels": 257},
        {"scale_levels": 64.0},
        {"scale_min": 0.0},
        {"scale_min": 2.0, "scale_max": 1.0},
        {"scale_max": 1e7},
        {"scale_max": math.nan},
        {"epsilon": 0.0},
        {"epsilon": 0.25},
        {"epsilon": math.nan},
    ],
)
def test_impossible_lattices_are_refused(arguments):
    with pytest.raises(InvalidRelease, match="impossible lattice"):
        Lattice(**arguments)

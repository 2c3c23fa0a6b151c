"""Bins of samples: what stands for a sample is within the bound of it, for every sample there is."""

import numpy as np
import pytest

from stereocodec.depth_coding.bins import bins_of, dense_bins
from stereocodec.depth_coding.bound import DepthBound
from stereocodec.errors import InvalidInput

BOUNDS = [
    DepthBound(),
    DepthBound(1),
    DepthBound(5),
    DepthBound(300),
    DepthBound(65535),
    DepthBound(ppm=15),
    DepthBound(ppm=10_000),
    DepthBound(3, 500_000),
    DepthBound(ppm=1_000_000),
]


def within(bins, samples, bound, invalid):
    """Holds what stands for samples against the bound, computed in Python's numbers."""
    standing = bins.standing[bins.numbers(samples)]
    assert (np.diff(bins.standing) > 0).all()
    assert invalid not in bins.standing
    for sample, stands in zip(samples.tolist(), standing.tolist(), strict=True):
        assert abs(sample - stands) <= max(bound.steps, sample * bound.ppm // 10**6)


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
@pytest.mark.parametrize("invalid", [0, 1, 600, 65535])
def test_what_stands_for_any_sample_of_16_bits_is_within_the_bound(bound, invalid):
    samples = np.delete(np.arange(65536), invalid)
    bins = dense_bins(0, 65535, bound, invalid)
    within(bins, samples, bound, invalid)
    assert int(bins.standing.min()) >= 0
    assert int(bins.standing.max()) <= 65535


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_what_stands_for_samples_that_occur_is_within_the_bound(bound, seed):
    rng = np.random.default_rng(seed)
    samples = np.unique(rng.integers(0, 10 ** rng.integers(2, 5), 300))
    invalid = int(rng.integers(0, 200))
    bins = bins_of(samples, bound, invalid)
    within(bins, samples[samples != invalid], bound, invalid)


def test_bins_of_an_absolute_bound_are_as_long_as_it_permits():
    bins = dense_bins(10, 40, DepthBound(2), 0)
    np.testing.assert_array_equal(bins.last, [14, 19, 24, 29, 34, 39, 40])
    np.testing.assert_array_equal(bins.standing, [12, 17, 22, 27, 32, 37, 40])


def test_bins_of_a_relative_bound_grow():
    lengths = np.diff(dense_bins(1000, 9000, DepthBound(ppm=10_000), 0).last)[:-1]
    assert lengths[0] == 21
    assert lengths[-1] > 160
    assert (np.diff(lengths) >= -1).all()


def test_the_invalid_sample_is_passed_over():
    np.testing.assert_array_equal(dense_bins(5, 9, DepthBound(), 7).standing, [5, 6, 8, 9])
    assert dense_bins(7, 7, DepthBound(3), 7).standing.size == 0
    assert dense_bins(5, 9, DepthBound(2), 7).standing.tolist() == [6, 9]
    # What lies halfway is the invalid sample: the one beside it that is within the bound of both.
    assert dense_bins(6, 8, DepthBound(2), 7).standing.tolist() == [6]
    assert dense_bins(6, 9, DepthBound(2), 7).standing.tolist() == [8]


@pytest.mark.parametrize("numbers", [(-1, 0), (65536, 0), (0, -1), (0, 1_000_001)])
def test_bounds_that_promise_nothing_are_refused(numbers):
    with pytest.raises(InvalidInput, match="bound of depth"):
        DepthBound(*numbers)

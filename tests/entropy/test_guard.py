"""The guard list: a reader whose parameters differ by less than epsilon rounds as the writer did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.entropy.guard import GuardReader, GuardWriter, count_entries
from stereocodec.errors import CorruptFile, DecodingMismatch

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)
SEEDS = st.integers(0, 2**32 - 1)
EPSILONS = st.sampled_from([2.0**-24, 1e-6, 1e-3, 0.05, 0.2, 0.249])


def coordinates_near_ties(rng, count, epsilon):
    """Some far from rounding boundaries, many within a few epsilon of one, some exactly on one."""
    whole = rng.integers(-1000, 1000, count).astype(np.float64)
    anywhere = rng.uniform(-0.5, 0.5, count)
    near = 0.5 + epsilon * rng.choice([-2, -1.001, -0.999, -0.5, 0, 0.5, 0.999, 1.001, 2], count)
    return whole + np.where(rng.random(count) < 0.5, anywhere, near)


@PROPERTY
@given(seed=SEEDS, epsilon=EPSILONS, sizes=st.lists(st.sampled_from([0, 1, 3, 200]), max_size=6))
def test_a_reader_within_epsilon_takes_the_writers_sides(seed, epsilon, sizes):
    rng = np.random.default_rng(seed)
    passes = [coordinates_near_ties(rng, size, epsilon) for size in sizes]
    writer = GuardWriter(epsilon)
    written = [writer.round(coordinates) for coordinates in passes]
    data = writer.to_bytes()
    everything = np.concatenate([np.empty(0), *passes])
    distance = np.abs(everything - np.floor(everything) - 0.5)
    assert count_entries(data) == np.count_nonzero(distance < epsilon)
    for amplitude in (0.0, 0.5 * epsilon, 0.998 * epsilon):
        reader = GuardReader(data)
        for coordinates, rounded in zip(passes, written, strict=True):
            assert rounded.dtype == np.int64
            noisy = coordinates + rng.uniform(-amplitude, amplitude, coordinates.size)
            np.testing.assert_array_equal(reader.round(noisy), rounded)
        reader.close()


def test_without_the_list_the_same_noise_is_fatal():
    rng = np.random.default_rng(1)
    coordinates = coordinates_near_ties(rng, 1000, 1e-3)
    writer = GuardWriter(1e-3)
    rounded = writer.round(coordinates)
    noisy = coordinates + rng.uniform(-5e-4, 5e-4, coordinates.size)
    assert np.any(GuardReader(b"").round(noisy) != rounded)
    np.testing.assert_array_equal(GuardReader(writer.to_bytes()).round(noisy), rounded)


def test_rounding_is_to_the_nearest_integer():
    coordinates = np.array([-1.5, -1.4, -0.5, -0.2, 0.0, 0.3, 0.5, 0.6, 7.0, 1e6 + 0.49])
    expected = [-1, -1, 0, 0, 0, 0, 1, 1, 7, 1_000_000]
    assert GuardWriter(1e-9).round(coordinates).tolist() == expected
    assert GuardReader(b"").round(coordinates).tolist() == expected


def test_bytes_of_known_entries():
    writer = GuardWriter(0.01)
    writer.round(np.array([0.5, 3.2, 4.499]))  # entry 0 up, entry 2 down
    writer.round(np.full(100, 0.1))
    writer.round(np.array([-0.501]))  # entry 103 down
    assert writer.to_bytes() == bytes([0 * 2 + 1, 1 * 2 + 0, 200 & 127 | 128, 200 >> 7])
    assert GuardWriter(0.01).to_bytes() == b""


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_an_error(bad):
    for rounding in (GuardWriter(0.1), GuardReader(b"")):
        with pytest.raises(DecodingMismatch, match="not a number"):
            rounding.round(np.array([0.0, bad]))


def test_entries_beyond_the_last_parameter_are_an_error():
    writer = GuardWriter(0.1)
    writer.round(np.array([0.0, 0.5]))
    reader = GuardReader(writer.to_bytes())
    reader.round(np.array([0.0]))
    with pytest.raises(CorruptFile, match="names parameters"):
        reader.close()
    reader.round(np.array([0.5]))
    reader.close()


@pytest.mark.parametrize(
    "data", [b"\x80", b"\x02\xff", b"\xff" * 6 + b"\x01", b"\xff" * 100, b"\x80\x00", b"\x02\x81\x80\x00"]
)
def test_malformed_lists_are_an_error(data):
    for read in (GuardReader, count_entries):
        with pytest.raises(CorruptFile):
            read(data)


@PROPERTY
@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_list_or_an_error(data):
    try:
        reader = GuardReader(data)
    except CorruptFile:
        return
    coordinates = np.linspace(-3, 3, 50)
    rounded = reader.round(coordinates)
    assert np.all(np.abs(rounded - coordinates) <= 1)
    if count_entries(data) == 0:
        reader.close()

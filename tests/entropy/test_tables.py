"""Integer probability tables: rounding, symmetry, storage, rates."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.tables import (
    MAX_LENGTH,
    MAX_OFFSET,
    MAX_SYMBOL,
    TOTAL,
    TableSet,
    exp_golomb,
    exp_golomb_inverse,
)
from stereocodec.errors import InvalidInput, InvalidRelease

PROPERTY = settings(derandomize=True, deadline=None, max_examples=60)
SCALES = np.geomspace(0.08, 256, 64)


def arrays_of_two_tables():
    frequencies = np.array([1, TOTAL - 1, 5, 6, TOTAL - 11], dtype=np.uint32)
    return {
        "frequencies": frequencies,
        "lengths": np.array([2, 3], dtype=np.int32),
        "offsets": np.array([-1, 7], dtype=np.int32),
    }


@PROPERTY
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.one_of(st.integers(1, 40), st.integers(1, MAX_LENGTH - 1)),
    concentration=st.sampled_from([1e-3, 0.1, 1.0, 100.0]),
    total=st.sampled_from([0.0, 0.3, 1.0 - 2**-20, 1.0, 1.0 + 1e-7]),
)
def test_rounding_is_exact_in_sum_and_close_in_value(seed, length, concentration, total):
    pmf = np.random.default_rng(seed).dirichlet(np.full(length, concentration)) * total
    tables = TableSet.from_probabilities([pmf], [0])
    frequencies = tables.frequencies[0].astype(np.int64)
    assert frequencies.size == length + 1
    assert frequencies.sum() == TOTAL
    assert frequencies.min() >= 1
    full = np.append(pmf, max(0.0, 1.0 - pmf.sum()))
    # One unit for everyone, then a share of the rest, rounded.
    ideal = 1 + full / full.sum() * (TOTAL - full.size)
    assert np.abs(frequencies - ideal).max() < 1.0001
    again = TableSet.from_probabilities([pmf], [0])
    np.testing.assert_array_equal(again.frequencies[0], tables.frequencies[0])


def test_rounding_follows_largest_remainders():
    # 2**24 - 6 units to share out: remainders of .25 five times and .75 for the escape leave two units.
    # The first is the escape's, the second that of the middle of the range.
    tables = TableSet.from_probabilities([np.full(5, 0.125)], [0])
    each = 1 << 21  # one for everyone and 2**21 - 1 of the share
    assert tables.frequencies[0].tolist() == [each, each, each + 1, each, each, TOTAL - 5 * each - 1]


@pytest.mark.parametrize(
    "pmf",
    [[0.5, -0.1], [math.nan, 0.5], [0.7, 0.7], [math.inf], [], [[0.5, 0.5]], np.full(MAX_LENGTH, 1e-9)],
)
def test_impossible_probabilities_are_refused(pmf):
    with pytest.raises(InvalidInput, match="table 0"):
        TableSet.from_probabilities([np.array(pmf, dtype=np.float64)], [0])


@pytest.mark.parametrize("offsets", [[0, 0], [0.5], [MAX_OFFSET + 1], [-(2**63)], np.int64(0)])
def test_impossible_offsets_are_refused(offsets):
    with pytest.raises(InvalidInput, match="offset"):
        TableSet.from_probabilities([np.array([0.5])], offsets)


@pytest.mark.parametrize("count", [0, 257])
def test_a_set_holds_1_to_256_tables(count):
    with pytest.raises(InvalidInput, match="1 to 256"):
        TableSet.from_probabilities([np.array([0.5])] * count, np.zeros(count, dtype=np.int32))


def test_residual_tables_are_symmetric_and_unimodal():
    tables = residual_tables(SCALES)
    assert len(tables) == SCALES.size
    for frequencies, offset in zip(tables.frequencies, tables.offsets, strict=True):
        in_range = frequencies[:-1].astype(np.int64)
        assert in_range.size == 1 - 2 * offset
        np.testing.assert_array_equal(in_range, in_range[::-1])
        assert np.all(np.diff(in_range[: -offset + 1]) >= -1)
    assert np.all(np.diff(tables.offsets) <= 0)
    assert tables.offsets[0] == -2
    assert -1500 < tables.offsets[-1] < -1000


@PROPERTY
@given(scale=st.floats(0.05, 300.0), tail_bits=st.integers(4, 22))
def test_gaussian_frequencies_are_the_gaussian(scale, tail_bits):
    tables = residual_tables(np.array([scale]), tail_mass=2.0**-tail_bits)
    frequencies = tables.frequencies[0] / TOTAL
    symbols = np.arange(frequencies.size - 1) + int(tables.offsets[0])
    edges = np.array([math.erf((x - 0.5) / (scale * math.sqrt(2))) / 2 for x in [*symbols, symbols[-1] + 1]])
    slack = (frequencies.size + 2) / TOTAL
    assert np.abs(frequencies[:-1] - np.diff(edges)).max() < slack
    assert frequencies[-1] <= 2.0**-tail_bits + slack


def test_residual_tables_cost_little_more_than_the_entropy():
    rng = np.random.default_rng(5)
    for scale in (1.0, 20.0, 256.0):
        symbols = np.rint(rng.normal(0, scale, 200_000)).astype(np.int32)
        bits = residual_tables(np.array([scale])).bits(symbols, np.zeros(symbols.size, dtype=np.int64))
        counts = np.unique(symbols, return_counts=True)[1] / symbols.size
        sampled_entropy = -(counts * np.log2(counts)).sum()
        # The tables do not know the sample: about (symbols seen - 1) / 2 nats more in total.
        expected = sampled_entropy + (counts.size - 1) / (2 * math.log(2) * symbols.size)
        assert abs(bits.mean() - expected) < 2e-3


@pytest.mark.parametrize(
    ("scales", "tail_mass"),
    [
        *(([scale], 0.1) for scale in (0.0, -1.0, math.nan, math.inf, [1.0])),
        *(([1.0], tail_mass) for tail_mass in (0.0, 1.0, math.nan)),
        ([30_000.0], 2.0**-20),
    ],
)
def test_impossible_scales_are_refused(scales, tail_mass):
    with pytest.raises(InvalidInput):
        residual_tables(np.array(scales), tail_mass=tail_mass)


def test_arrays_rebuild_identical_tables():
    tables = residual_tables(SCALES)
    arrays = tables.to_arrays()
    assert {name: array.dtype.str[1:] for name, array in arrays.items()} == {
        "frequencies": "u4",
        "lengths": "i4",
        "offsets": "i4",
    }
    for again in (
        TableSet.from_arrays(arrays),
        pickle.loads(pickle.dumps(tables)),
        copy.deepcopy(tables),
    ):
        np.testing.assert_array_equal(again.offsets, tables.offsets)
        for one, other in zip(again.frequencies, tables.frequencies, strict=True):
            np.testing.assert_array_equal(one, other)


def test_tables_do_not_change_with_the_arrays_they_came_from():
    arrays = arrays_of_two_tables()
    tables = TableSet.from_arrays(arrays)
    arrays["frequencies"][:] = 0
    arrays["offsets"][:] = 0
    assert tables.frequencies[1].tolist() == [5, 6, TOTAL - 11]
    assert tables.offsets.tolist() == [-1, 7]
    with pytest.raises(ValueError, match="read-only"):
        tables.frequencies[0][0] = 3


def _without(name):
    return lambda arrays: arrays.pop(name)


def _set(name, index, value):
    return lambda arrays: arrays[name].__setitem__(index, value)


def _replace(name, value):
    return lambda arrays: arrays.__setitem__(name, value(arrays[name]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without("frequencies"), "'frequencies' is missing"),
        (_without("lengths"), "'lengths' is missing"),
        (_without("offsets"), "'offsets' is missing"),
        (_replace("frequencies", lambda a: a.astype(np.int64)), "list of uint32"),
        (_replace("lengths", lambda a: a.astype(np.float32)), "list of int32"),
        (_replace("offsets", lambda a: a[None]), "list of int32"),
        (_replace("offsets", lambda a: a[:1]), "as many int32 offsets"),
        (_replace("frequencies", lambda a: a[:-1]), "does not fit"),
        (_set("lengths", 0, 3), "does not fit"),
        (_set("lengths", slice(None), (5, 0)), "does not fit"),
        (_set("lengths", slice(None), (1, 4)), "does not fit"),
        (_set("lengths", slice(None), (6, -1)), "does not fit"),
        (_set("lengths", slice(None), (3, 2)), "table 0 must be at least 1 and sum"),
        (_set("frequencies", 0, 2), "table 0 must be at least 1 and sum"),
        (_set("frequencies", slice(2, 4), (0, 11)), "table 1 must be at least 1 and sum"),
        (_set("frequencies", slice(0, 2), (2**32 - 1, TOTAL + 1)), "table 0 must be at least 1 and sum"),
        (_set("offsets", 1, MAX_OFFSET + 1), "offset lies beyond"),
        (_set("offsets", 1, -MAX_OFFSET - 1), "offset lies beyond"),
        (lambda a: a.update({k: v[:0] for k, v in a.items()}), "0 tables; a set holds 1 to 256"),
    ],
)
def test_inconsistent_arrays_are_refused(damage, message):
    arrays = arrays_of_two_tables()
    TableSet.from_arrays(arrays)
    damage(arrays)
    with pytest.raises(InvalidRelease, match=message):
        TableSet.from_arrays(arrays)


def test_tables_of_more_than_65536_symbols_are_refused():
    frequencies = np.ones(MAX_LENGTH + 1, dtype=np.uint32)
    frequencies[0] = TOTAL - MAX_LENGTH
    with pytest.raises(InvalidInput, match="table 0 must be a list"):
        TableSet((frequencies,), np.zeros(1, dtype=np.int32))


def test_bits_count_tables_and_escapes():
    tables = TableSet((np.array([1 << 22, 1 << 22, 1 << 23], dtype=np.uint32),), np.array([10], dtype=np.int32))
    # In range 2 bits; an escape 1 bit, its class one of 24 (the last one a little likelier), its sign
    # 1 bit, and as many low bits as its class says.
    class_bits = 24 - math.log2(TOTAL // 24)
    last_class_bits = 24 - math.log2(TOTAL - 23 * (TOTAL // 24))
    distances = {12: 0, 9: 0, 13: 1, 14: 1, 15: 2, 8: 1, 12 + 1022: 9, 12 + 1023: 10, -MAX_SYMBOL: 23}
    symbols = np.array([10, 11, *distances], dtype=np.int32)
    expected = [2.0, 2.0]
    for k in distances.values():
        expected.append(1 + (class_bits if k < 23 else last_class_bits) + 1 + k)
    bits = tables.bits(symbols, np.zeros(symbols.size, dtype=np.int64))
    np.testing.assert_allclose(bits, expected, rtol=1e-14)


@pytest.mark.parametrize("index", [-1, 1, 256])
def test_bits_refuses_tables_that_are_not_there(index):
    tables = residual_tables(np.array([1.0]))
    with pytest.raises(InvalidInput, match="between 0 and 0"):
        tables.bits(np.zeros(1, dtype=np.int32), np.array([index]))


def test_exp_golomb_is_exact_around_every_power_of_two():
    powers = 2 ** np.arange(24)
    distances = np.unique(np.concatenate([powers - 2, powers - 1, powers]))
    distances = distances[(distances >= 0) & (distances < 2**24 - 1)].astype(np.int32)
    classes, low = exp_golomb(distances)
    assert classes.tolist() == [int(d + 1).bit_length() - 1 for d in distances]
    assert np.all((low >= 0) & (low < 2 ** classes.astype(np.int64)))
    np.testing.assert_array_equal(exp_golomb_inverse(classes, low), distances)

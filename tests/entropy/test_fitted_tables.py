"""Tables fitted to what an encoder chose."""

from __future__ import annotations

import numpy as np
import pytest

from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.fitted_tables import SymbolCounts
from stereocodec.entropy.tables import TOTAL

SCALES = np.array([0.3, 1.0, 4.0, 40.0])
LEVELS = len(SCALES)


def base():
    return residual_tables(SCALES, laplace_share=0.5)


def drawn(level, probabilities, count, seed=0):
    """Symbols with these probabilities of magnitudes, either sign, and their levels."""
    generator = np.random.default_rng(seed)
    symbols = generator.choice(len(probabilities), count, p=probabilities) * generator.choice([-1, 1], count)
    return symbols.astype(np.int32), np.full(count, level, dtype=np.uint8)


def fitted(*groups):
    counts = SymbolCounts(base())
    for group in groups:
        counts.see("first", *group)
    return counts.fitted()["first"]


def test_tables_come_to_the_frequencies_that_were_seen():
    probabilities = np.array([0.7, 0.1, 0.15, 0.05])  # no density that falls with the distance
    tables = fitted(drawn(1, probabilities, 400_000))
    table, radius = tables.frequencies[1] / TOTAL, -int(tables.offsets[1])
    sides = [probabilities[0], *(probabilities[1:] / 2)]
    np.testing.assert_allclose(table[radius : radius + 4], sides, rtol=0.03)
    np.testing.assert_allclose(table[radius : radius - 4 : -1], sides, rtol=0.03)


def test_fitted_tables_are_symmetric_and_have_no_zeros():
    tables = fitted(*(drawn(level, np.array([0.9, 0.1]), 10_000, level) for level in range(LEVELS)))
    for table in tables.frequencies:
        np.testing.assert_array_equal(table[:-1], table[-2::-1])
        assert table.min() >= 1
        assert int(table.sum()) == TOTAL
    np.testing.assert_array_equal(tables.offsets, base().offsets)


def test_what_was_hardly_seen_keeps_the_table_of_the_density():
    few = fitted(drawn(3, np.array([0.0, 1.0]), 3))
    for level in range(3):
        np.testing.assert_array_equal(few.frequencies[level], base().frequencies[level])
    # Three observations beside the many likely symbols of a wide table.
    np.testing.assert_allclose(few.frequencies[3], base().frequencies[3], rtol=0.15, atol=2)


def test_fitted_tables_code_the_like_in_fewer_bits():
    probabilities = np.array([0.8, 0.17, 0.02, 0.01])
    tables = fitted(drawn(1, probabilities, 20_000))
    symbols, levels = drawn(1, probabilities, 20_000, seed=1)
    before, after = (t.bits(symbols, levels).sum() for t in (base(), tables))
    entropy = 20_000 * (-(probabilities * np.log2(probabilities)).sum() + 0.2)  # and signs
    assert after < 0.97 * before
    assert after == pytest.approx(entropy, rel=0.02)


def test_escapes_are_counted_as_escapes():
    beyond = int(-base().offsets[0]) + 3
    symbols = np.array([beyond, -beyond] * 500 + [0] * 9000, dtype=np.int32)
    tables = fitted((symbols, np.zeros(symbols.size, dtype=np.uint8)))
    assert tables.frequencies[0][-1] / TOTAL == pytest.approx(0.1, rel=0.05)


def test_families_are_counted_apart():
    counts = SymbolCounts(base())
    counts.see("first", *drawn(1, np.array([0.5, 0.5]), 5000))
    counts.see("residual", *drawn(1, np.array([0.9, 0.1]), 5000))
    tables = counts.fitted()
    assert tables.keys() == {"first", "residual"}
    middle = [int(own.frequencies[1][-int(base().offsets[1])]) for own in tables.values()]
    np.testing.assert_allclose(np.array(middle) / TOTAL, [0.5, 0.9], atol=0.02)

"""An encoder weighs bits against errors; needs no network."""

from __future__ import annotations

import numpy as np
import pytest

from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.symbol_choice import SymbolCosts, cheaper


def costs(weight):
    """Of 500 elements with the same weight, under tables of three scales."""
    generator = np.random.default_rng(0)
    tables = residual_tables(np.array([0.2, 1.0, 4.0]), laplace_share=0.5)
    levels = generator.integers(0, 3, 500).astype(np.uint8)
    residual = generator.laplace(0, 1.5, 500)
    return SymbolCosts(tables, residual, levels, np.full(500, weight))


def nearest(of):
    return np.rint(of.residual).astype(np.int32)


@pytest.mark.parametrize("weight", [0.3, 2.0, 10.0])
def test_every_symbol_is_the_cheaper_one_of_two(weight):
    of = costs(weight)
    chosen, rounded = cheaper(nearest(of), of), nearest(of)
    lower = rounded - np.sign(rounded)
    bits = [of.tables.bits(symbols, of.numbers) for symbols in (rounded, lower)]
    total = [b + weight * (symbols - of.residual) ** 2 for b, symbols in zip(bits, (rounded, lower), strict=True)]
    np.testing.assert_array_equal(chosen, np.where(total[1] < total[0], lower, rounded))
    assert 0 < (chosen != rounded).sum() < (rounded != 0).sum()
    assert chosen.dtype == np.int32


def test_where_errors_cost_much_symbols_are_the_nearest_and_where_little_they_shrink():
    of = costs(1e6)
    np.testing.assert_array_equal(cheaper(nearest(of), of), nearest(of))
    of = costs(0.0)
    size = np.abs(nearest(of))
    # Beyond the narrowest table's range several integers cost the same.
    np.testing.assert_array_equal(np.abs(cheaper(nearest(of), of))[size <= 2], np.maximum(size - 1, 0)[size <= 2])


def test_costs_of_some_elements_are_those_of_all():
    of, symbols, places = costs(2.0), nearest(costs(2.0)), np.array([3, 77, 410])
    for some, every in zip(of.at(places)(symbols[places]), of(symbols), strict=True):
        np.testing.assert_array_equal(some, every[places])

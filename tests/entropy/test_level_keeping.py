"""The mean of channels is kept where that costs least; needs no network."""

from __future__ import annotations

import numpy as np
import pytest

from stereocodec.entropy.level_keeping import Level, LevelKeeper

EXACT = Level(0, 0.0, 0.0)


def judging(values, bits_of_one=1.0):
    """Costs of coding values by whole numbers: bits for what is not 0, and the squared error."""

    def judge(symbols):
        error = symbols - values
        return bits_of_one * np.abs(symbols) + error**2, error

    return judge


@pytest.mark.parametrize("offset", [-0.4, -0.1, 0.0, 0.3, 0.49])
def test_the_errors_of_a_constant_that_is_rounded_away_cancel(offset):
    values = offset + 0.01 * np.random.default_rng(0).standard_normal(400)
    symbols = LevelKeeper().kept("a", np.zeros(400, dtype=np.int32), judging(values), EXACT)
    assert symbols.dtype == np.int32
    assert abs(np.sum(symbols - values)) <= 0.5 + 1e-9
    assert np.abs(symbols).sum() == round(abs(values.sum()))  # and no symbol more than that takes


def test_those_are_moved_that_cost_least():
    values = np.array([0.1, 0.45, 0.2, 0.4, 0.3, 0.05])
    symbols = LevelKeeper().kept("a", np.zeros(6, dtype=np.int32), judging(values), EXACT)
    np.testing.assert_array_equal(symbols, [0, 1, 0, 1, 0, 0])


def test_an_allowed_mean_error_is_left():
    values = np.full(400, 0.3)
    symbols = LevelKeeper().kept("a", np.zeros(400, dtype=np.int32), judging(values), Level(0, 0.0, 0.1))
    assert np.mean(values - symbols) == pytest.approx(0.1, abs=0.5 / 400)
    small = LevelKeeper().kept("a", np.zeros(400, dtype=np.int32), judging(0.3 * values), Level(0, 0.0, 0.1))
    assert not small.any()


def test_the_mean_error_is_what_was_asked_for():
    values = np.full(400, 0.3)
    symbols = LevelKeeper().kept("a", np.zeros(400, dtype=np.int32), judging(values), Level(0, 0.2, 0.0))
    assert np.mean(symbols - values) == pytest.approx(0.2, abs=0.5 / 400)


def test_what_remains_is_carried_to_the_next_group_of_the_same_channel():
    keeper, values = LevelKeeper(), np.full(1, 0.4)
    coded = [int(keeper.kept("a", np.zeros(1, dtype=np.int32), judging(values), EXACT)[0]) for _ in range(10)]
    assert sum(coded) == 4
    assert keeper.kept("b", np.zeros(1, dtype=np.int32), judging(values), EXACT)[0] == 0


def test_no_element_is_made_more_wrong_than_a_step():
    values = np.full(4, -0.2)
    keeper = LevelKeeper()
    keeper._sums["a"] = -3.0, 10
    symbols = keeper.kept("a", np.zeros(4, dtype=np.int32), judging(values), EXACT)
    np.testing.assert_array_equal(symbols, np.zeros(4))


def test_symbols_that_leave_no_error_stay():
    symbols = np.arange(-5, 6, dtype=np.int32)
    kept = LevelKeeper().kept("a", symbols, judging(symbols.astype(np.float64)), EXACT)
    np.testing.assert_array_equal(kept, symbols)

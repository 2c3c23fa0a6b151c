"""Side information: prediction, tables, and what a field costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from coded_passes import PROPERTY, SEEDS
from hypothesis import given
from hypothesis import strategies as st

from stereocodec.entropy.fields import field_bits, field_from_errors, field_tables, prediction_errors


@PROPERTY
@given(SEEDS, st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 5, 700]))
def test_errors_give_the_field_back(seed, height, width, reach):
    field = np.random.default_rng(seed).integers(-reach, reach + 1, (height, width))
    np.testing.assert_array_equal(field_from_errors(prediction_errors(field), (height, width)), field)


def test_rows_that_repeat_and_constant_fields_need_few_errors():
    ramp = np.tile(np.arange(20) * 3 + 7, (12, 1))
    errors = prediction_errors(ramp).reshape(12, 20)
    assert errors[0, 0] == 7
    assert not errors[1:].any()
    assert np.count_nonzero(prediction_errors(np.full((12, 20), 5))) == 1


def test_the_estimate_is_what_the_best_table_costs():
    field = np.random.default_rng(0).geometric(0.4, (30, 40)).cumsum(1) % 50
    tables, errors = field_tables(), prediction_errors(field)
    best = min(tables.bits(errors, np.full(errors.size, k, dtype=np.uint8)).sum() for k in range(len(tables)))
    bits = field_bits(torch.from_numpy(np.stack([np.zeros_like(field), field])))
    assert bits[1].item() == pytest.approx(best, rel=1e-3)


def test_a_constant_field_costs_nearly_nothing():
    assert field_bits(torch.zeros((1, 52, 64), dtype=torch.int64)).item() < 80

"""The machine of dependent quantisation, and the cheapest way through it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from stereocodec.entropy.trellis import CANDIDATES, HALVES, NEXT, STATES, cheapest


def test_every_state_leads_to_two_others_and_is_reached_from_two():
    assert NEXT.shape == (STATES, 2)
    assert (NEXT[:, 0] != NEXT[:, 1]).all()
    assert sorted(NEXT.reshape(-1).tolist()) == sorted([*range(STATES)] * 2)
    assert NEXT[0, 0] == 0  # where nothing is coded, whole steps stay


def test_ways_that_part_lead_through_different_steps_for_long():
    # Two ways that part in some state and meet again differ in at least this many symbols, the free distance of the
    # code: what the gain of dependent quantisation comes from.
    pairs = {(int(NEXT[state, 0]), int(NEXT[state, 1])) for state in range(STATES)}
    for _ in range(3):
        assert all(one != other for one, other in pairs)
        pairs = {(int(NEXT[a, p]), int(NEXT[b, q])) for a, b in pairs for p in (0, 1) for q in (0, 1)}


def cost_of(costs, parities):
    """What a chain costs whose symbols have these parities, and the candidates that it takes."""
    state, total, taken = 0, 0.0, []
    for step, parity in enumerate(parities):
        taken.append(2 * int(HALVES[state]) + parity)
        total += float(costs[taken[-1], step])
        state = int(NEXT[state, parity])
    return total, taken


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_other_way_is_cheaper(dtype):
    generator = torch.Generator().manual_seed(0)
    chains, rounds = 5, 9
    costs = torch.rand((CANDIDATES, chains * rounds), generator=generator, dtype=dtype)
    taken = cheapest(costs, chains)
    assert taken.dtype == torch.int64
    for chain in range(chains):
        of_chain = costs[:, chain::chains]
        best = min(cost_of(of_chain, parities) for parities in itertools.product((0, 1), repeat=rounds))
        assert taken[chain::chains].tolist() == best[1]


def test_the_last_round_may_be_short():
    costs = torch.rand((CANDIDATES, 23), generator=torch.Generator().manual_seed(1))
    taken = cheapest(costs, 10)
    assert taken.shape == (23,)
    longer = [taken[chain::10].tolist() for chain in range(3)]
    for chain, found in enumerate(longer):
        best = min(cost_of(costs[:, chain::10], parities) for parities in itertools.product((0, 1), repeat=3))
        assert found == best[1]


def test_one_element_takes_the_cheaper_whole_symbol():
    costs = torch.tensor([[3.0], [2.0], [0.0], [0.0]])
    assert cheapest(costs, 1).tolist() == [1]
    np.testing.assert_array_equal(HALVES[:2], [0, 1])

"""Dependent quantisation of groups: what is written is read, it costs less, and estimates know it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import written_and_read

from stereocodec.entropy.coders import Group, SymbolEstimator
from stereocodec.entropy.density_choice import chosen_symbols
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.dependent import Dependence
from stereocodec.entropy.lattice import Lattice
from stereocodec.entropy.level_keeping import Level
from stereocodec.entropy.priors import FactorizedPrior
from stereocodec.entropy.streams import CodingTables
from stereocodec.entropy.trellis import MOST_ROUNDS

LEVELS = Lattice().scale_levels
DEPENDENCE = Dependence(4, (1,))
CHANNELS = 6


def group_of(height=12, width=20, *, weight=3.0, scale=1.0, **kind):
    """A group of a random view and latents for it, (1, h, w, CHANNELS)."""
    generator = torch.Generator().manual_seed(height)
    shape = (1, height, width, CHANNELS)
    mean = torch.randint(-200, 200, shape, generator=generator).double() / 64
    log_scale = math.log(scale) + torch.randn(shape, generator=generator, dtype=torch.float64)
    y = mean + torch.randn(shape, generator=generator, dtype=torch.float64) * log_scale.exp()
    mask = torch.rand(shape[1:], generator=generator) < 0.6
    weights = None if weight is None else torch.full((1, CHANNELS), weight, dtype=torch.float64)
    return y, Group(mean=mean, log_scale=log_scale, mask=mask, weight=weights, **({"view": 0} | kind))


def tables_with(dependence):
    scales = residual_tables(Lattice().scales, laplace_share=0.5, halves=dependence is not None)
    return CodingTables(scales, scales, scales, dependence=dependence)


def written(y, group, dependence=DEPENDENCE):
    """What a writer decodes and chose, and how many bytes that takes; a reader reads the same."""
    decoded, seen, streams = written_and_read(y, group, tables_with(dependence))
    return decoded, seen, sum(map(len, vars(streams).values()))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (12, 20), (60, 80)])
@pytest.mark.parametrize("scale", [0.2, 1.0, 30.0])
def test_what_is_written_is_read_and_symbols_of_half_steps_stand_for_half_a_step_less(size, scale):
    y, group = group_of(*size, scale=scale)
    decoded, seen, _ = written(y, group)
    halves = seen.tables >= LEVELS
    values = (decoded - group.mean)[:, group.mask][0].numpy()
    np.testing.assert_array_equal(values, seen.symbols - 0.5 * halves * np.sign(seen.symbols))
    channel = np.broadcast_to(np.arange(CHANNELS), group.mask.shape)[group.mask.numpy()]
    plain = (channel == 1) | (seen.tables % LEVELS < 4)
    assert not halves[plain].any()
    if size == (60, 80):
        assert 0.05 < halves[~plain].mean() < 0.6


@pytest.mark.parametrize("kind", [{"hyper": True}, {"layer": True}, {"weight": None}])
def test_other_symbols_are_whole(kind):
    y, group = group_of(**kind)
    decoded, seen, _ = written(y, group)
    assert (seen.tables < LEVELS).all()
    assert torch.equal(decoded, written(y, group, None)[0])


@pytest.mark.parametrize(("weight", "gain"), [(10.0, 0.02), (40.0, 0.05)])
def test_bits_and_errors_together_cost_less_than_with_whole_steps_alone(weight, gain):
    y, group = group_of(60, 80, weight=weight)
    costs = []
    for dependence in (DEPENDENCE, None):
        decoded, _, size = written(y, group, dependence)
        costs.append(8 * size + weight * float((decoded - y)[:, group.mask].square().sum()))
    assert costs[0] < (1 - gain) * costs[1]


def test_the_level_of_a_plain_channel_is_kept():
    y, group = group_of()
    levelled = ((Level(1, 0.25, 0.0),),)
    group = replace(group, levelled=levelled)
    decoded, _, _ = written(y, group)
    here = group.mask[..., 1]
    error = (decoded - y)[0, ..., 1][here]
    assert float(error.mean()) == pytest.approx(0.25, abs=0.6 / int(here.sum()))


def test_the_order_of_a_group_has_each_element_once_in_chains_that_are_not_long():
    generator = np.random.default_rng(0)
    levels, channels = generator.integers(0, 20, 5000).astype(np.uint8), np.arange(5000) % CHANNELS
    rounds = DEPENDENCE.rounds(levels, channels)
    plain = (levels < 4) | (channels == 1)
    np.testing.assert_array_equal(rounds.plain, np.flatnonzero(plain))
    found = list(rounds)
    assert len(found) <= MOST_ROUNDS
    assert {each.size for each in found[:-1]} == {rounds.chains}
    order = np.concatenate(found)
    np.testing.assert_array_equal(np.sort(order), np.flatnonzero(~plain))
    assert (np.diff(levels[order].astype(int)) >= 0).all()
    same = np.diff(levels[order].astype(int)) == 0
    assert (np.diff(order)[same] > 0).all()


def test_without_dependent_elements_there_are_no_rounds():
    rounds = DEPENDENCE.rounds(np.zeros(7, dtype=np.uint8), np.arange(7))
    assert (rounds.chains, list(rounds)) == (0, [])
    np.testing.assert_array_equal(rounds.plain, np.arange(7))


def test_estimates_choose_as_writers_do_where_scales_lie_on_levels():
    y, group = group_of(24, 30)
    level = torch.from_numpy(Lattice().scale_coordinates(group.log_scale)).round()
    spacing = math.log(Lattice().scale_max / Lattice().scale_min) / (LEVELS - 1)
    group.log_scale.copy_(math.log(Lattice().scale_min) + spacing * level)
    chosen = chosen_symbols(y, group, 0.5, DEPENDENCE)
    decoded, seen, _ = written(y, group)
    # Tables are densities rounded to 2^-24, and ties are rare.
    assert (chosen.symbols[0].numpy() == seen.symbols).mean() > 0.99
    same = (chosen.values[0] - (decoded - group.mean)[:, group.mask][0]).abs() < 1e-6
    assert same.double().mean() > 0.99


def test_an_estimate_of_symbols_is_what_their_tables_take():
    y, group = group_of(60, 80)
    _, seen, size = written(y, group)
    estimator = SymbolEstimator(FactorizedPrior(1), 0.5)
    estimator.add(group, torch.from_numpy(seen.symbols), torch.from_numpy(seen.tables >= LEVELS))
    # Scales are rounded to levels in files.
    assert float(estimator.bits[0].detach()) == pytest.approx(8 * size, rel=0.003)
    assert float(estimator.bits[1].detach()) == 0


def test_tables_of_half_steps_hold_the_mass_that_is_nearest():
    tables = residual_tables(np.array([0.3, 2.0]), laplace_share=1.0, halves=True)
    assert len(tables) == 4

    def beyond(x, scale):  # of a Laplace density
        return 0.5 * math.exp(-x * math.sqrt(2) / scale)

    for number, scale in ((2, 0.3), (3, 2.0)):
        expected = [1 - 2 * beyond(0.25, scale), beyond(0.25, scale) - beyond(1, scale)]
        expected += [beyond(k - 1, scale) - beyond(k, scale) for k in (2, 3)]
        for sign in (1, -1):
            symbols = np.array([0, 1, 2, 3], dtype=np.int32) * sign
            bits = tables.bits(symbols, np.full(4, number))
            in_range = np.array(expected) > 1e-5
            np.testing.assert_allclose(2.0 ** -bits[in_range], np.array(expected)[in_range], rtol=0.02)

"""The coder of trials: its symbols are those of files, and its gradient is what a change costs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from conftest import sample_crop

from stereocodec.entropy.adaptive_fields import adaptive_bits
from stereocodec.entropy.coders import Group
from stereocodec.entropy.distributions import residual_bits
from stereocodec.entropy.priors import FactorizedPrior
from stereocodec.entropy.streams import StreamWriter
from stereocodec.entropy.trial import TrialCoder
from stereocodec.releases.release import load_release

SHAPE = torch.Size((2, 1, 2, 1))


def test_it_chooses_the_symbols_of_a_file(tiny_release):
    release = load_release(tiny_release)
    tables = replace(release.tables, dependence=None)  # one other symbol changes all after it
    model, quality = release.model, torch.full((2,), 0.6)
    model.entropy.double()
    x = torch.stack([torch.from_numpy(view.copy()) for view in sample_crop(64, 128)]).float() / 255
    with torch.no_grad():
        latents = model.analyse(x, quality.double(), with_choices=False)
        coder = TrialCoder(model.prior, model.laplace_share, None, latents.y.shape)
        trial = model.walk(coder, latents, quality.double(), (64, 128)).y
        written = model.walk(StreamWriter(release.lattice, tables), latents, quality.double(), (64, 128)).y
    gain = model.entropy.gains(quality.double())[1].exp()
    assert (written / gain).round().any()
    # Means of files are multiples of 1/8 or the like; symbols are whole.
    same = ((trial - written).abs() < 0.5 * gain).double().mean()
    assert same > 0.98
    torch.testing.assert_close(coder.y * gain.float(), trial)
    assert (coder.error_bits > 0).all()


def group(mean, log_scale, column):
    mask = torch.zeros(1, 2, 1, dtype=torch.bool)
    mask[0, column] = True
    return Group(0, mean, log_scale, mask, torch.full((1, 1), 10.0, dtype=torch.float64))


def test_the_gradient_is_what_a_change_costs_all_others():
    prior = FactorizedPrior(1)
    coder = TrialCoder(prior, 0.5, None, SHAPE)
    z = torch.full((2, 1, 1, 1), 1.3)
    assert torch.equal(coder.code_prior(z, (2, 1, 1, 1)), torch.ones(2, 1, 1, 1))
    y = torch.tensor([2.2, 3.1]).view(1, 1, 2, 1)
    first = coder.code(y, group(torch.zeros(1, 1, 2, 1), torch.ones(1, 1, 2, 1), 0))
    follows = first.sum()
    second = coder.code(y, group((0.5 * follows).expand(1, 1, 2, 1), (0.3 * follows).expand(1, 1, 2, 1), 1))
    assert (first + second).flatten().tolist() == [2.0, 3.0]
    (by_y,) = torch.autograd.grad(coder.bits.sum() + 7 * (first + second).sum(), coder.change_y)
    # The second symbol, 2, stays; its scale follows the first latent, and so does its mean, by which it moves along.
    value = torch.tensor(2.0, requires_grad=True)
    bits = residual_bits(torch.tensor(2.0), (0.3 * value).exp(), 0.5)
    (expected,) = torch.autograd.grad(bits, value)
    assert by_y.flatten().tolist() == pytest.approx([float(expected) + 7 * 1.5, 7, 0, 0], rel=1e-4)


def test_bits_are_those_of_the_chosen_symbols():
    prior = FactorizedPrior(1)
    coder = TrialCoder(prior, 0.5, None, SHAPE)
    coder.code_prior(torch.full((2, 1, 1, 1), 1.3), (2, 1, 1, 1))
    before = coder.bits.detach().clone()
    torch.testing.assert_close(before, prior.bits(torch.ones(2, 1, 1, 1)).sum((1, 2, 3)).detach())
    # An error is worth next to nothing: 1.4 becomes 0, and not 1.
    cheap = Group(1, torch.zeros(1, 1, 2, 1), torch.full((1, 1, 2, 1), -1.0), torch.ones(1, 2, 1, dtype=torch.bool))
    weighed = Group(1, cheap.mean, cheap.log_scale, cheap.mask, torch.full((1, 1), 0.01, dtype=torch.float64))
    decoded = coder.code(torch.full((1, 1, 2, 1), 1.4), weighed)
    assert decoded.flatten().tolist() == [0.0, 0.0]
    expected = 2 * residual_bits(torch.tensor(0.0), torch.tensor(math.exp(-1.0)), 0.5)
    assert float((coder.bits - before)[1].detach()) == pytest.approx(float(expected), rel=1e-4)


def test_bits_of_places_are_all_that_y_takes_and_fields_take_those_of_files():
    prior = FactorizedPrior(1)
    coder = TrialCoder(prior, 0.5, None, SHAPE, by_place=True)
    y = torch.tensor([2.2, 3.1]).view(1, 1, 2, 1)
    for view in (0, 1):
        for column in (0, 1):
            mean, log_scale = torch.zeros(1, 1, 2, 1), torch.full((1, 1, 2, 1), 0.5 * view)
            coder.code(y, replace(group(mean, log_scale, column), view=view))
    scales = torch.tensor([[1.0], [math.exp(0.5)]])
    torch.testing.assert_close(coder.place_bits[:, 0], residual_bits(torch.tensor([[2.0, 3.0]]), scales, 0.5))
    torch.testing.assert_close(coder.place_bits.sum((1, 2)), coder.bits.detach())
    field = torch.randint(-40, 40, (1, 9, 12), generator=torch.Generator().manual_seed(0))
    before = coder.bits.detach().clone()
    assert coder.code_disparities(1, field, (9, 12)) is field
    assert (coder.bits.detach() - before).tolist() == pytest.approx([0, adaptive_bits(field[0].numpy())], rel=1e-3)
    assert TrialCoder(prior, 0.5, None, SHAPE).place_bits is None

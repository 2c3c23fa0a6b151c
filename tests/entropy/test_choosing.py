"""The coder of training on chosen symbols: these are those of files, and all that learns has its gradient."""

from __future__ import annotations

import pytest
import torch
from conftest import sample_crop

from stereocodec.entropy.choosing import ChoosingEstimator
from stereocodec.entropy.coders import Group
from stereocodec.entropy.distributions import residual_bits
from stereocodec.entropy.priors import FactorizedPrior
from stereocodec.entropy.trial import TrialCoder
from stereocodec.releases.release import load_release


def test_a_batch_gets_the_symbols_that_each_of_its_pairs_gets(tiny_release):
    model = load_release(tiny_release).model
    left, right = (torch.from_numpy(view.copy()).float() / 255 for view in sample_crop(64, 128))
    pairs, qualities = [(left, right), (right.flip(0), left.flip(0))], (0.4, 0.9)
    both = torch.full((4,), 0.0)
    both[0::2], both[1::2] = qualities
    with torch.no_grad():
        together = model.analyse(
            torch.stack([pair[view] for view in (0, 1) for pair in pairs]), both, with_choices=False
        )
        coder = ChoosingEstimator(model.prior, model.laplace_share, None)
        decoded = model.walk(coder, together, both, (64, 128)).y
        for number, (pair, quality) in enumerate(zip(pairs, qualities, strict=True)):
            of_pair = torch.full((2,), quality)
            latents = model.analyse(torch.stack(pair), of_pair, with_choices=False)
            alone = TrialCoder(model.prior, model.laplace_share, None, latents.y.shape)
            y = model.walk(alone, latents, of_pair, (64, 128)).y
            # What is rounded the other way for the order in which sums are computed would be off by a step.
            near = (decoded[number::2] - y).abs() < 0.5 * model.entropy.gains(of_pair)[1].exp()
            assert near.double().mean() > 0.999
            assert y.any()


@pytest.mark.parametrize("encoder_learns", [False, True])
def test_gradients_are_those_of_chosen_symbols(encoder_learns):
    coder = ChoosingEstimator(FactorizedPrior(1), 0.5, None)
    z = torch.full((2, 1, 1, 1), 1.3, requires_grad=encoder_learns)
    assert torch.equal(coder.code_prior(z, (2, 1, 1, 1)), torch.ones(2, 1, 1, 1))
    before = coder.bits[0]
    # Of z, of which nothing is chosen, an encoder that learns has the bits of noise.
    rounded = coder._prior.bits(torch.ones(1, 1, 1, 1)).sum()
    assert torch.isclose(before, rounded) != encoder_learns
    # Symbols 2, 0 because it is cheaper, and 0 because it is nearest; the last element is of another group.
    y = torch.tensor([2.2, 0.9, 0.3, 5.0]).view(1, 1, 4, 1).requires_grad_(encoder_learns)
    mean = torch.full((1, 1, 4, 1), 0.1, requires_grad=True)
    log_scale = torch.tensor([0.5, -1.0, -1.0, 0.0]).view(1, 1, 4, 1).requires_grad_()
    mask = torch.tensor([True, True, True, False]).view(1, 4, 1)
    torch.manual_seed(5)
    decoded = coder.code(y, Group(0, mean, log_scale, mask, torch.full((1, 1), 3.0, dtype=torch.float64)))
    assert decoded.flatten().tolist() == pytest.approx([2.1, 0.1, 0.1, 0.0])
    bits = coder.bits[0] - before
    symbols = torch.tensor([2.0, 0.0, 0.0], requires_grad=True)
    scale = torch.tensor([0.5, -1.0, -1.0], requires_grad=True)
    expected = residual_bits(symbols, scale.exp(), 0.5).sum()
    assert float(bits.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    by_symbol, by_scale = torch.autograd.grad(expected, (symbols, scale))
    assert by_symbol[1:].tolist() == [0, 0]
    cost = bits + 7 * decoded.sum()
    by_mean, by_level = torch.autograd.grad(cost, (mean, log_scale), retain_graph=True)
    assert by_mean.flatten().tolist() == pytest.approx([-float(by_symbol[0]), 7, 7, 0], rel=1e-4)
    assert by_level.flatten().tolist() == pytest.approx([*by_scale.tolist(), 0], rel=1e-4)
    if not encoder_learns:
        return
    torch.manual_seed(5)
    noisy = (torch.tensor([2.1, 0.8, 0.2]) + torch.empty(1, 3).uniform_(-0.5, 0.5)).requires_grad_()
    (by_noisy,) = torch.autograd.grad(residual_bits(noisy, scale.detach().exp(), 0.5).sum(), noisy)
    (by_y,) = torch.autograd.grad(cost, y)
    assert by_y.flatten().tolist() == pytest.approx([*(7 + by_noisy).flatten().tolist(), 0], rel=1e-4)
    (by_z,) = torch.autograd.grad(before, z)
    assert by_z[0].any()

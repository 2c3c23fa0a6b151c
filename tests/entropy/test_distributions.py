"""The densities of latents and their derivatives."""

from __future__ import annotations

import math

import pytest
import torch

from stereocodec.entropy.distributions import SCALE_MAX, SCALE_MIN, chosen_bits, residual_bits, scale_from_log


@pytest.fixture
def elements():
    generator = torch.Generator().manual_seed(0)
    residual = 3 * torch.randn(2, 500, generator=generator)
    log_scale = 2 * torch.randn(2, 500, generator=generator)
    log_scale[:, 100] = math.log(SCALE_MIN) - 1
    log_scale[:, 101] = math.log(SCALE_MAX) + 1
    chosen = torch.randperm(500, generator=generator)[:200].sort().values
    chosen[:2] = torch.tensor([100, 101])
    noise = torch.rand(2, 200, generator=generator) - 0.5
    return residual.requires_grad_(), log_scale.requires_grad_(), chosen, noise


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("noisy", [True, False])
def test_bits_and_derivatives_of_chosen_elements(elements, share, noisy):
    residual, log_scale, chosen, noise = elements
    seen = residual[:, chosen]
    seen = seen + (noise if noisy else (seen.round() - seen).detach())
    expected = residual_bits(seen, scale_from_log(log_scale[:, chosen]), share).sum(1)
    found = chosen_bits(residual, log_scale, chosen, share, noise if noisy else None)
    torch.testing.assert_close(found, expected)
    weights = torch.tensor([1.0, 0.3])
    textbook = torch.autograd.grad((expected * weights).sum(), (residual, log_scale))
    closed_form = torch.autograd.grad((found * weights).sum(), (residual, log_scale))
    for own, reference in zip(closed_form, textbook, strict=True):
        torch.testing.assert_close(own, reference, rtol=2e-3, atol=1e-4)

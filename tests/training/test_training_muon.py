"""Muon: updates with singular values near one, as PyTorch's own, for many matrices at once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stereocodec.models import build_model
from stereocodec.training import muon
from stereocodec.training.config import TrainingConfig
from stereocodec.training.muon import Muon, orthogonal
from stereocodec.training.optimisers import make_optimisers

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPES = [(24, 24), (24, 60), (60, 24), (24, 24), (7, 90), (24, 60)]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=str)
def numbers(request, monkeypatch):
    """What products are computed in, whatever the processor has."""
    monkeypatch.setattr(muon, "fast_type", lambda device: request.param)
    return request.param


def matrices(seed=0):
    generator = torch.Generator().manual_seed(seed)
    drawn = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    for matrix in drawn:
        matrix.grad = 1e-3 * torch.randn(matrix.shape, generator=generator)
    return drawn


def updates(optimiser, parameters, steps):
    """What the last of some steps with constant gradients changes."""
    for _ in range(steps):
        before = [p.detach().clone() for p in parameters]
        optimiser.step()
    return [p.detach() - b for p, b in zip(parameters, before, strict=True)]


def moved():
    """By what some matrices are moved, by number."""
    parameters = matrices()
    changes = updates(Muon(parameters, 0.1), parameters, 2)
    return {str(number): change for number, change in enumerate(changes)}


@pytest.mark.parametrize("steps", [1, 2])
def test_updates_are_those_of_torch(numbers, steps):
    mine, theirs = matrices(), matrices()
    expected = updates(torch.optim.Muon(theirs, 0.1, weight_decay=0.0, momentum=0.95), theirs, steps)
    # Which leaves singular values between 0.7 and 1.2.
    for update, other in zip(updates(Muon(mine, 0.1), mine, steps), expected, strict=True):
        assert (update * other).sum() > 0.95 * update.norm() * other.norm()
        assert 0.9 < update.norm() / other.norm() < 1.25


def test_momentum_is_that_of_torch():
    mine, theirs = matrices(), matrices()
    ours, torchs = Muon(mine, 0.1), torch.optim.Muon(theirs, 0.1, weight_decay=0.0, momentum=0.95)
    for seed in range(3):
        for parameters in (mine, theirs):
            for p, other in zip(parameters, matrices(seed), strict=True):
                p.grad = other.grad
        ours.step()
        torchs.step()
    for p, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(ours.state[p]["momentum_buffer"], torchs.state[other]["momentum_buffer"])


def test_singular_values_of_updates_are_near_the_rate(numbers):
    # Rectangles of random numbers are far enough from losing a rank for the four rounds.
    parameters = [p for p in matrices() if p.shape[0] != p.shape[1]]
    for update in updates(Muon(parameters, 0.1), parameters, 1):
        rows, columns = update.shape
        values = torch.linalg.svdvals(update) / (0.1 * max(1, rows / columns) ** 0.5)
        assert 0.8 < values.min() < values.max() < 1.2


def test_directions_stay_and_small_ones_grow():
    left, _ = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(0)))
    sizes = torch.logspace(0, -2, 8)
    (result,) = orthogonal((left * sizes)[None])
    assert ((left.T @ result).diagonal() - 1).abs().max() < 0.14  # of 1 down to 0.01
    torch.testing.assert_close(left.T @ result, (left.T @ result).diagonal().diag(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_singular_value_exceeds_its_bound_where_one_dominates(dtype):
    # As in gradients: the bound of the largest is then the largest itself, and rounding goes beyond it.
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(32, 48, 1, generator=generator), torch.randn(32, 1, 96, generator=generator)]
    matrices = parts[0] @ parts[1] + 0.01 * torch.randn(32, 48, 96, generator=generator)
    assert torch.linalg.svdvals(orthogonal(matrices.to(dtype)).float()).max() < 1.2


def test_matrices_without_gradient_stay_and_gradients_of_zero_do_no_harm():
    parameters = matrices()
    parameters[0].grad, parameters[1].grad = None, torch.zeros_like(parameters[1])
    before = [p.detach().clone() for p in parameters]
    optimiser = Muon(parameters, 0.1)
    optimiser.step()
    changed = [not torch.equal(p, b) for p, b in zip(parameters, before, strict=True)]
    assert changed == [False, False, True, True, True, True]
    assert all(bool(p.isfinite().all()) for p in parameters)
    assert parameters[0] not in optimiser.state


def test_layers_that_start_as_a_transform_move_at_a_fifth_of_the_rate():
    model = build_model("bisic-rt", {})
    settings = TrainingConfig(optimiser="muon", learning_rate=1e-3, muon_learning_rate=2e-3)
    groups = [group for optimiser in make_optimisers(model, settings) for group in optimiser.param_groups]
    rate_of = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert len(rate_of) == sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    rates = {name: rate_of[id(p)] for name, p in model.named_parameters()}
    for name in ("analysis.head", "synthesis.up.linear", "entropy.prediction.latents"):
        assert rates[f"{name}.weight"] == pytest.approx(4e-4)
    assert rates["analysis.stage8.0.mix.weight"] == rates["entropy.outputs.weight"] == 2e-3
    assert rates["analysis.head.bias"] == 1e-3
    assert rates["entropy.prior.log_scale"] == 5e-3

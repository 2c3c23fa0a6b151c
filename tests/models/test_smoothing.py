"""Smoothing that keeps edges."""

from __future__ import annotations

import pytest
import torch
from conftest import TINY

from stereocodec.models import build_model
from stereocodec.models.bisic_rt import smoothing
from stereocodec.models.bisic_rt.config import BisicRtConfig, step_size
from stereocodec.models.bisic_rt.disparity import BLOCK
from stereocodec.models.bisic_rt.smoothing import Smoothing

QUALITY = torch.tensor([0.3, 0.6])


def smoother(slope: float | None = None) -> Smoothing:
    """One whose flows grow by a slope for luma, or random ones, with random gates."""
    torch.manual_seed(0)
    module = Smoothing(BisicRtConfig(channels8=16, smoothing=True))
    if slope is None:
        torch.nn.init.normal_(module.gates.weight, std=0.2)
        for knots in (module.luma, module.chroma):
            torch.nn.init.normal_(knots.values, std=0.05)
    else:
        torch.nn.init.constant_(module.luma.values, slope)
    return module.eval()


def inputs(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.rand(2, height, width, 3, generator=generator)
    return pictures, torch.randn(2, height // 8, width // 8, 16, generator=generator), QUALITY


def test_changes_nothing_at_the_start():
    pictures, features, quality = inputs(64, 128)
    assert torch.equal(Smoothing(BisicRtConfig(channels8=16))(pictures, features, quality), pictures)


def test_ripples_of_less_than_a_step_even_out_and_edges_stay():
    step = (step_size(BisicRtConfig(), QUALITY) / 255).view(-1, 1, 1, 1)
    _, features, quality = inputs(64, 64)
    column = torch.arange(64).view(1, 1, -1, 1)
    edge = (column >= 32).float() * torch.ones(2, 64, 64, 3)
    rippled = edge + 0.05 * step * (1 - 2 * (column % 2))
    with torch.inference_mode():
        smoothed = smoother(0.02)(rippled, features, quality)
    ripple, left = (rippled - edge)[:, :, 4:28], (smoothed - edge)[:, :, 4:28]
    assert (left.abs().amax((1, 2, 3)) < 0.6 * ripple.abs().amax((1, 2, 3))).all()
    across = (smoothed[:, :, 32:] - smoothed[:, :, :32].flip(2)).mean((1, 2, 3))
    assert (across > 0.99).all()


def test_what_a_pixel_gains_its_neighbour_loses():
    pictures, features, quality = inputs(64, 128)
    with torch.inference_mode():
        smoothed = smoother()(pictures, features, quality)
    assert (smoothed - pictures).abs().max() > 1e-3
    torch.testing.assert_close(smoothed.mean((1, 2)), pictures.mean((1, 2)), atol=1e-6, rtol=0)


def test_rows_are_smoothed_some_at_a_time_as_all_at_once(monkeypatch):
    pictures, features, quality = inputs(64, 128)
    module = smoother()
    with torch.inference_mode():
        whole = module(pictures, features, quality)
        monkeypatch.setattr("stereocodec.nn.tiles._ROW_BYTES", 5 * pictures[:, 0].numel() * 4)
        torch.testing.assert_close(module(pictures, features, quality), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [smoothing._LUMA, smoothing._CHROMA], ids=["luma", "chroma"])
def test_gradients(kind):
    generator = torch.Generator().manual_seed(2)
    shapes = (2, 7, 9), (smoothing._GATES, 2, 7, 9), (2, len(kind.gates), len(kind.limits))
    plane, gates, slopes = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    )
    assert torch.autograd.gradcheck(lambda *tensors: smoothing._Exchange.apply(*tensors, kind), (plane, gates, slopes))


def test_models_with_smoothing_start_as_others_do():
    torch.manual_seed(3)
    without = build_model("bisic-rt", TINY | {"smoothing": False})
    model = build_model("bisic-rt", TINY)
    model.load_state_dict(model.weights_of(without))
    y, quality = torch.randn(2, 4, 4, TINY["latent_channels"]), torch.full((2,), 0.5)
    assert torch.equal(model.synthesis(y, quality), without.synthesis(y, quality))
    assert model.synthesis.smoothing.gates.bias.eq(1).all()


def test_bands_have_as_many_rows_beside_them_as_smoothing_sees():
    torch.manual_seed(4)
    model = build_model("bisic-rt", TINY | {"blocks8": 2, "blocks16": 3}).double()
    for parameter in model.synthesis.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    y, quality = torch.randn(2, 24, 4, TINY["latent_channels"], dtype=torch.float64), torch.full((2,), 0.5)
    changed = y.clone()
    changed[:, 12] += 1
    with torch.inference_mode():
        difference = model.synthesis(changed, quality) - model.synthesis(y, quality)
    rows = difference.abs().amax((0, 2, 3)).nonzero()[:, 0]
    reach = max(12 * BLOCK - int(rows[0]), int(rows[-1]) + 1 - 13 * BLOCK)
    assert model.band_margin - BLOCK < reach <= model.band_margin

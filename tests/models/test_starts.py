"""What an untrained bisic-rt starts as: a lapped transform codec whose blocks do not show."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import TINY, pictures

from stereocodec.models import build_model
from stereocodec.models.bisic_rt.blocks import space_to_depth
from stereocodec.models.bisic_rt.dct import colour_dct, dct16_step, dct_matrix, luma_chroma_matrix
from stereocodec.models.bisic_rt.lapped import LappedBorders
from stereocodec.models.bisic_rt.model import BisicRtConfig
from stereocodec.models.bisic_rt.transforms import QualityGains

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.mark.parametrize(
    "matrix",
    [dct_matrix(8), dct_matrix(5), luma_chroma_matrix(), colour_dct(192)[0], colour_dct(40)[0]]
    + [dct16_step(colour_dct(192)[0], count) for count in (768, 100)],
)
def test_starting_points_have_orthonormal_rows(matrix):
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(len(matrix)), atol=1e-5, rtol=0)


def test_dct_matrix_is_the_textbook_one():
    expected = [
        [math.sqrt((1 if u == 0 else 2) / 8) * math.cos(math.pi * (2 * i + 1) * u / 16) for i in range(8)]
        for u in range(8)
    ]
    torch.testing.assert_close(dct_matrix(8), torch.tensor(expected))


def test_the_lowest_frequencies_come_first():
    basis, frequency = colour_dct(192)
    assert torch.all(frequency.diff() >= 0)
    flat_luma = torch.full((192,), 1 / math.sqrt(192))
    torch.testing.assert_close(basis[0], flat_luma)
    torch.testing.assert_close(dct16_step(basis, 1).reshape(4, 192)[:, 0], torch.full((4,), 0.5))


def test_the_second_stage_makes_16x16_functions():
    head, _ = colour_dct(192)
    blocks = torch.rand(3, 16, 16, 3)
    coefficients = space_to_depth(space_to_depth(blocks, 8) @ head.T, 2)[:, 0, 0] @ dct16_step(head, 768).T
    basis = dct_matrix(16)
    expected = torch.einsum("ui,vj,cd,nijd->nuvc", basis, basis, luma_chroma_matrix(), blocks)
    torch.testing.assert_close(coefficients.sort(1).values, expected.reshape(3, 768).sort(1).values, atol=1e-4, rtol=0)


ALL = {"channels8": 192, "channels16": 768, "latent_channels": 768, "entropy_channels": 4, "hyper_channels": 4}


def test_an_untrained_model_with_all_channels_reconstructs_perfectly():
    model = build_model("bisic-rt", ALL | {"blocks8": 0, "blocks16": 0, "expansion": 0.25})
    x = pictures(64, 128)
    y = model.analysis(x)
    assert y.shape == (2, 4, 8, 768)
    torch.testing.assert_close(model.synthesis(y, torch.tensor([0.3, 0.7])), x, atol=2e-5, rtol=0)
    lapped = model.analysis.borders.lap(x - 0.5)
    torch.testing.assert_close(y.square().sum(), lapped.square().sum(), rtol=1e-4, atol=0)  # Parseval


def test_an_untrained_model_is_a_projection():
    x, quality = pictures(64, 64), torch.full((2,), 0.5)
    errors = []
    for channels in (16, 64, 192):
        model = build_model("bisic-rt", TINY | {"channels8": 192, "channels16": channels, "latent_channels": channels})
        once = model.synthesis(model.analysis(x), quality)
        torch.testing.assert_close(model.synthesis(model.analysis(once), quality), once, atol=2e-5, rtol=0)
        errors.append(float((once - x).square().mean()))
    assert errors[0] > errors[1] > errors[2] > 0


def test_an_untrained_model_shows_no_edges_of_blocks():
    """Few coefficients are kept, as at low quality: steps across blocks stand out only where blocks do not overlap."""
    x, quality = pictures(128, 256), torch.full((2,), 0.5)
    model = build_model("bisic-rt", TINY | {"channels8": 192, "channels16": 192, "latent_channels": 192})

    def prominence():
        y = model.analysis(x)
        shown = model.synthesis(torch.where(y.abs() > 0.25, y, 0), quality)
        steps = shown.diff(dim=2).abs().mean((0, 1, 3))
        edges = steps[15::16].mean()
        return float(edges / torch.cat([steps[i::16] for i in range(15)]).mean())

    lapped = prominence()
    for borders in (model.analysis.borders, model.synthesis.borders):
        borders.before.copy_(torch.eye(16))
        borders.behind.copy_(torch.eye(16))
    assert lapped < 1.15
    assert prominence() > 1.5


def test_lapping_and_its_inverse():
    borders = LappedBorders()
    x = torch.rand(2, 48, 80, 3, dtype=torch.float64)
    lapped = borders.lap(x)
    torch.testing.assert_close(borders.unlap(lapped), x, atol=2e-5, rtol=0)
    assert torch.equal(lapped[:, :8, :8], x[:, :8, :8])  # the outermost samples have no neighbours to overlap with
    flat = torch.full((1, 32, 32, 3), 0.3, dtype=torch.float64)
    torch.testing.assert_close(borders.lap(flat), flat, atol=2e-5, rtol=0)
    one_block = torch.rand(1, 16, 16, 3)
    assert torch.equal(borders.lap(one_block), one_block)


def test_filters_are_the_same_numbers_everywhere():
    """They lead to probabilities: float32 and float64 must hold the very same, whatever computed the inverse."""
    borders = LappedBorders()
    for matrix in (borders.before, borders.behind):
        assert matrix.dtype == torch.float64
        assert torch.equal(matrix * 2**20, (matrix * 2**20).round())
        assert torch.equal(matrix.float().double(), matrix)


def test_gains_of_encoder_and_decoder_start_inverse():
    gains = QualityGains(BisicRtConfig(**TINY))
    encoder, decoder = gains(torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64))
    assert encoder.shape == (3, 1, 1, TINY["latent_channels"])
    torch.testing.assert_close(encoder + decoder, torch.zeros_like(encoder))
    assert torch.all(encoder[1:] > encoder[:-1])  # finer quantisation at better quality

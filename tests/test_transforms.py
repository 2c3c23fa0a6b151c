"""The networks' parts: starting points, spatial and cross-view mixing, quality, and the order of coding."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import TINY, sample_crop, tiny_model

from stereocodec.models import build_model
from stereocodec.models.bisic_rt import BisicRtConfig, trade_off
from stereocodec.models.rt_entropy import STEPS, step_pattern
from stereocodec.models.rt_transforms import QualityGains
from stereocodec.nn.blocks import (
    DepthwiseConv,
    Downsample,
    GatedBlock,
    QualityKnots,
    RowAttention,
    Upsample,
    depth_to_space,
    space_to_depth,
)
from stereocodec.nn.dct import colour_dct, dct16_step, dct_matrix, luma_chroma_matrix
from stereocodec.nn.lapped import LappedBorders


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        yield


def randomised(module, std=0.5):
    for parameter in module.parameters():
        parameter.normal_(std=std)
    return module


def pictures(height, width):
    return torch.from_numpy(np.stack(sample_crop(height, width))).float() / 255


# Starting points


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


# Rearrangements


@pytest.mark.parametrize("block", [1, 2, 8])
def test_space_to_depth_and_back(block):
    x = torch.randn(2, 16, 24, 3)
    y = space_to_depth(x, block)
    assert y.shape == (2, 16 // block, 24 // block, 3 * block * block)
    assert torch.equal(depth_to_space(y, block), x)


def test_space_to_depth_orders_row_column_channel():
    x = torch.arange(2 * 4 * 3).reshape(1, 2, 4, 3)
    y = space_to_depth(x, 2)
    assert y[0, 0, 1].tolist() == x[0, :2, 2:4].reshape(-1).tolist()


def test_down_and_upsampling_are_strided_convolutions():
    x = torch.randn(2, 6, 8, 5)
    down, up = Downsample(5, 7), Upsample(5, 7)
    kernel = down.linear.weight.reshape(7, 2, 2, 5).permute(0, 3, 1, 2)
    expected = F.conv2d(x.permute(0, 3, 1, 2), kernel, down.linear.bias, stride=2)
    torch.testing.assert_close(down(x), expected.permute(0, 2, 3, 1))
    up.linear.bias.zero_()
    kernel = up.linear.weight.reshape(2, 2, 7, 5).permute(3, 2, 0, 1)
    expected = F.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, stride=2)
    torch.testing.assert_close(up(x), expected.permute(0, 2, 3, 1))


# Blocks


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 4)])
def test_depthwise_convolution_in_float64_is_that_of_pytorch(kernel_size, size):
    layer = randomised(DepthwiseConv(6, kernel_size).double())
    x = torch.randn(2, *size, 6, dtype=torch.float64)
    padding = kernel_size // 2
    expected = F.conv2d(x.permute(0, 3, 1, 2), layer.weight, layer.bias, padding=padding, groups=6)
    torch.testing.assert_close(layer(x), expected.permute(0, 2, 3, 1), atol=1e-12, rtol=0)
    torch.testing.assert_close(layer.float()(x.float()).double(), layer.double()(x), atol=1e-4, rtol=0)


@pytest.mark.parametrize("normalise", [False, True])
def test_new_blocks_are_the_identity(normalise):
    x = torch.randn(4, 3, 5, 8)
    assert torch.equal(GatedBlock(8, normalise=normalise)(x), x)
    assert torch.equal(RowAttention(8)(x), x)


def test_gated_blocks_keep_views_and_distant_positions_apart():
    block = randomised(GatedBlock(8, kernel_size=5, normalise=True))
    x = torch.randn(2, 7, 9, 8)
    changed = x.clone()
    changed[1, 3, 4] += torch.randn(8)
    moved = (block(changed) != block(x)).any(-1)
    assert not moved[0].any()
    expected = torch.zeros(7, 9, dtype=torch.bool)
    expected[1:6, 2:7] = True
    assert torch.equal(moved[1], expected)


def test_row_attention_sees_its_row_of_the_other_view_of_its_pair():
    pairs, height, width = 2, 4, 5
    attention = randomised(RowAttention(8))
    x = torch.randn(2 * pairs, height, width, 8)
    for view, pair in ((0, 0), (1, 1)):
        changed = x.clone()
        changed[view * pairs + pair, 2, 3] += 1 + torch.randn(8)
        moved = (attention(changed) != attention(x)).any(-1)
        expected = torch.zeros(2 * pairs, height, width, dtype=torch.bool)
        expected[(1 - view) * pairs + pair, 2] = True  # the whole row of the other view
        expected[view * pairs + pair, 2, 3] = True  # and the position itself
        assert torch.equal(moved, expected)


def test_row_attention_is_the_same_in_training():
    attention = randomised(RowAttention(8))
    x = torch.randn(4, 3, 7, 8)
    with torch.enable_grad():
        trained = attention(x)
    torch.testing.assert_close(trained, attention(x))


def test_the_synthesis_sees_what_the_first_view_predicts_of_the_second():
    model = tiny_model()
    y, quality = torch.randn(2, 4, 8, TINY["latent_channels"]), torch.full((2,), 0.5)
    without = model.synthesis(y, quality)
    torch.testing.assert_close(model.synthesis(y, quality, torch.zeros(1, 64, 128, 3)), without)
    seen = model.synthesis(y, quality, torch.rand(1, 64, 128, 3)) - without
    assert seen[1].abs().mean() > 1e-3
    untrained = build_model("bisic-rt", TINY)
    predicted = torch.rand(1, 64, 128, 3)
    assert torch.equal(untrained.synthesis(y, quality, predicted), untrained.synthesis(y, quality))


def test_row_attention_tells_left_from_right():
    attention = randomised(RowAttention(8))
    x = torch.randn(1, 2, 5, 8).expand(2, -1, -1, -1)
    assert not torch.allclose(*attention(x), atol=1e-3)
    attention.view_embedding.zero_()
    torch.testing.assert_close(*attention(x))


def test_knots_are_interpolated_linearly():
    knots = randomised(QualityKnots(5, 3))
    at_knots = knots(torch.linspace(0, 1, 5, dtype=torch.float64))[:, 0, 0]
    torch.testing.assert_close(at_knots, knots.values.data)
    between = knots(torch.tensor([0.3125]))[0, 0, 0]  # a quarter of the way from knot 1 to knot 2
    torch.testing.assert_close(between, 0.75 * knots.values[1] + 0.25 * knots.values[2])


def test_trade_off_is_log_linear():
    config = BisicRtConfig()
    assert trade_off(config, torch.tensor(0.0)).item() == pytest.approx(config.lambda_min)
    assert trade_off(config, torch.tensor(1.0)).item() == pytest.approx(config.lambda_max)
    middle = trade_off(config, torch.tensor(0.5)).item()
    assert middle == pytest.approx(math.sqrt(config.lambda_min * config.lambda_max))


# The order of coding


def test_step_pattern():
    channels = 12
    pattern = step_pattern(6, 8, channels, torch.device("cpu"))
    assert pattern.shape == (6, 8, channels)
    every_step = torch.arange(STEPS)
    for row in range(6):
        for column in range(8):
            steps, counts = pattern[row, column].unique(return_counts=True)
            assert torch.equal(steps, every_step)
            assert torch.all(counts == channels // STEPS)  # a quarter of the channels per step
    for row in range(5):
        for column in range(7):
            window = pattern[row : row + 2, column : column + 2].reshape(4, channels)
            assert torch.equal(window.sort(0).values, every_step[:, None].expand(4, channels))


class MaskCoder:
    """Decodes zeros and remembers which elements of which view it was asked for."""

    def __init__(self):
        self.masks = ([], [])

    def code_prior(self, z, shape, *, views=2):
        return torch.zeros(shape, dtype=torch.float64)

    def code(self, y, group):
        assert group.mean.shape == group.log_scale.shape == (1, *group.mask.shape)
        assert group.weight.shape == (1, group.mask.shape[-1])
        self.masks[group.view].append(group.mask)
        return torch.zeros_like(group.mean)

    def code_field(self, view, field, size):
        return torch.zeros((1, *size), dtype=torch.int64)


@pytest.mark.parametrize("stereo", [True, False])
def test_a_walk_asks_for_each_element_once(stereo):
    model = build_model("bisic-rt", TINY | {"stereo": stereo})
    model.make_exact()
    coder = MaskCoder()
    decoded = model.walk(coder, None, torch.tensor([0.5, 0.5], dtype=torch.float64), (64, 192))
    assert decoded.y.dtype == torch.float64
    assert decoded.residual is None
    for masks in coder.masks:
        assert len(masks) == STEPS
        times = sum(mask.int() for mask in masks)
        assert times.shape == (4, 12, TINY["latent_channels"])
        assert torch.all(times == 1)


def test_calibration_makes_normalised_latents():
    model = tiny_model()
    x = pictures(128, 128)
    quality = torch.full((2,), 0.9)
    mean, log_scale, unit = model.entropy.base(quality)
    gain = model.entropy.gains(quality)[0].exp()
    y = model.analysis(x) * gain
    torch.testing.assert_close(y.mean((0, 1, 2)), mean[0, 0, 0], atol=1e-2, rtol=1e-3)
    deviation = (y - mean).abs().mean((0, 1, 2))
    torch.testing.assert_close(unit[0, 0, 0], (deviation.square() + 0.25).sqrt(), rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(log_scale[0, 0, 0], (deviation.square() + 0.01).sqrt().log(), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    "arguments",
    [{"channels8": 130}, {"channels16": 0}, {"knots": 1}, {"lambda_min": 0.0}, {"lambda_max": 1e-9}, {"blocks8": -1}],
)
def test_impossible_architectures_are_refused(arguments):
    with pytest.raises(ValueError, match="impossible"):
        build_model("bisic-rt", arguments)

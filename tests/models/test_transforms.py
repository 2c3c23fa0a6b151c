"""The networks' parts: spatial and cross-view mixing, quality, and the order of coding."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from conftest import TINY, pictures, tiny_model
from torch import nn

from stereocodec.models import build_model
from stereocodec.models.bisic_rt.blocks import (
    Downsample,
    GatedBlock,
    QualityKnots,
    RowAttention,
    Upsample,
    depth_to_space,
    space_to_depth,
)
from stereocodec.models.bisic_rt.entropy import STEPS, step_pattern
from stereocodec.models.bisic_rt.model import BisicRtConfig, trade_off
from stereocodec.nn.exact import DepthwiseConv, DoublingConv, PlanarConv

pytestmark = pytest.mark.usefixtures("seeded")


def randomised(module, std=0.5):
    for parameter in module.parameters():
        parameter.normal_(std=std)
    return module


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


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 4)])
@pytest.mark.parametrize(
    "layer",
    [PlanarConv(3, 4, 1), PlanarConv(3, 4, 5), DoublingConv(3, 4, 1), DoublingConv(3, 4, 3), DoublingConv(3, 4, 5)],
)
def test_layers_of_planes_in_float64_are_those_of_pytorch(layer, size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    layer, theirs = randomised(layer.double()), type(layer).__base__
    with torch.no_grad():
        torch.testing.assert_close(layer(x), theirs.forward(layer, x), atol=1e-12, rtol=0)
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


@pytest.mark.parametrize("trained", [False, True])
def test_bounded_blocks_add_no_more_than_products_of_eight(trained):
    bounded = randomised(GatedBlock(8, bounded=True))
    free = GatedBlock(8)
    free.load_state_dict(bounded.state_dict())
    nn.init.zeros_(bounded.spatial_out.weight)
    nn.init.zeros_(free.spatial_out.weight)
    small, large = torch.randn(2, 3, 5, 8) / 8, torch.randn(2, 3, 5, 8) * 1e6
    with torch.set_grad_enabled(trained):
        assert torch.equal(bounded(small), free(small))
        assert (free(large) - large).abs().max() > 1e10
        added = (bounded(large) - large - bounded.spatial_out.bias).abs()
    assert (added <= 1.01 * (8 * bounded.mix.weight.abs().sum(1) + bounded.mix.bias.abs()) + 1).all()


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

    code_disparities = code_field


@pytest.mark.parametrize("stereo", [True, False])
def test_a_walk_asks_for_each_element_once(stereo):
    model = build_model("bisic-rt", TINY | {"stereo": stereo})
    model.make_exact()
    coder = MaskCoder()
    decoded = model.walk(coder, None, torch.tensor([0.5, 0.5], dtype=torch.float64), (64, 192))
    assert decoded.quality.dtype == torch.float64
    assert decoded.y.dtype == torch.float32  # as the synthesis takes it
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
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} is .*; it must be"):
        build_model("bisic-rt", arguments)

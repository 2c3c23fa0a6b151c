"""ECSIC in training: its loss, rates and gradients against those of its authors' code, and its starting weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from conftest import sample_crop
from ecsic_networks import QUALITY, SIZE, pictures, reference, reference_model, small_model, stream_of
from published import official_state

from stereocodec.entropy.distributions import lower_bound, residual_bits, scale_from_log
from stereocodec.models.ecsic.keys import official_names, own_layout
from stereocodec.training.pairs.losses import PairRateDistortion


class GivenNoise:
    """The rate estimator with the noise of the reference's training pass, by stream."""

    def __init__(self, model):
        self._model = model
        self._noise = {
            stream: reference()[f"train/noise_{stream}"].permute(0, 2, 3, 1) for stream in ("z_l", "z_r", "y_l", "y_r")
        }
        self.bits = {}

    def code_prior(self, z, shape, *, views=2):
        self.bits["z_l"] = self._model.prior.bits(z + self._noise["z_l"]).sum((1, 2, 3))
        return z + (z.round() - z).detach()

    def code(self, y, group):
        stream, residual = stream_of(group), y - group.mean
        scale = scale_from_log(group.log_scale)
        bits = residual_bits(residual + self._noise[stream], scale, self._model.laplace_share)
        self.bits[stream] = bits.sum((1, 2, 3))
        rounded = residual.round() + group.mean
        return y + (rounded - y).detach()


@pytest.fixture(scope="module")
def training_pass():
    """The model with the training pass' gradients, the coder and the loss."""
    model, x, channels = reference_model(), pictures(), 6
    with torch.no_grad():
        model.entropy.right_context.outputs[1].bias[channels:] += 8
        model.entropy.left_parameters.bias[channels:] += 8
        model.entropy.hyper_context.layers[4].bias[channels:] += 8
        model.prior.scale.fill_(3)
    coder = GivenNoise(model)
    decoded = model.reconstruct(model.walk(coder, model.analyse(x, QUALITY), QUALITY, SIZE))
    rate = sum(bits.mean() for bits in coder.bits.values()) / 2 / math.prod(SIZE)
    distortion = ((decoded - x) ** 2).mean() * 65025
    trade = float(reference()["train/lmda"])
    assert trade == pytest.approx(model.config.lambda_)
    loss = (rate + trade * distortion) / (1 + trade)
    loss.backward()
    return model, coder, loss.detach()


def test_training_loss_and_bits_are_the_references(training_pass):
    _, coder, loss = training_pass
    assert float(loss) == pytest.approx(float(reference()["train/loss"]), rel=1e-4)
    for stream, bits in coder.bits.items():
        torch.testing.assert_close(bits.detach(), reference()[f"train/bits_{stream}"], rtol=1e-4, atol=0)


def in_official_order(key, own, shape):
    """Our tensor's values, flat, in the order of the official tensor of that shape."""
    places = own_layout(key, torch.arange(own.numel()).view(shape))
    values = torch.empty_like(own).flatten()
    values[places.flatten()] = own.flatten()
    return values


def test_training_gradients_are_the_references(training_pass):
    names, parameters = official_names(), dict(training_pass[0].named_parameters())
    shapes = {key: tensor.shape for key, tensor in official_state("ecsic").items()}
    gradients = {key.removeprefix("train/grad/"): value for key, value in reference().items() if "/grad/" in key}
    assert len(gradients) == 186
    for key, expected in gradients.items():
        found = in_official_order(key, parameters[names[key]].grad, shapes[key])
        if found.numel() > 512:
            found = found[::7]
        assert found.shape == expected.shape
        worst = (found - expected).abs().max() / expected.abs().max()
        assert worst < 1e-3, key


def test_the_models_loss_is_the_papers():
    model = small_model()
    quality = torch.zeros(2)
    trade, weight = model.trade_off(quality), model.loss_weight(quality)
    torch.testing.assert_close(trade, torch.full((2,), float(reference()["train/lmda"])))
    torch.testing.assert_close(weight, torch.full((2,), 1 / 1.01))


def test_rates_of_single_elements_are_the_references():
    distance = reference()["unit/rate_y_minus_mu"].clone().requires_grad_()
    raw_scale = reference()["unit/rate_b_raw"].clone().requires_grad_()
    bits = residual_bits(distance, math.sqrt(2) * lower_bound(raw_scale, 0.1), 1.0)
    bits.sum().backward()
    expected = reference()["unit/rate_bits"]
    # The reference subtracts two float32 values near 1: in its tail it has steps, and reaches its floor early.
    near, tail, floor = expected < 20, (expected >= 20) & (expected < 29), expected >= 29
    assert all(part.any() for part in (near, tail, floor))
    torch.testing.assert_close(bits[near], expected[near], atol=0.02, rtol=0)
    torch.testing.assert_close(bits[tail], expected[tail], atol=0.15, rtol=0)
    assert ((bits[floor] > 24.5) & (bits[floor] <= expected[floor])).all()
    for gradient, name in ((distance.grad, "y"), (raw_scale.grad, "b")):
        # At a distance of exactly half a step the densities' formulas meet, and autograd takes neither's slope.
        compared = (expected < 16) & (distance.detach().abs() != 0.5)
        torch.testing.assert_close(
            gradient[compared], reference()[f"unit/rate_grad_{name}"][compared], atol=1e-5, rtol=1e-3
        )
    below = (raw_scale < 0.1) & (expected < 16)
    lifted = raw_scale.grad[below] != 0
    assert lifted.any()
    assert not lifted.all()
    assert torch.equal(lifted, reference()["unit/rate_grad_b"][below] != 0)


def test_a_training_step_reaches_every_parameter():
    torch.manual_seed(0)
    model = small_model()
    x = torch.from_numpy(np.stack(sample_crop(64, 64))).float() / 255
    loss, bits, decoded = PairRateDistortion(model, "mse")(x.repeat_interleave(2, 0), torch.zeros(4))
    loss.backward()
    assert torch.isfinite(loss)
    assert bits.shape == (4,)
    assert decoded.shape == (4, 64, 64, 3)
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        # It shifts all scores of a query alike.
        if not name.endswith("key.bias"):
            assert parameter.grad.any(), name


def test_starting_weights_are_the_papers():
    model = small_model()
    for scale in (model.prior.scale, model.entropy.hyper_context.scale):
        assert ((scale >= 1) & (scale <= 1.5)).all()
    slopes = [module for module in model.modules() if isinstance(module, torch.nn.PReLU)]
    assert slopes
    assert all((module.weight == 0.2).all() for module in slopes)

"""The starting weights of `rgbd`: a codec before the first training step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from conftest import sample_crop

from stereocodec.models import build_model
from stereocodec.training.losses import estimate, psnr, squared_error

ARGUMENTS = {
    "channels": 16,
    "latent_channels": 24,
    "slices": [8, 16],
    "context_widths": [8, 8],
    "color_lambda": 0.05,
    "depth_lambda": 0.2,
}


@pytest.fixture(scope="module")
def frames():
    """The sample's two views with a slanted plane and a step as depth, (2, H, W, 4) float32."""
    color = torch.from_numpy(np.stack(sample_crop(192, 256))).float() / 255
    row, column = torch.meshgrid(torch.linspace(0, 1, 192), torch.linspace(0, 1, 256), indexing="ij")
    depth = 0.3 + 0.3 * row + 0.2 * (column > 0.4)
    return torch.cat([color, depth.expand(2, -1, -1)[..., None]], -1)


def errors(model, frames):
    """Bits per pixel and PSNR of colour, and the same of depth."""
    with torch.no_grad():
        bpp, decoded = estimate(model, frames, torch.zeros(4), "rounded")
    levels = [psnr(squared_error(decoded[..., part], frames[..., part])).mean() for part in (slice(3), slice(3, 4))]
    return [float(value) for pair in zip(bpp.view(2, 2).mean(1), levels, strict=True) for value in pair]


def test_weights_start_as_a_codec(frames):
    torch.manual_seed(0)
    model = build_model("rgbd", ARGUMENTS)
    before = errors(model, frames)
    model.calibrate(frames)
    bpp, color, depth_bpp, depth = errors(model, frames)
    assert max(before[1], before[3]) < 15
    assert min(color, depth) > 22
    assert max(bpp, depth_bpp) < 1


def test_the_start_follows_the_trade_off(frames):
    """Four times the lambda halves the steps, so that latents are twice as large."""
    deviations = []
    for factor in (1, 4):
        torch.manual_seed(0)
        lambdas = {name: factor * ARGUMENTS[name] for name in ("color_lambda", "depth_lambda")}
        model = build_model("rgbd", ARGUMENTS | lambdas)
        model.calibrate(frames)
        with torch.no_grad():
            deviations.append(model.analyse(frames, torch.zeros(4)).y.std((1, 2)))
    ratio = deviations[1] / deviations[0]
    assert math.isclose(float(ratio.median()), 2, rel_tol=0.05)


def test_marks_of_measurements_are_ignored(frames):
    """Training frames have a fifth channel that no network sees."""
    states = []
    for extra in (0, 1):
        torch.manual_seed(0)
        model = build_model("rgbd", ARGUMENTS)
        model.calibrate(torch.cat([frames, torch.full((2, 192, 256, extra), 7.0)], -1))
        states.append(model.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())

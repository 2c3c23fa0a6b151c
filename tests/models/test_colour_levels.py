"""Low quality keeps the mean colour of a picture."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch
from conftest import GroupCoder

from stereocodec.codec import StereoCodec
from stereocodec.models import build_model
from stereocodec.models.bisic_rt import model as bisic_rt
from stereocodec.models.bisic_rt.colour_levels import ColourLevels, colour_levels
from stereocodec.releases.release import load_release


@pytest.fixture(scope="module")
def built_in():
    return StereoCodec.from_pretrained(device="cpu")


def tinted_pair(height=192, width=256):
    """Two views of a wall with a little grain whose colour photographs rarely have."""
    grain = np.random.default_rng(0).normal(0, 4, (height, width + 8, 1))
    light = np.linspace(-30, 30, width + 8)[None, :, None]
    wall = np.array([118, 134, 104]) + grain + light
    whole = wall.clip(0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(whole[:, 8:]), np.ascontiguousarray(whole[:, :-8])


def colour_errors(codec, pair, quality):
    """The differences of the decoded views' mean colours from the originals', in grey levels, and the file's bytes."""
    data = codec.compress(*pair, quality=quality)
    decoded = codec.decompress(data, output="numpy")
    return [shown.mean((0, 1)) - view.mean((0, 1)) for view, shown in zip(pair, decoded, strict=True)], len(data)


def test_a_tint_is_kept_at_low_quality(built_in):
    pair = tinted_pair()
    with mock.patch.object(
        bisic_rt.BisicRt, "_levels", return_value=ColourLevels((), torch.zeros(0, 3), torch.zeros(2, 3))
    ):
        before, bytes_before = colour_errors(built_in, pair, 10)
    after, bytes_after = colour_errors(built_in, pair, 10)
    assert np.abs(before).max() > 1.2
    assert np.abs(after).max() < 0.8
    assert bytes_after < bytes_before + 60


@pytest.mark.parametrize("arguments", [{}, {"channels8": 64, "channels16": 160, "latent_channels": 160}])
def test_a_transform_of_blocks_has_three_channels_of_mean_colour(arguments):
    """Of an orthonormal transform of 16x16 blocks, one unit of them is 1/16 of a grey level at every sample."""
    model = build_model("bisic-rt", arguments)
    levels = colour_levels(model.synthesis)
    torch.testing.assert_close(levels.colours.T @ levels.colours, torch.eye(3).double() / 256, atol=1e-6, rtol=0)
    flat = torch.full((2, 64, 64, 3), 0.5)
    tinted = flat + torch.tensor([0.02, -0.05, 0.1])
    with torch.no_grad():
        change = (model.analysis(tinted) - model.analysis(flat))[:, 1:-1, 1:-1].abs().mean((0, 1, 2))
    assert set(change.topk(3).indices.tolist()) == set(levels.channels)


def test_what_may_remain_is_the_same_in_grey_levels_whatever_a_step_is():
    levels = ColourLevels((5,), torch.tensor([[0.0, 0.0625, 0.0]]).double(), torch.zeros(2, 3).double())
    (coarse,), (fine,) = (levels.of_view(0, torch.full((8,), gain)) for gain in (0.8, 0.1))
    assert coarse.channel == 5
    assert coarse.allowed * 0.8 * 0.0625 == pytest.approx(0.1 / 255)
    assert fine.allowed == pytest.approx(8 * coarse.allowed)
    assert coarse.mean == fine.mean == 0


def test_rounding_makes_up_for_the_tint_of_the_networks():
    colours = 0.06 * torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]]).double()
    tint = torch.tensor([[0.002, -0.004, 0.006], [0.0, 0.0, 0.0]]).double()
    levels = ColourLevels((0, 3, 4), colours, tint)
    gain = torch.linspace(0.5, 1, 8)
    made_up = sum(level.mean * gain[level.channel] * colours[k] for k, level in enumerate(levels.of_view(0, gain)))
    torch.testing.assert_close(made_up, -tint[0])
    assert all(level.mean == 0 for level in levels.of_view(1, gain))
    beyond = ColourLevels((0, 3, 4), colours, 100 * tint).of_view(0, gain)
    assert max(abs(level.mean) for level in beyond) == 0.25


def test_training_keeps_no_levels(tiny_release):
    """Only files are written by coders that could."""
    with mock.patch.object(bisic_rt, "colour_levels", side_effect=AssertionError):
        model = load_release(tiny_release).model
        x, quality = torch.rand(2, 64, 64, 3), torch.full((2,), 0.2)
        latents = model.analyse(x, quality, with_choices=False)
        coder = GroupCoder()
        model.walk(coder, latents, quality, (64, 64))
    assert len(coder.groups) == 8
    assert not any(group.levelled for group in coder.groups)

"""What the encoder chooses: the order of the views, their balance, and the residual."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import TINY, GroupCoder, sample_crop

from stereocodec.effort import EFFORTS
from stereocodec.models import build_model
from stereocodec.models.bisic_rt.config import squared_error_bits
from stereocodec.models.bisic_rt.model import BisicRtConfig
from stereocodec.models.bisic_rt.residual_layer import ResidualLayer, banded_dct
from stereocodec.models.bisic_rt.view_balance import MAX_BALANCE, balancing_offset
from stereocodec.pictures.rgb import psnr
from stereocodec.releases.release import load_release


def test_a_swapped_and_mirrored_pair_gives_a_file_of_the_same_size(tiny_codec):
    left, right = sample_crop(77, 133)
    data = tiny_codec.compress(left, right)
    twin = tiny_codec.compress(right[:, ::-1], left[:, ::-1])
    assert len(data) == len(twin)
    shown, other = tiny_codec.decompress(data, output="numpy"), tiny_codec.decompress(twin, output="numpy")
    np.testing.assert_array_equal(shown[0], other[1][:, ::-1])
    np.testing.assert_array_equal(shown[1], other[0][:, ::-1])


def test_equal_views_need_no_offset_where_neither_predicts_the_other():
    x = torch.from_numpy(np.stack([sample_crop(128, 128)[0]] * 2)).float() / 255
    assert balancing_offset(BisicRtConfig(stereo=False), x, torch.full((2,), 0.5)).item() == 0


def test_the_view_that_predicts_is_coded_a_little_worse():
    first = torch.from_numpy(sample_crop(128, 128)[0].copy()).float() / 255
    mean = first.mean((0, 1))

    def offset(stereo: bool, contrast: float) -> float:
        x = torch.stack([first, mean + contrast * (first - mean)])
        return balancing_offset(BisicRtConfig(stereo=stereo), x, torch.full((2,), 0.5)).item()

    changes = [offset(True, contrast) - offset(False, contrast) for contrast in (0.8, 0.85, 0.9, 0.95, 1.0)]
    assert {1} <= set(changes) <= {1, 2}


def test_the_view_with_more_detail_is_coded_better():
    left, _ = sample_crop(128, 128)
    detailed = torch.from_numpy(left.copy()).float() / 255
    flat = detailed.mean((0, 1)) + 0.2 * (detailed - detailed.mean((0, 1)))
    quality, config = torch.full((2,), 0.5), BisicRtConfig(stereo=False)
    offset = balancing_offset(config, torch.stack([flat, detailed]), quality)
    assert offset.shape == (1, 1, 1)
    assert 0 < offset.item() <= MAX_BALANCE
    assert balancing_offset(config, torch.stack([detailed, flat]), quality).item() == -offset.item()


def test_the_banded_dct_is_orthonormal_and_its_bands_are_complete():
    basis, band = banded_dct()
    torch.testing.assert_close(basis @ basis.T, torch.eye(768), atol=1e-5, rtol=0)
    assert torch.bincount(band).min() > 0
    assert band.max() + 1 == ResidualLayer(BisicRtConfig()).bands == 12


def test_an_error_of_a_step_in_the_residual_is_worth_the_same_at_every_quality():
    missing = 0.2 * torch.randn(2, 32, 48, 3, generator=torch.Generator().manual_seed(0))
    coder = GroupCoder()
    decoded = ResidualLayer(BisicRtConfig()).walk(coder, missing, torch.tensor([0.3, 0.9]), (2, 3))
    assert [group.view for group in coder.groups] == [0, 1]
    assert all(group.mask.any() for group in coder.groups)
    # A step is the root of 26 / lambda, and a squared error of one is worth lambda / 3.
    weights = torch.cat([group.weight for group in coder.groups])
    torch.testing.assert_close(weights, torch.full((2, 768), 26 / 3, dtype=torch.float64))
    torch.testing.assert_close(decoded[1], missing[1], atol=1e-5, rtol=0)  # at 90 every band is worth coding


def test_what_networks_make_beyond_black_and_white_costs_nothing(tiny_release, monkeypatch):
    model = load_release(tiny_release).model
    monkeypatch.setattr(type(model.synthesis), "forward", lambda *_: torch.full((2, 64, 64, 3), 40.0))
    white, quality = torch.ones(2, 64, 64, 3), torch.full((2,), 0.9)
    white[:, 32:, 32:] = 0
    coder = GroupCoder()
    with torch.inference_mode():
        decoded = model.walk(coder, model.analyse(white, quality), quality, (64, 64))
        shown = model.reconstruct(decoded)
    blocks = [group.mask.shape[-2] for group in coder.groups if group.layer]
    assert blocks == [4, 4]  # the black ones alone
    torch.testing.assert_close(shown, white, atol=0.02, rtol=0)


def test_values_that_no_picture_has_do_not_make_one_a_drawn_pattern(tiny_release, monkeypatch):
    model = load_release(tiny_release).model
    heights = []

    def much_too_bright(self, y, *_):
        heights.append(16 * y.shape[1])
        return torch.full((2, heights[-1], 64, 3), 40.0)

    monkeypatch.setattr(type(model.synthesis), "forward", much_too_bright)
    quality, effort = torch.full((2,), 0.9), EFFORTS[4]
    for shown, looked_at in ((torch.ones(2, 128, 64, 3), [64]), (torch.zeros(2, 128, 64, 3), [64, 128])):
        heights.clear()
        with torch.inference_mode():
            model.walk(GroupCoder(), model.analyse_prepared(model.prepare(shown), quality, effort), quality, (128, 64))
        assert heights == looked_at


def test_errors_weigh_most_in_the_view_that_predicts_the_other_and_at_low_quality(tiny_release):
    model = load_release(tiny_release).model
    of_views = []
    for quality in (0.1, 0.9):
        qualities = torch.full((2,), quality)
        coder = GroupCoder()
        model.walk(coder, model.analyse(torch.rand(2, 64, 64, 3), qualities, with_choices=False), qualities, (64, 64))
        # In bits per squared error in the pictures, whatever the gains are.
        squares = model.entropy.gains(qualities)[1][0, 0, 0].exp() ** 2
        worth = squared_error_bits(model.config, qualities[:1].double()) * squares
        of_views.append([(group.weight / worth).mean().item() for group in coder.groups[::4]])
    (low, low_second), (high, high_second) = of_views
    assert low == pytest.approx(3.98, rel=1e-3)
    assert low > low_second > high > high_second > 1


def test_views_that_are_coded_apart_weigh_the_same():
    model = build_model("bisic-rt", TINY | {"stereo": False})
    coder, qualities = GroupCoder(), torch.full((2,), 0.3)
    model.walk(coder, model.analyse(torch.rand(2, 64, 64, 3), qualities, with_choices=False), qualities, (64, 64))
    first, second = (group.weight for group in coder.groups[::4])
    assert torch.equal(first, second)


@pytest.mark.parametrize("kind", ["vertical stripes", "checkerboard", "coloured stripes", "noise"])
def test_what_no_network_can_code_is_coded_anyway(tiny_codec, kind):
    """Even a network with random weights reaches the quality that was asked for."""
    row, column = np.mgrid[:64, :128]
    view = {
        "vertical stripes": np.repeat((column % 2 * 255)[..., None], 3, -1),
        "checkerboard": np.repeat(((row + column) % 2 * 255)[..., None], 3, -1),
        "coloured stripes": np.stack([column % 2 * 255, 255 - column % 2 * 255, 0 * row], -1),
        "noise": np.random.default_rng(0).integers(0, 256, (64, 128, 3)),
    }[kind].astype(np.uint8)
    data = tiny_codec.compress(view, view, quality=100)
    assert len(data) < 2 * view.size
    for shown in tiny_codec.decompress(data, output="numpy"):
        assert psnr(view, shown) > 34

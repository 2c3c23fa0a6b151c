"""Disparities: shifting by them, and finding them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stereocodec.models.bisic_rt.disparity import BLOCK, DisparitySearch, blended_shift, with_half_pixels


def texture(height, width, seed=0):
    """Smooth random colours (1, height, width, 3) in 0..1."""
    noise = torch.rand((1, 3, height // 8, width // 8), generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1).permute(0, 2, 3, 1)


def field(value, height=64, width=128):
    return torch.full((1, height // BLOCK, width // BLOCK), value, dtype=torch.int64)


def shift_along_rows(picture, disparity):
    """Each block by its own disparity, without blending; shapes as of `blended_shift`."""
    pixels = disparity.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 1)
    places = (torch.arange(0, 2 * picture.shape[2], 2) + pixels).clamp(0, 2 * picture.shape[2] - 2)
    return with_half_pixels(picture).gather(2, places[..., None].expand_as(picture))


def nearly(found, expected):
    """The share of blocks within one pixel of what is expected."""
    return ((found - expected).abs() <= 2).float().mean()


@pytest.mark.parametrize("disparity", [0, 2, 40, -6])
def test_whole_pixels_are_copied(disparity):
    picture = texture(64, 128)
    shifted = blended_shift(picture, field(disparity))
    columns = (torch.arange(128) + disparity // 2).clamp(0, 127)
    torch.testing.assert_close(shifted, picture[:, :, columns])


def test_half_pixels_are_means_of_neighbours():
    picture = texture(64, 128)
    shifted = blended_shift(picture, field(5))
    torch.testing.assert_close(shifted[:, :, :100], 0.5 * (picture[:, :, 2:102] + picture[:, :, 3:103]))


def test_disparities_beyond_any_picture_repeat_its_edge():
    picture = texture(64, 128)
    torch.testing.assert_close(blended_shift(picture, field(10**9)), picture[:, :, -1:].expand(-1, -1, 128, -1))


@pytest.mark.parametrize("disparity", [0, 7, -3, 60])
def test_equal_disparities_blend_to_a_shift(disparity):
    picture = texture(64, 128).double()
    torch.testing.assert_close(
        blended_shift(picture, field(disparity)), shift_along_rows(picture, field(disparity)), atol=1e-12, rtol=0
    )


def test_overlapped_blocks_blend_what_their_neighbours_predict():
    picture = texture(32, 64).double()
    disparity = torch.tensor([[[0, 0, 8, 8], [0, 0, 8, 8]]])
    blended = blended_shift(picture, disparity)
    near, far = (shift_along_rows(picture, field(d, 32, 64)) for d in (0, 8))
    torch.testing.assert_close(blended[:, :, :24], near[:, :, :24])  # up to the centre of the last block
    torch.testing.assert_close(blended[:, :, 40:], far[:, :, 40:])
    share = (torch.arange(24, 40, dtype=torch.float64) + 0.5 - 24) / BLOCK
    mixed = near[:, :, 24:40].lerp(far[:, :, 24:40], share[:, None])
    torch.testing.assert_close(blended[:, :, 24:40], mixed)


@pytest.mark.parametrize("disparity", [0, 7, 38, 90])
def test_a_shift_is_found(disparity):
    wide = texture(64, 384)
    first, second = wide[:, :, :256], wide[:, :, disparity : disparity + 256]
    found = DisparitySearch(first, second).field(torch.tensor([1.0]))
    inside = 256 // BLOCK - -(-disparity // BLOCK)
    assert nearly(found[:, :, :inside], 2 * disparity) > 0.9


def test_two_depths_are_found_and_exposure_does_not_matter():
    wide = texture(128, 384)
    first = wide[:, :, :256]
    second = torch.cat([wide[:, :64, 10:266], wide[:, 64:, 60:316]], 1) * 0.8 + 0.05
    found = DisparitySearch(first, second).field(torch.tensor([1.0]))
    assert nearly(found[:, :4, :10], 20) > 0.9
    assert nearly(found[:, 4:, :10], 120) > 0.9


def test_training_of_mixed_precision_finds_what_files_hold():
    wide = texture(128, 384)
    first, second = wide[:, :, :256], wide[:, :, 20:276] + 0.03 * texture(128, 256, seed=1)
    found = DisparitySearch(first, second).field(torch.tensor([0.2]))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(DisparitySearch(first, second).field(torch.tensor([0.2])), found)


def test_pairs_of_a_batch_do_not_mix():
    wide = texture(64, 384, seed=1)
    first = torch.cat([wide[:, :, :256]] * 2)
    second = torch.cat([wide[:, :, 12:268], wide[:, :, 30:286]])
    together = DisparitySearch(first, second).field(torch.tensor([1.0, 1.0]))
    for index in range(2):
        alone = DisparitySearch(first[index : index + 1], second[index : index + 1]).field(torch.tensor([1.0]))
        assert torch.equal(together[index : index + 1], alone)

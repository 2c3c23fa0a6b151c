"""Rescaled and recoloured crops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from runs import tiny

from stereocodec.errors import TrainingError
from stereocodec.training.examples import Photo
from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.augmentation import recoloured, reduced
from stereocodec.training.pairs.data import Pair
from stereocodec.training.pairs.sampler import CropSampler

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
HEIGHT, WIDTH = 64, 128


def noise(height, width, seed=0):
    """A pair of equal views."""
    view = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Pair("noise", torch.from_numpy(np.concatenate([view, view], -1)))


def batch(pairs, size, **settings):
    return CropSampler(pairs, HEIGHT, WIDTH, CPU, 0, **settings).batch(size)


def test_without_shares_nothing_more_is_drawn():
    sampler = CropSampler([noise(100, 200)], HEIGHT, WIDTH, CPU, 5, rescale_share=0, colour_share=0)
    sampler.batch(3)
    generator = np.random.Generator(np.random.PCG64(5))
    for _ in range(3):
        generator.choice(1, p=[1.0])
        generator.integers(100 - HEIGHT + 1)
        generator.integers(200 - WIDTH + 1)
        generator.random()
        generator.random()
    assert generator.bit_generator.state == sampler.generator.bit_generator.state


def test_disparities_of_rescaled_crops_shrink_with_them():
    # Blue rises by one per column and green by one per row; the right view shows what is 20 columns further right.
    view = np.zeros((150, 256, 3), np.uint8)
    view[..., 1] = np.arange(150)[:, None]
    view[..., 2] = np.arange(256)
    views = np.concatenate([view[:, :236], view[:, 20:]], -1)
    pairs = [Pair("ramp", torch.from_numpy(views))]
    left, right = (255 * batch(pairs, 60, rescale_share=0.5, augmentation="none")).chunk(2)
    across = (left[:, 32, -8, 2] - left[:, 32, 7, 2]) / (WIDTH - 15)
    down = (left[:, -8, 64, 1] - left[:, 7, 64, 1]) / (HEIGHT - 15)
    assert torch.allclose(across, down, atol=0.05)
    assert torch.allclose(right - left, torch.tensor([0.0, 0.0, 20.0]).expand_as(left), atol=1.01)
    assert (across == 1).float().mean() == pytest.approx(0.5, abs=0.2)
    assert across.max() == pytest.approx(236 / WIDTH, abs=0.1)  # what the picture holds


def test_detail_that_a_smaller_crop_cannot_show_is_smoothed_away():
    views = noise(2 * HEIGHT, 2 * WIDTH).pixels
    assert reduced(views, (HEIGHT, WIDTH)).float().var() < 0.3 * views.float().var()


def test_pairs_as_large_as_a_crop_keep_their_scale():
    pair = noise(HEIGHT, WIDTH)
    crops = batch([pair], 3, rescale_share=1.0, augmentation="none")
    assert torch.equal((255 * crops).round(), pair.pixels[..., :3].float().expand_as(crops))


@pytest.mark.parametrize("size", [(64, 129), (65, 128), (64, 900), (700, 128), (127, 255), (129, 257)])
def test_windows_stay_within_pictures_of_any_size(size):
    assert batch([noise(*size)], 40, rescale_share=1.0).shape == (80, HEIGHT, WIDTH, 3)


def test_colours_change_a_little_and_in_both_views_alike():
    crops = 255 * batch([noise(HEIGHT, WIDTH)], 40, colour_share=1.0, augmentation="none")
    left, right = crops.chunk(2)
    assert torch.equal(left, right)
    assert torch.equal(crops, crops.round())
    changes = (left - noise(HEIGHT, WIDTH).pixels[..., :3]).mean((1, 2))
    assert 10 < changes.abs().max() < 60
    colours = changes - changes.mean(1, keepdim=True)
    assert colours.abs().max() > 5


def test_contrast_brightness_and_saturation_all_change():
    shades = [(0, 0, 0), (100, 100, 100), (150, 150, 150), (125, 125, 125), (175, 125, 75)]
    patches = torch.tensor(shades, dtype=torch.uint8).repeat(1, 2)[None]
    generator = np.random.default_rng(0)
    black, low, high, middle, orange = np.stack(
        [recoloured(patches, generator)[0, :, :3].double().numpy() for _ in range(200)], 1
    )
    assert black.max() > 22
    contrasts = (high - low) / 50
    assert contrasts[:, 1].min() < 0.87
    assert contrasts[:, 1].max() > 1.13
    red, _, blue = ((orange - middle) / contrasts).T
    saturations = (red - blue) / 100
    coloured = saturations[abs(saturations) > 0.1]
    assert 0.5 < coloured.min() < 0.75
    assert 1.15 < coloured.max() < 1.4


def test_brighter_stays_brighter_in_other_colours():
    ramp = torch.arange(256, dtype=torch.uint8)[None, :, None].expand(HEIGHT, -1, 6)
    generator = np.random.default_rng(0)
    for _ in range(50):
        assert (recoloured(ramp, generator).int().diff(dim=1) >= 0).all()


def test_some_crops_lose_their_colour():
    crops = batch([noise(HEIGHT, WIDTH)], 300, colour_share=1.0)
    without = (crops == crops[..., :1]).flatten(1).all(1)
    left, right = without.chunk(2)
    assert torch.equal(left, right)
    assert 0.02 < left.float().mean() < 0.12


def test_crops_of_photographs_change_colour_and_patterns_do_not():
    pairs = [noise(HEIGHT, WIDTH)]
    photos = [Photo("grey", torch.full((100, 300, 3), 120, dtype=torch.uint8))]

    def spread(**settings):
        return batch(pairs, 20, photos=photos, photo_share=1.0, **settings).mean((1, 2, 3)).std()

    assert spread(colour_share=1.0) > 2 * spread()
    patterns = batch(pairs, 12, pattern_share=1.0)
    assert torch.equal(batch(pairs, 12, pattern_share=1.0, colour_share=1.0), patterns)


def test_crops_repeat_with_their_seed():
    settings = {"rescale_share": 0.5, "colour_share": 0.5}
    assert torch.equal(batch([noise(200, 300)], 8, **settings), batch([noise(200, 300)], 8, **settings))


@pytest.mark.parametrize("settings", [{"rescale_share": -0.1}, {"colour_share": 1.1}, {"colour_share": float("nan")}])
def test_impossible_shares_are_refused(settings):
    with pytest.raises(TrainingError, match=r"rescaled \(.*\) and recoloured crops \(.*\) must lie in 0..1"):
        batch([noise(HEIGHT, WIDTH)], 1, **settings)


def test_runs_change_crops_in_the_shares_of_their_settings(pairs, tmp_path):
    grey = [Pair("grey", torch.full((256, 256, 6), 100, dtype=torch.uint8))]
    ramp = [Pair("ramp", torch.arange(256, dtype=torch.uint8)[None, :, None].expand(256, -1, 6).contiguous())]
    recoloured = Trainer(tiny(colour_share=1.0), grey, tmp_path / "colour").sampler.batch(4)
    assert (recoloured != 100 / 255).any()
    steps = (255 * Trainer(tiny(rescale_share=1.0), ramp, tmp_path / "scale").sampler.batch(4)).diff(dim=2).abs()
    assert steps.mean() > 1.1

"""Pairs made of single photographs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from stereocodec.errors import TrainingError
from stereocodec.models.bisic_rt.disparity import BLOCK, DisparitySearch
from stereocodec.training.examples import Photo
from stereocodec.training.pairs.layered_scenes import Layer, node_places, node_weights, random_scene
from stereocodec.training.pairs.pseudo_pairs import PseudoPairs

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
HEIGHT, WIDTH, MARGIN = 64, 128, 80


def noise(height, width, seed=0):
    """A photograph with detail at all scales, so that every block of it has one match."""
    generator = np.random.default_rng(seed)
    layers = [generator.integers(0, 256, (height // s, width // s, 3), dtype=np.uint8) for s in (3, 8, 20)]
    resized = [np.asarray(Image.fromarray(p).resize((width, height), Image.Resampling.BICUBIC)) for p in layers]
    return Photo("noise", torch.from_numpy(np.mean(resized, 0).astype(np.uint8)))


@pytest.fixture(scope="module")
def pseudo_pairs():
    return PseudoPairs([noise(200, 400)], HEIGHT, WIDTH, CPU, seed=0)


def flat_layer(disparity, mask=None):
    """A layer of one disparity."""
    seen = node_places(WIDTH)[None, :] + 0 * node_places(HEIGHT)[:, None]
    return Layer(np.stack([seen - disparity / 2, seen + disparity / 2]) + MARGIN / 2, mask)


def texture(seed):
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 255, (3, HEIGHT, WIDTH + MARGIN))).float()


@pytest.mark.parametrize("disparity", [0, 12, 13])
def test_a_point_lies_a_disparity_further_right_in_the_left_view(pseudo_pairs, disparity):
    left, right = pseudo_pairs.render([flat_layer(disparity)], [texture(0)])
    kept = WIDTH - disparity
    assert torch.allclose(left[..., disparity:], right[..., :kept], atol=1e-3)
    if disparity % 2 == 0:  # whole columns of the texture, which come through unchanged
        start = (MARGIN - disparity) // 2
        assert torch.allclose(left, texture(0)[..., start : start + WIDTH], atol=1e-3)


def test_near_layers_cover_far_ones_and_each_view_sees_its_own_strip_beside_them(pseudo_pairs):
    far, near = 8, 40
    mask = np.zeros((HEIGHT, WIDTH + MARGIN), np.uint8)
    mask[10:50, 90:120] = 255
    background, front = texture(0), texture(1)
    left, right = pseudo_pairs.render([flat_layer(far), flat_layer(near, mask)], [background, front])
    alone = pseudo_pairs.render([flat_layer(far)], [background])
    # Columns of the layer in each view: those of its texture less half the margin, and half the disparity aside.
    start = 90 - MARGIN // 2
    for view, whole, x in ((left, alone[0], start + near // 2), (right, alone[1], start - near // 2)):
        covered = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
        covered[10:50, x : x + 30] = True
        assert torch.allclose(view[:, 10:50, x : x + 30], front[:, 10:50, 90:120], atol=1e-3)
        assert torch.allclose(view[:, ~covered], whole[:, ~covered], atol=1e-3)
    # What the left view shows right of where the right view has the layer, the right view hides behind it.
    hidden = slice(start - near // 2 + far, start + near // 2)
    assert hidden.stop - hidden.start == near - far
    shown_in_left = left[:, 10:50, hidden]
    behind = right[:, 10:50, hidden.start - far : hidden.stop - far]
    assert (shown_in_left - behind).abs().mean() > 50


def test_outlines_are_as_fine_as_the_mask(pseudo_pairs):
    mask = np.zeros((HEIGHT, WIDTH + MARGIN), np.uint8)
    mask[:, 80:120] = 255
    mask[:, 79] = 51
    black, white = torch.zeros(3, HEIGHT, WIDTH + MARGIN), torch.full((3, HEIGHT, WIDTH + MARGIN), 255.0)
    left, _ = pseudo_pairs.render([flat_layer(0), flat_layer(20, mask)], [black, white])
    edge = left[0, 32, 47:52]  # column 79 of the mask is seen at 79 - 40 + 10
    assert torch.allclose(edge, torch.tensor([0.0, 0.0, 51.0, 255.0, 255.0]), atol=1e-2)


def test_layers_without_a_pixel_in_the_picture_change_nothing(pseudo_pairs):
    alone = pseudo_pairs.render([flat_layer(8)], [texture(0)])
    nowhere, unseen = np.zeros((2, HEIGHT, WIDTH + MARGIN), np.uint8)
    unseen[10:50, 8:20] = 255  # further left than either view reaches
    for mask in (nowhere, unseen):
        assert torch.equal(pseudo_pairs.render([flat_layer(8), flat_layer(20, mask)], [texture(0), texture(1)]), alone)


def test_shapes_drawn_beside_the_picture_leave_the_background(pseudo_pairs):
    layers = random_scene(np.random.default_rng(3504), HEIGHT, WIDTH, MARGIN)
    assert [int(layer.mask.max()) for layer in layers[1:]] == [0]
    views = pseudo_pairs.render(layers, [texture(0), texture(1)])
    assert torch.equal(views, pseudo_pairs.render(layers[:1], [texture(0)]))


def columns_of(layer):
    """The texture's columns at all places of both views."""
    return np.stack([node_weights(HEIGHT) @ view @ node_weights(WIDTH).T for view in layer.columns])


def test_scenes_have_ordered_layers_that_fill_both_views():
    depths = []
    for seed in range(40):
        layers = random_scene(np.random.default_rng(seed), HEIGHT, WIDTH, MARGIN)
        depths.append(len(layers))
        background = columns_of(layers[0])
        assert background.min() > -0.6
        assert background.max() < WIDTH + MARGIN - 1 + 0.6
        for layer in layers:
            assert np.diff(columns_of(layer), axis=2).min() > 0  # nothing is seen twice in one view
        # The disparity of a layer at a column of the cyclopean view, between what the two views see of it.
        disparities = [np.ptp(layer.columns.mean((1, 2))) for layer in layers]
        assert disparities == sorted(disparities)
        for layer in layers[1:]:
            assert 0 < layer.mask.mean() < 255
    assert set(depths) == {1, 2, 3, 4, 5}


def test_disparities_are_what_a_matcher_finds():
    """The encoder's own search, which knows nothing of how a scene was made, finds its background's disparities."""
    pseudo_pairs = PseudoPairs([noise(200, 400)], HEIGHT, WIDTH, CPU, seed=0)
    for seed in range(6):
        background = random_scene(np.random.default_rng(seed), HEIGHT, WIDTH, MARGIN)[0]
        window = noise(HEIGHT, WIDTH + MARGIN, seed).pixels.permute(2, 0, 1).float()
        left, right = pseudo_pairs.render([background], [window]).permute(0, 2, 3, 1)[:, None] / 255
        found = DisparitySearch(left, right).field(torch.tensor([1.0]))[0].numpy() / 2
        seen_left, seen_right = columns_of(background)
        for row in range(HEIGHT // BLOCK):
            for column in range(1, WIDTH // BLOCK):
                y, x = BLOCK * row + BLOCK // 2, BLOCK * column + BLOCK // 2
                match = np.interp(seen_right[y, x], seen_left[y], np.arange(WIDTH), right=np.nan)
                if np.isfinite(match) and match < WIDTH - BLOCK:
                    assert abs(found[row, column] - (match - x)) < 2.5, (seed, row, column)


def test_views_differ_a_little_in_exposure_and_noise():
    grey = Photo("grey", torch.full((100, 300, 3), 120, dtype=torch.uint8))
    pseudo_pairs = PseudoPairs([grey], HEIGHT, WIDTH, CPU, seed=0)
    views = torch.stack([pseudo_pairs.draw(np.random.default_rng(seed)) for seed in range(30)]).float()
    differences = (views[..., :3].mean((1, 2)) - views[..., 3:].mean((1, 2))).abs()
    assert 1 < differences.max() < 30
    assert differences.median() < 5
    deviations = views.std((1, 2))
    assert deviations.max() < 2.5
    assert deviations.max() > 1
    assert (deviations == 0).all(1).any()


def test_draws_depend_on_the_generator_alone(pseudo_pairs):
    generator = np.random.default_rng(4)
    pseudo_pairs.draw(generator)
    state = generator.bit_generator.state
    following = pseudo_pairs.draw(generator)
    generator.bit_generator.state = state
    again = PseudoPairs([noise(200, 400)], HEIGHT, WIDTH, CPU, seed=0).draw(generator)
    assert following.shape == (HEIGHT, WIDTH, 6)
    assert following.dtype == torch.uint8
    assert torch.equal(following, again)
    assert not torch.equal(following, pseudo_pairs.draw(generator))


@pytest.mark.parametrize(("height", "width"), [(44, 130), (43, 128), (300, 128), (64, 192), (1000, 1000)])
def test_photographs_are_scaled_to_hold_a_crop(height, width):
    columns = torch.linspace(0, 255, width).round().to(torch.uint8)
    photo = Photo("ramp", columns[None, :, None].expand(height, width, 3).contiguous())
    pseudo_pairs = PseudoPairs([photo], HEIGHT, WIDTH, CPU, seed=0)
    for seed in range(8):
        assert pseudo_pairs.draw(np.random.default_rng(seed)).shape == (HEIGHT, WIDTH, 6)


def test_photographs_that_are_far_too_small_are_left_out_or_refused():
    dark, small = (Photo("", torch.full((side, 2 * side, 3), 9 * side, dtype=torch.uint8)) for side in (27, 20))
    with pytest.raises(TrainingError, match="no photograph is large enough for crops of 128x64"):
        PseudoPairs([dark, small], HEIGHT, WIDTH, CPU, seed=0)
    large = Photo("", torch.full((200, 300, 3), 40, dtype=torch.uint8))
    pseudo_pairs = PseudoPairs([dark, large, small], HEIGHT, WIDTH, CPU, seed=0)
    brightest = max(int(pseudo_pairs.draw(np.random.default_rng(seed)).max()) for seed in range(10))
    assert brightest < 80

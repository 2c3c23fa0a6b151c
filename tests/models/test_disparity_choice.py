"""Disparities are given up where nothing is lost, and kept where they are worth their bits."""

from __future__ import annotations

import torch
from conftest import sample_crop
from test_disparity import shift_along_rows, texture

from stereocodec.effort import DEFAULT_EFFORT, EFFORTS
from stereocodec.entropy.adaptive_fields import write_field
from stereocodec.entropy.ans import StreamEncoder
from stereocodec.models import build_model
from stereocodec.models.bisic_rt.disparity import BLOCK, DisparitySearch
from stereocodec.models.bisic_rt.disparity_choice import best_of_fields, cheaper_field

MUCH, LITTLE = 0.1, 1e-6  # what an error is worth


def coded_bytes(field):
    encoder = StreamEncoder()
    write_field(field[0].numpy(), encoder)
    return len(encoder.getvalue())


def with_a_box(height=96, width=192):
    """A textured pair whose middle is nearer than the rest: two views and their true disparities."""
    first = texture(height, width)
    field = torch.full((1, height // BLOCK, width // BLOCK), 8, dtype=torch.int64)
    field[:, 2:4, 4:8] = 30
    return first, shift_along_rows(first, field), field


def test_what_is_right_stays():
    first, second, field = with_a_box()
    assert torch.equal(cheaper_field(first, second, field, MUCH), field)


def test_loose_errors_take_over_what_is_around_them():
    first, second, field = with_a_box()
    wrong = field.clone()
    wrong[0, 1, 2], wrong[0, 4, 10], wrong[0, 0, 0], wrong[0, 3, 5] = 60, -8, 3, 31
    assert torch.equal(cheaper_field(first, second, wrong, MUCH), field)


def test_the_less_errors_are_worth_the_more_blocks_agree():
    first, second, field = with_a_box()
    loose = field.clone()
    loose[0, 1::2, 1::2] += 1
    fields = [cheaper_field(first, second, loose, worth) for worth in (MUCH, LITTLE)]
    assert coded_bytes(fields[1]) <= coded_bytes(fields[0]) < coded_bytes(loose)
    assert torch.equal(fields[0][:, 2:4, 4:8] > 20, torch.ones((1, 2, 4), dtype=torch.bool))


def test_where_nothing_is_seen_all_blocks_agree():
    grey = torch.full((1, 96, 192, 3), 0.5)
    field = torch.full((1, 6, 12), 4, dtype=torch.int64)
    field[0, 2, 3], field[0, 4:, 9:] = 20, 9
    chosen = cheaper_field(grey, grey, field, MUCH)
    assert chosen[0, 2, 3] == 4
    assert set(chosen.unique().tolist()) <= {4, 9}


def test_a_brighter_view_changes_nothing():
    first, second, field = with_a_box()
    wrong = field.clone()
    wrong[0, 1, 2] = 60
    assert torch.equal(cheaper_field(0.8 * first, 0.8 * second + 0.2, wrong, MUCH), field)


def test_neither_does_brightness_that_differs_from_place_to_place():
    """As by lenses that darken the corners; of errors alone a worse match of equal brightness would cost less."""
    first, second, field = with_a_box()
    dark = torch.linspace(0, 0.6, first.shape[2])[:, None]
    kept = cheaper_field(first, second - dark, field, 0.02)
    assert torch.equal(kept, field)


def test_only_files_have_their_disparities_chosen():
    config = {"channels8": 16, "channels16": 24, "latent_channels": 16, "entropy_channels": 24, "hyper_channels": 8}
    model = build_model("bisic-rt", config)
    x = torch.stack([torch.from_numpy(view.copy()) for view in sample_crop(192, 256)]).float() / 255
    quality = torch.full((2,), 0.3)
    with torch.no_grad():
        for_files = model.analyse(x, quality).disparity
        for_training = model.analyse(x, quality, with_choices=False).disparity
    step = (26 / model.trade_off(quality[1:])).sqrt()
    expected = DisparitySearch(x[:1], x[1:]).field(0.2 + 0.03 * step)
    assert torch.equal(for_training, expected)
    assert coded_bytes(for_files) < coded_bytes(for_training)


def test_of_several_fields_each_block_has_the_best_that_is_worth_its_bits():
    fields = torch.stack([torch.full((6, 12), value) for value in (8, 30, 50)])
    costs = torch.full((3, 6, 12), 40.0)
    costs[0, :, :6] = costs[1, :, 6:] = 10.0
    costs[2, 2, 9] = 0.0  # less than what a block of its own costs
    expected = torch.where(torch.arange(12) < 6, 8, 30).expand(6, 12)
    for start in range(3):
        assert torch.equal(best_of_fields(fields, costs, start), expected)
    assert torch.equal(fields[2], torch.full((6, 12), 50))
    assert torch.equal(best_of_fields(fields, torch.zeros(3, 6, 12), 1), fields[1])


def test_more_effort_has_more_fields_to_choose_from():
    torch.manual_seed(0)
    small = {"channels8": 16, "channels16": 24, "latent_channels": 16, "entropy_channels": 24, "hyper_channels": 8}
    model, quality = build_model("bisic-rt", small), torch.full((2,), 0.5)
    x = torch.stack([torch.from_numpy(view.copy()) for view in sample_crop(128, 256)]).float() / 255
    for level in (1, DEFAULT_EFFORT, 8, 9):
        effort = EFFORTS[level]
        with torch.no_grad():
            latents = model.analyse_prepared(model.prepare(x, effort), quality, effort)
        count = 0 if latents.others is None else len(latents.others)
        assert count == effort.fields - 1
        if count:
            assert latents.others.shape[1:] == latents.disparity.shape[1:]
            assert len(torch.cat([latents.disparity, latents.others]).unique(dim=0)) > 1

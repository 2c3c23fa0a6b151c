"""What is known of several pairs in one walk is what is known of each of them alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from conftest import GroupCoder, sample_crop

from stereocodec.models.bisic_rt.latents import Latents
from stereocodec.releases.release import load_release

SIZE = 128, 192
QUALITIES = (0.1, 0.15)


@pytest.fixture(scope="module")
def model(tiny_release):
    model = load_release(tiny_release).model
    model.make_exact()
    return model


@pytest.fixture(scope="module")
def pairs(model):
    """Latents of two pairs, the views of one of them apart in quality, and each of another worth of errors."""
    made = []
    for number, quality in enumerate(QUALITIES):
        x = torch.stack([torch.tensor(view) for view in sample_crop(*SIZE, top=100 + 150 * number)]).float() / 255
        latents = model.analyse(x, torch.full((2,), quality).double())
        offset = torch.full((1, 1, 1), number)
        made.append(dataclasses.replace(latents, error_share=1 - 0.2 * number, offset=offset, others=None))
    return made


def assert_alike(mine, other):
    for name, value in vars(other).items():
        if value is None or name in ("checks", "error_share"):
            assert getattr(mine, name) == value
        else:
            torch.testing.assert_close(getattr(mine, name), value, rtol=0, atol=0)


def test_pairs_that_are_joined_are_found_again(pairs):
    joined = Latents.of_pairs(pairs)
    assert joined.y.shape[0] == 4
    assert joined.disparity.shape[0] == 2
    torch.testing.assert_close(joined.pictures[1], pairs[1].pictures[0], rtol=0, atol=0)
    torch.testing.assert_close(joined.pictures[2], pairs[0].pictures[1], rtol=0, atol=0)
    for number, pair in enumerate(pairs):
        assert_alike(joined.pair(number), pair)


def test_one_view_is_the_only_one(model):
    x = torch.tensor(sample_crop(*SIZE)[0])[None].float() / 255
    latents = model.analyse(x, torch.full((1,), 0.5).double())
    assert_alike(latents.pair(0), latents)


def test_groups_of_several_pairs_have_what_those_of_each_have(model, pairs):
    together, qualities = GroupCoder(), torch.tensor(QUALITIES * 2).double()
    with torch.inference_mode():
        model.walk_latents(together, Latents.of_pairs(pairs), qualities, SIZE)
        for number, pair in enumerate(pairs):
            alone = GroupCoder()
            model.walk_latents(alone, pair, qualities[number::2], SIZE)
            assert len(alone.groups) == len(together.groups) == 8
            for batch, group in zip(together.groups, alone.groups, strict=True):
                mine = batch.of_pair(number)
                for name in ("mean", "log_scale", "weight"):
                    torch.testing.assert_close(getattr(mine, name), getattr(group, name), rtol=1e-9, atol=1e-9)
                assert len(mine.levelled[0]) == len(group.levelled[0]) > 0
                for level, expected in zip(mine.levelled[0], group.levelled[0], strict=True):
                    assert level == pytest.approx(expected, rel=1e-6)

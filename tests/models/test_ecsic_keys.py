"""ECSIC's settings, and checkpoints of its authors' code: all forms are taken, others are refused by name."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from published import official_state

from stereocodec.models import build_model
from stereocodec.models.ecsic.keys import official_config, official_names, official_weights
from stereocodec.models.ecsic.model import Ecsic, EcsicConfig


@pytest.fixture(scope="module")
def checkpoint():
    return official_state("ecsic")


def test_the_published_width_has_the_published_tensors():
    with torch.device("meta"):
        model = Ecsic(EcsicConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == 25_742_502
    names = official_names()
    assert len(names) == 225
    assert set(names.values()) == set(model.state_dict())


def test_all_forms_of_a_checkpoint_give_the_same_weights(checkpoint):
    config = official_config(checkpoint)
    assert config == EcsicConfig(channels=16, latent_channels=6)
    expected = official_weights(checkpoint, config)
    shared = [key for key in checkpoint if key[:2] == "E." and int(key[2]) < 6]
    assert len(shared) == 18
    forms = [{f"module.{key}": value for key, value in checkpoint.items()}]
    for side in ("left", "right"):
        forms.append({key: value for key, value in checkpoint.items() if key not in shared or f"layer_{side}" in key})
    for form in forms:
        assert official_config(form) == config
        weights = official_weights(form, config)
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[key], expected[key]) for key in expected)


def without(*keys):
    return lambda tensors: {key: value for key, value in tensors.items() if key not in keys}


def reshaped(key, *shape):
    return lambda tensors: tensors | {key: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("zC.1.weight", "ye_conv.bias"), "zC.1.weight is missing"),
        (without("E.2.layer_left.bias", "E.2.layer_right.bias"), "E.2.layer_left.bias is missing"),
        (reshaped("HE.0.layer_right.weight", 16, 6, 5, 5), "HE.0.layer_right.weight is 16x6x5x5 but 16x6x3x3 here"),
        (reshaped("D.2.mha_ltr.conv_k.weight", 128, 16, 5), "D.2.mha_ltr.conv_k.weight is 128x16x5 but 128x16x3 here"),
        (reshaped("y_other.weight", 1), "y_other.weight is unknown"),
        (reshaped("E.4.layer_right.bias", 16), "E.4.layer_right.bias differs from E.4.layer_left.bias"),
        (lambda tensors: tensors | {"ye_conv.bias": [0.0]}, "ye_conv.bias is not a tensor"),
    ],
)
def test_the_first_mismatching_key_is_named(checkpoint, change, message):
    with pytest.raises(ValueError, match=message):
        official_weights(change(checkpoint), official_config(checkpoint))


def test_another_width_names_the_first_key(checkpoint):
    config = official_config(checkpoint)
    with pytest.raises(ValueError, match=r"E\.0.layer_left.weight is 16x3x3x3 but 32x3x3x3 here"):
        official_weights(checkpoint, replace(config, channels=32))
    with pytest.raises(ValueError, match="zl_loc is 1x6x1x1 but 1x12x1x1 here"):
        official_weights(checkpoint, replace(config, latent_channels=12))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("zl_loc"), "zl_loc is missing"),
        (without("E.0.layer_left.weight", "E.0.layer_right.weight"), "E.0.layer_left.weight is missing"),
        (reshaped("zl_loc", 6), "zl_loc is 6 but has 4 axes here"),
        (reshaped("E.6.mha_rtl.conv_q.weight", 126, 16, 3), "126 rows, which are not those of 4 heads"),
        (lambda tensors: {}, "zl_loc is missing"),
    ],
)
def test_tensors_that_tell_no_width_are_refused(checkpoint, change, message):
    with pytest.raises(ValueError, match=message):
        official_config(change(checkpoint))


@pytest.mark.parametrize(
    "settings",
    [
        {"channels": 0},
        {"channels": 190},
        {"channels": 192.0},
        {"latent_channels": 0},
        {"latent_channels": 257},
        {"heads": True},
        {"embedding": -1},
        {"lambda_": 0},
        {"lambda_": math.inf},
        {"lambda_": "0.01"},
        {"channels": "192"},
        {"width": 3},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} is .*must be|heads is|argument 'width'"):
        build_model("ecsic", settings)

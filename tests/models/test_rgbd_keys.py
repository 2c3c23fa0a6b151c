"""`rgbd`: its settings, and checkpoints of its authors' code: all forms are taken, others are refused by name."""

from __future__ import annotations

import pytest
import torch
from published import official_keys

from stereocodec.models.rgbd.keys import official_config, official_names, official_weights
from stereocodec.models.rgbd.model import Rgbd, RgbdConfig


@pytest.fixture(scope="module")
def official():
    """A state dict with the authors' keys and shapes. Each tensor holds a number of its own."""
    keys = official_keys("rgbd").items()
    return {key: torch.full(shape, index, dtype=dtype) for index, (key, (dtype, shape)) in enumerate(keys)}


def test_the_published_widths_have_as_many_weights_as_the_published_network():
    with torch.device("meta"):
        model = Rgbd(RgbdConfig())
    assert sum(p.numel() for p in model.parameters()) == 149_532_369
    assert len(set(official_names(RgbdConfig()).values())) == 1060


def test_every_weight_is_taken_from_its_official_name(official):
    config = official_config(official)
    assert (config.channels, config.latent_channels, config.slices) == (16, 24, (2, 2, 4, 8, 8))
    names, weights = official_names(config), official_weights(official, config)
    assert names.keys() == weights.keys()
    for name, tensor in weights.items():
        assert tensor.unique() == official[names[name]].flatten()[0], name


@pytest.mark.parametrize(
    ("own", "published"),
    [
        ("analysis.color.9.trunk.0.branch.0.weight", "g_a.rgb_analysis_transform.9.conv_a.0.conv.0.weight"),
        ("analysis.depth.9.mask.3.weight", "g_a.depth_analysis_transform.9.conv_b.3.weight"),
        ("analysis.depth.13.branch.4.bias", "g_a.depth_analysis_transform.13.branch.4.bias"),
        ("synthesis.color.2.depth_attention.pooled.4.weight", "g_s.rgb_synthesis_transform.2.d_esa.conv3_.weight"),
        ("synthesis.color.13.color_attention.pooled.0.bias", "g_s.rgb_synthesis_transform.13.r_esa.conv_max.bias"),
        ("hyper_analysis.depth.2.weight", "h_a.depth_reduction.2.weight"),
        ("entropy.hyper_synthesis.depth.1.gate.0.weight", "h_s.d_h_s2.se.fc.0.weight"),
        ("entropy.prior.first.biases.0", "rgb_entropy_bottleneck._bias0"),
        ("entropy.prior.second.matrices.1", "depth_entropy_bottleneck._matrix1"),
        ("entropy.slices.0.depth.local_context.bias", "depth_local_context.0.bias"),
        ("entropy.slices.4.color.whole_context.bias", "rgb_local_context_anchor_with_nonanchor.4.bias"),
        ("entropy.slices.3.depth.anchor.gate.0.weight", "depth_entropy_parameters_anchor.3.se.fc.0.weight"),
        ("entropy.slices.2.color.non_anchor.first.bias", "rgb_entropy_parameters_nonanchor.2.fusion.0.bias"),
        ("entropy.slices.2.color.non_anchor.rest.3.bias", "rgb_entropy_parameters_nonanchor.2.fusion.4.bias"),
    ],
)
def test_colour_and_depth_have_their_published_names(own, published):
    assert official_names(RgbdConfig())[own] == published


def test_newer_names_and_the_prefix_of_parallel_training_are_taken(official):
    renamed = {}
    for key, value in official.items():
        for older, newer in (("._matrix", ".matrices."), ("._bias", ".biases."), ("._factor", ".factors.")):
            key = key.replace(older, newer)
        renamed[f"module.{key}"] = value
    config = official_config(renamed)
    assert config == official_config(official)
    expected, weights = official_weights(official, config), official_weights(renamed, config)
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


def changed(official, key, value):
    return {k: v for k, v in {**official, key: value}.items() if v is not None}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("g_a.rgb_analysis_transform.0.weight", None, "g_a.rgb_analysis_transform.0.weight is missing"),
        ("g_a.rgb_analysis_transform.16.weight", torch.zeros(3), "g_a.rgb_analysis_transform.16.weight is 3, which"),
        ("rgb_local_context.4.weight", None, "rgb_local_context.4.weight is missing"),
        ("rgb_channel_context.1.fushion.0.weight", None, "rgb_channel_context.1.fushion.0.weight is missing"),
        ("h_s.d_h_s2.se.fc.0.weight", None, "h_s.d_h_s2.se.fc.0.weight is missing"),
        (
            "depth_entropy_parameters_anchor.0.fusion.0.bias",
            torch.zeros(4),
            r"depth_entropy_parameters_anchor.0.fusion.0.bias is 4 but \d+ here",
        ),
        ("h_a.rgb_reduction.0.bias", torch.zeros(16, dtype=torch.int32), "h_a.rgb_reduction.0.bias is of torch.int32"),
        ("lrp.0.weight", torch.zeros(4), "lrp.0.weight is unknown"),
        ("epoch", 3, "epoch is not a tensor"),
    ],
)
def test_the_first_key_that_does_not_fit_is_named(official, key, value, message):
    tensors = changed(official, key, value)
    with pytest.raises(ValueError, match=message):
        official_weights(tensors, official_config(tensors))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 9}, "channels is 9; it must be a multiple of 2"),
        ({"channels": 6}, "channels is 6; it must be a multiple of 2 from 8"),
        ({"latent_channels": True}, "latent_channels is True"),
        ({"slices": (16, 16)}, "they must add up to the 320 channels"),
        ({"slices": "x"}, "slices is 'x'"),
        ({"context_widths": (8,)}, "it must be two widths"),
        ({"depth_lambda": 0}, "depth_lambda is 0; it must be a number from 1e-09"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RgbdConfig(**settings)

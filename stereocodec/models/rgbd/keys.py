"""State dicts of the official RGB-D code (github.com/xyy7/Learning-based-RGB-D-Image-Compression, `ELIC_united`) as
weights of `rgbd`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ..official_keys import bottleneck_name, described, renamed, without_prefixes
from .model import Rgbd, RgbdConfig

__all__ = ["official_config", "official_names", "official_weights"]

# Buffers that hold no weights: tables (computed anew here), their bounds.
_IGNORED = re.compile(
    r"(rgb|depth)_gaussian_conditional\..+"
    r"|(rgb|depth)_entropy_bottleneck\.(_offset|_quantized_cdf|_cdf_length|target|likelihood_lower_bound\.bound)"
)
_SIDES = {"color": "rgb", "depth": "depth"}
_TRANSFORMS = {"analysis": "g_a.{}_analysis_transform", "synthesis": "g_s.{}_synthesis_transform"}
_SLICE_NETWORKS = {
    "channel_context": "{}_channel_context",
    "local_context": "{}_local_context",
    "whole_context": "{}_local_context_anchor_with_nonanchor",
    "anchor": "{}_entropy_parameters_anchor",
    "non_anchor": "{}_entropy_parameters_nonanchor",
}
# Within a network, ours and the official names.
_WITHIN_EXCHANGES = {
    r"\.color_attention\.": ".r_esa.",
    r"\.depth_attention\.": ".d_esa.",
    r"\.(color|depth)\.(weight|bias)$": lambda found: f".{found[1][0].replace('c', 'r')}_ext.{found[2]}",
    r"\.reduce\.": ".conv1.",
    r"\.down\.": ".conv2.",
    r"\.pooled\.0\.": ".conv_max.",
    r"\.pooled\.2\.": ".conv3.",
    r"\.pooled\.4\.": ".conv3_.",
    r"_esa\.skip\.": "_esa.conv_f.",
    r"\.expand\.": ".conv4.",
    r"\.trunk\.(\d)\.branch\.": r".conv_a.\1.conv.",
    r"\.mask\.(\d)\.branch\.": r".conv_b.\1.conv.",
    r"\.mask\.3\.": ".conv_b.3.",
}
_WITHIN_ENTROPY = {
    r"\.gate\.(\d)": r".se.fc.\1",
    r"^(\w+_entropy_parameters_\w+\.\d+)\.first": r"\1.fusion.0",
    r"^(\w+_entropy_parameters_\w+\.\d+)\.rest\.1": r"\1.fusion.2",
    r"^(\w+_entropy_parameters_\w+\.\d+)\.rest\.3": r"\1.fusion.4",
    r"^(\w+_channel_context\.\d+)\.(\d)": r"\1.fushion.\2",
}


def official_config(tensors: Mapping[str, Tensor]) -> RgbdConfig:
    """The settings that the shapes of an official state dict tell; the lambdas are not in it and stay the defaults.

    Raises ValueError, naming the key, when a tensor that tells a width is missing or of an impossible shape.
    """
    tensors = without_prefixes(tensors)

    def width(key: str, axis: int = 0) -> int:
        if key not in tensors:
            raise ValueError(f"{key} is missing")
        if tensors[key].ndim != 4 or not tensors[key].shape[axis]:
            raise ValueError(f"{key} is {described(tensors[key].shape)}, which no such network has")
        return tensors[key].shape[axis]

    channels = width("g_a.rgb_analysis_transform.0.weight")
    latent_channels = width("g_a.rgb_analysis_transform.16.weight")
    slices: list[int] = []
    while not slices or f"rgb_local_context.{len(slices)}.weight" in tensors:
        slices.append(width(f"rgb_local_context.{len(slices)}.weight", 1))
    if sum(slices) != latent_channels:
        raise ValueError(f"rgb_local_context.{len(slices)}.weight is missing, or another slice is of another width")
    contexts = RgbdConfig().context_widths
    if len(slices) > 1:
        contexts = (width("rgb_channel_context.1.fushion.0.weight"), width("rgb_channel_context.1.fushion.2.weight"))
    return RgbdConfig(channels=channels, latent_channels=latent_channels, slices=tuple(slices), context_widths=contexts)


def official_names(config: RgbdConfig) -> dict[str, str]:
    """The official name of each weight of the model of these settings, by ours; of the priors in the older form."""
    return {name: _official_name(name) for name in _model(config).state_dict()}


def official_weights(tensors: Mapping[str, Tensor], config: RgbdConfig) -> dict[str, Tensor]:
    """An official state dict as the state dict of `Rgbd(config)`, float32.

    Takes all generations of names of the factorised priors, and prefixes (`without_prefixes`). Raises ValueError,
    naming the first official key that is missing, of another shape, or superfluous.
    """
    tensors = {bottleneck_name(key): value for key, value in without_prefixes(tensors).items()}
    return renamed(tensors, official_names(config), _model(config).state_dict(), _official_shape, _IGNORED)


def _official_shape(key: str, shape: torch.Size) -> torch.Size:
    """The 1x1 convolutions of the entropy model are linear layers here."""
    return torch.Size((*shape, 1, 1)) if key.endswith("fusion.0.weight") else shape


def _model(config: RgbdConfig) -> Rgbd:
    """Builds the model on the meta device: shapes without values."""
    with torch.device("meta"):
        return Rgbd(config)


def _official_name(name: str) -> str:
    part, _, rest = name.partition(".")
    if part in _TRANSFORMS:
        side, _, layer = rest.partition(".")
        return _TRANSFORMS[part].format(_SIDES[side]) + _within(f".{layer}", _WITHIN_EXCHANGES)
    if part == "hyper_analysis":
        side, _, layer = rest.partition(".")
        return f"h_a.{_SIDES[side]}_reduction.{layer}"
    part, _, rest = rest.partition(".")
    if part == "prior":
        side, _, layer = rest.partition(".")
        return bottleneck_name(f"{'rgb' if side == 'first' else 'depth'}_entropy_bottleneck.{layer}")
    if part == "hyper_synthesis":
        side, stage, layer = rest.split(".", 2)
        key = f"h_s.{_SIDES[side][0]}_h_s{int(stage) + 1}.{layer}"
    else:
        index, side, network, layer = rest.split(".", 3)
        key = f"{_SLICE_NETWORKS[network].format(_SIDES[side])}.{index}.{layer}"
    return _within(key, _WITHIN_ENTROPY)


def _within(key: str, names: Mapping[str, object]) -> str:
    for pattern, official in names.items():
        key = re.sub(pattern, official, key)  # type: ignore[call-overload]
    return key

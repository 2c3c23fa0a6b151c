"""State dicts of the official BiSIC code (github.com/LIUZhening111/BiSIC) as weights of `bisic` and `bisic-fast`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ..official_keys import bottleneck_name, described, renamed, without_prefixes
from .entropy import SpatialContext
from .model import Bisic, BisicConfig, BisicFast, BisicFastConfig

__all__ = ["official_config", "official_names", "official_weights"]

# Buffers of the official code that hold no weights: tables (computed anew here), bounds and masks.
_IGNORED = re.compile(
    r"gaussian_conditional\..+"
    r"|hyperprior\.entropy_bottleneck\.(_offset|_quantized_cdf|_cdf_length|target|likelihood_lower_bound\.bound)"
    r"|context_prediction_list\.\d+\.mask"
)
_PARTS = {
    "analysis.to_quarter": "Conv3DEncoder_A",
    "analysis.exchange_quarter": "En_Transfer_A",
    "analysis.to_sixteenth": "Conv3DEncoder_B",
    "analysis.exchange_sixteenth": "En_Transfer_B",
    "synthesis.exchange_sixteenth": "De_Transfer_A",
    "synthesis.to_quarter": "Conv3DDecoder_A",
    "synthesis.exchange_quarter": "De_Transfer_B",
    "synthesis.to_full": "Conv3DDecoder_B",
    "hyper_analysis.layers": "hyperprior.hyper_encoder",
    "entropy.prior": "hyperprior.entropy_bottleneck",
    "entropy.hyper_mean": "hyperprior.hyper_decoder_means",
    "entropy.hyper_scale": "hyperprior.hyper_decoder_scales",
    "entropy.channel_mixing": "chan_SAM",
}
_WITHIN_PARTS = {
    "features.0.": "rb1.",
    "features.1.": "rb2.",
    "cross_query.": "cross_attnA.",
    "cross_query_self.": "self_attenA.",
    "cross_key.": "cross_attenB.",
    "cross_key_self.": "self_attenB.",
    ".query.": ".conv_q.",
    ".key.": ".conv_k.",
    ".value.": ".conv_v.",
    ".projection.": ".projection_o.",
    ".matrices.": "._matrix",
    ".biases.": "._bias",
    ".factors.": "._factor",
}
# The networks of a slice: the official names of that of the first slice, and of the list for the later ones.
_SLICE_NETWORKS = {
    "residual": ("LRP_Transform_zero", "LRP_Transform_list"),
    "channel_context": ("", "channel_context_prediction_list"),
}
_WAVEFRONT_NETWORKS = {
    "mean": ("entropy_parameters_zero_means", "entropy_parameters_list_means"),
    "scale": ("entropy_parameters_zero_scales", "entropy_parameters_list_scales"),
}
_CHECKERBOARD_NETWORKS = {
    "mean": ("entropy_params_nonanchor_zero_means", "entropy_params_nonanchor_list_means"),
    "scale": ("entropy_params_nonanchor_zero_scales", "entropy_params_nonanchor_list_scales"),
    "anchor_mean": ("entropy_params_anchor_zero_means", "entropy_params_anchor_list_means"),
    "anchor_scale": ("entropy_params_anchor_zero_scales", "entropy_params_anchor_list_scales"),
}
_CONFIGS = {"bisic": BisicConfig, "bisic-fast": BisicFastConfig}


def official_config(tensors: Mapping[str, Tensor], arch: str) -> BisicConfig:
    """The settings that the shapes of an official state dict of `arch`, "bisic" or "bisic-fast", tell.

    Lambda is not in it and stays the default. Raises ValueError, naming the key, when a tensor that tells a width is
    missing or of an impossible shape.
    """
    tensors = without_prefixes(tensors)
    is_fast = arch == "bisic-fast"
    networks = _CHECKERBOARD_NETWORKS if is_fast else _WAVEFRONT_NETWORKS

    def width(key: str, axis: int = 0) -> int:
        if key not in tensors:
            raise ValueError(f"{key} is missing")
        if tensors[key].ndim <= axis or not tensors[key].shape[axis]:
            raise ValueError(f"{key} is {described(tensors[key].shape)}, which no {arch} network has")
        return tensors[key].shape[axis]

    def widths(network: str) -> tuple[int, ...]:
        return tuple(width(f"{network}.{layer}.weight") for layer in (0, 2, 4))

    channels = width("Conv3DEncoder_A.0.weight")
    slice_channels = width(f"{_context_list(is_fast)}.0.weight", 1)
    if channels % slice_channels:
        raise ValueError(f"{_context_list(is_fast)}.0.weight has {slice_channels} channels, no part of {channels}")
    return _CONFIGS[arch](
        channels=channels,
        slices=channels // slice_channels,
        parameter_widths=widths(networks["mean"][0]),
        context_widths=widths("channel_context_prediction_list.0"),
        residual_widths=widths("LRP_Transform_zero"),
    )


def official_names(config: BisicConfig) -> dict[str, str]:
    """The official name of each weight of the model of these settings, by ours; of the prior in the older form."""
    is_fast = isinstance(config, BisicFastConfig)
    return {name: _official_name(name, is_fast) for name in _model(config).state_dict()}


def official_weights(tensors: Mapping[str, Tensor], config: BisicConfig) -> dict[str, Tensor]:
    """An official state dict as the state dict of `Bisic(config)`, or `BisicFast(config)` for a BisicFastConfig.

    Takes all generations of names of the factorised prior, and prefixes (`without_prefixes`). Weights are float32; taps
    that a context must not see are zero. Raises ValueError, naming the first official key that is missing, of another
    shape, or superfluous.
    """
    tensors = {bottleneck_name(key): value for key, value in without_prefixes(tensors).items()}
    model = _model(config)
    masks = {f"{name}.weight": m.taps for name, m in model.named_modules() if isinstance(m, SpatialContext)}
    weights = renamed(tensors, official_names(config), model.state_dict(), _official_shape, _IGNORED)
    for name, taps in masks.items():
        weights[name] = weights[name] * _mask(taps, weights[name].shape[-1])
    return weights


def _model(config: BisicConfig) -> Bisic:
    """Builds the model on the meta device: shapes without values."""
    with torch.device("meta"):
        return BisicFast(config) if isinstance(config, BisicFastConfig) else Bisic(config)


def _official_shape(key: str, shape: torch.Size) -> torch.Size:
    """1x1 convolutions are linear layers here."""
    return torch.Size((*shape, 1, 1)) if len(shape) == 2 else shape


def _mask(taps: tuple[tuple[int, int], ...], size: int) -> Tensor:
    """One at the taps of a kernel (size, size), zero elsewhere."""
    mask = torch.zeros(size, size)
    for row, column in taps:
        mask[row + size // 2, column + size // 2] = 1
    return mask


def _official_name(name: str, is_fast: bool) -> str:
    in_slice = re.fullmatch(r"entropy\.slices\.(\d+)\.(\w+)\.(.+)", name)
    if in_slice is None:
        for own, official in _PARTS.items():
            if name.startswith(own + "."):
                name = official + name[len(own) :]
        for own, official in _WITHIN_PARTS.items():
            name = name.replace(own, official)
        return name
    index, network, layer = int(in_slice[1]), in_slice[2], in_slice[3]
    if network == "context":
        return f"{_context_list(is_fast)}.{index}.{layer}"
    networks = _SLICE_NETWORKS | (_CHECKERBOARD_NETWORKS if is_fast else _WAVEFRONT_NETWORKS)
    zero, later = networks[network]
    layer = re.sub(r"^first", "0", layer)
    layer = re.sub(r"^rest\.(\d)", lambda found: str(int(found[1]) + 1), layer)
    return f"{later}.{index - 1}.{layer}" if index else f"{zero}.{layer}"


def _context_list(is_fast: bool) -> str:
    return "context_prediction_CKBD_list" if is_fast else "context_prediction_list"

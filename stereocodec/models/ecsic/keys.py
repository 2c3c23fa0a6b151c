"""State dicts of the official ECSIC code (github.com/mwoedlinger/ecsic) as weights of `ecsic`.

The official names are positions in sequences, and the encoder's first six layers, which both views share, stand there
under two names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..official_keys import described, refuse_superfluous, without_prefixes
from .model import Ecsic, EcsicConfig

__all__ = ["official_config", "official_names", "official_weights", "own_layout"]

_OFFICIAL_HEADS = 4  # which no shape tells
# Official prefix, ours, the attention's position, the number of positions.
_TRANSFORMS = {
    "E": ("analysis", 6, 9),
    "D": ("synthesis", 2, 9),
    "HE": ("hyper_analysis", 4, 7),
    "HD": ("entropy.hyper_synthesis", 2, 6),
}
_PARAMETERS = {
    "zl_loc": "entropy.prior_mean",
    "zl_scale": "entropy.prior.scale",
    "zr_loc": "entropy.hyper_context.mean",
    "zr_scale": "entropy.hyper_context.scale",
}
_LAYERS = {
    "hd_out_left": "entropy.left_parameters",
    **{f"zC.{position}": f"entropy.hyper_context.layers.{position}" for position in range(5)},
    "hd_out_right": "entropy.right_features",
    "yle_conv": "entropy.right_context.left.0",
    "yle_prelu": "entropy.right_context.left.1",
    "yre_conv": "entropy.right_context.right.0",
    "yre_prelu": "entropy.right_context.right.1",
    "ye_sa": "entropy.right_context.attention",
    "ye_prelu": "entropy.right_context.outputs.0",
    "ye_conv": "entropy.right_context.outputs.1",
}
_ATTENTION = {"ln_l": "norm_left", "ln_r": "norm_right"}
for _official, _own in (("mha_ltr", "from_left"), ("mha_rtl", "from_right")):
    for _layer, _own_layer in (("conv_q", "query"), ("conv_k", "key"), ("convc_v", "value"), ("fc_mh", "out")):
        _ATTENTION[f"{_official}.{_layer}"] = f"{_own}.{_own_layer}"
_ATTENTION |= {"ff_l": "mix_left", "ff_r": "mix_right"}
_ROW_CONVOLUTIONS = ("conv_q.weight", "conv_k.weight", "convc_v.weight")


def official_names() -> dict[str, str]:
    """All official names, in the official order, with ours; two of them share one where both views share a layer."""
    with torch.device("meta"):
        own = Ecsic(EcsicConfig(channels=4, latent_channels=1)).state_dict()
    names = dict(_PARAMETERS)
    for official, ours in _layers():
        for leaf in ("weight", "bias"):
            if f"{ours}.{leaf}" in own:
                names[f"{official}.{leaf}"] = f"{ours}.{leaf}"
    return names


def official_config(tensors: Mapping[str, Tensor]) -> EcsicConfig:
    """The widths of an official state dict, with 4 heads, as published; lambda is not in it and stays the default.

    Raises ValueError, naming the key, when a tensor that tells a width is missing or of an impossible shape.
    """
    tensors = without_prefixes(tensors)
    trunk = "E.0.layer_left.weight"
    if trunk not in tensors:
        trunk = _twin(trunk)
    widths = []
    for key, axis, dimensions in (("zl_loc", 1, 4), (trunk, 0, 4), ("E.6.mha_rtl.conv_q.weight", 0, 3)):
        if key not in tensors:
            raise ValueError(f"{key.replace('layer_right', 'layer_left')} is missing")
        if tensors[key].ndim != dimensions:
            raise ValueError(f"{key} is {described(tensors[key].shape)} but has {dimensions} axes here")
        widths.append(tensors[key].shape[axis])
    if widths[2] % _OFFICIAL_HEADS:
        raise ValueError(
            f"E.6.mha_rtl.conv_q.weight has {widths[2]} rows, which are not those of {_OFFICIAL_HEADS} heads"
        )
    return EcsicConfig(
        channels=widths[1], latent_channels=widths[0], heads=_OFFICIAL_HEADS, embedding=widths[2] // _OFFICIAL_HEADS
    )


def official_weights(tensors: Mapping[str, Tensor], config: EcsicConfig) -> dict[str, Tensor]:
    """An official state dict as the state dict of `Ecsic(config)`.

    Of the names of a shared layer one is enough. Raises ValueError, naming the first official key that is missing, of
    another shape, superfluous, or unlike its twin.
    """
    tensors = without_prefixes(tensors)
    names = official_names()
    with torch.device("meta"):
        own = Ecsic(config).state_dict()
    weights: dict[str, Tensor] = {}
    for key, name in names.items():
        if key not in tensors:
            if _twin(key) == key or _twin(key) not in tensors:
                raise ValueError(f"{key} is missing")
            continue
        wanted = _official_shape(key, own[name].shape)
        if tensors[key].shape != wanted:
            raise ValueError(f"{key} is {described(tensors[key].shape)} but {described(wanted)} here")
        if not tensors[key].is_floating_point():
            raise ValueError(f"{key} is of {tensors[key].dtype}, which no weights are of")
        value = own_layout(key, tensors[key])
        if name in weights and not _equal(weights[name], value):
            raise ValueError(f"{key} differs from {_twin(key)}; both views share this layer")
        weights[name] = value
    refuse_superfluous(tensors, set(names))
    return weights


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), rtol=0, atol=0, equal_nan=True)


def own_layout(key: str, tensor: Tensor) -> Tensor:
    """An official tensor in our layout: convolutions along rows are matrices over the neighbours, then the channels."""
    return tensor.permute(0, 2, 1).flatten(1) if key.endswith(_ROW_CONVOLUTIONS) else tensor


def _official_shape(key: str, shape: torch.Size) -> torch.Size:
    return torch.Size((shape[0], shape[1] // 3, 3)) if key.endswith(_ROW_CONVOLUTIONS) else shape


def _layers() -> Iterator[tuple[str, str]]:
    """Official layers with ours, in the official order."""
    for official, (ours, attention, count) in _TRANSFORMS.items():
        for position in range(count):
            if position == attention:
                yield from _attention_layers(f"{official}.{position}", f"{ours}.attention")
                continue
            for side in ("left", "right"):
                before = f"{ours}.before.{'layers' if official == 'E' else side}.{position}"
                after = f"{ours}.after.{side}.{position - attention - 1}"
                yield f"{official}.{position}.layer_{side}", before if position < attention else after
    for official, ours in _LAYERS.items():
        if official == "ye_sa":
            yield from _attention_layers(official, ours)
        else:
            yield official, ours


def _attention_layers(official: str, ours: str) -> Iterator[tuple[str, str]]:
    for layer, own_layer in _ATTENTION.items():
        yield f"{official}.{layer}", f"{ours}.{own_layer}"


def _twin(key: str) -> str:
    """The other name of a layer that both views share; the key itself where there is none."""
    module, _, rest = key.partition(".layer_")
    if module not in {f"E.{position}" for position in range(_TRANSFORMS["E"][1])}:
        return key
    side, _, leaf = rest.partition(".")
    return f"{module}.layer_{'right' if side == 'left' else 'left'}.{leaf}"

"""What `bisic-rt` starts with: an orthonormal transform codec, or the weights of another model."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ...devices import computed
from .blocks import CoefficientLinear, QualityKnots, depth_to_space, space_to_depth
from .config import BisicRtConfig, quality_of, trade_off
from .dct import colour_dct, dct16_step
from .disparity import BLOCK
from .entropy import EntropyModel
from .transforms import AnalysisTransform, SynthesisTransform


@torch.no_grad()
def start_as_dct(analysis: AnalysisTransform, synthesis: SynthesisTransform, entropy: EntropyModel) -> None:
    """Sets the layers through which coefficients pass to a DCT of 16x16 pixels in colour, and to its inverse."""
    channels8, channels16 = analysis.head.out_features, analysis.down.linear.out_features
    with computed():
        dct, _ = colour_dct(channels8)
        dct16 = dct16_step(dct, channels16)
        identity = torch.eye(*analysis.tail.weight.shape, dtype=torch.float32)
        samples = depth_to_space(torch.eye(3 * BLOCK * BLOCK, dtype=torch.float32)[:, None, None], BLOCK)
        coefficients = space_to_depth(space_to_depth(samples, 8) @ dct.T, 2)[:, 0, 0]
        whole = identity @ dct16 @ coefficients.T
    analysis.head.weight.copy_(dct)
    synthesis.tail.weight.copy_(dct.T)
    analysis.down.linear.weight.copy_(dct16)
    synthesis.up.linear.weight.copy_(dct16.T)
    analysis.tail.weight.copy_(identity)
    synthesis.head.weight.copy_(identity.T)
    if entropy.config.stereo:
        entropy.prediction.latents.weight.copy_(whole)
        entropy.prediction.picture.weight.copy_(whole.T)
    for layer in coefficient_layers(analysis, synthesis, entropy):
        nn.init.zeros_(layer.bias)


def coefficient_layers(
    analysis: AnalysisTransform, synthesis: SynthesisTransform, entropy: EntropyModel
) -> list[CoefficientLinear]:
    """The layers through which coefficients pass."""
    layers = [analysis.head, analysis.down.linear, analysis.tail]
    layers += [synthesis.head, synthesis.up.linear, synthesis.tail]
    if entropy.config.stereo:
        layers += [entropy.prediction.latents, entropy.prediction.picture]
    return layers


def resampled_knots(config: BisicRtConfig, other: nn.Module, theirs: BisicRtConfig) -> dict[str, Tensor]:
    """The values of another model's quality knots where those of a config are, by their names: empty where both have
    the same ones."""
    if (config.knots, config.lambda_min, config.lambda_max) == (theirs.knots, theirs.lambda_min, theirs.lambda_max):
        return {}
    quality = quality_of(theirs, trade_off(config, torch.linspace(0, 1, config.knots, dtype=torch.float64)))
    return {
        f"{name}.values": copy.deepcopy(part).double()(quality)[:, 0, 0].float()
        for name, part in other.named_modules()
        if isinstance(part, QualityKnots)
    }

"""Starting weights of `rgbd` that compact energy before the first training step.

Strided layers start as Karhunen-Loeve transforms of 2x2 blocks, fitted stage by stage to frames, and transposed ones
as their inverses; everything else starts out of the way: bottlenecks and attention hand on what they get, exchanges are
made but not listened to. Scales start at the deviations of the latents. The network then is an orthonormal 16x16
transform codec, where one with random weights takes thousands of steps to become as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cross_modal import AttentionBlock, PairedTransform, ResidualBottleneck
from .entropy import EntropyModel, ModalitySlice, ParameterNetwork, SliceNetworks

_GATE_BIAS = -4.0  # attention adds a fiftieth of its trunk at first
_FIRST_TAP = 2  # of the two rows, and columns, of a block in a 5x5 kernel of stride 2
_LEAST_SCALE = 0.2


@torch.no_grad()
def start_as_transform(
    analysis: PairedTransform,
    synthesis: PairedTransform,
    entropy: EntropyModel,
    frames: Tensor,
    lambdas: tuple[float, float],
) -> None:
    """Sets starting weights after frames (B, H, W, 4 or more) and the lambdas of colour and of depth."""
    for side in (analysis, synthesis):
        for layers in (side.color, side.depth):
            _step_aside(layers)
    starts = []
    for index, x in enumerate(torch.split(frames[..., :4].permute(0, 3, 1, 2), [3, 1], 1)):
        down = _of_modality(analysis, index, nn.Conv2d)
        up = _of_modality(synthesis, index, nn.ConvTranspose2d)
        gain = 1 / _step_size(x.shape[1], lambdas[index])
        starts.append(_start_modality(down, up, x, gain))
    first = 0
    for networks in entropy.slices:
        assert isinstance(networks, SliceNetworks)
        last = first + networks.channels
        for modality, deviation in zip((networks.color, networks.depth), starts, strict=True):
            _start_scales(modality, deviation[first:last])
        first = last


def _step_size(channels: int, lambda_: float) -> float:
    """The best step of uniform quantisers at high rates, for samples in 0..1.

    A squared error of step^2 / 12 falls by a factor of four with each bit; lambda_ weighs squared errors in 255ths,
    averaged over the channels, and bits are counted per pixel.
    """
    return math.sqrt(12 * channels / (2 * math.log(2) * lambda_)) / 255


def _step_aside(layers: Iterable[nn.Module]) -> None:
    for layer in layers:
        if isinstance(layer, ResidualBottleneck):
            _clear(layer.branch[-1])
            if isinstance(layer.skip, nn.Conv2d):
                _clear(layer.skip)
                count = layer.skip.out_channels
                layer.skip.weight[:, :count, 0, 0] = torch.eye(count)
        elif isinstance(layer, AttentionBlock):
            _clear(layer.mask[-1])
            nn.init.constant_(layer.mask[-1].bias, _GATE_BIAS)  # type: ignore[arg-type]


def _clear(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.zero_()


def _of_modality(transform: PairedTransform, index: int, kind: type[nn.Module]) -> list[nn.Module]:
    layers = transform.depth if index else transform.color
    return [layer for layer in layers if isinstance(layer, kind)]


def _start_modality(down: list[nn.Module], up: list[nn.Module], x: Tensor, gain: float) -> Tensor:
    """Fits the strided layers of one modality to its pictures (B, C, H, W); returns the deviations of y, (M,)."""
    for stage, (forward, inverse) in enumerate(zip(down, reversed(up), strict=True)):
        assert isinstance(forward, nn.Conv2d)
        assert isinstance(inverse, nn.ConvTranspose2d)
        own = x.shape[1]
        scale = gain if stage == len(down) - 1 else 1.0
        basis, mean = _transform(x, forward.out_channels)
        forward.weight[:, own:] = 0
        inverse.weight.zero_()
        found = basis.shape[1]
        taps = basis.T.reshape(found, own, 2, 2)
        block = slice(_FIRST_TAP, _FIRST_TAP + 2)
        forward.weight[:found] = 0
        forward.weight[:found, :own, block, block] = scale * taps
        forward.bias.zero_()  # type: ignore[union-attr]
        forward.bias[:found] = -scale * taps.sum((2, 3)) @ mean  # type: ignore[index]
        inverse.weight[:found, :own, block, block] = taps / scale
        inverse.bias[:own] = mean  # type: ignore[index]
        x = forward(F.pad(x, (0, 0, 0, 0, 0, forward.in_channels - own)))
    return x.std((0, 2, 3))


def _transform(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The most energetic directions of 2x2 blocks of (B, C, H, W), at most `count`, (4 C, N), and the means (C,)."""
    mean = x.mean((0, 2, 3))
    blocks = F.pixel_unshuffle(x - mean[:, None, None], 2).permute(0, 2, 3, 1).flatten(0, 2).double()
    energy, directions = torch.linalg.eigh(blocks.T @ blocks)
    return directions[:, energy.argsort(descending=True)[:count]].to(x), mean


def _start_scales(networks: ModalitySlice, deviation: Tensor) -> None:
    """Scales start at the deviations of y (S,), means at zero."""
    for network in (networks.anchor, networks.non_anchor):
        assert isinstance(network, ParameterNetwork)
        bias = network.rest[-1].bias
        assert isinstance(bias, Tensor)
        bias[: len(deviation)] = deviation.clamp(min=_LEAST_SCALE).to(bias)
        bias[len(deviation) :] = 0

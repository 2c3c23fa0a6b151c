"""The entropy model of `bisic` and `bisic-fast`: a hyperprior, and slices of channels with contexts across views.

A slice of both views is coded in steps of positions that do not depend on each other; left and right at one position
never do. `bisic` conditions a position on its twelve causal neighbours in both views and goes by wavefronts,
`bisic-fast` conditions one colour of a checkerboard on the other (He et al., CVPR 2021) in two steps. Both see what is
decoded, symbol + mean; the corrections that a slice gets when it is complete only reach later slices.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...devices import computed
from ...entropy.coders import EntropyCoder, Group
from ...entropy.distributions import SCALE_MIN, lower_bound
from ...entropy.priors import CumulativePrior
from ...nn.mutual_attention import MutualAttention
from .config import BisicConfig
from .stereo_conv import StereoConv, StereoConvTranspose, stack_views, stacked_weight, unstack_views

# The published floor is a number of float32.
_SCALE_FLOOR = float(np.float32(SCALE_MIN))
_REACH = 2
_WINDOW = [(row, column) for row in range(-_REACH, _REACH + 1) for column in range(-_REACH, _REACH + 1)]
CAUSAL_TAPS = tuple(tap for tap in _WINDOW if tap < (0, 0))
CHECKERBOARD_TAPS = tuple(tap for tap in _WINDOW if sum(tap) % 2)


@dataclass(frozen=True)
class Pass:
    """Positions that the same networks serve, (P,) int64 counted row by row, in the order of coding, and their steps.

    steps: numbers of positions, which sum to P. anchors: whether they are coded without a context of neighbours.
    """

    positions: Tensor
    steps: tuple[int, ...]
    anchors: bool = False


def wavefronts(height: int, width: int) -> Pass:
    """The positions of a slice by diagonals of equal column + 3 * row: the fewest steps with `CAUSAL_TAPS`.

    These are width + 3 * height - 3 steps for a width of 3 or more, 2 * height for 2, and height for 1.
    """
    position = torch.arange(height * width)
    diagonal, order = (position % width + 3 * (position // width)).sort(stable=True)
    counts = torch.bincount(diagonal)
    return Pass(order, tuple(counts[counts > 0].tolist()))


def checkerboard(height: int, width: int) -> list[Pass]:
    """The positions of odd row + column, without context, then the others; where there are any."""
    position = torch.arange(height * width)
    odd = (position // width + position % width) % 2 == 1
    passes = [Pass(position[colour], (int(colour.sum()),), anchors) for colour, anchors in ((odd, True), (~odd, False))]
    return [part for part in passes if part.steps[0]]


def dense(inputs: int, widths: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Linear layers with GELUs between."""
    sizes = [inputs, *widths, outputs]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class HyperSynthesis(nn.Sequential):
    """Features of y, stacked (B, 4 C, 4 H, 4 W), from those of z, stacked (B, 2 C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            StereoConvTranspose(channels, channels),
            nn.LeakyReLU(),
            StereoConvTranspose(channels, channels),
            nn.LeakyReLU(),
            StereoConv(channels, 2 * channels, 3),
        )


class SpatialContext(StereoConv):
    """Context of a slice of S channels from neighbours in both views: S -> 2 S channels, kernel (3, 5, 5).

    taps: the neighbours (row, column) that it may see; the weight's other taps are never used.
    """

    def __init__(self, channels: int, taps: tuple[tuple[int, int], ...]) -> None:
        super().__init__(channels, 2 * channels, 2 * _REACH + 1)
        self.taps = taps
        with computed():
            mask = torch.zeros(self.kernel_size[1:], dtype=torch.bool)
            for row, column in taps:
                mask[row + _REACH, column + _REACH] = True
        self.mask: Tensor
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The contexts of all positions, (2B, H, W, S) -> (2B, H, W, 2 S)."""
        return unstack_views(self._convolve(stack_views(x), self.weight * self.mask))

    def tap_matrix(self) -> Tensor:
        """This layer as a matrix (4 S, taps * 2 S), from the taps, each with the channels of both views."""
        rows, columns = torch.tensor(self.taps, device=self.weight.device).T + _REACH
        return stacked_weight(self.weight)[:, :, rows, columns].transpose(1, 2).flatten(1)


class ParameterNetwork(nn.Module):
    """Means or scales of a slice from hyper features, the context of neighbours and the channel context.

    The first layer's share of what is known before the slice is separate, so that it is not repeated step by step.
    """

    def __init__(self, features: int, context: int, channel: int, widths: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.features, self.context = features, context
        self.first = nn.Linear(features + context + channel, widths[0])
        self.rest = nn.Sequential(nn.GELU(), *dense(widths[0], widths[1:], outputs))

    def start(self, features: Tensor, channel: Tensor | None) -> Tensor:
        """(..., features), (..., channel) -> the first layer without the context of neighbours."""
        weight = self.first.weight
        start = F.linear(features, weight[:, : self.features], self.first.bias)
        if channel is not None:
            start = start + F.linear(channel, weight[:, self.features + self.context :])
        return start

    def finish(self, start: Tensor, context: Tensor | None) -> Tensor:
        """What `start` gave and the context of neighbours (..., context) -> (..., outputs)."""
        if context is not None:
            start = start + F.linear(context, self.first.weight[:, self.features : self.features + self.context])
        out: Tensor = self.rest(start)
        return out


class SliceNetworks(nn.Module):
    """The networks of one slice; `index` counts slices."""

    def __init__(self, c: BisicConfig, index: int, *, two_passes: bool) -> None:
        super().__init__()
        s, features = c.slice_channels, 2 * c.channels
        channel = c.context_channels if index else 0
        widths = c.parameter_widths
        self.channel_context = dense(index * s, c.context_widths, channel) if index else None
        self.context = SpatialContext(s, CHECKERBOARD_TAPS if two_passes else CAUSAL_TAPS)
        self.mean = ParameterNetwork(features, 2 * s, channel, widths, s)
        self.scale = ParameterNetwork(features, 2 * s, channel, widths, s)
        if two_passes:
            self.anchor_mean = ParameterNetwork(features, 0, channel, widths, s)
            self.anchor_scale = ParameterNetwork(features, 0, channel, widths, s)
        self.residual = dense(features + channel + s, c.residual_widths, s)

    def parameter_networks(self, *, anchors: bool) -> tuple[ParameterNetwork, ParameterNetwork]:
        """Those of means and of scales."""
        return (self.anchor_mean, self.anchor_scale) if anchors else (self.mean, self.scale)


class EntropyModel(nn.Module):
    """Everything that leads to probabilities; runs in float64 when files are written and read.

    two_passes: by checkerboard, as `bisic-fast`, instead of by wavefronts.
    """

    def __init__(self, c: BisicConfig, *, two_passes: bool) -> None:
        super().__init__()
        self.config, self.two_passes = c, two_passes
        self.prior = CumulativePrior(c.channels)
        self.hyper_mean = HyperSynthesis(c.channels)
        self.hyper_scale = HyperSynthesis(c.channels)
        self.channel_mixing = MutualAttention(c.context_channels)
        self.slices = nn.ModuleList(SliceNetworks(c, k, two_passes=two_passes) for k in range(c.slices))

    def walk(
        self, coder: EntropyCoder, y: Tensor | None, z: Tensor | None, pairs: int, size: tuple[int, int]
    ) -> Tensor:
        """Codes z, then y slice by slice; returns the decoded y in the network's dtype.

        y: (2B, h, w, C); z: (2B, h / 4, w / 4, C); None when reading. size: (h, w), multiples of 4.
        """
        medians = self.prior.medians
        shape = (2 * pairs, size[0] // 4, size[1] // 4, self.config.channels)
        z_hat = coder.code_prior(None if z is None else z - medians, shape).to(medians) + medians
        stacked = stack_views(z_hat)
        return self.walk_slices(
            coder, y, unstack_views(self.hyper_mean(stacked)), unstack_views(self.hyper_scale(stacked))
        )

    def walk_slices(
        self, coder: EntropyCoder, y: Tensor | None, mean_features: Tensor, scale_features: Tensor
    ) -> Tensor:
        """Codes y (2B, h, w, C), given the hyper features (2B, h, w, 2 C); returns it decoded."""
        features = mean_features, scale_features
        done: list[Tensor] = []
        slices = [None] * self.config.slices if y is None else torch.split(y, self.config.slice_channels, -1)
        for networks, y_slice in zip(self.slices, slices, strict=True):
            assert isinstance(networks, SliceNetworks)
            channel = None
            if networks.channel_context is not None:
                channel = self.channel_mixing(networks.channel_context(torch.cat(done, -1)))
            walk = _SliceWalk(networks, features, channel, coder.context(y_slice))
            for part in self.passes(*features[0].shape[1:3], whole=walk.whole):
                walk.code(coder, y_slice, part)
            done.append(walk.corrected())
        return torch.cat(done, -1)

    def passes(self, height: int, width: int, *, whole: bool) -> list[Pass]:
        """The order of coding of a slice. whole: whether the contexts of all positions are known from the start."""
        if self.two_passes:
            return checkerboard(height, width)
        count = height * width
        return [Pass(torch.arange(count), (count,))] if whole else [wavefronts(height, width)]


class _SliceWalk:
    """The state of the walk within one slice of S channels.

    features: of means and of scales, (2B, H, W, 2 C) each; channel: the channel context, (2B, H, W, 8 S), or None;
    stand_in: what stands for the decoded slice in the contexts of neighbours, (2B, H, W, S), or None.
    """

    def __init__(
        self,
        networks: SliceNetworks,
        features: tuple[Tensor, Tensor],
        channel: Tensor | None,
        stand_in: Tensor | None,
    ) -> None:
        self.networks, self.channel = networks, channel
        self.features = features
        views, self.height, self.width, _ = features[0].shape
        self.pairs, self.channels = views // 2, networks.context.in_channels
        self.whole = stand_in is not None
        if stand_in is not None:
            self.contexts: Tensor = networks.context(stand_in.to(features[0].dtype)).flatten(1, 2)
        else:
            self.taps = networks.context.tap_matrix()
            assert networks.context.bias is not None
            self.bias = networks.context.bias.repeat(2)
        # The decoded slice with a margin, both views' channels side by side; what is not decoded yet is zero.
        self.row = self.width + 2 * _REACH
        size = (self.height + 2 * _REACH) * self.row
        self.canvas = features[0].new_zeros(self.pairs, size, 2 * self.channels)

    def code(self, coder: EntropyCoder, y: Tensor | None, part: Pass) -> None:
        """Codes the positions of a pass, step by step."""
        positions, sizes = part.positions.to(self.canvas.device), list(part.steps)
        networks = self.networks.parameter_networks(anchors=part.anchors)
        channel = None if self.channel is None else self.channel.flatten(1, 2)[:, positions]
        starts = [
            torch.split(network.start(features.flatten(1, 2)[:, positions], channel), sizes, 1)
            for network, features in zip(networks, self.features, strict=True)
        ]
        values = [None] * len(sizes) if y is None else torch.split(y.flatten(1, 2)[:, positions], sizes, 1)
        places = (positions // self.width + _REACH) * self.row + positions % self.width + _REACH
        offsets = torch.tensor([row * self.row + column for row, column in self.networks.context.taps])
        neighbours = places[:, None] + offsets.to(places.device)
        indices = (torch.split(index, sizes) for index in (positions, places, neighbours))
        for position, place, around, value, start_mean, start_scale in zip(*indices, values, *starts, strict=True):
            context = None if part.anchors else self._context(position, around)
            mean = networks[0].finish(start_mean, context)
            scale = lower_bound(networks[1].finish(start_scale, context), _SCALE_FLOOR)
            self._code_step(coder, place, value, mean, scale.log())

    def corrected(self) -> Tensor:
        """The complete slice, (2B, H, W, S), with the prediction of its quantisation errors added."""
        canvas = self.canvas.view(self.pairs, -1, self.row, 2 * self.channels)[:, _REACH:-_REACH, _REACH:-_REACH]
        decoded = torch.cat(canvas.chunk(2, -1))
        inputs = [self.features[0], decoded] if self.channel is None else [self.features[0], self.channel, decoded]
        correction: Tensor = self.networks.residual(torch.cat(inputs, -1))
        return decoded + 0.5 * torch.tanh(correction)

    def _context(self, position: Tensor, around: Tensor) -> Tensor:
        """The contexts of P positions, (2B, P, 2 S); their neighbours' places on the canvas are `around`, (P, taps)."""
        if self.whole:
            return self.contexts[:, position]
        contexts = F.linear(self.canvas[:, around].flatten(2), self.taps, self.bias)
        return torch.cat(contexts.chunk(2, -1))

    def _code_step(self, coder: EntropyCoder, place: Tensor, y: Tensor | None, mean: Tensor, log_scale: Tensor) -> None:
        """Codes P positions, all (2B, P, S), of one view and then of the other, and puts them on the canvas."""
        mask = torch.ones((place.numel(), 1, self.channels), dtype=torch.bool, device=place.device)
        means, log_scales = mean[:, :, None].chunk(2), log_scale[:, :, None].chunk(2)
        sources = (None, None) if y is None else y[:, :, None].chunk(2)
        views = [coder.code(sources[v], Group(v, means[v], log_scales[v], mask)) for v in (0, 1)]
        self.canvas[:, place] = torch.cat(views, -1)[:, :, 0].to(self.canvas.dtype)

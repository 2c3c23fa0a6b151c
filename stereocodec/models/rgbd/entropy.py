"""The entropy model of `rgbd`: hyperpriors that see each other, and slices coded by a checkerboard in both modalities
(Bi-CEE of Xu et al., ACM TOMM 2024, after the authors' code).

A slice takes four steps: colour where row + column is odd (the anchors), depth there, colour at the other positions,
depth there. Each step sees everything that is decoded: depth sees all of colour in its slice, colour the anchors of
depth. Feature maps are (B, h, w, C).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...entropy.coders import EntropyCoder, Group
from ...entropy.distributions import SCALE_MIN, lower_bound
from ...entropy.priors import CumulativePrior, PairPrior
from ...nn.exact import SameConv
from .config import RgbdConfig
from .cross_modal import Maps

# The published floor is a number of float32.
_SCALE_FLOOR = float(np.float32(SCALE_MIN))
_GATE_REDUCTION = 16
COLOR, DEPTH = 0, 1


class ChannelGate(nn.Sequential):
    """The factors of squeeze and excitation (Hu et al., CVPR 2018); (B, h, w, C) -> (B, 1, 1, C) in 0..1."""

    def __init__(self, channels: int) -> None:
        hidden = channels // _GATE_REDUCTION
        super().__init__(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.mean((1, 2), keepdim=True)
        for layer in self:
            x = layer(x)
        return x


class HyperStage(nn.Module):
    """One stage of one modality's hyper synthesis: its own and the other's features, gated, to a finer map."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.gate = ChannelGate(in_channels)
        self.deconv = nn.ConvTranspose2d(
            in_channels, out_channels, kernel_size, stride, kernel_size // 2, output_padding=stride - 1
        )

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        x = torch.cat([own, other], -1)
        gated = (x * self.gate(x)).permute(0, 3, 1, 2)
        out: Tensor = self.deconv(gated).permute(0, 2, 3, 1)
        return out


class HyperSynthesis(nn.Module):
    """Decoded z of both modalities, (B, h, w, N), to features of y, (B, 4 h, 4 w, 2 M) each."""

    def __init__(self, channels: int, latent_channels: int) -> None:
        super().__init__()
        n, m = channels, latent_channels
        sizes = ((2 * n, m, 5, 2), (2 * m, m * 3 // 2, 5, 2), (2 * (m * 3 // 2), 2 * m, 3, 1))
        self.color = nn.ModuleList(HyperStage(*size) for size in sizes)
        self.depth = nn.ModuleList(HyperStage(*size) for size in sizes)

    def forward(self, color: Tensor, depth: Tensor) -> Maps:
        last = len(self.color) - 1
        for index, (color_stage, depth_stage) in enumerate(zip(self.color, self.depth, strict=True)):
            color, depth = color_stage(color, depth), depth_stage(depth, color)
            if index < last:
                color, depth = F.leaky_relu(color), F.leaky_relu(depth)
        return color, depth


class ParameterNetwork(nn.Module):
    """Scales and means of a slice, (B, h, w, 2 S), from everything known, (B, h, w, C)."""

    def __init__(self, in_channels: int, slice_channels: int) -> None:
        super().__init__()
        outputs = 2 * slice_channels
        self.gate = ChannelGate(in_channels)
        self.first = nn.Linear(in_channels, in_channels // 6)
        self.rest = nn.Sequential(
            nn.ReLU(),
            SameConv(in_channels // 6, outputs * 4 // 3, 3),
            nn.ReLU(),
            SameConv(outputs * 4 // 3, outputs, 5),
        )

    def forward(self, known: Tensor) -> Tensor:
        out: Tensor = self.rest(self.first(known + known * self.gate(known)))
        return out


class ModalitySlice(nn.Module):
    """One modality's networks of one slice of S channels.

    earlier: channels of the slices before, that the channel context sees. base: channels of what both modalities know
    before the slice. anchor_contexts: channels of local contexts that its anchors see.
    """

    def __init__(
        self, c: RgbdConfig, slice_channels: int, earlier: int, base: int, anchor_contexts: int, *, whole: bool
    ) -> None:
        super().__init__()
        s, (first, second) = slice_channels, c.context_widths
        self.channel_context = (
            nn.Sequential(
                SameConv(earlier, first, 5),
                nn.ReLU(),
                SameConv(first, second, 5),
                nn.ReLU(),
                SameConv(second, 2 * s, 5),
            )
            if earlier
            else None
        )
        self.local_context = SameConv(s, 2 * s, 5)
        self.whole_context = SameConv(s, 2 * s, 5) if whole else None
        self.anchor = ParameterNetwork(base + anchor_contexts, s)
        self.non_anchor = ParameterNetwork(base + 4 * s, s)


class SliceNetworks(nn.Module):
    """The networks of one slice of S channels; earlier: channels of the slices before."""

    def __init__(self, c: RgbdConfig, slice_channels: int, earlier: int) -> None:
        super().__init__()
        s = slice_channels
        base = 4 * c.latent_channels + (4 * s if earlier else 0)
        self.channels = s
        self.color = ModalitySlice(c, s, earlier, base, 0, whole=True)
        self.depth = ModalitySlice(c, s, earlier, base, 2 * s, whole=False)

    def base(self, features: Maps, done: tuple[list[Tensor], list[Tensor]]) -> Tensor:
        """What both modalities know before the slice: hyper features, and contexts of the slices before."""
        known = list(features)
        for networks, earlier in zip((self.color, self.depth), done, strict=True):
            if networks.channel_context is not None:
                known.append(networks.channel_context(torch.cat(earlier, -1)))
        return torch.cat(known, -1)


class EntropyModel(nn.Module):
    """Everything that leads to probabilities; runs in float64 when files are written and read."""

    def __init__(self, c: RgbdConfig) -> None:
        super().__init__()
        self.config = c
        self.prior = PairPrior(CumulativePrior(c.channels), CumulativePrior(c.channels))
        self.hyper_synthesis = HyperSynthesis(c.channels, c.latent_channels)
        starts = [sum(c.slices[:index]) for index in range(len(c.slices))]
        self.slices = nn.ModuleList(SliceNetworks(c, s, earlier) for s, earlier in zip(c.slices, starts, strict=True))

    def walk(
        self, coder: EntropyCoder, y: Tensor | None, z: Tensor | None, frames: int, size: tuple[int, int]
    ) -> Tensor:
        """Codes z, then y slice by slice; returns the decoded y, (2B, h, w, M), in the network's dtype.

        y: (2B, h, w, M), colour before depth; z: (2B, h / 4, w / 4, N); None when reading. frames: B. size: (h, w),
        multiples of 4.
        """
        medians = self.prior.medians.repeat_interleave(frames, 0)[:, None, None]
        shape = (2 * frames, size[0] // 4, size[1] // 4, self.config.channels)
        z_hat = coder.code_prior(None if z is None else z - medians, shape).to(medians) + medians
        features = self.hyper_synthesis(*z_hat.chunk(2))
        done: tuple[list[Tensor], list[Tensor]] = ([], [])
        for networks, part in zip(self.slices, self._slices_of(y), strict=True):
            assert isinstance(networks, SliceNetworks)
            walk = _SliceWalk(coder, networks, part, networks.base(features, done))
            for decoded, modality in zip(walk.run(), done, strict=True):
                modality.append(decoded)
        return torch.cat([torch.cat(modality, -1) for modality in done])

    def _slices_of(self, y: Tensor | None) -> Iterator[tuple[Tensor | None, Tensor | None]]:
        """The slices of both modalities' y."""
        if y is None:
            yield from [(None, None)] * len(self.slices)
            return
        color, depth = (torch.split(part, list(self.config.slices), -1) for part in y.chunk(2))
        yield from zip(color, depth, strict=True)


class _SliceWalk:
    """The walk within one slice."""

    def __init__(
        self, coder: EntropyCoder, networks: SliceNetworks, y: tuple[Tensor | None, Tensor | None], base: Tensor
    ) -> None:
        self.coder, self.networks, self.y, self.base = coder, networks, y, base
        height, width = base.shape[1:3]
        odd = anchors(height, width, base.device)[..., None].expand(-1, -1, networks.channels)
        self.masks = {True: odd, False: ~odd}

    def run(self) -> Maps:
        """The decoded slices of colour and depth."""
        color, depth = self.networks.color, self.networks.depth
        assert isinstance(color.whole_context, SameConv)
        color_hat = self._code(COLOR, color.anchor, [], is_anchor=True)
        color_context = color.local_context(color_hat)
        depth_hat = self._code(DEPTH, depth.anchor, [color_context], is_anchor=True)
        depth_context = depth.local_context(depth_hat)
        contexts = [color_context, depth_context]
        color_hat = color_hat + self._code(COLOR, color.non_anchor, contexts, is_anchor=False)
        contexts = [color.whole_context(color_hat), depth_context]
        depth_hat = depth_hat + self._code(DEPTH, depth.non_anchor, contexts, is_anchor=False)
        return color_hat, depth_hat

    def _code(self, view: int, network: ParameterNetwork, contexts: list[Tensor], *, is_anchor: bool) -> Tensor:
        scale, mean = network(torch.cat([*contexts, self.base], -1)).chunk(2, -1)
        log_scale = torch.log(lower_bound(scale, _SCALE_FLOOR))
        decoded = self.coder.code(self.y[view], Group(view, mean, log_scale, self.masks[is_anchor]))
        return decoded.to(self.base.dtype)


def anchors(height: int, width: int, device: torch.device) -> Tensor:
    """Where row + column is odd, (height, width) bool."""
    row, column = torch.arange(height, device=device)[:, None], torch.arange(width, device=device)
    return (row + column) % 2 == 1

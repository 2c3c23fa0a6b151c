"""Smoothing that keeps edges: small differences between neighbouring pixels even out, large ones stay as they are.

Quantised coefficients leave ripples of a fraction of a step beside edges and in what should be flat, and networks that
work on blocks of 8x8 and 16x16 see no pixels. This is a step of anisotropic diffusion (Perona and Malik, PAMI 12(7),
1990), what flows between two pixels a learned function of their difference (Chen and Pock, Trainable nonlinear reaction
diffusion, PAMI 39(6), 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...devices import computed
from ...nn.products import QuickLinear
from ...nn.tiles import joined, row_tiles
from .blocks import QualityKnots
from .config import BisicRtConfig, step_size
from .dct import luma_chroma_matrix

# Rows and columns from a pixel to those that it exchanges with.
_BESIDE = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (0, 4), (4, 0))
# How many rows away smoothing looks, and the sides of blocks that have their own gates.
REACH = max(down for down, _ in _BESIDE)
_BLOCK = 8

_Plane = tuple[slice, slice, slice]


class _Kind(NamedTuple):
    """What luma and chroma differ in: the gates of their neighbours, the first so many of _BESIDE, and the differences
    in steps up to which a flow grows. The flow is a sum of such functions, whose slopes are learned."""

    gates: tuple[int, ...]
    limits: tuple[float, ...]


# docs/training-log.md has what fewer and more of them bring.
_LUMA = _Kind((0, 1, 2, 3, 0, 1, 0, 1), (0.03, 0.1, 0.3, 1.0))
_CHROMA = _Kind((4, 5), (0.05, 0.2, 0.6))
_GATES = 1 + max(_LUMA.gates + _CHROMA.gates)


class Smoothing(nn.Module):
    """Changes nothing at the start. What flows depends on the quality, and by gates on a block's features."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        self.config = c
        with computed():
            colours = luma_chroma_matrix()
        self.colours: Tensor
        self.register_buffer("colours", colours, persistent=False)
        self.luma, self.chroma = (QualityKnots(c.knots, len(k.gates) * len(k.limits)) for k in (_LUMA, _CHROMA))
        self.gates = QuickLinear(c.channels8, _GATES)
        nn.init.zeros_(self.gates.weight)
        nn.init.ones_(self.gates.bias)

    def forward(self, pictures: Tensor, features: Tensor, quality: Tensor) -> Tensor:
        """Pictures (N, H, W, 3), what they were made of (N, H / 8, W / 8, C), and qualities (N,) -> pictures."""
        # Not in the lower precision of mixed training: this is the picture itself.
        with torch.autocast(pictures.device.type, enabled=False):
            gates = self.gates(features.to(self.gates.weight.dtype)).to(pictures.dtype).permute(3, 0, 1, 2)
            step = (step_size(self.config, quality.to(pictures.dtype)) / 255).view(-1, 1, 1)
            slopes = [
                knots(quality).view(len(quality), len(kind.gates), len(kind.limits)).to(pictures.dtype)
                for knots, kind in ((self.luma, _LUMA), (self.chroma, _CHROMA), (self.chroma, _CHROMA))
            ]
            return joined(self._parts(pictures, gates, step, slopes), pictures.shape[1])

    def _parts(self, pictures: Tensor, gates: Tensor, step: Tensor, slopes: list[Tensor]) -> Iterator[Tensor]:
        """Some rows after the other."""
        height, colours = pictures.shape[1], self.colours.to(pictures.dtype)
        for first, tile in row_tiles(pictures):
            begin, end = max(first - REACH, 0), min(first + tile.shape[1] + REACH, height)
            row = torch.arange(begin, end, device=gates.device) // _BLOCK
            here = gates[:, :, row].repeat_interleave(_BLOCK, 3)
            shown = pictures[:, begin:end]
            planes = (colours @ shown.reshape(-1, 3).T).view(3, *shown.shape[:3]) / step
            changes = [
                _Exchange.apply(plane, here, each, kind)  # type: ignore[no-untyped-call]
                for plane, each, kind in zip(planes, slopes, (_LUMA, _CHROMA, _CHROMA), strict=True)
            ]
            changed = ((torch.stack(changes) * step).view(3, -1).T @ colours).view(shown.shape)
            yield tile + changed[:, first - begin : first - begin + tile.shape[1]]


class _Exchange(torch.autograd.Function):
    """What pixels gain from their neighbours, of a plane (N, H, W) in steps, gates (G, N, H, W) and slopes (N,
    neighbours, limits), like the plane.

    Flows are computed again for their gradients: kept, they would take the memory of dozens of planes.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, plane: Tensor, gates: Tensor, slopes: Tensor, kind: _Kind
    ) -> Tensor:
        ctx.save_for_backward(plane, gates, slopes)
        ctx.kind = kind  # type: ignore[attr-defined]
        change = torch.zeros_like(plane)
        for number, (near, far) in enumerate(_neighbours(plane, kind)):
            difference = plane[far] - plane[near]
            flow, limited = torch.zeros_like(difference), torch.empty_like(difference)
            for limit, slope in zip(kind.limits, slopes[:, number].unbind(1), strict=True):
                flow.addcmul_(torch.clamp(difference, -limit, limit, out=limited), slope.view(-1, 1, 1))
            flow *= gates[kind.gates[number]][near]
            change[near] += flow
            change[far] -= flow
        return change

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        plane, gates, slopes = ctx.saved_tensors  # type: ignore[attr-defined]
        kind: _Kind = ctx.kind  # type: ignore[attr-defined]
        (to_change,) = grad_outputs
        to_plane, to_gates, to_slopes = (torch.zeros_like(t) for t in (plane, gates, slopes))
        for number, (near, far) in enumerate(_neighbours(plane, kind)):
            difference, gate = plane[far] - plane[near], gates[kind.gates[number]][near]
            to_flow = to_change[near] - to_change[far]
            through_gate = to_flow * gate
            flow, steepness = torch.zeros_like(difference), torch.zeros_like(difference)
            for place, limit in enumerate(kind.limits):
                slope, limited = slopes[:, number, place].view(-1, 1, 1), difference.clamp(-limit, limit)
                to_slopes[:, number, place] = (through_gate * limited).sum((1, 2))
                flow.addcmul_(limited, slope)
                steepness.addcmul_((limited == difference).to(flow.dtype), slope)
            to_gates[kind.gates[number]][near] += to_flow * flow
            through_gate *= steepness
            to_plane[far] += through_gate
            to_plane[near] -= through_gate
        return to_plane, to_gates, to_slopes, None


def _neighbours(plane: Tensor, kind: _Kind) -> Iterator[tuple[_Plane, _Plane]]:
    """For each of the neighbours the pixels of a plane (N, H, W) that have one, and those neighbours."""
    _, height, width = plane.shape
    for down, right in _BESIDE[: len(kind.gates)]:
        left, beyond = max(-right, 0), max(right, 0)
        near = slice(None), slice(0, height - down), slice(left, width - beyond)
        far = slice(None), slice(down, height), slice(left + right, width - beyond + right)
        yield near, far

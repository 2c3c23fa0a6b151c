"""Latents refined for one pair: an encoder's work, by a gradient through the networks of decoding.

The analysis gives latents that are good for most pictures. For a single one better ones are found by descent on what a
file costs, its bits and the errors of its pictures (Campos et al., "Content adaptive optimization for neural image
compression", CVPR Workshops 2019; Yang, Bamler and Mandt, "Improving inference for neural image compression", NeurIPS
2020). The second paper anneals noise over thousands of passes. Here every pass chooses symbols as the writer does; its
gradient tells what a change of each latent costs, and a parabola through it where the latent would be best: the next
pass chooses symbols near there. That takes ten passes to most of the gain (docs/effort.md). What is coded on trial is
computed in bfloat16 where that is faster: it need not be what a file has.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ...entropy.trial import TrialCoder
from ...nn.precision import autocast
from ..base import StereoModel
from .disparity import BLOCK
from .disparity_choice import best_of_fields
from .latents import HYPER_BLOCKS, Latents
from .view_balance import balanced

# On crops of pairs held out from training, at qualities 15 to 80 (docs/training-log.md has what else was tried). What
# errors are worth is told by the gradient, so that the walk's own guess of it, of which these are shares, counts for
# less: in the choice of symbols, and as the parabola's curvature.
_CHOICE, _CURVATURE = 0.85, 0.6
# Of one view alone, whose guess is higher (`_PROPAGATION_ALONE`; `benchmarks/one_view.py`, docs/rgbd.md).
_CURVATURE_ALONE = 0.35
_HYPER_CURVATURE = 100.0  # bits
# How far the best place may lie from what is decoded: the parabola holds no further.
_REACH = 1.0
_RATE = 0.25  # how far a latent moves to its best place in the first pass; less and less in later ones
# Strips of a picture are refined one after the other, so that memory is bounded; pixels of each view, about.
_STRIP_PIXELS = 2**20
_MARGIN = 1  # rows of hyper latents beside a strip that are coded with it; what they become is not taken
_UNIT = HYPER_BLOCKS * BLOCK


@dataclass(frozen=True)
class _Found:
    """What a pass finds: the cost in bits, and where latents and hyper latents would be best."""

    cost: float
    best_y: Tensor
    best_z: Tensor


def refined(
    model: StereoModel, latents: Latents, quality: Tensor, passes: int, say: Callable[[float], None]
) -> Latents:
    """Latents of one pair, or of one view, that cost less, by what the networks alone make of them; the same where none
    are found.

    model: in float32, its weights without gradients. latents: with pictures. quality: (2,), or (1,) of one view. say:
    called with the fraction that is done.
    """
    height, width = latents.y.shape[1] // HYPER_BLOCKS, latents.y.shape[2] * BLOCK
    y, z = latents.y.clone(), latents.z.clone()
    disparity = None if latents.disparity is None else latents.disparity.clone()
    strips = _strips(height, width)
    saved = 0.0

    def say_of_strip(number: int, done: float) -> None:
        say((number + done) / len(strips))

    for number, (first, last) in enumerate(strips):
        begin, end = max(first - _MARGIN, 0), min(last + _MARGIN, height)
        strip = _Strip(model, latents.rows(begin, end), quality)
        saved += strip.choose_disparities()
        by_passes, better_y, better_z = strip.refined(passes, partial(say_of_strip, number))
        saved += by_passes
        here, there = (
            slice(HYPER_BLOCKS * a, HYPER_BLOCKS * b) for a, b in ((first, last), (first - begin, last - begin))
        )
        y[:, here] = better_y[:, there]
        z[:, first:last] = better_z[:, first - begin : last - begin]
        if disparity is not None and strip.disparity is not None:
            disparity[:, here] = strip.disparity[:, there]
    return replace(latents, y=y, z=z, disparity=disparity, error_share=_CHOICE) if saved > 0 else latents


class _Strip:
    """Some rows of a pair or of one view, refined as if they were all of it."""

    def __init__(self, model: StereoModel, latents: Latents, quality: Tensor) -> None:
        assert latents.pictures is not None
        self._model, self._latents, self._quality = model, replace(latents, pictures=None), quality
        self._pictures = latents.pictures
        self._trade_off = model.trade_off(balanced(quality, latents.offset))

    @property
    def disparity(self) -> Tensor | None:
        """The disparities that are taken, like those that were given."""
        return self._latents.disparity

    @torch.no_grad()
    def choose_disparities(self) -> float:
        """Takes the best of all disparities there are; returns how many bits that saves."""
        latents = self._latents
        if latents.disparity is None or latents.others is None:
            return 0.0
        fields = torch.cat([latents.disparity, latents.others])
        tried = [self._cost_of(field) for field in fields]
        best = min(range(len(tried)), key=lambda number: tried[number][0])
        mixed = best_of_fields(fields, torch.stack([places for _, places in tried]), best)
        of_best, of_mixed = tried[best][0], self._cost_of(mixed)[0]
        chosen = mixed if of_mixed < of_best else fields[best]
        self._latents = replace(latents, disparity=chosen[None], others=None)
        return tried[0][0] - min(of_best, of_mixed)

    def refined(self, passes: int, say: Callable[[float], None]) -> tuple[float, Tensor, Tensor]:
        """How many bits the best latents save of all that are passed, against those given with as much choice of
        symbols, and y and z of the best."""
        y, z = best = self._latents.y, self._latents.z
        costs: list[float] = []
        for number in range(passes):
            found = self._pass(y, z)
            if found.cost < min(costs, default=math.inf):
                best = y, z
            costs.append(found.cost)
            rate = _RATE * (1 - number / passes)
            y, z = torch.lerp(y, found.best_y, rate), torch.lerp(z, found.best_z, rate)
            say((number + 1) / passes)
        last = self.cost(_CHOICE, y, z)
        if last < min(costs):
            best = y, z
        return costs[0] - min(*costs, last), *best

    @torch.no_grad()
    def cost(self, error_share: float | Tensor, y: Tensor | None = None, z: Tensor | None = None) -> float:
        """What the strip costs in bits, by default as it was given."""
        y, z = self._latents.y if y is None else y, self._latents.z if z is None else z
        return float(self._coded(replace(self._latents, y=y, z=z, error_share=error_share))[1])

    def _pass(self, y: Tensor, z: Tensor) -> _Found:
        with torch.enable_grad():
            coder, cost, _ = self._coded(replace(self._latents, y=y, z=z, error_share=_CHOICE))
            by_y, by_z = torch.autograd.grad(cost, (coder.change_y, coder.change_z))
        curvature = _CURVATURE if len(y) > 1 else _CURVATURE_ALONE
        best_y = coder.y - (by_y / (2 * curvature / _CHOICE * coder.error_bits)).clamp(-_REACH, _REACH)
        best_z = coder.z - (by_z / (2 * _HYPER_CURVATURE)).clamp(-_REACH, _REACH)
        return _Found(float(cost.detach()), best_y, best_z)

    def _cost_of(self, disparity: Tensor) -> tuple[float, Tensor]:
        """What the strip costs in bits with disparities (h, w), and what each block of the second view does, (h, w)."""
        coder, cost, errors = self._coded(replace(self._latents, disparity=disparity[None]), by_place=True)
        assert coder.place_bits is not None
        return float(cost), coder.place_bits[1] + BLOCK**2 * F.avg_pool2d(errors[1:], BLOCK)[0]

    def _coded(self, latents: Latents, *, by_place: bool = False) -> tuple[TrialCoder, Tensor, Tensor]:
        """The coder after the walk, the cost in bits, those of the file and those that the errors are worth, and these
        alone for each pixel, (2, H, W), or (1, H, W) of one view."""
        height, width = self._pictures.shape[1:3]
        model = self._model
        coder = TrialCoder(model.prior, model.laplace_share, model.dependence, latents.y.shape, by_place=by_place)
        with autocast("auto", self._pictures.device):
            decoded = model.reconstruct(model.walk(coder, latents, self._quality, (height, width)))
        errors = (decoded - self._pictures).square().mean(3) * 65025 * self._trade_off.view(-1, 1, 1)
        return coder, coder.bits.sum() + errors.sum(), errors


def _strips(height: int, width: int) -> list[tuple[int, int]]:
    """The first row of each strip and the one after its last, in rows of hyper latents."""
    rows = max(1, _STRIP_PIXELS // (_UNIT * width) - 2 * _MARGIN)
    count = -(-height // rows)
    edges = [round(number * height / count) for number in range(count + 1)]
    return list(itertools.pairwise(edges))

"""`bisic-rt`: the fast default model.

Transforms at 1/8 and 1/16 resolution that start as an orthonormal 16x16 transform codec, cross-view exchange by
attention along rows, continuous quality by per-channel gains, an entropy model that codes one view and then the
other, predicted from the first along block disparities, and a layer of plain transform coding for what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn

from ...effort import DEFAULT_EFFORT, EFFORTS, Effort
from ...entropy.coders import EntropyCoder
from ...entropy.dependent import Dependence
from ..base import StereoModel
from .blocks import QualityKnots
from .colour_levels import ColourLevels, colour_levels
from .config import BisicRtConfig, trade_off
from .disparity import BLOCK, DisparitySearch
from .disparity_fields import found_disparities, other_disparities
from .entropy import EntropyModel
from .latents import DecodedLatents, Latents, Prepared, Remaining
from .refinement import refined
from .residual_layer import ResidualLayer
from .smoothing import REACH
from .start import coefficient_layers, resampled_knots, start_as_dct
from .transforms import AnalysisTransform, HyperAnalysis, SynthesisTransform
from .view_balance import MAX_BALANCE, balanced, balancing_offset

__all__ = ["BisicRt", "BisicRtConfig", "DecodedLatents", "Latents", "trade_off"]

_DEFAULT = EFFORTS[DEFAULT_EFFORT]
# Of pictures that are drawn patterns, networks leave something of nearly all blocks; of photographs at quality 50, of a
# tenth at most. Where some rows tell, the rows of blocks beyond them keep their own edges out.
_DRAWN, _EDGE = 0.5, 1
# Up to this quality the encoder finds out by how much the networks alone change the mean colour, which takes one more
# synthesis. Beyond it they change it by little.
_TINT_UP_TO = 0.3
# The first scale level, of 0.18 steps, of what is quantised dependently (docs/training-log.md).
_LEAST_DEPENDENT = 4


class BisicRt(StereoModel):
    """The complete model."""

    multiple = 64
    has_efforts = True
    takes_one_view = True
    # Photographs lose about 1. Checkerboards at a quality that they need more coefficients for lose hundreds, and would
    # have a step of training to themselves.
    loss_limit = 6.0
    usual_loss = 0.5
    entropy: EntropyModel

    def __init__(self, config: BisicRtConfig) -> None:
        super().__init__()
        self.config = config
        self.prior_channels = config.hyper_channels
        # Each block of the transforms looks one row further, and smoothing some pixels. Lapped borders spread what ends
        # at a border to the middle of the block beyond, and what ends there no further.
        pixels = 8 * ((config.blocks8 + 1) | 1) + (REACH if config.smoothing else 0)
        self.band_margin = BLOCK * (config.blocks16 + -(-pixels // BLOCK))
        self.analysis = AnalysisTransform(config)
        self.synthesis = SynthesisTransform(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.entropy = EntropyModel(config)
        self.residual = ResidualLayer(config)
        start_as_dct(self.analysis, self.synthesis, self.entropy)

    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> Latents:
        """Pictures (2B, H, W, 3), or one (1, H, W, 3), and as many qualities -> latents.

        with_choices: whether to choose what only files need: the balance of the views, disparities that are worth
        their bits, and the residual layer; for them B is 1.
        """
        return self._analyse(self.prepare(x), quality, _DEFAULT if with_choices else None)

    def prepare(
        self,
        x: Tensor,
        effort: Effort = _DEFAULT,
        *,
        margins: tuple[int, int] = (0, 0),
        balancing: Tensor | None = None,
    ) -> Prepared:
        above, below = margins
        rows = slice(above, x.shape[1] - below)
        coefficients = self.analysis(x)[:, above // BLOCK : (x.shape[1] - below) // BLOCK]
        x, search = x[:, rows], None
        if self.config.stereo and effort.largest_disparity and len(x) > 1:
            first, second = x.float().chunk(2)
            search = DisparitySearch(first, second, effort.largest_disparity)
        return Prepared(x, coefficients, search, x if balancing is None else balancing)

    def analyse_prepared(self, prepared: Prepared, quality: Tensor, effort: Effort = _DEFAULT) -> Latents:
        return self._analyse(prepared, quality, effort)

    def refined(self, latents: Latents, quality: Tensor, passes: int, say: Callable[[float], None]) -> Latents:
        return refined(self, latents.copied(), quality, passes, say)

    def _analyse(self, prepared: Prepared, quality: Tensor, effort: Effort | None) -> Latents:
        """effort: None to make no choices."""
        x = prepared.pictures
        pairs = quality.shape[0] // 2
        offset = torch.zeros((pairs, 1, 1), dtype=torch.int64, device=x.device) if pairs else None
        if pairs and effort is not None:
            offset = balancing_offset(self.config, prepared.balancing, quality)
        quality = balanced(quality, offset)
        y = prepared.coefficients * self.entropy.gains(quality)[0].exp().to(x.dtype)
        base_mean, _, unit = (t.to(x.dtype) for t in self.entropy.base(quality))
        z = self.hyper_analysis((y - base_mean) / unit)
        disparity = None
        if self.config.stereo and pairs:
            disparity = found_disparities(self.config, prepared, quality[pairs:], effort)
        if effort is None:
            return Latents(y, z, disparity, offset, None)
        others = other_disparities(self.config, prepared, quality[pairs:], effort.fields - 1)
        return Latents(y, z, disparity, offset, x, checks=effort.checks, others=others)

    def walk(
        self, coder: EntropyCoder, latents: Latents | None, quality: Tensor, size: tuple[int, int]
    ) -> DecodedLatents:
        decoded = self.walk_latents(coder, latents, quality, size)
        if latents is None:
            return self.walk_residual(coder, None, decoded, size, self.reconstruct)
        pictures = latents.pictures
        if pictures is None:
            return decoded
        return self.walk_residual(coder, self.remaining(latents, lambda: pictures), decoded, size, self.reconstruct)

    def walk_latents(
        self, coder: EntropyCoder, latents: Latents | None, quality: Tensor, size: tuple[int, int]
    ) -> DecodedLatents:
        height, width = size[0] // BLOCK, size[1] // BLOCK
        y = z = disparity = offset = None
        share: float | Tensor = 1.0
        levels: list[ColourLevels] = []
        if latents is not None:
            y, z, disparity, offset = latents.y, latents.z, latents.disparity, latents.offset
            share = latents.error_share
        if len(quality) > 1:
            offset = coder.code_field(0, offset, (1, 1)).clamp(-MAX_BALANCE, MAX_BALANCE)
        quality = balanced(quality, offset)
        if latents is not None and latents.pictures is not None:
            pairs = max(1, len(quality) // 2)
            levels = [self._levels(latents.pair(pair), quality[pair::pairs]) for pair in range(pairs)]
        dtype = self.synthesis.head.weight.dtype
        walked = self.entropy.walk(coder, y, z, disparity, quality, (height, width), levels, share, dtype)
        y_hat, predicted = walked
        return self._as_synthesised(y_hat, quality, predicted)

    def remaining(self, latents: Latents, pictures: Callable[[], Tensor]) -> Remaining:
        return Remaining(latents.checks, pictures)

    def walk_residual(
        self,
        coder: EntropyCoder,
        remaining: Remaining | None,
        decoded: DecodedLatents,
        size: tuple[int, int],
        reconstruct: Callable[[DecodedLatents], Tensor],
    ) -> DecodedLatents:
        missing = None
        if remaining is not None:
            if not self._checks(remaining, decoded):
                self.residual.leave_out(coder)
                return decoded
            missing = remaining.pictures() - reconstruct(decoded).clamp_(0, 1)
        residual = self.residual.walk(coder, missing, decoded.quality, (size[0] // BLOCK, size[1] // BLOCK))
        return replace(decoded, residual=residual)

    def reconstruct(self, decoded: DecodedLatents) -> Tensor:
        return self.reconstruct_between(None, decoded, None)

    def reconstruct_between(
        self, above: DecodedLatents | None, decoded: DecodedLatents, below: DecodedLatents | None
    ) -> Tensor:
        blocks = self.band_margin // BLOCK
        parts = [] if above is None else [above.rows(max(above.y.shape[1] - blocks, 0), None)]
        first = BLOCK * sum(part.y.shape[1] for part in parts)
        parts += [decoded] if below is None else [decoded, below.rows(0, blocks)]
        y = torch.cat([part.y for part in parts], 1)
        predicted = [part.seen for part in parts if part.seen is not None]
        seen = torch.cat(predicted, 1) if predicted else None
        pictures: Tensor = self.synthesis(y, decoded.quality, seen)
        pictures = pictures[:, first : first + BLOCK * decoded.y.shape[1]]
        if decoded.residual is None:
            return pictures
        # The residual need not make up for values that no picture has.
        return pictures.clamp_(0, 1) + decoded.residual.to(pictures.dtype)

    def _as_synthesised(self, y: Tensor, quality: Tensor, predicted: Tensor | None) -> DecodedLatents:
        """Latents as the decoder has them, and the second views as they are predicted around 0."""
        gain = self.entropy.gains(quality)[1].exp()
        dtype = self.synthesis.head.weight.dtype
        # Those of the prediction are the synthesis' own, which may be elsewhere.
        seen = None if predicted is None else self.entropy.prediction.borders.lap(predicted.to(dtype))
        return DecodedLatents((y * gain).to(dtype), quality, seen, None)

    def _levels(self, latents: Latents, quality: Tensor) -> ColourLevels:
        """The channels whose mean errors shall be bounded when the pictures of one pair are written to a file."""
        assert latents.pictures is not None
        if latents.checks < 1 or float(quality.mean()) > _TINT_UP_TO:
            return colour_levels(self.synthesis)
        # As if the second view were predicted without error.
        predicted = latents.pictures[1:] - 0.5 if self.config.stereo and latents.disparity is not None else None
        pictures = self.reconstruct(self._as_synthesised(latents.y, quality, predicted)).clamp(0, 1)
        return colour_levels(self.synthesis, (pictures - latents.pictures).mean((1, 2)))

    def _checks(self, remaining: Remaining, decoded: DecodedLatents) -> bool:
        """Whether to look at all of what the networks make of the pictures: by some rows, where they shall tell."""
        if remaining.checks in (0, 1):
            return remaining.checks == 1
        height = decoded.y.shape[1]
        count = min(height, math.ceil(remaining.checks * height) + 2 * _EDGE)
        first = (height - count) // 2
        rows = slice(BLOCK * first, BLOCK * (first + count))
        part = self.reconstruct(decoded.rows(first, first + count)).clamp_(0, 1)
        missing = (remaining.pictures()[:, rows] - part)[:, BLOCK * _EDGE : -BLOCK * _EDGE]
        return self.residual.share(missing, decoded.quality) > _DRAWN

    def trade_off(self, quality: Tensor) -> Tensor:
        return trade_off(self.config, quality)

    def loss_weight(self, quality: Tensor) -> Tensor:
        """So that no quality dominates."""
        return (trade_off(self.config, quality) / 0.01).rsqrt()

    def encoder_parameters(self) -> Iterable[nn.Parameter]:
        """Of the encoder's gains the decoder needs the values for its means; they belong to the analysis."""
        for part in (self.analysis, self.hyper_analysis, self.entropy.gains.encoder):
            yield from part.parameters()

    def dependence_of_weights(self) -> Dependence:
        return Dependence(_LEAST_DEPENDENT, colour_levels(self.synthesis).channels)

    def fast_parameters(self) -> Iterable[nn.Parameter]:
        """Gains, scales, and all that depends on quality alone."""
        yield from self.entropy.prior.parameters()
        yield from self.entropy.neighbours.parameters()
        for part in self.modules():
            if isinstance(part, QualityKnots):
                yield part.values

    def slow_parameters(self) -> Iterable[Tensor]:
        """The layers through which coefficients pass."""
        for layer in coefficient_layers(self.analysis, self.synthesis, self.entropy):
            yield layer.weight

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Takes the statistics of latents and hyper latents from pictures (2B, H, W, 3)."""
        y = self.analysis(x)
        mean = y.double().mean((0, 1, 2))
        self.entropy.mean.copy_(mean)
        self.entropy.log_deviation.copy_(((y.double() - mean).abs().mean((0, 1, 2)) + 1e-4).log())
        z = self.analyse(x, torch.full((len(x),), 0.5), with_choices=False).z.double()
        self.entropy.prior.mean.copy_(z.mean((0, 1, 2)))
        # With the variance of the noise that training adds.
        self.entropy.prior.log_scale.copy_(0.5 * (z.var((0, 1, 2)) + 1 / 12).log())

    def weights_of(self, other: StereoModel) -> dict[str, Tensor]:
        """Quality knots whose number or range of lambdas differs are resampled, so that equal lambdas start alike;
        beyond the other's range its nearest knot is taken. A model whose cross-view paths are cut takes what it has a
        place for, and smoothing that the other lacks has its start."""
        assert isinstance(other, BisicRt)
        weights = super().weights_of(other) | resampled_knots(self.config, other, other.config)
        own = self.state_dict()
        if not self.config.stereo:
            weights = {name: tensor for name, tensor in weights.items() if name in own}
        if self.config.smoothing and not other.config.smoothing:
            weights |= {name: tensor for name, tensor in own.items() if name.startswith("synthesis.smoothing.")}
        return weights

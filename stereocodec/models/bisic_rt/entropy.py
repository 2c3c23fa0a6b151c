"""The entropy model of `bisic-rt`: a hyperprior and four steps per view, the second view predicted from the first.

In each step every position of a view codes a quarter of the channels; the pattern rotates over 2x2 neighbours, so
that every step sees decoded neighbours of every channel group (channel-wise checkerboards after He et al., CVPR 2021
and 2022).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...entropy.coders import EntropyCoder, Group
from ...entropy.priors import FactorizedPrior
from ...nn.products import QuickLinear
from ...nn.tiles import by_positions, by_rows, several_by_rows
from .blocks import CoefficientLinear, GatedBlock, QualityKnots, Upsample, depth_to_space, space_to_depth
from .colour_levels import ColourLevels
from .config import BisicRtConfig, squared_error_bits
from .disparity import BLOCK, blended_shift
from .lapped import LappedBorders
from .neighbours import Deviations, NeighbourScales
from .transforms import QualityGains

STEPS = 4
# _STEP_OF_GROUP[g][p]: the step in which channel group g is coded at position p = 2 * (row % 2) + column % 2.
_STEP_OF_GROUP = ((0, 3, 1, 2), (3, 0, 2, 1), (1, 2, 0, 3), (2, 1, 3, 0))

# An error in a latent costs more than its own energy: what is predicted from it gets worse too, in the first view more
# than in the second, and at low quality more than at high. Of either view, and of one alone, the factor at quality 0,
# and by how much it is less at 100. docs/training-log.md has what other factors measured.
_PROPAGATION = ((4.2, 2.2), (2.6, 1.0))
# Of a view that is coded alone: within 0.5 % of the best that was tried on the validation scenes, all steps whole
# (`benchmarks/one_view.py`, docs/rgbd.md).
_PROPAGATION_ALONE = (5.5, 3.0)


class ContextStep(nn.Module):
    """One step's refinement of features, means and log-scales from everything decoded so far."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        width, m = c.entropy_channels, c.latent_channels
        self.inputs = QuickLinear(3 * m, width)
        self.parity = nn.Parameter(torch.zeros(2, 2, width))
        self.body = nn.Sequential(
            GatedBlock(width, kernel_size=5, expansion=c.expansion, normalise=True),
            GatedBlock(width, expansion=c.expansion, normalise=True),
        )
        self.outputs = QuickLinear(width, 2 * m)
        nn.init.zeros_(self.outputs.weight)
        nn.init.zeros_(self.outputs.bias)

    def with_inputs(self, features: Tensor, parity: Tensor, *inputs: Tensor) -> Tensor:
        """What `body` takes: features (B, h, w, C) with what is known, means and log-scales, each (B, h, w, M), the
        first two normalised.

        parity: that of the rows, as of `parities`.
        """
        seen: Tensor = features + self.inputs(torch.cat(inputs, -1)) + parity
        return seen

    def parities(self, features: Tensor) -> Tensor:
        """What each place of features has of `parity`, of their shape."""
        height, width = features.shape[1:3]
        return self.parity.repeat(-(-height // 2), -(-width // 2), 1)[:height, :width].expand_as(features)


class ViewPrediction(nn.Module):
    """The second view's latents as the first one's decoded latents and the disparities predict them."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        width, m, samples = c.entropy_channels, c.latent_channels, 3 * BLOCK * BLOCK
        self.inputs = QuickLinear(m, width)
        self.quality = QualityKnots(c.knots, width)
        self.body = GatedBlock(width, expansion=c.expansion, normalise=True)
        self.picture = CoefficientLinear(m, samples)
        self.correction = QuickLinear(width, samples)
        self.borders = LappedBorders()
        self.latents = CoefficientLinear(samples, m)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, y: Tensor, normalised: Tensor, quality: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, h, w, M) in the analysis' units and normalised, quality (B,), field (B, h, w) -> like y, and the
        second view's picture (B, H, W, 3) around 0."""
        features = self.body(self.inputs(normalised) + self.quality(quality))
        first = by_positions(lambda y, features: self.picture(y) + self.correction(features), y, features)
        first = self.borders.unlap(depth_to_space(first, BLOCK))
        second = blended_shift(first, disparity)
        del first
        return self.latents(space_to_depth(self.borders.lap(second), BLOCK)), second


class EntropyModel(nn.Module):
    """Everything that leads to probabilities; runs in float64 when files are written and read.

    `mean` and `log_deviation` are each latent channel's statistics over training data, in the analysis' units
    (`calibrate`), so that the networks only learn corrections to them.
    """

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        self.config = c
        width, m, hyper = c.entropy_channels, c.latent_channels, c.hyper_channels
        self.mean: Tensor
        self.log_deviation: Tensor
        self.register_buffer("mean", torch.zeros(m))
        self.register_buffer("log_deviation", torch.zeros(m))
        self.gains = QualityGains(c)
        self.prior = FactorizedPrior(hyper)
        self.hyper_synthesis = nn.Sequential(
            Upsample(hyper, hyper), GatedBlock(hyper, expansion=c.expansion, normalise=True), Upsample(hyper, width)
        )
        self.quality = QualityKnots(c.knots, width)
        self.outputs = QuickLinear(width, 2 * m)
        self.steps = nn.ModuleList(ContextStep(c) for _ in range(STEPS))
        self.neighbours = NeighbourScales(m)
        if c.stereo:
            self.prediction = ViewPrediction(c)
            self.start_second = ContextStep(c)
            hints = [QuickLinear(m, width, bias=False) for _ in range(STEPS)]
            for hint in hints:
                nn.init.zeros_(hint.weight)
            self.hints = nn.ModuleList(hints)
        nn.init.normal_(self.outputs.weight, std=1e-3)
        nn.init.zeros_(self.outputs.bias)

    def base(self, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Starting mean and log-scale of the latents of a quality, and the unit that normalises them."""
        gain = self.gains(quality)[0].exp()
        deviation = self.log_deviation.exp() * gain
        return self.mean * gain, 0.5 * torch.log(deviation**2 + 0.01), torch.sqrt(deviation**2 + 0.25)

    def walk(
        self,
        coder: EntropyCoder,
        y: Tensor | None,
        z: Tensor | None,
        disparity: Tensor | None,
        quality: Tensor,
        size: tuple[int, int],
        levels: Sequence[ColourLevels] = (),
        error_share: float | Tensor = 1.0,
        picture_dtype: torch.dtype = torch.float32,
    ) -> tuple[Tensor, Tensor | None]:
        """Codes z, then y of the first view, the disparities, and y of the second view; of one view alone z and y.

        Returns the decoded y, and the second views' pictures as `ViewPrediction` predicts them, None without it.

        y: (2B, h, w, M) scaled by the encoder's gains; z: (2B, h / 4, w / 4, Z); disparity: (B, h, w) int64 in half
        pixels; None when reading. quality: (2B,) in 0..1, or (1,) of one view; size: (h, w), multiples of 4.
        levels: of each pair the channels that carry the mean colour, when files are written. error_share: as in
        `Latents`. picture_dtype: of these pictures.
        """
        height, width = size
        count = quality.shape[0]
        hyper_shape = (count, height // 4, width // 4, self.config.hyper_channels)
        z_hat = coder.code_prior(z, hyper_shape, views=min(count, 2)).to(self.mean.dtype)
        features = self.hyper_synthesis(z_hat) + self.quality(quality)
        if count == 1:
            only = _View(self, quality, features, _PROPAGATION_ALONE)
            only.code(coder, 0, y, None, levels, error_share)
            return only.y_hat, None
        pairs = count // 2
        # Without prediction no view depends on the other one.
        first = _View(self, quality[:pairs], features[:pairs], _PROPAGATION[0 if self.config.stereo else 1])
        second = _View(self, quality[pairs:], features[pairs:], _PROPAGATION[1])
        del features
        sources = (None, None) if y is None else y.chunk(2)
        first.code(coder, 0, sources[0], None, levels, error_share)
        y_first, hint, picture = first.y_hat, None, None
        if self.config.stereo:
            predicted, picture = self._predicted(first, coder.code_disparities(1, disparity, size))
            picture = picture.to(picture_dtype)  # in float64 it would be the largest of what is kept
            hint = second.normalised(predicted * self.gains(second.quality)[0].exp())
            del predicted
            second.refine(self.start_second, second.features, hint)
        del first
        second.code(coder, 1, sources[1], hint, levels, error_share)
        return torch.cat([y_first, second.y_hat]), picture

    def _predicted(self, first: _View, field: Tensor) -> tuple[Tensor, Tensor]:
        """What `prediction` gives for a decoded view and a field."""
        decoded = first.y_hat * self.gains(first.quality)[1].exp()
        predicted: tuple[Tensor, Tensor] = self.prediction(decoded, first.normalised(first.y_hat), first.quality, field)
        return predicted


class _View:
    """The state of the walk within one view; propagation: one of _PROPAGATION."""

    def __init__(
        self, model: EntropyModel, quality: Tensor, features: Tensor, propagation: tuple[float, float]
    ) -> None:
        self.model, self.quality, self.features, self._propagation = model, quality, features, propagation
        self.base_mean, base_log_scale, self.unit = model.base(quality)
        change_mean, change_log_scale = model.outputs(features).chunk(2, -1)
        self.mean, self.log_scale = self.base_mean + change_mean * self.unit, base_log_scale + change_log_scale
        self.y_hat = torch.zeros_like(self.mean)

    def normalised(self, y: Tensor) -> Tensor:
        """Latents as the networks see them."""
        return (y - self.base_mean) / self.unit

    def refine(self, step: nn.Module, features: Tensor, known: Tensor, following: Tensor | None = None) -> Tensor:
        """Updates features, mean and log-scale with one step's network; `known` is normalised.

        following: what `NeighbourScales` adds to the log-scales for now. Returns the log-scales with it.
        """
        assert isinstance(step, ContextStep)
        more = () if following is None else (following,)

        def with_inputs(
            features: Tensor, parity: Tensor, known: Tensor, mean: Tensor, log_scale: Tensor, *more: Tensor
        ) -> Tensor:
            return step.with_inputs(features, parity, known, self.normalised(mean), sum(more, log_scale))

        features = by_rows(with_inputs, features, step.parities(features), known, self.mean, self.log_scale, *more)
        del known  # large, and not needed while the network runs
        self.features = step.body(features)

        def changed(features: Tensor, mean: Tensor, log_scale: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
            mean_change, change = step.outputs(features).chunk(2, -1)
            followed = tuple(log_scale + each + change for each in more)
            return mean + mean_change * self.unit, log_scale + change, *followed

        self.mean, self.log_scale, *followed = several_by_rows(changed, self.features, self.mean, self.log_scale, *more)
        return followed[0] if followed else self.log_scale

    def code(
        self,
        coder: EntropyCoder,
        number: int,
        y: Tensor | None,
        hint: Tensor | None,
        levels: Sequence[ColourLevels],
        error_share: float | Tensor,
    ) -> None:
        """All steps; `hint` is what another view predicts, normalised; the rest as of `EntropyModel.walk`."""
        model = self.model
        coded = torch.zeros_like(self.mean[0], dtype=torch.bool)
        _, height, width, channels = self.mean.shape
        is_training = torch.is_grad_enabled()
        masks = (_kept_masks if is_training else _masks)(height, width, channels, self.mean.device)
        gain = model.gains(self.quality)[1].double().exp()[:, 0, 0]
        weight = error_share * _error_bits(model.config, self.quality.double(), self._propagation)[:, None] * gain**2
        levelled = tuple(each.of_view(number, gain[pair]) for pair, each in enumerate(levels))
        deviations = Deviations(self.mean)
        for index, (step, (mask, places)) in enumerate(zip(model.steps, masks, strict=True)):
            features = self.features if hint is None else self.features + model.hints[index](hint)
            log_scale = self.refine(step, features, self._known(coded), model.neighbours(deviations) if index else None)
            del features
            group = Group(number, self.mean, log_scale, mask, weight, places=places, levelled=levelled)
            decoded = coder.code(y, group)
            del log_scale, group
            self.y_hat = by_rows(torch.add, self.y_hat, decoded)
            coded = coded | mask
            if index + 1 < STEPS:
                deviations.add(decoded, self.mean, self.log_scale, mask)
            del decoded

    def _known(self, coded: Tensor) -> Tensor:
        """What is decoded, and means where nothing is, normalised; coded: (h, w, M)."""
        return by_rows(
            lambda coded, y, mean: self.normalised(torch.where(coded, y, mean)), coded[None], self.y_hat, self.mean
        )


def _error_bits(config: BisicRtConfig, quality: Tensor, propagation: tuple[float, float]) -> Tensor:
    """Bits that a squared error of one in the synthesis' units is worth in a view's latents, the shape of quality."""
    at_zero, less = propagation
    return (at_zero - less * quality) * squared_error_bits(config, quality)


def _masks(height: int, width: int, channels: int, device: torch.device) -> list[tuple[Tensor, Tensor | None]]:
    """Of each step which elements it codes, (H, W, C) bool, without their places."""
    pattern = step_pattern(height, width, channels, device)
    return [(pattern == step, None) for step in range(STEPS)]


@functools.lru_cache(maxsize=4)
def _kept_masks(height: int, width: int, channels: int, device: torch.device) -> list[tuple[Tensor, Tensor | None]]:
    """`_masks` with the places: training takes crops of one size, and a GPU waits whenever something is counted."""
    masks = [mask for mask, _ in _masks(height, width, channels, device)]
    return [(mask, mask.reshape(-1).nonzero()[:, 0]) for mask in masks]


def step_pattern(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """The step in which each element is coded, (H, W, C), int64."""
    row = torch.arange(height, device=device)[:, None] % 2
    column = torch.arange(width, device=device)[None] % 2
    group = torch.arange(channels, device=device) % STEPS
    table = torch.tensor(_STEP_OF_GROUP, device=device)
    return table.T[2 * row + column][..., group]

"""The entropy model of `bisic-rt` 2: a hyperprior and four steps per view, the second view predicted from the first.

In each step every position of a view codes a quarter of the channels; the pattern rotates over 2x2 neighbours, so
that every step sees decoded neighbours of every channel group (channel-wise checkerboards after He et al., CVPR 2021
and 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..entropy.coders import EntropyCoder, Group
from ..entropy.priors import FactorizedPrior
from ..nn.blocks import GatedBlock, QualityKnots, Upsample, depth_to_space, space_to_depth
from ..nn.disparity import BLOCK, shift_along_rows
from .colour_levels import ColourLevels
from .rt2_config import BisicRt2Config
from .rt_config import squared_error_bits
from .rt_entropy import STEPS, ContextStep, step_pattern
from .rt_transforms import QualityGains

# An error in a latent costs more than its own energy: what is predicted from it gets worse too. On held-out scenes
# this factor gave the fewest bits at equal PSNR; 2 and 3.5 were within 0.3 % of it, 1.2 took 1.6 % more.
_ERROR_PROPAGATION = 2.5


class ViewPrediction(nn.Module):
    """The second view's latents as the first one's decoded latents and the disparities predict them."""

    def __init__(self, c: BisicRt2Config) -> None:
        super().__init__()
        width, m, samples = c.channels16, c.latent_channels, 3 * BLOCK * BLOCK
        self.inputs = nn.Linear(m, width)
        self.quality = QualityKnots(c.knots, width)
        self.body = GatedBlock(width, expansion=c.expansion, normalise=True)
        self.picture = nn.Linear(m, samples)
        self.correction = nn.Linear(width, samples)
        self.latents = nn.Linear(samples, m)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, y: Tensor, normalised: Tensor, quality: Tensor, disparity: Tensor) -> Tensor:
        """Latents (B, h, w, M) in the analysis' units and normalised, quality (B,), field (B, h, w) -> like y."""
        features = self.body(self.inputs(normalised) + self.quality(quality))
        picture = depth_to_space(self.picture(y) + self.correction(features), BLOCK)
        out: Tensor = self.latents(space_to_depth(shift_along_rows(picture, disparity), BLOCK))
        return out


class EntropyModel(nn.Module):
    """Everything that leads to probabilities; runs in float64 when files are written and read.

    `mean` and `log_deviation` are each latent channel's statistics over training data, in the analysis' units
    (`calibrate`), so that the networks only learn corrections to them.
    """

    def __init__(self, c: BisicRt2Config) -> None:
        super().__init__()
        self.config = c
        width, m, hyper = c.channels16, c.latent_channels, c.hyper_channels
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
        self.outputs = nn.Linear(width, 2 * m)
        self.steps = nn.ModuleList(ContextStep(c) for _ in range(STEPS))
        if c.stereo:
            self.prediction = ViewPrediction(c)
            self.start_second = ContextStep(c)
            hints = [nn.Linear(m, width, bias=False) for _ in range(STEPS)]
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
        levels: ColourLevels | None = None,
    ) -> Tensor:
        """Codes z, then y of the first view, the disparities, and y of the second view; returns the decoded y.

        y: (2B, h, w, M) scaled by the encoder's gains; z: (2B, h / 4, w / 4, Z); disparity: (B, h, w) int64 in half
        pixels; None when reading. quality: (2B,) in 0..1; size: (h, w), multiples of 4.
        levels: the channels that carry the mean colour, when files are written.
        """
        height, width = size
        pairs = quality.shape[0] // 2
        hyper_shape = (2 * pairs, height // 4, width // 4, self.config.hyper_channels)
        z_hat = coder.code_prior(z, hyper_shape).to(self.mean.dtype)
        features = self.hyper_synthesis(z_hat) + self.quality(quality)
        views = [_View(self, quality[part], features[part]) for part in (slice(0, pairs), slice(pairs, None))]
        sources = (None, None) if y is None else y.chunk(2)
        first, second = views
        first.code(coder, 0, sources[0], None, levels)
        hint = None
        if self.config.stereo:
            field = coder.code_field(1, disparity, size)
            decoded = first.y_hat * self.gains(first.quality)[1].exp()
            predicted = self.prediction(decoded, first.normalised(first.y_hat), first.quality, field)
            hint = second.normalised(predicted * self.gains(second.quality)[0].exp())
            second.refine(self.start_second, second.features, hint)
        second.code(coder, 1, sources[1], hint, levels)
        return torch.cat([first.y_hat, second.y_hat])


class _View:
    """The state of the walk within one view."""

    def __init__(self, model: EntropyModel, quality: Tensor, features: Tensor) -> None:
        self.model, self.quality, self.features = model, quality, features
        self.base_mean, base_log_scale, self.unit = model.base(quality)
        change_mean, change_log_scale = model.outputs(features).chunk(2, -1)
        self.mean, self.log_scale = self.base_mean + change_mean * self.unit, base_log_scale + change_log_scale
        self.y_hat = torch.zeros_like(self.mean)

    def normalised(self, y: Tensor) -> Tensor:
        """Latents as the networks see them."""
        return (y - self.base_mean) / self.unit

    def refine(self, step: nn.Module, features: Tensor, known: Tensor) -> None:
        """Updates features, mean and log-scale with one step's network; `known` is normalised."""
        self.features, change_mean, change_log_scale = step(features, known, self.normalised(self.mean), self.log_scale)
        self.mean, self.log_scale = self.mean + change_mean * self.unit, self.log_scale + change_log_scale

    def code(
        self, coder: EntropyCoder, number: int, y: Tensor | None, hint: Tensor | None, levels: ColourLevels | None
    ) -> None:
        """All steps; `hint` is what another view predicts, normalised; levels: see `EntropyModel.walk`."""
        model = self.model
        coded = torch.zeros_like(self.mean[0], dtype=torch.bool)
        _, height, width, channels = self.mean.shape
        pattern = step_pattern(height, width, channels, self.mean.device)
        gain = model.gains(self.quality)[1].double().exp()[:, 0, 0]
        weight = _ERROR_PROPAGATION * squared_error_bits(model.config, self.quality.double())[:, None] * gain**2
        levelled = levels.of_view(number, gain[0]) if levels else ()
        for index, step in enumerate(model.steps):
            known = self.normalised(torch.where(coded, self.y_hat, self.mean))
            features = self.features if hint is None else self.features + model.hints[index](hint)
            self.refine(step, features, known)
            mask = pattern == index
            group = Group(number, self.mean, self.log_scale, mask, weight, levelled=levelled)
            self.y_hat = self.y_hat + coder.code(y, group)
            coded = coded | mask

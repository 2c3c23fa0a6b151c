"""`bisic-rt`: the fast default model.

Transforms at 1/8 and 1/16 resolution that start as an orthonormal 16x16 transform codec, cross-view exchange by
attention along rows, continuous quality by per-channel gains, and an entropy model of a hyperprior and four steps.
In each step every position of both views codes a quarter of the channels; the pattern rotates over 2x2 neighbours,
so that every step sees decoded neighbours of every channel group (channel-wise checkerboards after He et al.,
CVPR 2021 and 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..entropy.coders import EntropyCoder, FactorizedPrior
from ..nn.blocks import Downsample, GatedBlock, QualityKnots, RowAttention, Upsample, depth_to_space, space_to_depth
from ..nn.dct import colour_dct, haar_step
from .base import StereoModel

STEPS = 4
# _STEP_OF_GROUP[g][p]: the step in which channel group g is coded at position p = 2 * (row % 2) + column % 2.
_STEP_OF_GROUP = ((0, 3, 1, 2), (3, 0, 2, 1), (1, 2, 0, 3), (2, 1, 3, 0))

# An error in a latent costs more than its own energy: what is predicted from it gets worse too. On held-out scenes
# this factor gave the fewest bits at equal PSNR; 2 and 3.5 were within 0.3 % of it, 1.2 took 1.6 % more.
_ERROR_PROPAGATION = 2.5


@dataclass(frozen=True)
class BisicRtConfig:
    """Widths and depths; `channels8` and `channels16` are the widths at 1/8 and 1/16 resolution."""

    channels8: int = 128
    channels16: int = 192
    latent_channels: int = 192
    hyper_channels: int = 96
    blocks8: int = 2
    blocks16: int = 2
    expansion: float = 1.5
    knots: int = 8
    lambda_min: float = 0.0012
    lambda_max: float = 0.12

    def __post_init__(self) -> None:
        widths = (self.channels8, self.channels16, self.latent_channels, self.hyper_channels)
        depths_ok = self.blocks8 >= 0 and self.blocks16 >= 0 and self.knots >= 2
        if min(widths) < 1 or self.channels8 % 4 or self.channels16 % 4 or not depths_ok:
            raise ValueError(f"impossible widths or depths: {self}; channels8 and channels16 are multiples of 4")
        if not (0 < self.lambda_min < self.lambda_max < math.inf and 0 < self.expansion <= 16):
            raise ValueError(f"impossible lambdas or expansion: {self}")


def trade_off(config: BisicRtConfig, quality: Tensor) -> Tensor:
    """Lambda of a quality in 0..1: the weight of the mean squared 8-bit error against bits per view pixel."""
    return config.lambda_min * (config.lambda_max / config.lambda_min) ** quality


class QualityGains(nn.Module):
    """Log-gains before and after quantisation (continuous rate after Cui et al., CVPR 2021).

    The common part is the quantisation step that is optimal for the quality's lambda at high rate,
    step^2 = 26 / lambda in 8-bit units; the learned parts are corrections per channel.
    """

    def __init__(self, config: BisicRtConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = QualityKnots(config.knots, config.latent_channels)
        self.decoder = QualityKnots(config.knots, config.latent_channels)

    def forward(self, quality: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) -> log-gains of the encoder and of the decoder, each (N, 1, 1, M)."""
        dtype = self.encoder.values.dtype
        step_log = 0.5 * torch.log(26 / trade_off(self.config, quality.to(dtype)))[:, None, None, None]
        common = math.log(255) - step_log
        return common + self.encoder(quality), -common + self.decoder(quality)


class AnalysisTransform(nn.Module):
    """Pictures (2B, H, W, 3) in 0..1, sides multiples of 64 -> latents (2B, H / 16, W / 16, M)."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        self.head = nn.Linear(192, c.channels8)
        self.stage8 = nn.Sequential(*_blocks(c.channels8, c.blocks8, c), RowAttention(c.channels8))
        self.down = Downsample(c.channels8, c.channels16)
        self.stage16 = nn.Sequential(*_blocks(c.channels16, c.blocks16, c), RowAttention(c.channels16))
        self.tail = nn.Linear(c.channels16, c.latent_channels)

    def forward(self, x: Tensor) -> Tensor:
        features = self.stage8(self.head(space_to_depth(x - 0.5, 8)))
        out: Tensor = self.tail(self.stage16(self.down(features)))
        return out


class SynthesisTransform(nn.Module):
    """Latents (2B, h, w, M) in the units of the analysis -> pictures (2B, 16 h, 16 w, 3), not clamped."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        self.head = nn.Linear(c.latent_channels, c.channels16)
        self.quality16 = QualityKnots(c.knots, c.channels16)
        self.stage16 = nn.Sequential(*_blocks(c.channels16, c.blocks16, c), RowAttention(c.channels16))
        self.up = Upsample(c.channels16, c.channels8)
        self.quality8 = QualityKnots(c.knots, c.channels8)
        self.stage8 = nn.Sequential(
            GatedBlock(c.channels8, expansion=c.expansion),
            RowAttention(c.channels8),
            *_blocks(c.channels8, c.blocks8, c),
        )
        self.tail = nn.Linear(c.channels8, 192)

    def forward(self, y: Tensor, quality: Tensor) -> Tensor:
        features = self.stage16(self.head(y) + self.quality16(quality))
        features = self.stage8(self.up(features) + self.quality8(quality))
        return depth_to_space(self.tail(features), 8) + 0.5


class ContextStep(nn.Module):
    """One step's refinement of features, means and log-scales from everything decoded so far."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        width, m = c.channels16, c.latent_channels
        self.inputs = nn.Linear(3 * m, width)
        self.parity = nn.Parameter(torch.zeros(2, 2, width))
        self.body = nn.Sequential(
            GatedBlock(width, kernel_size=5, expansion=c.expansion, normalise=True),
            RowAttention(width),
            GatedBlock(width, expansion=c.expansion, normalise=True),
        )
        self.outputs = nn.Linear(width, 2 * m)
        nn.init.zeros_(self.outputs.weight)
        nn.init.zeros_(self.outputs.bias)

    def forward(self, features: Tensor, known: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, ...]:
        """All (2B, h, w, C), known and mean normalised; returns features and the changes of mean and log-scale."""
        height, width = known.shape[1:3]
        parity = self.parity.repeat(-(-height // 2), -(-width // 2), 1)[:height, :width]
        features = features + self.inputs(torch.cat([known, mean, log_scale], -1)) + parity
        features = self.body(features)
        change_mean, change_log_scale = self.outputs(features).chunk(2, -1)
        return features, change_mean, change_log_scale


class EntropyModel(nn.Module):
    """Everything that leads to probabilities; runs in float64 when files are written and read.

    `mean` and `log_deviation` are each latent channel's statistics over training data, in the analysis' units
    (`calibrate`), so that the networks only learn corrections to them.
    """

    def __init__(self, c: BisicRtConfig) -> None:
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
        nn.init.normal_(self.outputs.weight, std=1e-3)
        nn.init.zeros_(self.outputs.bias)

    def base(self, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Starting mean and log-scale of the latents of a quality, and the unit that normalises them."""
        gain = self.gains(quality)[0].exp()
        deviation = self.log_deviation.exp() * gain
        return self.mean * gain, 0.5 * torch.log(deviation**2 + 0.01), torch.sqrt(deviation**2 + 0.25)

    def walk(
        self, coder: EntropyCoder, y: Tensor | None, z: Tensor | None, quality: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """The one walk over the latents: codes z, then y in four steps; returns the decoded y.

        y: (2B, h, w, M) scaled by the encoder's gains, or None when reading; z: (2B, h / 4, w / 4, Z), or None;
        quality: (2B,) in 0..1; size: (h, w), multiples of 4.
        """
        height, width = size
        hyper_shape = (quality.shape[0], height // 4, width // 4, self.config.hyper_channels)
        z_hat = coder.code_prior(z, hyper_shape).to(self.mean.dtype)
        base_mean, base_log_scale, unit = self.base(quality)
        features = self.hyper_synthesis(z_hat) + self.quality(quality)
        change_mean, change_log_scale = self.outputs(features).chunk(2, -1)
        mean, log_scale = base_mean + change_mean * unit, base_log_scale + change_log_scale
        y_hat = torch.zeros_like(mean)
        coded = torch.zeros_like(mean[0], dtype=torch.bool)
        pattern = step_pattern(height, width, self.config.latent_channels, mean.device)
        for index, step in enumerate(self.steps):
            known = torch.where(coded, y_hat, mean)
            features, change_mean, change_log_scale = step(
                features, (known - base_mean) / unit, (mean - base_mean) / unit, log_scale
            )
            mean, log_scale = mean + change_mean * unit, log_scale + change_log_scale
            mask = pattern == index
            y_hat = y_hat + coder.code(y, mean, log_scale, mask)
            coded = coded | mask
        return y_hat


class HyperAnalysis(nn.Module):
    """Normalised latents (2B, h, w, M) -> hyper latents (2B, h / 4, w / 4, Z); only the encoder needs it."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        hyper = c.hyper_channels
        self.layers = nn.Sequential(
            nn.Linear(c.latent_channels, hyper),
            GatedBlock(hyper, expansion=c.expansion, normalise=True),
            Downsample(hyper, hyper),
            GatedBlock(hyper, expansion=c.expansion, normalise=True),
            Downsample(hyper, hyper),
        )

    def forward(self, y: Tensor) -> Tensor:
        out: Tensor = self.layers(y)
        return out


class BisicRt(StereoModel):
    """The complete model."""

    multiple = 64

    def __init__(self, config: BisicRtConfig) -> None:
        super().__init__()
        self.config = config
        self.prior_channels = config.hyper_channels
        self.analysis = AnalysisTransform(config)
        self.synthesis = SynthesisTransform(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.entropy = EntropyModel(config)
        self._start_as_dct()

    def latents(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        gain = self.entropy.gains(quality)[0].exp().to(x.dtype)
        y = self.analysis(x) * gain
        base_mean, _, unit = (t.to(x.dtype) for t in self.entropy.base(quality))
        return y, self.hyper_analysis((y - base_mean) / unit)

    def walk(
        self, coder: EntropyCoder, y: Tensor | None, z: Tensor | None, quality: Tensor, size: tuple[int, int]
    ) -> Tensor:
        return self.entropy.walk(coder, y, z, quality, (size[0] // 16, size[1] // 16))

    def distortion_weights(self, quality: Tensor) -> Tensor:
        # As if the synthesis were still the orthonormal transform that it starts as: mean over three colours.
        gain = self.entropy.gains(quality)[1][0, 0, 0].double()
        orthonormal = trade_off(self.config, quality.double()) * 65025 / 3 * torch.exp(2 * gain)
        return _ERROR_PROPAGATION * orthonormal

    def make_exact(self) -> None:
        self.entropy.double()

    def reconstruct(self, y_hat: Tensor, quality: Tensor) -> Tensor:
        gain = self.entropy.gains(quality)[1].exp()
        out: Tensor = self.synthesis((y_hat * gain).to(self.synthesis.head.weight.dtype), quality)
        return out

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Takes the latents' statistics from pictures (2B, H, W, 3)."""
        y = self.analysis(x).double()
        mean = y.mean((0, 1, 2))
        self.entropy.mean.copy_(mean)
        self.entropy.log_deviation.copy_(((y - mean).abs().mean((0, 1, 2)) + 1e-4).log())

    @torch.no_grad()
    def _start_as_dct(self) -> None:
        c = self.config
        dct, frequency = colour_dct(c.channels8)
        haar = haar_step(frequency, c.channels16)
        self.analysis.head.weight.copy_(dct)
        self.synthesis.tail.weight.copy_(dct.T)
        self.analysis.down.linear.weight.copy_(haar)
        self.synthesis.up.linear.weight.copy_(haar.T)
        nn.init.eye_(self.analysis.tail.weight)
        nn.init.eye_(self.synthesis.head.weight)
        for layer in (self.analysis.head, self.analysis.down.linear, self.analysis.tail):
            nn.init.zeros_(layer.bias)
        for layer in (self.synthesis.head, self.synthesis.up.linear, self.synthesis.tail):
            nn.init.zeros_(layer.bias)


def step_pattern(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """The step in which each element is coded, (H, W, C), int64."""
    row = torch.arange(height, device=device)[:, None] % 2
    column = torch.arange(width, device=device)[None] % 2
    group = torch.arange(channels, device=device) % STEPS
    table = torch.tensor(_STEP_OF_GROUP, device=device)
    return table.T[2 * row + column][..., group]


def _blocks(channels: int, count: int, c: BisicRtConfig) -> list[nn.Module]:
    return [GatedBlock(channels, expansion=c.expansion) for _ in range(count)]

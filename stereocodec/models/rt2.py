"""The network of `bisic-rt` 2, which decodes its files until the weights of its successor are better.

Unlike `bisic_rt.py` it has no overlapping blocks, no scales that follow decoded neighbours, and attention between the
views at 1/8 resolution. Nothing trains it from scratch: it starts from its release.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..entropy.coders import EntropyCoder
from ..entropy.priors import FactorizedPrior
from ..nn.disparity import BLOCK, estimate_disparity
from .base import StereoModel
from .bisic_rt import Latents
from .colour_levels import colour_levels
from .residual_layer import ResidualLayer
from .rt2_config import BisicRt2Config
from .rt2_entropy import EntropyModel
from .rt2_transforms import AnalysisTransform, SynthesisTransform
from .rt_config import step_size, trade_off
from .rt_transforms import HyperAnalysis
from .view_balance import MAX_OFFSET, balancing_offset

# Smoothness of the disparities in grey levels: what half a pixel costs in side information grows with the step size.
_SMOOTHNESS, _SMOOTHNESS_PER_STEP = 0.2, 0.03


@dataclass(frozen=True)
class DecodedLatents:
    """What a walk decodes: y (2B, h, w, M), each view's quality (2B,), and the residual (2B, H, W, 3) or None."""

    y: Tensor
    quality: Tensor
    residual: Tensor | None


class BisicRt2(StereoModel):
    """The complete model."""

    multiple = 64

    def __init__(self, config: BisicRt2Config) -> None:
        super().__init__()
        self.config = config
        self.prior_channels = config.hyper_channels
        self.analysis = AnalysisTransform(config)
        self.synthesis = SynthesisTransform(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.entropy = EntropyModel(config)
        self.residual = ResidualLayer(config)

    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> Latents:
        """Pictures (2B, H, W, 3), qualities (2B,) -> latents.

        with_choices: whether to choose what only files need: the balance of the views and the residual layer, for
        which B is 1.
        """
        pairs = quality.shape[0] // 2
        offset = torch.zeros((pairs, 1, 1), dtype=torch.int64, device=x.device)
        if with_choices:
            offset = balancing_offset(self.config, x, quality)
        quality = _balanced(quality, offset)
        y = self.analysis(x) * self.entropy.gains(quality)[0].exp().to(x.dtype)
        base_mean, _, unit = (t.to(x.dtype) for t in self.entropy.base(quality))
        z = self.hyper_analysis((y - base_mean) / unit)
        disparity = None
        if self.config.stereo:
            smoothness = _SMOOTHNESS + _SMOOTHNESS_PER_STEP * step_size(self.config, quality[pairs:].float())
            first, second = x.float().chunk(2)
            disparity = estimate_disparity(first, second, smoothness)
        return Latents(y, z, disparity, offset, x if with_choices else None)

    def walk(
        self, coder: EntropyCoder, latents: Latents | None, quality: Tensor, size: tuple[int, int]
    ) -> DecodedLatents:
        height, width = size[0] // BLOCK, size[1] // BLOCK
        y = z = disparity = offset = None
        if latents is not None:
            y, z, disparity, offset = latents.y, latents.z, latents.disparity, latents.offset
        offset = coder.code_field(0, offset, (1, 1)).clamp(-MAX_OFFSET, MAX_OFFSET)
        quality = _balanced(quality, offset)
        is_file = latents is not None and latents.pictures is not None
        levels = colour_levels(self.synthesis) if is_file else None
        y_hat = self.entropy.walk(coder, y, z, disparity, quality, (height, width), levels)
        decoded = DecodedLatents(y_hat, quality, None)
        missing = None
        if latents is not None:
            if latents.pictures is None:
                return decoded
            missing = latents.pictures - self.reconstruct(decoded)
        residual = self.residual.walk(coder, missing, quality, (height, width))
        return DecodedLatents(y_hat, quality, residual)

    def reconstruct(self, decoded: DecodedLatents) -> Tensor:
        gain = self.entropy.gains(decoded.quality)[1].exp()
        dtype = self.synthesis.head.weight.dtype
        pictures: Tensor = self.synthesis((decoded.y * gain).to(dtype), decoded.quality)
        return pictures if decoded.residual is None else pictures + decoded.residual.to(dtype)

    def make_exact(self) -> None:
        self.entropy.double()

    @property
    def prior(self) -> FactorizedPrior:
        return self.entropy.prior

    def trade_off(self, quality: Tensor) -> Tensor:
        return trade_off(self.config, quality)

    def loss_weight(self, quality: Tensor) -> Tensor:
        """So that no quality dominates."""
        return (trade_off(self.config, quality) / 0.01).rsqrt()

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Takes the latents' statistics from pictures (2B, H, W, 3)."""
        y = self.analysis(x).double()
        mean = y.mean((0, 1, 2))
        self.entropy.mean.copy_(mean)
        self.entropy.log_deviation.copy_(((y - mean).abs().mean((0, 1, 2)) + 1e-4).log())


def _balanced(quality: Tensor, offset: Tensor) -> Tensor:
    """Qualities (2B,) of the views of pairs with the given offsets (B, 1, 1)."""
    change = offset.view(-1).to(quality.dtype) / 100
    return (quality + torch.cat([-change, change])).clamp(0, 1)

"""`ecsic`: the stereo codec of Wödlinger et al. (ECSIC, WACV 2024, arXiv 2307.10284), weight-compatible.

The transforms exchange the views by cross attention along rows. The left hyper latent has a learned density; the right
one is predicted from it, the left latent from both, and the right latent from the left one too: four passes, in each
of which all elements of a stream are coded at once.

Pictures and whatever a coder sees are channels-last; inside, feature maps are (B, C, H, W) views of such memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...entropy.coders import EntropyCoder, Group
from ...entropy.distributions import lower_bound
from ...entropy.priors import LaplacePrior
from ...entropy.tables import MAX_TABLES
from ..base import StereoModel
from ..settings import MAX_WIDTH, require_weight, require_whole
from .stereo_cross_attention import Conv3x3, Pair, PerView, Shared, StereoCrossAttention, StereoTransform, Upsample3x3

__all__ = ["Ecsic", "EcsicConfig", "EcsicEntropyModel", "EcsicLatents"]

_LATENT_STRIDE, _HYPER_STRIDE = 8, 4
_SCALE_MIN = 0.1  # of the Laplace density's parameter b
_SLOPE = 0.2


@dataclass(frozen=True)
class EcsicConfig:
    """Widths (N and M in the paper), heads of the attention, and lambda.

    embedding: channels of queries and keys per head; None stands for twice `channels`. lambda_: what a mean squared
    8-bit error of one is worth in bits per view pixel.
    """

    channels: int = 192
    latent_channels: int = 48
    heads: int = 4
    embedding: int | None = None
    lambda_: float = 0.01

    FORMER_NAMES: ClassVar[Mapping[str, str]] = {"lmbda": "lambda_"}  # of 0.2

    def __post_init__(self) -> None:
        require_whole("channels", self.channels, 1, MAX_WIDTH)
        require_whole("latent_channels", self.latent_channels, 1, MAX_TABLES)
        require_whole("heads", self.heads, 1, self.channels)
        if self.channels % self.heads:
            raise ValueError(f"heads is {self.heads}; it must divide the {self.channels} channels evenly")
        if self.embedding is None:
            object.__setattr__(self, "embedding", 2 * self.channels)
        require_whole("embedding", self.embedding, 1, 2 * MAX_WIDTH)
        require_weight("lambda_", self.lambda_)


@dataclass(frozen=True)
class EcsicLatents:
    """What the encoder's networks give, not rounded yet: y (2B, H / 8, W / 8, M) and z (2B, H / 32, W / 32, M)."""

    y: Tensor
    z: Tensor


class Ecsic(StereoModel):
    """The complete model. Its walk returns the decoded y of both views, (2B, H / 8, W / 8, M)."""

    multiple = _LATENT_STRIDE * _HYPER_STRIDE
    laplace_share = 1.0
    has_qualities = False
    either_first = False
    entropy: EcsicEntropyModel

    def __init__(self, config: EcsicConfig) -> None:
        super().__init__()
        self.config = config
        n, m = config.channels, config.latent_channels
        self.prior_channels = m
        trunk = nn.Sequential(
            Conv3x3(3, n, stride=2), _prelu(n), Conv3x3(n, n, stride=2), _prelu(n), Conv3x3(n, n, stride=2), _prelu(n)
        )
        to_latent = PerView(lambda: nn.Sequential(_prelu(n), Conv3x3(n, m)))
        self.analysis = StereoTransform(Shared(trunk), _attention(config), to_latent)
        self.hyper_analysis = StereoTransform(
            PerView(lambda: nn.Sequential(Conv3x3(m, n, stride=2), _prelu(n), Conv3x3(n, n, stride=2), _prelu(n))),
            _attention(config),
            PerView(lambda: nn.Sequential(_prelu(n), Conv3x3(n, m))),
        )
        self.entropy = EcsicEntropyModel(config)
        self.synthesis = StereoTransform(
            PerView(lambda: nn.Sequential(Upsample3x3(m, n), _prelu(n))),
            _attention(config),
            PerView(
                lambda: nn.Sequential(
                    _prelu(n), Upsample3x3(n, n), _prelu(n), Upsample3x3(n, n), _prelu(n), Upsample3x3(n, 3, stride=1)
                )
            ),
        )

    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> EcsicLatents:
        """Pictures (2B, H, W, 3) -> latents; `quality` and `with_choices` change nothing."""
        y = self.analysis(_split(x))
        z = self.hyper_analysis(y)
        return EcsicLatents(_join(y), _join(z))

    def walk(self, coder: EntropyCoder, latents: EcsicLatents | None, quality: Tensor, size: tuple[int, int]) -> Tensor:
        return self.entropy.walk(
            coder, latents, quality.shape[0] // 2, (size[0] // self.multiple, size[1] // self.multiple)
        )

    def reconstruct(self, decoded: Tensor) -> Tensor:
        first = next(self.synthesis.parameters())
        return _join(self.synthesis(_split(decoded.to(first.dtype))))

    def trade_off(self, quality: Tensor) -> Tensor:
        return torch.full_like(quality, self.config.lambda_)

    def loss_weight(self, quality: Tensor) -> Tensor:
        """The paper's code divides its loss by 1 + lambda."""
        return 1 / (1 + self.trade_off(quality))


class EcsicEntropyModel(nn.Module):
    """Everything that leads to probabilities; runs in float64 when files are written and read."""

    def __init__(self, config: EcsicConfig) -> None:
        super().__init__()
        n, m = config.channels, config.latent_channels
        self.prior_mean = nn.Parameter(torch.empty(1, m, 1, 1).normal_())
        self.prior = LaplacePrior(nn.Parameter(torch.empty(1, m, 1, 1).uniform_(1, 1.5)))
        self.hyper_context = HyperContext(m)
        self.hyper_synthesis = StereoTransform(
            PerView(lambda: nn.Sequential(Upsample3x3(m, n), _prelu(n))),
            _attention(config),
            PerView(lambda: nn.Sequential(_prelu(n), Upsample3x3(n, n), _prelu(n))),
        )
        self.left_parameters = Conv3x3(n, 2 * m)
        self.right_features = Conv3x3(n, n)
        self.right_context = RightContext(config)

    def walk(self, coder: EntropyCoder, latents: EcsicLatents | None, pairs: int, size: tuple[int, int]) -> Tensor:
        """Codes z and then y, each first of the left view; returns the decoded y, (2B, 4 h, 4 w, M).

        pairs: B; size: that of z, (h, w).
        """
        y_left = y_right = z_left = z_right = None
        if latents is not None:
            (y_left, y_right), (z_left, z_right) = latents.y.chunk(2), latents.z.chunk(2)
        dtype, prior_mean = self.prior_mean.dtype, self.prior_mean.flatten()
        shape = (pairs, *size, prior_mean.shape[0])
        centred = None if z_left is None else z_left - prior_mean
        hyper_left = coder.code_prior(centred, shape, views=1).to(dtype) + prior_mean
        hyper_right = _code(coder, 1, z_right, self.hyper_context(_to_maps(hyper_left)), hyper=True)
        left, right = self.hyper_synthesis((_to_maps(hyper_left), _to_maps(hyper_right)))
        decoded_left = _code(coder, 0, y_left, self.left_parameters(left))
        parameters = self.right_context(_to_maps(decoded_left), self.right_features(right))
        decoded_right = _code(coder, 1, y_right, parameters)
        return torch.cat([decoded_left, decoded_right])


class HyperContext(nn.Module):
    """Means and scales b of the right hyper latent from the decoded left one; (B, M, h, w) -> (B, 2 M, h, w)."""

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        m = latent_channels
        self.mean = nn.Parameter(torch.empty(1, m, 1, 1).normal_())
        self.scale = nn.Parameter(torch.empty(1, m, 1, 1).uniform_(1, 1.5))
        self.layers = nn.Sequential(
            Conv3x3(3 * m, 4 * m), _prelu(4 * m), Conv3x3(4 * m, 4 * m), _prelu(4 * m), Conv3x3(4 * m, 2 * m)
        )

    def forward(self, hyper_left: Tensor) -> Tensor:
        mean, scale = self.mean.expand_as(hyper_left), self.scale.expand_as(hyper_left)
        mean, scale = self.layers(torch.cat([mean, scale, hyper_left], 1)).chunk(2, 1)
        return torch.cat([mean, scale.relu()], 1)


class RightContext(nn.Module):
    """Means and raw scales of the right latent from the decoded left one and the right view's features.

    (B, M, h, w) and (B, N, h, w) -> (B, 2 M, h, w).
    """

    def __init__(self, config: EcsicConfig) -> None:
        super().__init__()
        n, m = config.channels, config.latent_channels
        self.left = nn.Sequential(Conv3x3(m, n), _prelu(n))
        self.right = nn.Sequential(Conv3x3(n, n), _prelu(n))
        self.attention = _attention(config)
        self.outputs = nn.Sequential(_prelu(2 * n), Conv3x3(2 * n, 2 * m))

    def forward(self, decoded_left: Tensor, features: Tensor) -> Tensor:
        views = self.attention((self.left(decoded_left), self.right(features)))
        out: Tensor = self.outputs(torch.cat(views, 1))
        return out


def _code(coder: EntropyCoder, view: int, y: Tensor | None, parameters: Tensor, *, hyper: bool = False) -> Tensor:
    """Codes all elements of one view's y with means and raw scales (B, 2 M, h, w); the decoded (B, h, w, M)."""
    mean, scale = parameters.permute(0, 2, 3, 1).chunk(2, -1)
    # A Laplace density of parameter b has the standard deviation sqrt(2) b.
    log_scale = torch.log(math.sqrt(2) * lower_bound(scale, _SCALE_MIN))
    mask = torch.ones(mean.shape[1:], dtype=torch.bool, device=mean.device)
    return coder.code(y, Group(view, mean, log_scale, mask, hyper=hyper)).to(mean.dtype)


def _attention(config: EcsicConfig) -> StereoCrossAttention:
    assert config.embedding is not None
    return StereoCrossAttention(config.channels, config.heads, config.embedding)


def _prelu(channels: int) -> nn.PReLU:
    return nn.PReLU(channels, init=_SLOPE)


def _to_maps(x: Tensor) -> Tensor:
    """(B, H, W, C) -> (B, C, H, W), the same memory."""
    return x.permute(0, 3, 1, 2)


def _split(x: Tensor) -> Pair:
    """(2B, H, W, C) -> each view's (B, C, H, W), the same memory."""
    left, right = _to_maps(x).chunk(2)
    return left, right


def _join(views: Pair) -> Tensor:
    """Each view's (B, C, H, W) -> (2B, H, W, C)."""
    return torch.cat([view.permute(0, 2, 3, 1) for view in views])

"""Blocks of the transforms and the entropy networks.

All feature maps are channels-last tensors of shape (N, H, W, C), so that 1x1 convolutions are plain matrix products
and the same code is fast in float32 (transforms) and float64 (entropy path). Batches of pairs are stacked view by
view: the first half of N holds the left views, the second half the right views in the same order.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.exact import DepthwiseConv
from ...nn.products import QuickLinear, linear_by_rough_gradients, quick_linear
from ...nn.tiles import by_positions, by_rows

# Without it products reach 1e36 on some stripes, as each may be the square of what the last one left. Few of those of
# photographs exceed it, and none so that it mattered (docs/training-log.md).
_BOUND = 8.0


class CoefficientLinear(QuickLinear):
    """A linear layer through which the picture itself passes: not lowered to bfloat16 in training of mixed precision,
    which would cost 0.2 dB at the best quality. Its gradients are lowered."""

    def forward(self, x: Tensor) -> Tensor:
        kind = x.device.type
        # Asked in this order, because not every device that only decodes has a lower precision to ask for.
        is_lowered = torch.is_grad_enabled() and torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False):
            x = x.to(self.weight.dtype)
            if not is_lowered:
                return super().forward(x)
            return linear_by_rough_gradients(x, self.weight, self.bias, torch.get_autocast_dtype(kind))


class GatedBlock(nn.Module):
    """Residual block: depthwise-separable spatial mixing, then gated channel mixing; keeps (N, H, W, C).

    Both residual branches end in zero-initialised layers, so that a new block is the identity. With `normalise`
    they see features of unit variance over channels, which keeps deep stacks of products stable; transforms go
    without, because their features are coefficients whose size matters. `bounded` keeps their products within ±8.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        expansion: float = 1.5,
        *,
        normalise: bool = False,
        bounded: bool = False,
    ) -> None:
        super().__init__()
        self.normalise, self.bounded = normalise, bounded
        hidden = int(channels * expansion)
        self.spatial_in = QuickLinear(channels, channels)
        self.depthwise = DepthwiseConv(channels, kernel_size)
        self.spatial_out = QuickLinear(channels, channels)
        self.gate = QuickLinear(channels, 2 * hidden)
        self.mix = QuickLinear(hidden, channels)
        for layer in (self.spatial_out, self.mix):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.depthwise(by_positions(lambda part: _silu(self.spatial_in(self._branch(part))), x))
        return by_positions(self._behind_depthwise, x, mixed)

    def _behind_depthwise(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = _added(self.spatial_out(mixed), x)
        branch = self._branch(x)
        # Two products instead of the halves of one: these would have to be copied again and again.
        halves = zip(self.gate.weight.chunk(2), self.gate.bias.chunk(2), strict=True)
        gate, value = (quick_linear(branch, *half) for half in halves)
        product = _times(_silu(gate), value)
        return _added(self.mix(_within_bound(product) if self.bounded else product), x)

    def _branch(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) if self.normalise else x


def _silu(fresh: Tensor) -> Tensor:
    return F.silu(fresh, inplace=not torch.is_grad_enabled())


def _added(fresh: Tensor, x: Tensor) -> Tensor:
    """The sum of a tensor that nothing else has and of another one: in its memory, where no gradients need it."""
    return x + fresh if torch.is_grad_enabled() or fresh.dtype != x.dtype else fresh.add_(x)


def _times(fresh: Tensor, x: Tensor) -> Tensor:
    """Their product, as of `_added`."""
    return fresh * x if torch.is_grad_enabled() or fresh.dtype != x.dtype else fresh.mul_(x)


def _within_bound(fresh: Tensor) -> Tensor:
    return fresh.clamp(-_BOUND, _BOUND) if torch.is_grad_enabled() else fresh.clamp_(-_BOUND, _BOUND)


class RowAttention(nn.Module):
    """Cross-view attention along rows; keeps (2B, H, W, C), or (1, H, W, C) of one view alone.

    The views are rectified, so that the match of a position lies on the same row of the other view. The attention
    starts as a matcher: query, key and value are the identity over normalised features, the output is zero. A
    learned embedding per view tells left from right. One view alone sees itself (docs/rgbd.md has what else was tried).
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.query = QuickLinear(channels, channels)
        self.key = QuickLinear(channels, channels)
        self.value = QuickLinear(channels, channels)
        self.out = QuickLinear(channels, channels)
        self.view_embedding = nn.Parameter(torch.zeros(2, channels))
        for layer in (self.query, self.key, self.value):
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        return by_rows(self._of_rows, x)

    def _of_rows(self, x: Tensor) -> Tensor:
        count = x.shape[0]
        pairs = count // 2
        embedding = self.view_embedding[:count].repeat_interleave(max(pairs, 1), 0)[:, None, None]
        mine = F.layer_norm(x, x.shape[-1:]) + embedding
        query, key = self._split(self.query(mine)), self._split(self.key(mine.roll(pairs, 0)))
        value = self._split(self.value(x.roll(pairs, 0)))
        attended = _attention(query, key, value)
        out: Tensor = x + self.out(attended.transpose(1, 2).reshape(x.shape))
        return out

    def _split(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> (N * H, heads, W, C / heads)."""
        n, height, width, channels = x.shape
        return x.reshape(n * height, width, self.heads, channels // self.heads).transpose(1, 2)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of (..., W, C); trained by plain products, because the fused kernel's backward pass is slow on CPUs."""
    if not torch.is_grad_enabled() or query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    attended: Tensor = scores.softmax(-1, dtype=query.dtype) @ value
    return attended


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """(N, H, W, C) -> (N, H / block, W / block, block * block * C), ordered row, column, channel."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // block, block, width // block, block, channels).transpose(2, 3)
    return x.reshape(n, height // block, width // block, block * block * channels)


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """The inverse of `space_to_depth`."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height, width, block, block, channels // (block * block)).transpose(2, 3)
    return x.reshape(n, height * block, width * block, channels // (block * block))


class Downsample(nn.Module):
    """Strided linear layer; (N, H, W, C_in) -> (N, H / 2, W / 2, C_out)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = CoefficientLinear(4 * in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(space_to_depth(x, 2))
        return out


class Upsample(nn.Module):
    """Transposed strided linear layer; (N, H, W, C_in) -> (N, 2 H, 2 W, C_out)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = CoefficientLinear(in_channels, 4 * out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return depth_to_space(self.linear(x), 2)


class QualityKnots(nn.Module):
    """A vector per quality, interpolated linearly between learned knots; starts at zero."""

    def __init__(self, knots: int, channels: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(knots, channels))

    def forward(self, quality: Tensor) -> Tensor:
        """(N,) in 0..1 -> (N, 1, 1, C)."""
        last = self.values.shape[0] - 1
        position = quality.clamp(0, 1).to(self.values.dtype) * last
        lower = position.floor().clamp(max=last - 1).long()
        weight = (position - lower)[:, None]
        return (self.values[lower] * (1 - weight) + self.values[lower + 1] * weight)[:, None, None]

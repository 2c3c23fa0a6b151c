"""Equal PSNR of both views: the encoder codes the harder view a little better.

At one lambda, the view with more detail ends with the lower PSNR. How much lower is foreseen from an 8x8 DCT of both
views, without running any network. Of two equally detailed views the one that predicts the other ends with the higher
PSNR, since the encoder weighs its errors more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .blocks import space_to_depth
from .config import BisicRtConfig, step_size
from .dct import colour_dct

MAX_BALANCE = 20
# Coefficients below this share of the step are quantised to zero.
_DEAD_ZONE = 0.6
# By how much the predicting view's error, in logarithms, is less than its coefficients let expect. With 0.04 that view
# is 0.13 to 0.23 dB better at qualities 10 to 75, with this 0.05 dB at most either way (crops of 22 training pairs, ad
# hoc).
_PREDICTING_IS_BETTER = 0.11


def balancing_offset(config: BisicRtConfig, x: Tensor, quality: Tensor) -> Tensor:
    """The offset in hundredths of the quality range that equals the views' expected errors.

    x: one pair (2, H, W, 3) in 0..1, quality: (2,); returns (1, 1, 1) int64 within +-MAX_BALANCE: the first view is
    coded at quality - offset, the second at quality + offset.
    """
    dct, _ = colour_dct(192)
    # A quarter of the blocks tells as much as all of them.
    blocks = space_to_depth(x.float() - 0.5, 8)[:, ::2, ::2]
    squares = (blocks @ dct.T.to(x.device)).reshape(2, -1).square() * 65025
    offsets = torch.arange(-MAX_BALANCE, MAX_BALANCE + 1, device=x.device)
    first, second = (
        _expected_errors(config, squares[view], quality[view] + sign * offsets / 100)
        for view, sign in ((0, -1), (1, 1))
    )
    expected = _PREDICTING_IS_BETTER if config.stereo else 0.0
    return offsets[((first / second).log() - expected).abs().argmin()].view(1, 1, 1)


def balanced(quality: Tensor, offset: Tensor | None) -> Tensor:
    """Qualities (2B,) of the views of pairs with the given offsets (B, 1, 1); as they are where there are none."""
    if offset is None:
        return quality
    change = offset.view(-1).to(quality.dtype) / 100
    return (quality + torch.cat([-change, change])).clamp(0, 1)


def _expected_errors(config: BisicRtConfig, squares: Tensor, qualities: Tensor) -> Tensor:
    """Mean squared 8-bit errors at several qualities, (K,), of a view with the given squared coefficients, (N,)."""
    steps, order = step_size(config, qualities.clamp(0, 1).double()).sort()
    # Between which two of the steps' thresholds a coefficient lies decides for which of them it is quantised to zero.
    place = torch.bucketize(squares, ((_DEAD_ZONE * steps) ** 2).float(), right=True)
    count, energy = (
        torch.bincount(place, weights, minlength=steps.numel() + 1)[:-1].cumsum(0)
        for weights in (None, squares.double())
    )
    errors = (energy + (squares.numel() - count) * steps**2 / 12) / squares.numel() + 1e-3
    return torch.empty_like(errors).index_put((order,), errors)

"""Which disparity fields an encoder starts with, and which others it may try."""

from __future__ import annotations

import torch
from torch import Tensor

from ...effort import Effort
from .config import BisicRtConfig, step_size, trade_off
from .disparity import BLOCK
from .disparity_choice import cheaper_field
from .latents import Prepared

# Smoothness of the disparities in grey levels: what half a pixel costs in side information grows with the step size.
_SMOOTHNESS, _SMOOTHNESS_PER_STEP = 0.2, 0.03
# For files the search need not be as smooth, as `cheaper_field` follows.
_SMOOTHNESS_BEFORE_CHOICE = 0.5
# Other fields to try: that of the search as it is, where the views' brightness differs too much for that choice, and
# others of it, each with the share of the smoothness.
_OTHER_SMOOTHNESS = ((1.0, False), (0.25, True), (1.0, True))


def found_disparities(config: BisicRtConfig, prepared: Prepared, quality: Tensor, effort: Effort | None) -> Tensor:
    """Disparities (B, h, w) for the qualities of the second views, (B,); effort: None to make no choices."""
    x = prepared.pictures
    if prepared.search is None:
        shape = x.shape[0] // 2, x.shape[1] // BLOCK, x.shape[2] // BLOCK
        return torch.zeros(shape, dtype=torch.int64, device=x.device)
    weighs = effort is not None and effort.weighs_disparities
    return _found(config, prepared, quality, _SMOOTHNESS_BEFORE_CHOICE if weighs else 1.0, weighs)


def other_disparities(config: BisicRtConfig, prepared: Prepared, quality: Tensor, count: int) -> Tensor | None:
    """Disparities (count, h, w) that may be better for the quality of the second view, (1,); None for none."""
    if prepared.search is None or not count:
        return None
    return torch.cat([_found(config, prepared, quality, *way) for way in _OTHER_SMOOTHNESS[:count]])


def _found(config: BisicRtConfig, prepared: Prepared, quality: Tensor, share: float, weighs: bool) -> Tensor:
    """Disparities (B, h, w) of a search with a share of the usual smoothness, and with `cheaper_field`'s choice."""
    assert prepared.search is not None
    smoothness = _SMOOTHNESS + _SMOOTHNESS_PER_STEP * step_size(config, quality.float())
    field = prepared.search.field(share * smoothness)
    if not weighs:
        return field
    first, second = prepared.pictures.float().chunk(2)
    return cheaper_field(first, second, field, float(trade_off(config, quality)))

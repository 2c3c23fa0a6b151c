"""What the parts of `bisic-rt` hand to one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .disparity import BLOCK, DisparitySearch

HYPER_BLOCKS = 4
"""Rows and columns of latents for one of hyper latents."""


@dataclass(frozen=True)
class Prepared:
    """What does not depend on the quality of B pairs, or of one view.

    pictures: (2B, H, W, 3), or (1, H, W, 3) of one view; coefficients: latents without gains, (2B, h, w, M); search:
    None without prediction; balancing: the pictures by which the balance of the views is found.
    """

    pictures: Tensor
    coefficients: Tensor
    search: DisparitySearch | None
    balancing: Tensor


@dataclass(frozen=True)
class Latents:
    """What the encoder's networks give for B pairs, or for one view (1 in place of 2B), not rounded yet.

    y: (2B, h, w, M); z: (2B, h / 4, w / 4, Z); disparity: (B, h, w) int64; offset: (B, 1, 1) int64, how many steps
    of quality the second view is coded better than the first, halved; pictures: (2B, H, W, 3), or None in training,
    which has no residual layer; checks: how much the walk looks at what the networks make of them (`Effort`);
    error_share: what the walk's guess of the worth of errors is multiplied by, one number or (B, 1) float64; others: of
    one pair, other disparities that may be better, (K, h, w) int64. One view has neither disparity nor offset.
    """

    y: Tensor
    z: Tensor
    disparity: Tensor | None
    offset: Tensor | None
    pictures: Tensor | None
    checks: float = 1.0
    error_share: float | Tensor = 1.0
    others: Tensor | None = None

    @classmethod
    def of_pairs(cls, pairs: Sequence[Latents]) -> Latents:
        """Those of B pairs with pictures and one effort, from those of each."""

        def views(values: list[Tensor]) -> Tensor:
            return torch.stack(values, 1).flatten(0, 1)  # all first ones before all second ones

        def joined(values: list[Tensor | None]) -> Tensor | None:
            present = [value for value in values if value is not None]
            return torch.cat(present) if present else None

        pictures = [pair.pictures for pair in pairs if pair.pictures is not None]
        y, z = views([pair.y for pair in pairs]), views([pair.z for pair in pairs])
        share = y.new_tensor([[float(pair.error_share)] for pair in pairs], dtype=torch.float64)
        disparity, offset = joined([pair.disparity for pair in pairs]), joined([pair.offset for pair in pairs])
        return cls(y, z, disparity, offset, views(pictures), pairs[0].checks, share)

    def pair(self, number: int) -> Latents:
        """Those of one of the B pairs, or of the one view."""
        here, views = slice(number, number + 1), slice(number, None, max(1, len(self.y) // 2))
        return replace(
            self,
            y=self.y[views],
            z=self.z[views],
            disparity=None if self.disparity is None else self.disparity[here],
            offset=None if self.offset is None else self.offset[here],
            pictures=None if self.pictures is None else self.pictures[views],
            error_share=self.error_share[here] if isinstance(self.error_share, Tensor) else self.error_share,
        )

    def rows(self, begin: int, end: int) -> Latents:
        """Those of some rows of hyper latents, of latents that have pictures."""
        assert self.pictures is not None
        blocks = slice(HYPER_BLOCKS * begin, HYPER_BLOCKS * end)
        return replace(
            self,
            y=self.y[:, blocks],
            z=self.z[:, begin:end],
            disparity=None if self.disparity is None else self.disparity[:, blocks],
            others=None if self.others is None else self.others[:, blocks],
            pictures=self.pictures[:, HYPER_BLOCKS * BLOCK * begin : HYPER_BLOCKS * BLOCK * end],
        )

    def copied(self) -> Latents:
        """The same in memory of its own."""
        copies: dict[str, Any] = {name: part.clone() for name, part in vars(self).items() if isinstance(part, Tensor)}
        return replace(self, **copies)


@dataclass(frozen=True)
class Remaining:
    """What the end of a walk needs of latents: `checks`, and what gives their pictures."""

    checks: float
    pictures: Callable[[], Tensor]


@dataclass(frozen=True)
class DecodedLatents:
    """What a walk decodes; of one view, 1 stands in place of 2B.

    y: (2B, h, w, M) as the synthesis takes it; quality: of each view, (2B,); seen: the second views as the first ones
    predict them, around 0 and lapped, (B, H, W, 3), None without prediction; residual: (2B, H, W, 3), None for nothing.
    """

    y: Tensor
    quality: Tensor
    seen: Tensor | None
    residual: Tensor | None

    def pair(self, number: int) -> DecodedLatents:
        """Those of one of B pairs, before there is a residual."""
        views = slice(number, None, len(self.quality) // 2)
        seen = None if self.seen is None else self.seen[number : number + 1]
        return DecodedLatents(self.y[views], self.quality[views], seen, None)

    def rows(self, begin: int, end: int | None) -> DecodedLatents:
        """Those of some rows of latents, without residual."""
        pixels = slice(BLOCK * begin, None if end is None else BLOCK * end)
        seen = None if self.seen is None else self.seen[:, pixels]
        return DecodedLatents(self.y[:, begin:end], self.quality, seen, None)

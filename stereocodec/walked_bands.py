"""Bands between the two parts of their way through a release, which a writer and a reader of files have in common.

A band is worked on in two parts, because what it shows near its edges depends on its neighbours' latents: `begin` codes
these, `end` makes the pictures, and codes what depends on them (`band_work.in_bands`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .errors import CorruptFile, DecodingMismatch
from .release_networks import ReleaseNetworks


@dataclass(frozen=True)
class WalkedBand:
    """A band after the first part of its way."""

    coder: Any
    remaining: Any
    decoded: Any
    swapped: bool


class BandsTogether:
    """Bands of equal size whose latents one walk codes, so that a GPU has enough to do; they wait to be asked for."""

    def __init__(self, at_once: int, walk: Callable[[Sequence[int]], Sequence[WalkedBand]]) -> None:
        """at_once: how many at most. walk: gives bands of some numbers."""
        self._at_once, self._walk = at_once, walk
        self._waiting: dict[int, WalkedBand] = {}

    def band(self, number: int, following: Sequence[int]) -> WalkedBand | None:
        """A band, walked together with those of equal size that follow it; None where it goes alone."""
        if number not in self._waiting:
            numbers = [number, *following[: self._at_once - 1]]
            if len(numbers) > 1:
                try:
                    self._waiting |= dict(zip(numbers, self._walk(numbers), strict=True))
                except (CorruptFile, DecodingMismatch, torch.OutOfMemoryError):
                    self._at_once = 1  # one by one it is told which of them is damaged, and they take less memory
        return self._waiting.pop(number, None)


def shown_between(
    coder: ReleaseNetworks,
    above: WalkedBand | None,
    here: WalkedBand,
    below: WalkedBand | None,
    size: tuple[int, int],
) -> Tensor:
    """The pictures of a band (N, H, W, C) within 0..1 of a size (H, W), float32 or float64 as the model makes them."""
    x = coder.model.reconstruct_between(decoded(above), here.decoded, decoded(below))
    if not bool(torch.isfinite(x).all()):
        raise DecodingMismatch("the decoded picture has values that are not numbers; the file is damaged")
    return x[:, : size[0], : size[1]].clamp(0, 1)


def decoded(walked: WalkedBand | None) -> Any:
    """What a band's walk decoded, None without one."""
    return None if walked is None else walked.decoded

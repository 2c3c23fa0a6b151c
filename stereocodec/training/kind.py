"""A kind of examples: all that differs between training on stereo pairs and on frames of colour with depth.

`pairs/kind.py` and `frames/kind.py` are the two; `kinds.py` tells which of them a model learns from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..models import StereoModel
from ..releases.release import Release
from .config import TrainingConfig
from .examples import Example, Photo
from .losses import MS_SSIM_WEIGHT, RateDistortion

_Example = TypeVar("_Example", bound=Example)


class Sampler(Protocol):
    """Where a run's batches come from; what is drawn depends on the state of `generator` alone."""

    generator: np.random.Generator

    def batch(self, size: int) -> Tensor:
        """Draws a batch x of `size` examples, as `RateDistortion` takes it."""


@dataclass(frozen=True)
class CardTexts:
    """What the model cards of a kind say.

    usage: a command. tags: of the card's metadata. rate_unit: what bits are counted per in the loss. table: a text with
    places for `scenes`, the names of what was measured, and `rows`; row: one of these, with a place for every figure
    that it shows. largest: names of figures of which the card shows the largest and not the mean.
    """

    usage: str
    tags: str
    rate_unit: str
    table: str
    row: str
    largest: Collection[str] = ()


class Kind(ABC, Generic[_Example]):
    """What the loop, validation, growth and export ask of the examples that a model learns from.

    A batch x is float32 in 0..1, (N, H, W, C) with N twice the number of examples or that number; its first `channels`
    are what the model takes. What the loss needs besides comes behind them.

    example: the class of examples in memory. called: what error messages call them. least_side: of those that are held
    out. channels: see above. crops: what people are told that a run's batches hold. card: see there.
    """

    example: type[_Example]
    called: str
    least_side: int
    channels: int
    crops: str
    card: CardTexts

    @abstractmethod
    def load(
        self, sources: Iterable[Path], config: TrainingConfig, report: Callable[[str], object] | None = None
    ) -> list[_Example]:
        """The examples of folders and lists, decoded; raises InvalidInput for sources without any.

        report: called with a line on pictures that are no part of an example, where a kind knows of them.
        """

    @abstractmethod
    def stand_in(self) -> _Example:
        """A rendered example, for runs whose data are not at hand."""

    @abstractmethod
    def batch(self, example: _Example) -> Tensor:
        """One example, whose sides are multiples of 64, as a batch x on the processor."""

    def input(self, example: _Example) -> Tensor:
        """One example as the model takes it."""
        return self.batch(example)[..., : self.channels]

    @abstractmethod
    def sampler(
        self,
        config: TrainingConfig,
        examples: Sequence[_Example],
        photos: Sequence[Photo],
        device: torch.device,
        seed: int,
        workers: int,
    ) -> Sampler:
        """A run's source of batches on the device.

        workers: how many processes draw ahead, where the kind can use them; 0 for none. Raises TrainingError for
        examples, photographs and settings that do not fit together.
        """

    @abstractmethod
    def rate_distortion(self, model: StereoModel, config: TrainingConfig) -> RateDistortion:
        """The forward pass of a training step."""

    @abstractmethod
    def blank(self, config: TrainingConfig, device: torch.device) -> Tensor:
        """A batch of one crop, to count the work of a step."""

    @abstractmethod
    def measured(self, bpp: Tensor, decoded: Tensor, x: Tensor, *, with_ms_ssim: bool) -> dict[str, Tensor]:
        """Scalar means over a batch, to be logged: bpp, psnr, maybe ms_ssim, and others of the kind.

        bpp: bits per pixel of each view, (2B,); decoded: what `RateDistortion` gave for the batch x.
        """

    @abstractmethod
    def validated(self, example: _Example, bpp: Tensor, decoded: Tensor, x: Tensor) -> dict[str, float]:
        """A row of validation for one example: bpp, psnr, ms_ssim, and others of the kind.

        bpp: estimated bits per pixel of its two views, (2,); decoded: what the model gives without noise, not clamped;
        x: the example's batch.
        """

    def summary(self, row: Mapping[str, float]) -> str:
        """A row of the log or of validation, for people."""
        return f"{row['bpp']:.3f} bpp {row['psnr']:.2f} dB"

    @abstractmethod
    def coder(self, release: Release) -> Callable[[_Example, int], dict[str, float]]:
        """Returns a function that codes an example at a quality, 0 to 100, to a file and back, and gives the figures
        of `CardTexts.row`."""

    def distortion(self, config: TrainingConfig) -> str:
        """The distortion that the loss counts, in words."""
        return {"mse": "squared 8-bit error", "ms-ssim": f"{MS_SSIM_WEIGHT:.0f} * (1 - MS-SSIM)"}[config.loss]

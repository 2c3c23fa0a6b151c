"""What differs between training on stereo pairs and on frames of colour with depth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..container import ViewKind
from ..errors import TrainingError
from ..models import ARCHITECTURES, StereoModel
from .config import TrainingConfig
from .frames.data import Frame, FrameSampler, load_frames
from .frames.losses import FrameRateDistortion, depth_error
from .losses import RateDistortion, psnr, squared_error
from .ms_ssim import ms_ssim
from .pairs.data import CropSampler, Example, Pair, Photo, load_pairs
from .validation import MAX_SIDE, validate_frames, validate_pairs

Rows = list[dict[str, float]]


class Sampler(Protocol):
    """Where a run's batches come from."""

    generator: np.random.Generator

    def batch(self, size: int) -> Tensor:
        """So many examples as what the task's `forward` takes."""
        ...


class Task(ABC):
    """Sampling, loss, and measurements of one kind of examples.

    forward: (x, qualities (2B,)) -> the loss, bits per pixel of each view (2B,), and what was decoded.
    """

    least_side: int

    def __init__(self, model: StereoModel, config: TrainingConfig) -> None:
        self.config = config
        self.forward = self.make_forward(model)

    @abstractmethod
    def make_forward(self, model: StereoModel) -> nn.Module:
        """The module that is compiled and distributed."""

    @abstractmethod
    def sampler(self, examples: Sequence[Any], photos: Sequence[Photo], device: torch.device, seed: int) -> Sampler:
        """Raises TrainingError for examples and photographs that the task cannot use."""

    @abstractmethod
    def blank(self, device: torch.device) -> Tensor:
        """A batch of one, to count the work of a step."""

    @abstractmethod
    def measured(self, bpp: Tensor, decoded: Tensor, x: Tensor, *, with_ms_ssim: bool) -> dict[str, Tensor]:
        """Means over a batch, to be logged: bpp, psnr, maybe ms_ssim, and others of the task."""

    @abstractmethod
    def validate(self, model: StereoModel, examples: Sequence[Any], max_side: int = MAX_SIDE) -> Rows:
        """Estimated bpp, psnr and others over the central crops of examples, a row per quality."""

    def summary(self, row: Mapping[str, float]) -> str:
        """A row of the log or of validation, for people."""
        return f"{row['bpp']:.3f} bpp {row['psnr']:.2f} dB"


class PairTask(Task):
    """Stereo pairs; x are pictures (2B, H, W, 3)."""

    least_side = 64

    def make_forward(self, model: StereoModel) -> nn.Module:
        return RateDistortion(model, self.config.loss)

    def sampler(self, examples: Sequence[Any], photos: Sequence[Photo], device: torch.device, seed: int) -> CropSampler:
        config = self.config
        if photos and not config.photo_share:
            raise TrainingError("photo_share is 0, so that no photographs would be used; set it, or leave them out")
        return CropSampler(
            examples,
            config.crop_height,
            config.crop_width,
            device,
            seed,
            photos=photos,
            photo_share=config.photo_share,
            pattern_share=config.pattern_share,
            augmentation=config.augmentation,
            rescale_share=config.rescale_share,
            colour_share=config.colour_share,
        )

    def blank(self, device: torch.device) -> Tensor:
        return torch.zeros(2, self.config.crop_height, self.config.crop_width, 3, device=device)

    def measured(self, bpp: Tensor, decoded: Tensor, x: Tensor, *, with_ms_ssim: bool) -> dict[str, Tensor]:
        similarity = {"ms_ssim": ms_ssim(decoded, x).mean()} if with_ms_ssim else {}
        return {"bpp": bpp.mean(), "psnr": psnr(squared_error(decoded, x)).mean()} | similarity

    def validate(self, model: StereoModel, examples: Sequence[Any], max_side: int = MAX_SIDE) -> Rows:
        return validate_pairs(model, examples, max_side)


class FrameTask(Task):
    """Frames of colour with depth; x are (B, H, W, 5), see `Frame.for_training`. Bits are per pixel of the frame."""

    least_side = 128

    def make_forward(self, model: StereoModel) -> nn.Module:
        return FrameRateDistortion(model, self.config.loss, self.config.depth_loss)

    def sampler(
        self, examples: Sequence[Any], photos: Sequence[Photo], device: torch.device, seed: int
    ) -> FrameSampler:
        if photos or self.config.photo_share or self.config.pattern_share:
            raise TrainingError(f"'{self.config.arch}' learns from frames alone: leave photographs and patterns out")
        if self.config.rescale_share or self.config.colour_share:
            raise TrainingError(
                f"'{self.config.arch}' learns from crops as they are: leave rescale_share and colour_share at 0"
            )
        if min(self.config.crop_height, self.config.crop_width) < self.least_side:
            raise TrainingError(f"'{self.config.arch}' needs crops of at least {self.least_side}x{self.least_side}")
        return FrameSampler(examples, self.config, device, seed)

    def blank(self, device: torch.device) -> Tensor:
        return torch.zeros(1, self.config.crop_height, self.config.crop_width, 5, device=device)

    def measured(self, bpp: Tensor, decoded: Tensor, x: Tensor, *, with_ms_ssim: bool) -> dict[str, Tensor]:
        color = decoded[..., :3], x[..., :3]
        similarity = {"ms_ssim": ms_ssim(*color).mean()} if with_ms_ssim else {}
        color_bpp, depth_bpp = (part.mean() for part in bpp.chunk(2))
        levels = {"psnr": squared_error(*color), "depth_psnr": depth_error(decoded, x)}
        rates = {"bpp": color_bpp + depth_bpp, "depth_bpp": depth_bpp}
        return rates | {name: psnr(error).mean() for name, error in levels.items()} | similarity

    def validate(self, model: StereoModel, examples: Sequence[Any], max_side: int = MAX_SIDE) -> Rows:
        return validate_frames(model, examples, max_side)

    def summary(self, row: Mapping[str, float]) -> str:
        return f"{super().summary(row)}, depth {row['depth_bpp']:.3f} bpp {row['depth_psnr']:.2f} dB"


def make_task(model: StereoModel, config: TrainingConfig, examples: Sequence[Example]) -> Task:
    """The task of a model; raises TrainingError when the examples are of another one."""
    task, kind, others = (
        (FrameTask, Frame, "pairs of pictures; load frames of colour with depth")
        if model.view_kind is ViewKind.RGB8_DEPTH
        else (PairTask, Pair, "colour with depth; load pairs of pictures")
    )
    if not all(isinstance(example, kind) for example in examples):
        raise TrainingError(f"'{config.arch}' cannot learn from {others}")
    return task(model, config)


def load_examples(config: TrainingConfig, sources: Iterable[Path]) -> Sequence[Pair] | Sequence[Frame]:
    """What the architecture of a run learns from; raises what `load_pairs` and `load_frames` raise."""
    found = ARCHITECTURES.get(config.arch)
    takes_frames = found is not None and found.model.view_kind is ViewKind.RGB8_DEPTH
    return load_frames(sources, config) if takes_frames else load_pairs(sources)

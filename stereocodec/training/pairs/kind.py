"""Stereo pairs as a kind of examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ...codec import StereoCodec
from ...errors import TrainingError
from ...models import StereoModel
from ...releases.release import Release
from ..config import TrainingConfig
from ..examples import Photo
from ..kind import CardTexts, Kind, Sampler
from ..losses import as_shown, psnr, squared_error
from ..ms_ssim import ms_ssim
from .coded import coded_pair
from .crop_workers import CropWorkers
from .data import Pair, load_pairs, rendered_pair
from .losses import PairRateDistortion
from .sampler import CropSampler

_CARD = CardTexts(
    usage="bisic encode left.png right.png -o pair.bsc --model DIR",
    tags="stereo, image-compression, learned-compression",
    rate_unit="view pixel",
    table="""\
Measured by coding central crops of at most 512x512 pixels of held-out scenes to files and back ({scenes}); means, \
left and right view apart:

| quality | bytes | bpp | PSNR, dB | MS-SSIM |
|---|---|---|---|---|
{rows}""",
    row="| {quality} | {bytes:,.0f} | {bpp:.4f} | {psnr_left:.2f}, {psnr_right:.2f} | "
    "{ms_ssim_left:.5f}, {ms_ssim_right:.5f} |",
)


class PairKind(Kind[Pair]):
    """Stereo pairs; a batch x is pictures (2B, H, W, 3), the left ones before the right ones."""

    example = Pair
    called = "pairs of pictures"
    least_side = 64
    channels = PairRateDistortion.channels
    crops = "crop pairs"
    card = _CARD

    def load(
        self, sources: Iterable[Path], config: TrainingConfig, report: Callable[[str], object] | None = None
    ) -> list[Pair]:
        return load_pairs(sources, report)

    def stand_in(self) -> Pair:
        return rendered_pair()

    def batch(self, example: Pair) -> Tensor:
        return example.stacked().float() / 255

    def sampler(
        self,
        config: TrainingConfig,
        examples: Sequence[Pair],
        photos: Sequence[Photo],
        device: torch.device,
        seed: int,
        workers: int,
    ) -> Sampler:
        if photos and not config.photo_share:
            raise TrainingError(
                "photo_share is 0, so that no photographs would be used: --set photo_share=0.3, or leave --photos out"
            )
        sampler = CropSampler(
            examples,
            config.crop_height,
            config.crop_width,
            torch.device("cpu") if workers else device,
            seed,
            photos=photos,
            photo_share=config.photo_share,
            pattern_share=config.pattern_share,
            augmentation=config.augmentation,
            rescale_share=config.rescale_share,
            colour_share=config.colour_share,
        )
        return CropWorkers(sampler, device, workers) if workers else sampler

    def rate_distortion(self, model: StereoModel, config: TrainingConfig) -> PairRateDistortion:
        return PairRateDistortion(model, config.loss, config.symbols)

    def blank(self, config: TrainingConfig, device: torch.device) -> Tensor:
        return torch.zeros(2, config.crop_height, config.crop_width, 3, device=device)

    def measured(self, bpp: Tensor, decoded: Tensor, x: Tensor, *, with_ms_ssim: bool) -> dict[str, Tensor]:
        similarity = {"ms_ssim": ms_ssim(decoded, x).mean()} if with_ms_ssim else {}
        return {"bpp": bpp.mean(), "psnr": psnr(squared_error(decoded, x)).mean()} | similarity

    def validated(self, example: Pair, bpp: Tensor, decoded: Tensor, x: Tensor) -> dict[str, float]:
        means = self.measured(bpp, as_shown(decoded), x, with_ms_ssim=True)
        return {name: value.item() for name, value in means.items()}

    def coder(self, release: Release) -> Callable[[Pair, int], dict[str, float]]:
        return partial(coded_pair, StereoCodec(release, device="cpu"))

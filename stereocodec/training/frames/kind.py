"""Frames of colour with depth as a kind of examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ...container.depth import DepthView
from ...errors import TrainingError
from ...models import StereoModel
from ...pictures.depth import depth_errors, from_network
from ...releases.release import Release
from ...rgbd_codec import RgbdCodec
from ..config import TrainingConfig
from ..examples import Photo
from ..kind import CardTexts, Kind, Sampler
from ..losses import as_shown, psnr, squared_error
from ..ms_ssim import ms_ssim
from .coded import coded_frame
from .data import Frame, load_frames, rendered_frame
from .losses import FrameRateDistortion, depth_error
from .sampler import LEAST_SIDE, FrameSampler

_CARD = CardTexts(
    usage="bisic encode --depth depth.png color.png -o frame.bsc --model DIR",
    tags="rgb-d, depth, image-compression, learned-compression",
    rate_unit="pixel of colour and of depth",
    table="""\
Measured by coding central crops of at most 512x512 pixels of held-out frames to files and back ({scenes}), each with \
its own range of depth; means, of the largest error the largest. Errors are over measurements, bits per pixel of the \
frame:

| quality | bytes | mask bytes | bpp | PSNR, dB | MS-SSIM | depth RMSE, mm | largest error, mm |
|---|---|---|---|---|---|---|---|
{rows}""",
    row="| {quality} | {bytes:,.0f} | {mask_bytes:,.0f} | {bpp:.4f} | {psnr_color:.2f} | {ms_ssim_color:.5f} | "
    "{depth_rmse_mm:.2f} | {depth_largest_mm:.0f} |",
    largest=("depth_largest_mm",),
)


class FrameKind(Kind[Frame]):
    """Frames; a batch x is (B, H, W, 5), see `Frame.for_training`. Bits are per pixel of the frame."""

    example = Frame
    called = "frames of colour with depth"
    least_side = LEAST_SIDE
    channels = FrameRateDistortion.channels
    crops = "crops"
    card = _CARD

    def load(
        self, sources: Iterable[Path], config: TrainingConfig, report: Callable[[str], object] | None = None
    ) -> list[Frame]:
        return load_frames(sources, config)

    def stand_in(self) -> Frame:
        return rendered_frame()

    def batch(self, example: Frame) -> Tensor:
        return torch.from_numpy(example.for_training())[None]

    def sampler(
        self,
        config: TrainingConfig,
        examples: Sequence[Frame],
        photos: Sequence[Photo],
        device: torch.device,
        seed: int,
        workers: int,
    ) -> Sampler:
        """See `Kind.sampler`; no other processes draw crops of frames, whatever `workers` is."""
        if photos or config.photo_share or config.pattern_share:
            raise TrainingError(f"'{config.arch}' learns from frames alone: leave photographs and patterns out")
        if config.rescale_share or config.colour_share:
            raise TrainingError(
                f"'{config.arch}' learns from crops as they are: leave rescale_share and colour_share at 0"
            )
        if min(config.crop_height, config.crop_width) < self.least_side:
            raise TrainingError(f"'{config.arch}' needs crops of at least {self.least_side}x{self.least_side}")
        return FrameSampler(examples, config, device, seed)

    def rate_distortion(self, model: StereoModel, config: TrainingConfig) -> FrameRateDistortion:
        return FrameRateDistortion(model, config.loss, config.depth_loss)

    def blank(self, config: TrainingConfig, device: torch.device) -> Tensor:
        return torch.zeros(1, config.crop_height, config.crop_width, 5, device=device)

    def measured(self, bpp: Tensor, decoded: Tensor, x: Tensor, *, with_ms_ssim: bool) -> dict[str, Tensor]:
        color = decoded[..., :3], x[..., :3]
        similarity = {"ms_ssim": ms_ssim(*color).mean()} if with_ms_ssim else {}
        color_bpp, depth_bpp = (part.mean() for part in bpp.chunk(2))
        levels = {"psnr": squared_error(*color), "depth_psnr": depth_error(decoded, x)}
        rates = {"bpp": color_bpp + depth_bpp, "depth_bpp": depth_bpp}
        return rates | {name: psnr(error).mean() for name, error in levels.items()} | similarity

    def validated(self, example: Frame, bpp: Tensor, decoded: Tensor, x: Tensor) -> dict[str, float]:
        """See `Kind.validated`; the bytes of the mask are not counted.

        The row also holds depth_bpp, depth_psnr over the range of depth, and depth_rmse_mm, the root of the mean square
        error of depth in millimetres over measurements.
        """
        color, true_color = as_shown(decoded[..., :3]), x[..., :3]
        depth = example.depth
        view = DepthView(depth.bits, depth.metres_per_step, depth.invalid, example.near, example.far, example.mode)
        decoded_depth = from_network(decoded[0, ..., 3].cpu().numpy(), view, depth.holes)
        return {
            "bpp": bpp.sum().item(),
            "depth_bpp": bpp[1].item(),
            "psnr": psnr(squared_error(color, true_color)).item(),
            "ms_ssim": ms_ssim(color, true_color).item(),
            "depth_psnr": psnr(depth_error(decoded.clamp(0, 1), x)).item(),
            "depth_rmse_mm": depth_errors(depth, decoded_depth)[0],
        }

    def summary(self, row: Mapping[str, float]) -> str:
        return f"{super().summary(row)}, depth {row['depth_bpp']:.3f} bpp {row['depth_psnr']:.2f} dB"

    def coder(self, release: Release) -> Callable[[Frame, int], dict[str, float]]:
        return partial(coded_frame, RgbdCodec(release, device="cpu"))

    def distortion(self, config: TrainingConfig) -> str:
        of_depth = {
            "mse": "squared error in 255ths of the range",
            "structure": "650 * (1/2 (1 - MS-SSIM) + differences of slopes + 0.1 * absolute differences)",
        }
        return f"{super().distortion(config)} of colour, and of depth {of_depth[config.depth_loss]}"

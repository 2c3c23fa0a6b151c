"""What a release does to pairs: sizes and quality by coding them to files and back, and bytes against the estimate."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..codec import StereoCodec
from ..entropy.coders import Group, RateEstimator
from ..entropy.streams import StreamWriter
from ..errors import TrainingError
from ..pictures.rgb import psnr
from ..releases.release import Release
from .config import TrainingConfig
from .losses import MS_SSIM_WEIGHT
from .ms_ssim import ms_ssim
from .pairs.data import Example, Pair
from .validation import central_crop

QUALITIES = (0, 25, 50, 75, 100)
MAX_SIDE = 512
_EXCESS_SHARE, _EXCESS_BYTES = 0.005, 128
_MEASURED = """\
Measured by coding central crops of at most 512x512 pixels of held-out scenes to files and back ({scenes}); means, \
left and right view apart:

| quality | bytes | bpp | PSNR, dB | MS-SSIM |
|---|---|---|---|---|
{rows}"""
_ROW = (
    "| {quality} | {bytes:,.0f} | {bpp:.4f} | {psnr_left:.2f}, {psnr_right:.2f} | "
    "{ms_ssim_left:.5f}, {ms_ssim_right:.5f} |"
)


class Measures(ABC):
    """What is measured of a release for one kind of examples, and what its card says.

    usage: a command. tags: of the card's metadata. unit: of the rate in the loss. crops: what a run's batches hold.
    """

    usage: str
    tags: str
    unit: str
    crops: str

    @abstractmethod
    def input(self, example: Any) -> Tensor:
        """The central crop of an example as the model takes it."""

    @abstractmethod
    def stand_in(self) -> Example:
        """An example for runs whose data are not at hand."""

    @abstractmethod
    def measure(self, release: Release, examples: Sequence[Any]) -> list[dict[str, float]]:
        """Per quality the means over the examples' central crops, coded to files and back."""

    @abstractmethod
    def table(self, rows: Sequence[dict[str, float]], scenes: str) -> str:
        """What `measure` gave, for the card."""

    def distortion(self, config: TrainingConfig) -> str:
        """The loss's, in words."""
        return {"mse": "squared 8-bit error", "ms-ssim": f"{MS_SSIM_WEIGHT:.0f} * (1 - MS-SSIM)"}[config.loss]


class PairMeasures(Measures):
    """Of stereo pairs."""

    usage = "bisic encode left.png right.png -o pair.bsc --model DIR"
    tags = "stereo, image-compression, learned-compression"
    unit = "view pixel"
    crops = "crop pairs"

    def input(self, example: Any) -> Tensor:
        return central_crop(example.stacked(), MAX_SIDE).float() / 255

    def stand_in(self) -> Pair:
        return rendered_pair()

    def measure(self, release: Release, examples: Sequence[Any]) -> list[dict[str, float]]:
        codec = StereoCodec(release, device="cpu")
        rows = []
        for quality in _qualities(release):
            points = [_coded(codec, central_crop(pair.stacked(), MAX_SIDE), quality) for pair in examples]
            means = {key: sum(point[key] for point in points) / len(points) for key in points[0]}
            rows.append({"quality": quality} | {key: round(value, 6) for key, value in means.items()})
        return rows

    def table(self, rows: Sequence[dict[str, float]], scenes: str) -> str:
        return _MEASURED.format(scenes=scenes, rows="\n".join(_ROW.format(**row) for row in rows))


def _qualities(release: Release) -> tuple[int, ...]:
    """Those to measure; a model with a single quality has 0."""
    return QUALITIES if release.model.has_qualities else (0,)


def _coded(codec: StereoCodec, views: Tensor, quality: int) -> dict[str, float]:
    left, right = views.numpy()
    data = codec.compress(left, right, quality=quality if codec.has_qualities else None)
    decoded = codec.decompress(data, output="numpy")
    similarity = ms_ssim(torch.stack([torch.from_numpy(view) for view in decoded]) / 255, views / 255).tolist()
    return {
        "bytes": len(data),
        "bpp": 8 * len(data) / (2 * left.shape[0] * left.shape[1]),
        "psnr_left": psnr(left, decoded[0]),
        "psnr_right": psnr(right, decoded[1]),
        "ms_ssim_left": similarity[0],
        "ms_ssim_right": similarity[1],
    }


def check_bytes(release: Release, inputs: Mapping[str, Tensor]) -> None:
    """Raises TrainingError when coded streams are longer than the model estimates by more than 0.5 % and 128 bytes.

    inputs: what is coded, by name, as of `coded_and_estimated_bytes`.
    """
    for name, x in inputs.items():
        for quality in _qualities(release):
            coded, estimated = coded_and_estimated_bytes(release, x, quality)
            if not coded <= (1 + _EXCESS_SHARE) * estimated + _EXCESS_BYTES:
                raise TrainingError(
                    f"nothing was written: '{name}' at quality {quality} takes {coded:,} bytes, and the model "
                    f"estimates {estimated:,.0f}; its probability tables do not fit its densities"
                )


def coded_and_estimated_bytes(release: Release, x: Tensor, quality: int) -> tuple[int, float]:
    """Bytes of the streams and guard list, and what the densities of training say of the symbols in them.

    x: one pair or frame as the model takes it, float32, sides multiples of the model's; quality: 0 to 100.
    """
    model = copy.deepcopy(release.model)
    model.make_exact()
    writer = StreamWriter(release.lattice, release.tables)
    coder = _Estimated(writer, RateEstimator(model.prior, model.laplace_share, noise=False))
    qualities = torch.full((2,), quality / 100, dtype=torch.float64)
    with torch.inference_mode():
        model.code(coder, model.analyse(x, qualities), qualities, (x.shape[1], x.shape[2]))
    streams, guard = writer.finish()
    return len(guard) + sum(map(len, astuple(streams))), coder.estimator.bits.sum().item() / 8


class _Estimated:
    """A stream writer whose symbols the rate estimator sees too; an EntropyCoder."""

    def __init__(self, writer: StreamWriter, estimator: RateEstimator) -> None:
        self._writer, self.estimator = writer, estimator

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        coded = self._writer.code_prior(z, shape, views=views)
        self.estimator.code_prior(coded, shape, views=views)
        return coded

    def context(self, y: Tensor | None) -> None:
        """As in files."""

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        coded = self._writer.code(y, group)
        self.estimator.code(coded, group)
        return coded

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        coded = self._writer.code_field(view, field, size)
        self.estimator.code_field(view, coded, size)
        return coded

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        coded = self._writer.code_disparities(view, field, size)
        self.estimator.code_disparities(view, coded, size)
        return coded


def rendered_pair(side: int = 256, disparity: int = 12) -> Pair:
    """Texture seen from two places."""
    scene = torch.from_numpy(rendered_texture(side, side + disparity))
    return Pair("a rendered pair", torch.cat([scene[:, :side], scene[:, disparity:]], -1))


def rendered_texture(height: int, width: int) -> NDArray[np.uint8]:
    """Colour (H, W, 3) with as much contrast at every size, as photographs have it."""
    generator = torch.Generator().manual_seed(0)
    texture = torch.full((1, 3, height, width), 128.0)
    for cells in (2, 4, 8, 16, 32, 64, 128):
        octave = torch.randn(1, 3, cells, cells, generator=generator)
        texture += 16 * F.interpolate(octave, texture.shape[2:], mode="bilinear", align_corners=False)
    scene: NDArray[np.uint8] = texture[0].permute(1, 2, 0).clamp(0, 255).round().to(torch.uint8).numpy()
    return scene

"""Rate and distortion of stereo pairs."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ...models import StereoModel
from ..losses import RateDistortion, Symbols, colour_distortion


class PairRateDistortion(RateDistortion):
    """`RateDistortion` of pictures (2B, H, W, 3)."""

    channels = 3

    def __init__(self, model: StereoModel, loss: Literal["mse", "ms-ssim"], symbols: Symbols = "noise") -> None:
        super().__init__(model, symbols)
        self.loss = loss

    def distortion(self, decoded: Tensor, x: Tensor) -> Tensor:
        """The distortion of each picture, (2B,), in squared 8-bit errors or what stands for them."""
        return colour_distortion(decoded, x, self.loss)

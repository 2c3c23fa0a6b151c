"""What the coding path, the training loop and the releases need of a model."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from ..entropy.coders import EntropyCoder


class StereoModel(nn.Module):
    """A codec's networks.

    Pictures are (2B, H, W, 3) float32 in 0..1 with sides that are multiples of `multiple`, the B left views before
    the B right ones; qualities are (2B,) in 0..1. `config` is a dataclass of JSON values, the constructor's argument;
    `prior_channels` counts the channels of z.
    """

    multiple: int
    prior_channels: int
    config: Any

    @abstractmethod
    def latents(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures -> latents y and hyper latents z, scaled for the quality and not rounded yet."""

    @abstractmethod
    def walk(
        self, coder: EntropyCoder, y: Tensor | None, z: Tensor | None, quality: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """The one walk over the latents of pictures of `size` (H, W): asks the coder for z, then y, step by step.

        y and z are None when the coder reads. Returns the decoded y.
        """

    @abstractmethod
    def reconstruct(self, y_hat: Tensor, quality: Tensor) -> Tensor:
        """Decoded latents -> pictures, not clamped."""

    @abstractmethod
    def distortion_weights(self, quality: Tensor) -> Tensor:
        """What a squared error of one in each channel of y is worth in bits at a quality (1,); (C,) float64."""

    @abstractmethod
    def make_exact(self) -> None:
        """Turns everything that leads to probabilities to float64, as files need it."""

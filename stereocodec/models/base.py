"""What the coding path, the training loop and the releases need of a model."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from ..entropy.coders import EntropyCoder


class StereoModel(nn.Module):
    """A codec's networks.

    Pictures are (2B, H, W, 3) float32 in 0..1 with sides that are multiples of `multiple`, the B first views before
    the B right ones; qualities are (2B,) in 0..1. `config` is a dataclass of JSON values, the constructor's argument;
    `prior_channels` counts the channels of z.
    """

    multiple: int
    prior_channels: int
    config: Any

    @abstractmethod
    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> Any:
        """Pictures -> what the walk codes, scaled for the quality and not rounded yet.

        with_choices: whether to make the choices that only files need (for one pair), as against training.
        """

    @abstractmethod
    def walk(self, coder: EntropyCoder, latents: Any, quality: Tensor, size: tuple[int, int]) -> Any:
        """The one walk over the latents of pictures of `size` (H, W): asks the coder for everything, in order.

        latents: what `analyse` gave, or None when the coder reads. Returns what `reconstruct` takes.
        """

    @abstractmethod
    def reconstruct(self, decoded: Any) -> Tensor:
        """What a walk decoded -> pictures, not clamped."""

    @abstractmethod
    def make_exact(self) -> None:
        """Turns everything that leads to probabilities to float64, as files need it."""

"""Settings of `rgbd`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...entropy.tables import MAX_TABLES
from ..settings import MAX_WIDTH, is_width, require_positive

_LEAST_CHANNELS = 8  # a sixteenth of twice as many is the least width of a gate


@dataclass(frozen=True)
class RgbdConfig:
    """Widths of `rgbd`; the defaults are those of the published network (N = 192, M = 320).

    channels: of the transforms and of z. latent_channels: of y, of each modality. slices: channels of y that are
    coded one after the other; they add up to `latent_channels`. context_widths: the hidden layers of channel contexts.
    color_lambda, depth_lambda: what a squared error of one, in 255ths of the range, is worth in bits per pixel of that
    modality.

    Raises ValueError for impossible values.
    """

    channels: int = 192
    latent_channels: int = 320
    slices: tuple[int, ...] = (16, 16, 32, 64, 192)
    context_widths: tuple[int, ...] = (224, 128)
    color_lambda: float = 0.0067
    depth_lambda: float = 0.0067

    FORMER_NAMES: ClassVar[Mapping[str, str]] = {"color_lmbda": "color_lambda", "depth_lmbda": "depth_lambda"}

    def __post_init__(self) -> None:
        n, m = self.channels, self.latent_channels
        if not is_width(n) or n % 2 or not _LEAST_CHANNELS <= n <= MAX_TABLES:
            raise ValueError(f"channels is {n!r}; it must be an even number from {_LEAST_CHANNELS} to {MAX_TABLES}")
        if not is_width(m) or m % 2 or m < _LEAST_CHANNELS:
            raise ValueError(
                f"latent_channels is {m!r}; it must be an even number from {_LEAST_CHANNELS} to {MAX_WIDTH}"
            )
        for name in ("slices", "context_widths"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple | list) or not widths or not all(map(is_width, widths)):
                raise ValueError(f"{name} is {widths!r}; it must be whole numbers from 1 to {MAX_WIDTH}")
            object.__setattr__(self, name, tuple(widths))
        if sum(self.slices) != m:
            raise ValueError(f"slices are {self.slices}; they must add up to the {m} channels of y")
        if len(self.context_widths) != 2:
            raise ValueError(f"context_widths is {self.context_widths}; it must be two widths")
        for name in ("color_lambda", "depth_lambda"):
            require_positive(name, getattr(self, name))

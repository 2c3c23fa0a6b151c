"""Settings of `rgbd`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...entropy.tables import MAX_TABLES
from ..settings import MAX_DEPTH, MAX_WIDTH, is_width, require_weight, require_whole, shown

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
        require_whole("channels", self.channels, _LEAST_CHANNELS, MAX_TABLES, multiple_of=2)
        require_whole("latent_channels", self.latent_channels, _LEAST_CHANNELS, MAX_WIDTH, multiple_of=2)
        for name in ("slices", "context_widths"):
            widths = getattr(self, name)
            if (
                not isinstance(widths, tuple | list)
                or not 1 <= len(widths) <= MAX_DEPTH
                or not all(map(is_width, widths))
            ):
                raise ValueError(
                    f"{name} is {shown(widths)}; it must be 1 to {MAX_DEPTH} whole numbers from 1 to {MAX_WIDTH}"
                )
            object.__setattr__(self, name, tuple(widths))
        if sum(self.slices) != self.latent_channels:
            raise ValueError(
                f"slices are {shown(self.slices)}; they must add up to the {self.latent_channels} channels of y"
            )
        if len(self.context_widths) != 2:
            raise ValueError(f"context_widths is {shown(self.context_widths)}; it must be two widths")
        for name in ("color_lambda", "depth_lambda"):
            require_weight(name, getattr(self, name))

"""Settings of `bisic` and `bisic-fast`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...entropy.tables import MAX_TABLES
from ..settings import MAX_WIDTH, is_width, require_weight, require_whole, shown


@dataclass(frozen=True)
class BisicConfig:
    """Widths of `bisic`; the defaults are those of the published networks.

    channels: of every feature map, of y and of z. slices: of channels of y, coded one after the other.
    parameter_widths, context_widths, residual_widths: the hidden layers of the networks of means and scales, of
    channel contexts, and of the prediction of quantisation errors. lambda_: what the squared error of pixels in 0..1
    weighs against bits per view pixel.

    Raises ValueError for impossible values.
    """

    channels: int = 192
    slices: int = 12
    parameter_widths: tuple[int, ...] = (384, 192, 96)
    context_widths: tuple[int, ...] = (224, 192, 128)
    residual_widths: tuple[int, ...] = (384, 192, 64)
    lambda_: float = 2048.0

    FORMER_NAMES: ClassVar[Mapping[str, str]] = {"lmbda": "lambda_"}  # of 0.2

    def __post_init__(self) -> None:
        for name in ("parameter_widths", "context_widths", "residual_widths"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple | list) or len(widths) != 3 or not all(map(is_width, widths)):
                raise ValueError(f"{name} is {shown(widths)}; it must be three whole numbers from 1 to {MAX_WIDTH}")
            object.__setattr__(self, name, tuple(widths))
        require_whole("channels", self.channels, 16, MAX_TABLES, multiple_of=16)
        if not is_width(self.slices) or self.slices < 2 or self.channels % (2 * self.slices):
            raise ValueError(f"slices is {shown(self.slices)}; 2 or more must divide {self.channels} channels evenly")
        require_weight("lambda_", self.lambda_)

    @property
    def slice_channels(self) -> int:
        """Channels of a slice."""
        return self.channels // self.slices

    @property
    def context_channels(self) -> int:
        """Width of the channel context."""
        return 8 * self.slice_channels


@dataclass(frozen=True)
class BisicFastConfig(BisicConfig):
    """Widths of `bisic-fast`, as `BisicConfig`."""

    slices: int = 6

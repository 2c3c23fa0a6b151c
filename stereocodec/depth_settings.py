"""What a caller says of the depth maps of frames; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DepthSettings:
    """The fields are arguments of `RgbdCodec.compress`: depth_unit, depth_max_error, depth_mode, depth_range, invalid.

    unit: where it is left out, that of a data set's layout, if there is one.
    """

    unit: str | None = None
    max_error: str | float | None = None
    mode: str | None = None
    limits: tuple[float, float] | None = None
    invalid: int | None = None

    @property
    def of_codec(self) -> dict[str, Any]:
        """How depth is coded, by the names of `RgbdCodec.encode`; what samples mean is said of the map itself."""
        return {"depth_max_error": self.max_error, "depth_mode": self.mode, "depth_range": self.limits}

"""How far a decoded sample may be from what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..container.depth import MAX_PPM
from ..errors import InvalidInput


@dataclass(frozen=True)
class DepthBound:
    """The largest error of a sample s: `steps`, or floor(s * ppm / 10^6) where that is more.

    steps: 0 to 65535. ppm: parts per million of the sample, 0 to 10^6. Both 0: without loss.

    Raises InvalidInput for other numbers.
    """

    steps: int = 0
    ppm: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.steps <= 65535:
            raise InvalidInput(f"the bound of depth is {self.steps} steps; use 0 to 65535")
        if not 0 <= self.ppm <= MAX_PPM:
            raise InvalidInput(f"the bound of depth is {self.ppm} parts per million; use 0 to {MAX_PPM}")

    @property
    def lossless(self) -> bool:
        """Whether every sample comes back as it was."""
        return self.steps == 0 and self.ppm == 0

    def permitted(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """The largest errors of samples, in steps, of the same shape."""
        errors: NDArray[np.int64] = np.maximum(samples.astype(np.int64) * self.ppm // MAX_PPM, self.steps)
        return errors

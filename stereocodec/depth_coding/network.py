"""The network that says where a bin is expected and how surely, in whole numbers.

Weights and inputs are whole numbers and so small that every sum of products stays below 2^24: float32 holds it exactly,
in whatever order it is summed, so that any library and any machine gives the same.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from .neighbours import LARGEST, Numbers

KINDS = 3  # of passes
SETS = ("noisy", "smooth")
"""Of networks: their names in the file of weights. A map has those that take less; noise is noise of pixels alone."""
OUTPUTS = 3
WEIGHT_UNIT = 512  # what weights call 1
ONE_BITS = 15
ONE = 1 << ONE_BITS  # what answers call 1: UNIT * WEIGHT_UNIT
WEIGHTS = Path(__file__).with_name("network.safetensors")


@dataclass(frozen=True)
class Network:
    """The layers for one kind of pass, all float32 with whole numbers.

    first: (hidden, inputs). second: (hidden, hidden). third: (OUTPUTS, hidden). direct: (OUTPUTS, inputs).
    second_bias: (hidden, 1). third_bias: (OUTPUTS, 1).
    """

    first: Numbers
    second: Numbers
    second_bias: Numbers
    third: Numbers
    third_bias: Numbers
    direct: Numbers

    def answers(self, inputs: Numbers) -> NDArray[np.int32]:
        """Of inputs (inputs, N) the outputs (OUTPUTS, N), in 32768ths.

        They are the offset of the expected bin, in units of the surroundings' magnitude; how wide the law of the
        residual is, as the binary logarithm of the same; and the number of its tail.
        """
        hidden = _activated(self.first @ inputs)
        hidden = _activated(self.second @ hidden + self.second_bias)
        return (self.third @ hidden + self.third_bias + self.direct @ inputs).astype(np.int32)


def _activated(sums: Numbers) -> Numbers:
    """Sums in 32768ths, rounded to 64ths within 0 to LARGEST, in place."""
    sums *= np.float32(1 / WEIGHT_UNIT)
    np.rint(sums, out=sums)
    return np.clip(sums, 0, LARGEST, out=sums)


@functools.cache
def networks(smooth: bool) -> tuple[Network, ...]:
    """The network of each kind of pass, of the set for smooth maps or of that for noisy ones."""
    tensors = load(WEIGHTS.read_bytes())
    names = Network.__dataclass_fields__
    return tuple(
        Network(**{name: tensors[f"{SETS[smooth]}.{kind}.{name}"].astype(np.float32) for name in names})
        for kind in range(KINDS)
    )

"""Bins: which samples of a depth map become one number, and which sample stands for it.

The permitted error never falls with the sample, and by at most one step from one sample to the next, so that bins may
be made from the least sample upwards: each begins with the first sample that is in none, its representative is as far
above that as is permitted, and it ends with the last sample that the representative may stand for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bound import MILLION, DepthBound


def dense_representatives(low: int, high: int, bound: DepthBound, invalid: int, bits: int) -> NDArray[np.int32]:
    """The representatives of bins of all samples from `low` to `high`, ascending, without the invalid sample."""
    return representatives(np.arange(low, high + 1, dtype=np.int32), bound, invalid, bits)


def representatives(values: NDArray[np.int32], bound: DepthBound, invalid: int, bits: int) -> NDArray[np.int32]:
    """The representatives of bins of these samples, ascending; the invalid sample is passed over."""
    values = values[values != invalid]
    if bound.lossless or not values.size:
        return values
    permitted = np.maximum(bound.steps, values.astype(np.int64) * bound.ppm // MILLION)
    first_stands_for = values - permitted  # never falls
    found, index, largest = [], 0, (1 << bits) - 1
    highest = np.minimum(values + permitted, largest)
    while index < values.size:
        stands = int(highest[index])
        if stands == invalid:
            stands -= 1  # still at or above the first sample of the bin, which is not the invalid one
        found.append(stands)
        index = max(int(np.searchsorted(first_stands_for, stands, side="right")), index + 1)
    return np.array(found, dtype=np.int32)


def bins_of(samples: NDArray[np.int32], standing: NDArray[np.int32], bound: DepthBound) -> NDArray[np.int32]:
    """The number of the bin of each sample (N,): of the first representative that may stand for it."""
    permitted = np.maximum(bound.steps, samples.astype(np.int64) * bound.ppm // MILLION)
    return np.searchsorted(standing, samples - permitted, side="left").astype(np.int32)

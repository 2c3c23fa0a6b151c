"""Bins: which samples of a depth map become one number, and which sample stands for it.

The permitted error never falls from one sample to the next, and rises by at most one step, so that bins are made from
the least sample upwards, each as long as one sample can stand for both its first and its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bound import DepthBound

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Bins:
    """Bins of ascending samples: the last sample of each, and the one that stands for it, both (bins,)."""

    last: Integers
    standing: Integers

    def numbers(self, samples: NDArray[Any]) -> NDArray[np.int32]:
        """The bins of samples, of the same shape; each sample must be one of those that the bins were made of."""
        return np.searchsorted(self.last, samples, side="left").astype(np.int32)


def dense_bins(low: int, high: int, bound: DepthBound, invalid: int) -> Bins:
    """Bins of all samples from `low` to `high`."""
    return bins_of(np.arange(low, high + 1), bound, invalid)


def bins_of(samples: NDArray[Any], bound: DepthBound, invalid: int) -> Bins:
    """As few bins as there can be of samples (N,), ascending, each once; the invalid one is passed over.

    What stands for a bin is the middle of its first and last sample, or what is nearest to that among samples which
    are within the bound of both and are not the invalid one.
    """
    samples = samples[samples != invalid].astype(np.int64)
    if bound.lossless or not samples.size:
        return Bins(samples, samples)
    permitted = bound.permitted(samples)
    least, highest = samples - permitted, samples + permitted
    highest = np.where(highest == invalid, highest - 1, highest)
    following = np.searchsorted(least, highest, side="right").tolist()
    starts, index = [], 0
    while index < samples.size:
        starts.append(index)
        index = following[index]
    first = np.array(starts)
    last = np.append(first[1:], samples.size) - 1
    lowest, most = least[last], highest[first]
    standing = np.clip(samples[first] + samples[last] >> 1, lowest, most)
    beside = np.where(standing > lowest, standing - 1, standing + 1)
    return Bins(samples[last], np.where(standing == invalid, beside, standing))

"""Integer tables made from densities, once, when a release is exported.

The densities are those of `distributions.py`, in NumPy: what training estimates and what files cost agree.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from .tables import MAX_LENGTH, TableSet, integer_frequencies

_MIN_RADIUS = 2  # real data are heavier-tailed than the narrowest tables: keep +-2 free of escapes
_LOGISTIC_TAIL = 2.0**-20


def residual_tables(
    scales: NDArray[np.float64], *, laplace_share: float = 0.0, tail_mass: float = 2.0**-20, halves: bool = False
) -> TableSet:
    """Zero-mean tables, one for each standard deviation, with exactly symmetric frequencies.

    The probability of an integer is the density's mass on the unit interval around it; the density is a Gaussian
    mixed with a Laplace density of the same standard deviation.

    Args:
        scales: standard deviations in symbol steps, shape (tables,), positive.
        laplace_share: weight of the Laplace density, 0 (a Gaussian) to 1.
        tail_mass: probability left to the escape, about. The default lets a Gaussian's range end about where the
            probability of a wide table's symbol falls to one unit of ``2**-24``: beyond, a table grows
            without coding anything cheaper. Ranges are never smaller than -2 .. 2.
        halves: whether to add as many tables for symbols that stand for half steps (`dependent.py`): the probability
            of such a symbol is the mass of all that is nearer to its value than to another one's.

    Raises:
        InvalidInput: if a scale is not positive and finite, ``tail_mass`` does not lie between 0 and 1,
            ``laplace_share`` is not within 0 to 1, or the set breaks the limits of `TableSet`.
    """
    scales = np.asarray(scales, dtype=np.float64)
    if scales.ndim != 1 or not np.all((scales > 0) & (scales < MAX_LENGTH)):
        raise InvalidInput(f"scales must be a list of numbers between 0 and {MAX_LENGTH}")
    if not (0.0 < tail_mass < 1.0 and 0.0 <= laplace_share <= 1.0):
        raise InvalidInput("tail_mass must lie between 0 and 1, laplace_share within 0 to 1")
    tables: list[NDArray[np.uint32]] = []
    offsets: list[int] = []
    for half in (False, True) if halves else (False,):
        for scale in scales.tolist():
            radius = _radius(scale, laplace_share, tail_mass)
            edges = [0.25, *range(1, radius + 1)] if half else [x + 0.5 for x in range(radius + 1)]
            tails = [_tail(edge, scale, laplace_share) for edge in edges]
            side = 0.5 * -np.diff(np.array(tails))
            pmf = np.concatenate([side[::-1], [1.0 - tails[0]], side])
            tables.append(symmetric_frequencies(pmf, len(tables)))
            offsets.append(-radius)
    return TableSet(tuple(tables), np.array(offsets, dtype=np.int32))


def symmetric_frequencies(pmf: NDArray[np.float64], table: int) -> NDArray[np.uint32]:
    """`integer_frequencies` of symmetric probabilities (2 * radius + 1,), made exactly symmetric but for the escape."""
    frequencies = integer_frequencies(pmf, table).astype(np.int64)
    # A remainder handed to one side only goes to the mode instead.
    symmetric = np.minimum(frequencies[:-1], frequencies[-2::-1])
    symmetric[pmf.size // 2] += (frequencies[:-1] - symmetric).sum()
    return np.append(symmetric, frequencies[-1]).astype(np.uint32)


def logistic_tables(means: NDArray[np.float64], deviations: NDArray[np.float64]) -> TableSet:
    """Tables of logistic densities, one for each mean and standard deviation, both of shape (tables,).

    Raises InvalidInput if the set breaks the limits of `TableSet`.
    """
    factors = np.pi / (np.sqrt(3) * deviations)
    radii = np.ceil(-np.log(_LOGISTIC_TAIL) / factors).astype(np.int64) + 1
    offsets = np.rint(means).astype(np.int64) - radii
    pmfs = []
    for mean, factor, radius, offset in zip(means, factors, radii, offsets, strict=True):
        edges = np.arange(offset, offset + 2 * radius + 2) - 0.5 - mean
        pmfs.append(np.diff(_sigmoid(edges * factor)))
    return TableSet.from_probabilities(pmfs, offsets.astype(np.int32))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    half: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * x))
    return half


def _tail(distance: float, scale: float, laplace_share: float) -> float:
    """The mass beyond +-distance."""
    gaussian = math.erfc(distance / (scale * math.sqrt(2.0)))
    return (1 - laplace_share) * gaussian + laplace_share * math.exp(-distance * math.sqrt(2.0) / scale)


def _radius(scale: float, laplace_share: float, tail_mass: float) -> int:
    """The smallest range +-radius that leaves at most ``tail_mass`` outside."""
    low, high = _MIN_RADIUS, max(_MIN_RADIUS, math.ceil(40 * scale * -math.log(tail_mass)))
    while low < high:
        middle = (low + high) // 2
        if _tail(middle + 0.5, scale, laplace_share) <= tail_mass:
            high = middle
        else:
            low = middle + 1
    return low

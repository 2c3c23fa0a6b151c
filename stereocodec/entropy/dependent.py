"""Dependent quantisation of the elements of a group, as files have it (`trellis.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .lattice import MAX_WRITTEN_SYMBOL
from .symbol_choice import SymbolCosts
from .trellis import CANDIDATES, HALVES, NEXT, cheapest

MOST_ROUNDS = 64
"""The elements of a group make chains of at most this many; those of a round belong to different chains."""


@dataclass(frozen=True)
class Dependence:
    """Which elements of y are quantised so.

    first_level: the lowest scale level of these; what is nearly always 0 gains nothing. plain_channels: those that are
    left out whatever their levels, as encoders see to their means.
    """

    first_level: int
    plain_channels: tuple[int, ...] = ()

    def rounds(self, levels: NDArray[np.uint8], channels: NDArray[np.int64]) -> Rounds:
        """The order of a group's elements, of these levels and channels, (N,) each."""
        takes_part = levels >= self.first_level
        for channel in self.plain_channels:
            takes_part &= channels != channel
        dependent = np.flatnonzero(takes_part)
        # By levels, so that the elements of a round have few tables.
        return Rounds(np.flatnonzero(~takes_part), dependent[np.argsort(levels[dependent], kind="stable")])


@dataclass(frozen=True)
class Rounds:
    """The order in which the elements of a group are coded: first `plain`, then those of `order` round by round."""

    plain: NDArray[np.intp]
    order: NDArray[np.intp]

    @classmethod
    def without(cls, count: int) -> Rounds:
        """Those of so many elements none of which is dependent."""
        return cls(np.arange(count), np.empty(0, dtype=np.intp))

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return -(-self.order.size // MOST_ROUNDS)

    def __iter__(self) -> Iterator[NDArray[np.intp]]:
        """The elements of each round, the n-th one of the n-th chain."""
        for begin in range(0, self.order.size, self.chains or 1):
            yield self.order[begin : begin + self.chains]


class States:
    """The states of the chains, from one round to the next."""

    def __init__(self, chains: int) -> None:
        self._states = np.zeros(chains, dtype=np.int8)

    def halves(self, count: int) -> NDArray[np.uint8]:
        """Whether each of the elements of the next round has the half steps, (count,): 0 or 1."""
        halves: NDArray[np.uint8] = HALVES[self._states[:count]]
        return halves

    def follow(self, symbols: NDArray[np.int32]) -> None:
        """Goes on to the states after the symbols of a round."""
        count = symbols.size
        self._states[:count] = NEXT[self._states[:count], symbols & 1]


def chosen_together(rounds: Rounds, costs: SymbolCosts) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The symbols of `rounds.order` that cost least in all, and whether each stands for half steps, (A,) both.

    costs: of these elements with whole steps.
    """
    size = rounds.order.size
    if not size:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint8)
    symbols, each = _candidates(costs)
    taken = cheapest(torch.from_numpy(each), rounds.chains).numpy()
    return symbols[taken, np.arange(size)], (taken >> 1).astype(np.uint8)


def _candidates(costs: SymbolCosts) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The candidates of each element, (CANDIDATES, A), and what they cost."""
    residual = costs.residual
    size = np.minimum(np.abs(residual), MAX_WRITTEN_SYMBOL - 1)
    sign = np.where(residual < 0, -1, 1).astype(np.int32)
    symbols, each = np.empty((CANDIDATES, size.size), dtype=np.int32), np.empty((CANDIDATES, size.size))
    for first, of in ((0, costs), (2, costs.of_halves())):
        below = np.floor(size + of.half).astype(np.int32)
        odd = below & 1
        for place, magnitude in ((first, below + odd), (first + 1, below + 1 - odd)):
            symbols[place] = sign * magnitude
            each[place] = of(symbols[place])[0]
        # Nothing costs so few bits that it may be best though another even symbol is nearer.
        larger = np.flatnonzero(symbols[first])
        nothing = of.at(larger)(np.zeros(larger.size, dtype=np.int32))[0]
        here = np.flatnonzero(nothing < each[first, larger])
        symbols[first, larger[here]] = 0
        each[first, larger[here]] = nothing[here]
    return symbols, each

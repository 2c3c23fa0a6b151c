"""Dependent quantisation of the elements of a group, as files have it (`trellis.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .lattice import MAX_WRITTEN_SYMBOL
from .symbol_choice import SymbolCosts
from .trellis import HALVES, NEXT, chain_count, cheapest_symbols


@dataclass(frozen=True)
class Dependence:
    """Which elements of y are quantised so.

    first_level: the lowest scale level of these; what is nearly always 0 gains nothing. plain_channels: those that are
    left out whatever their levels, as encoders see to their means.
    """

    first_level: int
    plain_channels: tuple[int, ...] = ()

    @overload
    def takes_part(self, levels: NDArray[Any], channels: NDArray[Any]) -> NDArray[np.bool_]: ...

    @overload
    def takes_part(self, levels: Tensor, channels: Tensor) -> Tensor: ...

    def takes_part(self, levels: Any, channels: Any) -> Any:
        """Whether elements of these levels, uint8, and channels are quantised dependently, bool of their shape."""
        found = levels >= self.first_level
        for channel in self.plain_channels:
            found = found & (channels != channel)
        return found

    def rounds(self, levels: NDArray[np.uint8], channels: NDArray[np.int64]) -> Rounds:
        """The order of a group's elements, of these levels and channels, (N,) each."""
        takes_part = self.takes_part(levels, channels)
        plain, dependent = np.flatnonzero(~takes_part), np.flatnonzero(takes_part)
        # By levels, so that the elements of a round have few tables.
        return Rounds(plain, dependent[np.argsort(levels[dependent], kind="stable")])


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
        return chain_count(self.order.size)

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


def chosen_together(costs: SymbolCosts) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The symbols that cost least in all, and whether each stands for half steps, (A,) both.

    costs: of the elements of `Rounds.order`, with whole steps.
    """
    of_half = {0.0: costs, 0.5: costs.of_halves()}

    def cost(symbols: Tensor, half: float) -> Tensor:
        return torch.from_numpy(of_half[half](symbols.numpy().astype(np.int32))[0])

    residual = costs.residual.clip(1 - MAX_WRITTEN_SYMBOL, MAX_WRITTEN_SYMBOL - 1)
    symbols, halves = cheapest_symbols(torch.from_numpy(residual), cost)
    return symbols.numpy().astype(np.int32), halves.numpy().astype(np.uint8)

"""Which symbols a writer of files chooses where it weighs bits against errors; readers need not know."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .tables import TableSet


@dataclass(frozen=True)
class SymbolCosts:
    """What it costs to code N elements by given symbols.

    tables: one per scale level, or two (`dependent.py`). residual: (N,) float64, what the symbols stand for, in steps.
    numbers: (N,) uint8, those of their tables. weights: (N,) float64, the bits that a squared error of one step is
    worth. half: by how much less than their size symbols stand for, 0 or 0.5.
    """

    tables: TableSet
    residual: NDArray[np.float64]
    numbers: NDArray[np.uint8]
    weights: NDArray[np.float64]
    half: float = 0.0

    def at(self, places: NDArray[np.intp]) -> SymbolCosts:
        """The costs of the elements of the given numbers."""
        return replace(self, residual=self.residual[places], numbers=self.numbers[places], weights=self.weights[places])

    def of_halves(self) -> SymbolCosts:
        """Those of the same elements with half steps, whose tables are the second half of all."""
        return replace(self, numbers=self.numbers + np.uint8(len(self.tables) // 2), half=0.5)

    def __call__(self, symbols: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What symbols (N,) cost: their bits with what their errors are worth, and the errors in steps, both (N,)."""
        error = symbols - self.half * np.sign(symbols) - self.residual
        return self.tables.bits(symbols, self.numbers) + self.weights * error**2, error


def cheaper(nearest: NDArray[np.int32], costs: SymbolCosts) -> NDArray[np.int32]:
    """The nearest symbols (N,), or their neighbours towards zero where these cost less."""
    places = np.flatnonzero(nearest)
    symbols, here = nearest[places], costs.at(places)
    lower = symbols - np.sign(symbols)
    chosen: NDArray[np.int32] = nearest.copy()
    chosen[places] = np.where(here(lower)[0] < here(symbols)[0], lower, symbols)
    return chosen

"""The symbols that a writer of files chooses for a group of elements; readers need not know."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodingMismatch
from .coders import Group
from .dependent import Rounds, chosen_together
from .lattice import MAX_WRITTEN_SYMBOL
from .level_keeping import LevelKeeper
from .symbol_choice import SymbolCosts, cheaper
from .tables import TableSet


class WriterChoice:
    """Symbols that cost least, bits and what errors are worth together.

    Those of dependent quantisation are chosen together. Of the others each is the nearest one or the next one towards
    zero (rate-distortion optimised quantisation), and symbols of the channels that carry the mean colour move so that
    their errors cancel (`level_keeping.py`). Where a group has no weights all are the nearest ones.
    """

    def __init__(self) -> None:
        self._levels = LevelKeeper()

    def of_group(
        self,
        group: Group,
        residual: NDArray[np.float64],
        levels: NDArray[np.uint8],
        channels: NDArray[np.int64],
        rounds: Rounds,
        tables: TableSet,
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The symbols of a group's elements, and whether they stand for half steps, (N,) both.

        residual: what they stand for, in steps; levels and channels: of the elements; (N,) each. tables: of the
        symbols. Raises DecodingMismatch for a residual that is not a number.
        """
        symbols, halves = nearest_symbols(residual), np.zeros_like(levels)
        if group.weight is None:
            return symbols, halves
        weights = group.weight[0].double().expand(group.mask.shape[-1]).cpu().numpy()[channels]
        costs, plain = SymbolCosts(tables, residual, levels, weights), rounds.plain
        symbols[plain] = cheaper(symbols[plain], costs.at(plain))
        for level in chain(*group.levelled):
            here = plain[channels[plain] == level.channel]
            symbols[here] = self._levels.kept((group.view, level.channel), symbols[here], costs.at(here), level)
        symbols[rounds.order], halves[rounds.order] = chosen_together(costs.at(rounds.order))
        return symbols, halves


def nearest_symbols(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Values rounded to symbols that may be written; raises DecodingMismatch for what is not a number."""
    if not np.isfinite(values).all():
        raise DecodingMismatch("the encoder gave a latent that is not a number; the weights are damaged")
    return np.rint(values).clip(-MAX_WRITTEN_SYMBOL, MAX_WRITTEN_SYMBOL).astype(np.int32)

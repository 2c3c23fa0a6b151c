"""The stack coder in plain Python, for platforms where constriction has no wheel.

It makes the same words as constriction's ``AnsCoder``: range ANS after J. Duda, "Asymmetric numeral
systems: entropy coding combining speed of Huffman coding with compression rate of arithmetic coding",
arXiv:1311.2540, with a state of 64 bits, words of 32 bits and probabilities of 24 bits.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .tables import PRECISION, TOTAL, uniform_frequency

_WORD_BITS = 32
_WORD_MASK = (1 << _WORD_BITS) - 1
_FULL_SHIFT = 64 - PRECISION


class PythonModel(NamedTuple):
    """A table as plain lists, one number per symbol, for the scalar access of the loops below."""

    frequencies: list[int]
    starts: list[int]
    ends: list[int]
    limits: list[int]  # states that must give up a word before a push
    steps: list[int]  # x // f * 2**24 + x % f is x // f * step + x: one division


class PythonAnsCoder:
    """A stack of symbols held in one big number; what is pushed last is popped first.

    Think of a number x. To push a symbol of probability f / 2**24, replace x by about x * 2**24 / f:
    the number grows by exactly the symbol's information, -log2(f / 2**24) bits. To be reversible, the
    growth is arranged so that the low 24 bits of the new x fall into the symbol's own slice
    ``start .. start + f - 1`` of the numbers below 2**24:

        x' = (x // f) * 2**24 + start + x % f

    Popping looks at x' % 2**24, sees in whose slice it lies, and undoes the line above. Instead of one
    huge number only its top 64 bits, the state, are computed with: when a push would overflow it, its
    low 32 bits move to a stack of words; when a pop leaves less than 2**32, a word comes back. An empty
    stack is the state 0 without words, and the written stream is the words followed by the one or two
    words of the state (leading zeros of the number, thus zero words at the end, are never written).

    The coder cannot notice damage: every number is the stack of *some* symbols, and an empty stack goes
    on yielding the first symbol of every table. Popping with another table, one symbol too few or with
    a flipped bit gives garbage from there on; only a checksum, and most times `is_empty`, tells.

    Args:
        words: uint32 of shape (words,), the stream to pop from; its last word must not be 0.
    """

    def __init__(self, words: NDArray[np.uint32] | None = None) -> None:
        self._words: list[int] = [] if words is None else words.tolist()
        self._state = 0
        while self._words and not self._state >> _WORD_BITS:
            self._state = self._state << _WORD_BITS | self._words.pop()

    @staticmethod
    def build_model(frequencies: NDArray[np.uint32]) -> PythonModel:
        """The model of a table with these frequencies."""
        exact = frequencies.astype(np.int64)
        ends = np.cumsum(exact)
        counts = exact.tolist()
        return PythonModel(
            frequencies=counts,
            starts=(ends - exact).tolist(),
            ends=ends.tolist(),
            limits=[count << _FULL_SHIFT for count in counts],
            steps=(TOTAL - exact).tolist(),
        )

    def push(self, symbols: NDArray[np.int32], model: PythonModel) -> None:
        """Push symbols, int32 of shape (N,), all under one table, the last one first."""
        state, emit = self._state, self._words.append
        frequencies, starts, _, limits, steps = model
        for symbol in symbols[::-1].tolist():
            if state >= limits[symbol]:
                emit(state & _WORD_MASK)
                state >>= _WORD_BITS
            state += state // frequencies[symbol] * steps[symbol] + starts[symbol]
        self._state = state

    def push_one(self, symbol: int, model: PythonModel) -> None:
        """Push one symbol."""
        state = self._state
        if state >= model.limits[symbol]:
            self._words.append(state & _WORD_MASK)
            state >>= _WORD_BITS
        self._state = state + state // model.frequencies[symbol] * model.steps[symbol] + model.starts[symbol]

    def push_uniform(self, values: NDArray[np.int32], sizes: NDArray[np.int32]) -> None:
        """Push values, the last one first, each uniform over ``0 .. size - 1``; sizes lie in 2 .. 2**23."""
        state, emit = self._state, self._words.append
        for value, size in zip(values[::-1].tolist(), sizes[::-1].tolist(), strict=True):
            start, frequency = _uniform_slice(value, size)
            if state >= frequency << _FULL_SHIFT:
                emit(state & _WORD_MASK)
                state >>= _WORD_BITS
            state = (state // frequency << PRECISION) + state % frequency + start
        self._state = state

    def pop(self, model: PythonModel, count: int) -> NDArray[np.int32]:
        """Pop ``count`` symbols under one table, int32 of shape (count,)."""
        state, words, mask = self._state, self._words, TOTAL - 1
        frequencies, starts, ends, _, _ = model
        symbols = []
        for _ in repeat(None, count):
            quantile = state & mask
            symbol = bisect_right(ends, quantile)
            symbols.append(symbol)
            state = (state >> PRECISION) * frequencies[symbol] + quantile - starts[symbol]
            if words and state <= _WORD_MASK:
                state = state << _WORD_BITS | words.pop()
        self._state = state
        return np.array(symbols, dtype=np.int32)

    def pop_one(self, model: PythonModel) -> int:
        """Pop one symbol."""
        state = self._state
        quantile = state & (TOTAL - 1)
        symbol = bisect_right(model.ends, quantile)
        state = (state >> PRECISION) * model.frequencies[symbol] + quantile - model.starts[symbol]
        if self._words and state <= _WORD_MASK:
            state = state << _WORD_BITS | self._words.pop()
        self._state = state
        return symbol

    def pop_uniform(self, sizes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Pop a value of ``0 .. size - 1`` for each of ``sizes``, int32 of shape (N,), 2 .. 2**23 each."""
        state, words, mask = self._state, self._words, TOTAL - 1
        values = []
        for size in sizes.tolist():
            quantile = state & mask
            value = min(quantile // uniform_frequency(size), size - 1)
            values.append(value)
            start, frequency = _uniform_slice(value, size)
            state = (state >> PRECISION) * frequency + quantile - start
            if words and state <= _WORD_MASK:
                state = state << _WORD_BITS | words.pop()
        self._state = state
        return np.array(values, dtype=np.int32)

    def words(self) -> NDArray[np.uint32]:
        """The stack so far, uint32 of shape (words,)."""
        state = []
        rest = self._state
        while rest:
            state.append(rest & _WORD_MASK)
            rest >>= _WORD_BITS
        return np.array(self._words + state, dtype=np.uint32)

    def is_empty(self) -> bool:
        """Whether nothing is left: no words and the state of an empty stack."""
        return not self._words and self._state == 0


def _uniform_slice(value: int, size: int) -> tuple[int, int]:
    """Start and frequency of a value in a uniform model."""
    each = uniform_frequency(size)
    start = value * each
    return start, each if value < size - 1 else TOTAL - start

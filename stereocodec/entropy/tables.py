"""Integer probability tables: what the stream coder codes with, the same on every machine.

Tables are computed from floats once, when a release is made, and stored as integers; nothing that
decides how a file is decoded is computed from floats again. A table has one frequency for each
integer in its range and, as its last symbol, one for the *escape*, which announces an integer beyond
the range. The distance beyond the range then follows as an Exp-Golomb number in uniform models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, InvalidRelease

PRECISION = 24
"""Bits of a probability: the frequencies of a table sum to ``2**PRECISION``."""

TOTAL = 1 << PRECISION
MAX_TABLES = 256
MAX_LENGTH = 1 << 16
MAX_OFFSET = 1 << 22
MAX_SYMBOL = 1 << 23
"""Largest magnitude of a symbol. With the limits above every escaped distance stays below
``2**24 - 1``, so its Exp-Golomb class is below `ESCAPE_CLASSES`."""
ESCAPE_CLASSES = 24

_Model = TypeVar("_Model")


def uniform_frequency(size: int) -> int:
    """Frequency of each of ``size`` equally likely values but the last, which takes the rest of ``2**24``."""
    return TOTAL // size


def exp_golomb(distances: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Split numbers d, ``0 <= d < 2**24 - 1``, into class and low bits, int32 both.

    The class is ``k = floor(log2(d + 1))``; the ``k`` bits of ``d + 1`` below its leading one remain.

    Source: J. Teuhola, "A compression method for clustered bit-vectors", Information Processing
    Letters 7(6), 1978.
    """
    shifted = distances + 1
    classes = (np.frexp(shifted.astype(np.float64))[1] - 1).astype(np.int32)
    return classes, shifted - np.left_shift(np.int32(1), classes)


def exp_golomb_inverse(classes: NDArray[np.int32], low: NDArray[np.int32]) -> NDArray[np.int32]:
    """The numbers that `exp_golomb` split."""
    distances: NDArray[np.int32] = np.left_shift(np.int32(1), classes) + low - np.int32(1)
    return distances


@dataclass(frozen=True, eq=False)
class TableSet:
    """Up to 256 probability tables, chosen per symbol by an index of 8 bits.

    Table ``k`` codes the integers ``offsets[k] .. offsets[k] + len(frequencies[k]) - 2``; its last
    frequency is that of the escape. Instances are immutable and may be used by several threads.

    Args:
        frequencies: per table, uint32 of shape (length,), each at least 1, sum ``2**24``;
            2 <= length <= 65536.
        offsets: int32 of shape (tables,), the smallest symbol of each table, within +-``2**22``.

    Raises:
        InvalidInput: if the arrays break one of these rules.
    """

    frequencies: tuple[NDArray[np.uint32], ...]
    offsets: NDArray[np.int32]
    _models: dict[Any, tuple[Any, ...]] = field(init=False, repr=False, default_factory=dict)
    _in_range: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problem = _problem(self.frequencies, self.offsets)
        if problem:
            raise InvalidInput(f"probability tables: {problem}")
        frequencies = tuple(_frozen_copy(table) for table in self.frequencies)
        in_range = np.array([table.size - 1 for table in frequencies], dtype=np.int32)
        object.__setattr__(self, "frequencies", frequencies)
        object.__setattr__(self, "offsets", _frozen_copy(self.offsets))
        object.__setattr__(self, "_in_range", _frozen_copy(in_range))

    def __len__(self) -> int:
        return len(self.frequencies)

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither locks nor coder models can be pickled or deep-copied; both are made again on use.
        return TableSet, (self.frequencies, self.offsets)

    @classmethod
    def from_probabilities(
        cls, pmfs: Sequence[NDArray[np.float64]], offsets: NDArray[np.int32] | Sequence[int]
    ) -> TableSet:
        """Round probabilities to integer frequencies by the method of largest remainders.

        Args:
            pmfs: per table, the probabilities of its symbols in range, shape (length - 1,),
                non-negative, sum at most 1 (1e-6 above is taken as rounding). What is missing to 1 is
                the probability of the escape. Every frequency is at least 1.
            offsets: the smallest symbol of each table.

        Raises:
            InvalidInput: if a probability is negative or not finite, a sum exceeds 1, or the set breaks
                the limits of `TableSet`.
        """
        frequencies = tuple(integer_frequencies(np.asarray(pmf, dtype=np.float64), k) for k, pmf in enumerate(pmfs))
        exact = np.asarray(offsets)
        if exact.ndim != 1 or exact.dtype.kind not in "iu" or np.any((exact < -MAX_OFFSET) | (exact > MAX_OFFSET)):
            raise InvalidInput(f"offsets must be a list of integers within +-{MAX_OFFSET}")
        return cls(frequencies, exact.astype(np.int32))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Flat arrays to store: ``frequencies`` uint32, all tables; ``lengths`` and ``offsets`` int32."""
        return {
            "frequencies": np.concatenate(self.frequencies),
            "lengths": self._in_range + np.int32(1),
            "offsets": self.offsets.copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TableSet:
        """The inverse of `to_arrays`.

        Raises:
            InvalidRelease: if an array is missing, has another dtype or shape, or breaks the rules of
                `TableSet`.
        """
        for name, dtype in (("frequencies", np.uint32), ("lengths", np.int32), ("offsets", np.int32)):
            if name not in arrays:
                raise InvalidRelease(f"probability tables: the array '{name}' is missing")
            if arrays[name].dtype != dtype or arrays[name].ndim != 1:
                raise InvalidRelease(f"probability tables: '{name}' must be a list of {np.dtype(dtype)}")
        flat, lengths = arrays["frequencies"], arrays["lengths"].astype(np.int64)
        if np.any(lengths < 2) or lengths.sum() != flat.size:
            raise InvalidRelease("probability tables: 'lengths' does not fit the number of frequencies")
        ends = np.cumsum(lengths)
        try:
            return cls(tuple(np.split(flat, ends)[: lengths.size]), arrays["offsets"])
        except InvalidInput as error:
            raise InvalidRelease(str(error)) from error

    def models(self, build: Callable[[NDArray[np.uint32]], _Model]) -> tuple[_Model, ...]:
        """``build(frequencies[k])`` for every table, made on first use and kept for later calls."""
        models = self._models.get(build)
        if models is None:
            # Threads may build them at once, and keep those of the first. A lock could be held for ever after a fork.
            models = self._models.setdefault(build, tuple(build(table) for table in self.frequencies))
        return models

    def check_indices(self, tables: NDArray[np.uint8]) -> None:
        """Raise `InvalidInput` unless ``tables`` is a list of uint8 that name tables of this set."""
        if tables.dtype != np.uint8 or tables.ndim != 1:
            raise InvalidInput("table indices must be a one-dimensional uint8 array")
        if tables.size and int(tables.max()) >= len(self):
            raise InvalidInput(f"table index {int(tables.max())} in a set of {len(self)} tables")

    def to_local(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.int32], NDArray[np.int32]]:
        """What is coded for ``symbols``, int32 of shape (N,), under ``tables``, uint8 of shape (N,).

        Returns:
            positions in the tables (int32, shape (N,)); the ascending indices of the E escaped symbols;
            their signs (int32, shape (E,): 1 below the range, 0 above); their distances beyond the range
            (int32, shape (E,), 0 for the first integer outside).

        Raises:
            InvalidInput: if a symbol exceeds +-``2**23`` or the arrays do not fit together.
        """
        self.check_indices(tables)
        if symbols.dtype != np.int32 or symbols.shape != tables.shape:
            raise InvalidInput("symbols must be int32 and as many as their table indices")
        if symbols.size and (int(symbols.min()) < -MAX_SYMBOL or int(symbols.max()) > MAX_SYMBOL):
            raise InvalidInput(f"a symbol lies beyond +-{MAX_SYMBOL} and cannot be coded")
        local = symbols - self.offsets[tables]
        sizes = self._in_range[tables]
        escaped = np.flatnonzero((local < 0) | (local >= sizes))
        beyond = local[escaped]
        signs = (beyond < 0).astype(np.int32)
        distances = np.where(signs == 1, -1 - beyond, beyond - sizes[escaped]).astype(np.int32)
        local[escaped] = sizes[escaped]
        return local, escaped, signs, distances

    def from_local(
        self, tables: NDArray[np.uint8], signs: NDArray[np.int32], distances: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """The escaped symbols with these signs and distances; kept within +-``2**23`` for any input."""
        low = self.offsets[tables]
        symbols = np.where(signs == 1, low - 1 - distances, low + self._in_range[tables] + distances)
        return np.clip(symbols, -MAX_SYMBOL, MAX_SYMBOL).astype(np.int32)

    @cached_property
    def _costs(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Where each table starts in the list of all, and the bits of each frequency in it."""
        lengths = self._in_range.astype(np.int64) + 1
        return np.cumsum(lengths) - lengths, PRECISION - np.log2(np.concatenate(self.frequencies).astype(np.float64))

    @cached_property
    def least_bits(self) -> NDArray[np.float64]:
        """What the most probable symbol of each table costs in bits, (tables,)."""
        return PRECISION - np.log2([float(table.max()) for table in self.frequencies])

    def bits(self, symbols: NDArray[np.int32], tables: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Exact cost of each symbol in bits, escapes included: the rate that a stream comes close to.

        Args:
            symbols: int32 of shape (N,), within +-``2**23``.
            tables: integers of shape (N,), the table of each symbol.

        Returns:
            float64 of shape (N,).

        Raises:
            InvalidInput: as `to_local`.
        """
        if tables.size and (int(tables.min()) < 0 or int(tables.max()) >= len(self)):
            raise InvalidInput(f"table indices must lie between 0 and {len(self) - 1}")
        small = tables.astype(np.uint8)
        local, escaped, _, distances = self.to_local(symbols, small)
        starts, costs = self._costs
        bits: NDArray[np.float64] = costs[starts[small] + local]
        classes, _ = exp_golomb(distances)
        each = uniform_frequency(ESCAPE_CLASSES)
        last = TOTAL - (ESCAPE_CLASSES - 1) * each
        frequency = np.where(classes == ESCAPE_CLASSES - 1, last, each).astype(np.float64)
        bits[escaped] += PRECISION - np.log2(frequency) + classes + 1
        return bits


def integer_frequencies(pmf: NDArray[np.float64], table: int) -> NDArray[np.uint32]:
    """Frequencies of the symbols in range and of the escape, uint32: at least 1 each, sum ``2**24``.

    Raises InvalidInput, which names the table by its number `table`, as `TableSet.from_probabilities` does.
    """
    if pmf.ndim != 1 or not 1 <= pmf.size < MAX_LENGTH:
        raise InvalidInput(f"table {table}: {pmf.shape} probabilities; 1 to {MAX_LENGTH - 1} can be used")
    if not np.all((pmf >= 0.0) & (pmf <= 1.0 + 1e-6)) or pmf.sum() > 1.0 + 1e-6:
        raise InvalidInput(f"table {table}: probabilities must not be negative nor sum to more than 1")
    full = np.append(pmf, max(0.0, 1.0 - float(pmf.sum())))
    quotas = full / full.sum() * (TOTAL - full.size)
    floors = np.floor(quotas)
    frequencies = floors.astype(np.int64) + 1
    # Ties go to the middle of the range first, so that a symmetric table stays so but for one unit.
    eccentricity = np.abs(np.arange(full.size) - (pmf.size - 1) / 2)
    order = np.lexsort((eccentricity, floors - quotas))
    frequencies[order[: TOTAL - int(frequencies.sum())]] += 1
    rounded: NDArray[np.uint32] = frequencies.astype(np.uint32)
    return rounded


def _problem(frequencies: tuple[NDArray[np.uint32], ...], offsets: NDArray[np.int32]) -> str | None:
    """What is wrong with these tables, or None."""
    if not 1 <= len(frequencies) <= MAX_TABLES:
        return f"{len(frequencies)} tables; a set holds 1 to {MAX_TABLES}"
    if offsets.dtype != np.int32 or offsets.shape != (len(frequencies),):
        return f"{len(frequencies)} tables need as many int32 offsets"
    if int(offsets.min()) < -MAX_OFFSET or int(offsets.max()) > MAX_OFFSET:
        return f"an offset lies beyond +-{MAX_OFFSET}"
    for k, table in enumerate(frequencies):
        if table.dtype != np.uint32 or table.ndim != 1 or not 2 <= table.size <= MAX_LENGTH:
            return f"table {k} must be a list of 2 to {MAX_LENGTH} uint32 frequencies"
        if int(table.min()) < 1 or int(table.sum(dtype=np.uint64)) != TOTAL:
            return f"the frequencies of table {k} must be at least 1 and sum to 2**{PRECISION}"
    return None


def _frozen_copy(array: NDArray[Any]) -> NDArray[Any]:
    copy = np.array(array)  # native byte order and contiguous, whatever the source
    copy.setflags(write=False)
    return copy

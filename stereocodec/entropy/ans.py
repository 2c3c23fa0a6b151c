"""Streams of integers coded under integer probability tables, with an ANS stack coder.

An ANS coder is a stack (`PythonAnsCoder` explains how it works): to be read front to back, a stream
must be pushed back to front. So `StreamEncoder` collects everything and pushes it when the stream is
asked for, and `StreamDecoder` reads pass by pass. `ConstrictionAnsCoder` and `PythonAnsCoder` make the
same words; the first one is used where it can be installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile
from ._python_ans import PythonAnsCoder
from .tables import ESCAPE_CLASSES, TableSet, exp_golomb, exp_golomb_inverse

try:
    import constriction
except ImportError:  # no wheel for this platform or Python
    constriction = None


_Model = TypeVar("_Model")


class AnsCoder(Protocol[_Model]):
    """A stack coder of 32-bit words; see `PythonAnsCoder` for what each method does."""

    def __init__(self, words: NDArray[np.uint32] | None = None) -> None: ...

    @staticmethod
    def build_model(frequencies: NDArray[np.uint32], /) -> _Model: ...

    def push(self, symbols: NDArray[np.int32], model: _Model) -> None: ...

    def push_uniform(self, values: NDArray[np.int32], sizes: NDArray[np.int32]) -> None: ...

    def push_one(self, symbol: int, model: _Model) -> None: ...

    def pop(self, model: _Model, count: int) -> NDArray[np.int32]: ...

    def pop_one(self, model: _Model) -> int: ...

    def pop_uniform(self, sizes: NDArray[np.int32]) -> NDArray[np.int32]: ...

    def words(self) -> NDArray[np.uint32]: ...

    def is_empty(self) -> bool: ...


class ConstrictionAnsCoder:
    """`PythonAnsCoder` in compiled code: R. Bamler, "Understanding entropy coding with asymmetric
    numeral systems (ANS)", arXiv:2201.01741, https://bamler-lab.github.io/constriction."""

    def __init__(self, words: NDArray[np.uint32] | None = None) -> None:
        stack = constriction.stream.stack.AnsCoder
        self._coder = stack() if words is None else stack(words)
        self._uniform = constriction.stream.model.Uniform()

    @staticmethod
    def build_model(frequencies: NDArray[np.uint32]) -> object:
        # constriction gives every symbol one unit and scales the weights onto the rest of 2**24. These
        # weights sum to exactly that rest: the factor is 1.0 and the frequencies are used as they are.
        weights = frequencies.astype(np.float64) - 1.0
        model: object = constriction.stream.model.Categorical(weights, lazy=False, perfect=False)
        return model

    def push(self, symbols: NDArray[np.int32], model: object) -> None:
        self._coder.encode_reverse(symbols, model)

    def push_uniform(self, values: NDArray[np.int32], sizes: NDArray[np.int32]) -> None:
        self._coder.encode_reverse(values, self._uniform, sizes)

    def push_one(self, symbol: int, model: object) -> None:
        self._coder.encode_reverse(symbol, model)

    def pop_one(self, model: object) -> int:
        symbol: int = self._coder.decode(model)
        return symbol

    def pop(self, model: object, count: int) -> NDArray[np.int32]:
        symbols: NDArray[np.int32] = self._coder.decode(model, count)
        return symbols

    def pop_uniform(self, sizes: NDArray[np.int32]) -> NDArray[np.int32]:
        values: NDArray[np.int32] = self._coder.decode(self._uniform, sizes)
        return values

    def words(self) -> NDArray[np.uint32]:
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words

    def is_empty(self) -> bool:
        return bool(self._coder.is_empty())


DEFAULT_CODER: type[AnsCoder[Any]] = PythonAnsCoder if constriction is None else ConstrictionAnsCoder


class StreamEncoder:
    """Writes one stream of integers.

    Symbols come in passes: what one call of `put` is given. A pass is coded table by table; its
    escaped symbols follow, as all their Exp-Golomb classes, all their signs, and all their low bits.

    Args:
        coder: the stack coder; both kinds give the same bytes.
    """

    def __init__(self, *, coder: type[AnsCoder[Any]] = DEFAULT_CODER) -> None:
        self._coder = coder
        # Symbols under a model, or uniform with sizes; or one symbol under a model.
        self._pieces: list[tuple[NDArray[np.int32] | int, Any]] = []

    def put(self, symbols: NDArray[np.int32], tables: NDArray[np.uint8], table_set: TableSet) -> None:
        """Append one pass.

        Args:
            symbols: int32 of shape (N,), within +-``2**23``; N may be 0.
            tables: uint8 of shape (N,), the table of each symbol.
            table_set: the tables that ``tables`` names.

        Raises:
            InvalidInput: if the arrays break these rules; nothing is appended then.
        """
        local, escaped, signs, distances = table_set.to_local(symbols, tables)
        models = table_set.models(self._coder.build_model)
        by_table = local[np.argsort(tables, kind="stable")]
        for table, start, end in _runs(tables):
            self._pieces.append((by_table[start:end], models[table]))
        if escaped.size:
            classes, low = exp_golomb(distances)
            long = classes > 0
            self._pieces.append((classes, np.full_like(classes, ESCAPE_CLASSES)))
            self._pieces.append((signs, np.full_like(signs, 2)))
            if np.any(long):
                self._pieces.append((low[long], np.left_shift(np.int32(1), classes[long])))

    def one_by_one(self, table_set: TableSet) -> Callable[[int, int], None]:
        """What appends passes of one symbol: a function of the position in a table and the table's number.

        For symbols that decide which table the next one has; `put` would take many times as long. Positions count
        from 0, the last one is the escape, and nothing is checked.
        """
        models, append = table_set.models(self._coder.build_model), self._pieces.append
        return lambda position, table: append((position, models[table]))

    def getvalue(self) -> bytes:
        """The stream of all passes so far: little-endian words of 32 bits, none for an empty stream."""
        coder = self._coder()
        for symbols, model in reversed(self._pieces):
            if isinstance(symbols, int):
                coder.push_one(symbols, model)
            elif isinstance(model, np.ndarray):
                coder.push_uniform(symbols, model)
            else:
                coder.push(symbols, model)
        return coder.words().astype("<u4").tobytes()


class StreamDecoder:
    """Reads what `StreamEncoder` wrote: the same passes, with the same tables, in the same order.

    Any bytes decode to *something*: damage and wrong tables are noticed by a checksum over the decoded
    symbols and, most times, by `close`.

    Args:
        data: the stream.
        coder: the stack coder; both kinds read the same symbols.

    Raises:
        CorruptFile: if ``data`` cannot be the end of an encoder's stream.
    """

    def __init__(self, data: bytes, *, coder: type[AnsCoder[Any]] = DEFAULT_CODER) -> None:
        if len(data) % 4:
            raise CorruptFile(f"a coded stream of {len(data)} bytes is damaged: it must be whole 4-byte words")
        words = np.frombuffer(data, dtype="<u4").astype(np.uint32)
        if words.size and words[-1] == 0:
            raise CorruptFile("a coded stream is damaged: its last word must not be zero")
        self._coder = coder(words)

    def take(self, tables: NDArray[np.uint8], table_set: TableSet) -> NDArray[np.int32]:
        """Read one pass.

        Args:
            tables: uint8 of shape (N,), the table of each symbol; N may be 0.
            table_set: the tables that ``tables`` names.

        Returns:
            int32 of shape (N,), within +-``2**23`` whatever the stream holds.

        Raises:
            InvalidInput: if ``tables`` is not uint8 or names a table that is not in the set.
        """
        table_set.check_indices(tables)
        models = table_set.models(self._coder.build_model)
        by_table = np.empty(tables.size, dtype=np.int32)
        escapes = []
        for table, start, end in _runs(tables):
            local = self._coder.pop(models[table], end - start)
            escapes.append(start + np.flatnonzero(local == table_set.frequencies[table].size - 1))
            by_table[start:end] = local + table_set.offsets[table]
        order = np.argsort(tables, kind="stable")
        symbols = np.empty_like(by_table)
        symbols[order] = by_table
        if escapes:
            escaped = np.sort(order[np.concatenate(escapes)])
            symbols[escaped] = self._take_escaped(tables[escaped], table_set)
        return symbols

    def one_by_one(self, table_set: TableSet) -> Callable[[int], int]:
        """What reads the passes of `StreamEncoder.one_by_one`: positions in the tables whose numbers it is given.

        The last position of a table is the escape; the caller has to refuse it, as nothing follows it.
        """
        models, pop = table_set.models(self._coder.build_model), self._coder.pop_one
        return lambda table: pop(models[table])

    def _take_escaped(self, tables: NDArray[np.uint8], table_set: TableSet) -> NDArray[np.int32]:
        if not tables.size:
            return np.empty(0, dtype=np.int32)
        classes = self._coder.pop_uniform(np.full(tables.size, ESCAPE_CLASSES, dtype=np.int32))
        signs = self._coder.pop_uniform(np.full(tables.size, 2, dtype=np.int32))
        low = np.zeros_like(classes)
        long = classes > 0
        if np.any(long):
            low[long] = self._coder.pop_uniform(np.left_shift(np.int32(1), classes[long]))
        return table_set.from_local(tables, signs, exp_golomb_inverse(classes, low))

    def close(self) -> None:
        """Check that the stream has been read to its end.

        Raises:
            CorruptFile: if something is left over.
        """
        if not self._coder.is_empty():
            raise CorruptFile("a coded stream is damaged or was read with other tables: it does not end properly")


def _runs(tables: NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    """(table, start, end) of each table that occurs, in a pass sorted by table."""
    counts = np.bincount(tables, minlength=1)
    ends = np.cumsum(counts)
    return [(int(k), int(ends[k] - counts[k]), int(ends[k])) for k in np.flatnonzero(counts)]

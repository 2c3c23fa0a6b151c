"""Masks: two-valued pictures coded without loss, from coarse to fine, each pixel in the context of what is known.

All pixels of a pass see only passes before it, so that a pass is a few array operations; the contexts' statistics are
learned while coding, chunk by chunk. On masks of depth cameras this takes about as many bytes as a raster-scan coder
with a context of ten pixels, which would go pixel by pixel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile
from .ans import StreamDecoder, StreamEncoder
from .tables import TOTAL, TableSet

Mask = NDArray[np.bool_]
_Places = tuple[slice, slice]

_COARSEST = 5  # the first pass takes every 32nd row and column
_TABLES = 64
_QUARTERS = (65536, 55109, 46341, 38968)  # 2^(-k / 4) in 65536ths
_FIRST_CHUNK = 64
_MOST_COUNTED = 1024
# Around a pixel, in units of a pass's spacing: rows and columns.
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
_FAR_DIAGONAL = ((-3, -1), (-3, 1), (3, -1), (3, 1), (-1, -3), (-1, 3), (1, -3), (1, 3))
_DIRECT = ((-1, 0), (0, -1), (0, 1), (1, 0))
_KNIGHTS = ((-2, -1), (-2, 1), (-1, -2), (-1, 2), (1, -2), (1, 2), (2, -1), (2, 1))
_MARGIN = 3


def encode_mask(mask: Mask) -> bytes:
    """The stream of a mask (H, W); empty when nothing is set."""
    if not mask.any():
        return b""
    encoder = StreamEncoder()

    def put(places: _Places, rare: Mask, tables: NDArray[np.uint8], start: int) -> Mask:
        bits: Mask = mask[places].reshape(-1)[start : start + tables.size]
        encoder.put((bits == rare).astype(np.int32), tables, rarity_tables())
        return bits

    _walk(mask.shape, put)
    return encoder.getvalue()


def decode_mask(data: bytes, size: tuple[int, int]) -> Mask:
    """The mask of this size (H, W) that a stream holds; raises CorruptFile when it cannot be one."""
    if not data:
        return np.zeros(size, dtype=bool)
    decoder = StreamDecoder(data)

    def take(places: _Places, rare: Mask, tables: NDArray[np.uint8], start: int) -> Mask:
        symbols = decoder.take(tables, rarity_tables())
        if symbols.size and not 0 <= int(symbols.min()) <= int(symbols.max()) <= 1:
            raise CorruptFile("the mask of a depth map is damaged; fetch the file again")
        bits: Mask = (symbols == 1) == rare
        return bits

    mask = _walk(size, take)
    decoder.close()
    return mask


@functools.cache
def rarity_tables() -> TableSet:
    """Tables of two symbols, of which the second has probability 2^(-1 - k / 4) in table k; in whole numbers."""
    rare = [max(1, (TOTAL >> 1 + k // 4) * _QUARTERS[k % 4] >> 16) for k in range(_TABLES)]
    frequencies = tuple(np.array([TOTAL - count - 1, count, 1], dtype=np.uint32) for count in rare)
    return TableSet(frequencies, np.zeros(_TABLES, dtype=np.int32))


def _walk(size: tuple[int, ...], code: Callable[[_Places, Mask, NDArray[np.uint8], int], Mask]) -> Mask:
    """The one walk over a mask; `code` is asked for the bits of each chunk of a pass and returns them.

    It is given the places of the pass, which value of each bit is the rarer one and the table of its rarity, and how
    many bits of the pass came before.
    """
    known = np.zeros(size, dtype=bool)
    statistics = {kind: _Statistics(contexts) for kind, contexts in (("first", 1), ("a", 144), ("b", 144), ("c", 256))}
    for places, kind, contexts in _passes(known):
        learned, start, length = statistics[kind], 0, _FIRST_CHUNK
        shape, decoded = contexts.shape, []
        flat = contexts.reshape(-1)
        while start < flat.size:
            chunk = flat[start : start + length]
            bits = code(places, *learned.expected(chunk), start)
            learned.count(chunk, bits)
            decoded.append(bits)
            start, length = start + length, length * 2
        if decoded:
            known[places] = np.concatenate(decoded).reshape(shape)
    return known


def _passes(known: Mask) -> Iterator[tuple[_Places, str, NDArray[np.int64]]]:
    """Where each pass is, its kind, and its contexts; `known` is filled in the meantime."""
    step = 1 << _COARSEST
    first = (slice(None, None, step), slice(None, None, step))
    yield first, "first", np.zeros(known[first].shape, dtype=np.int64)
    for exponent in reversed(range(_COARSEST)):
        step = 1 << exponent
        grid = known[::step, ::step]
        for kind, row, column in (("a", 1, 1), ("b", 0, 1), ("c", 1, 0)):
            places = (slice(row * step, None, 2 * step), slice(column * step, None, 2 * step))
            yield places, kind, _contexts(grid, kind, row, column)


def _contexts(grid: Mask, kind: str, row: int, column: int) -> NDArray[np.int64]:
    """The contexts of the pixels at rows row, row + 2, ... and columns column, column + 2, ... of a grid."""
    # Beyond the edges is the reflection, which keeps rows and columns even or odd.
    padded = np.pad(grid, _MARGIN, mode="reflect") if min(grid.shape) > 1 else np.pad(grid, _MARGIN, mode="edge")

    def seen(offset: tuple[int, int]) -> NDArray[np.int64]:
        rows, columns = (
            slice(_MARGIN + start + by, _MARGIN + size + by, 2)
            for start, size, by in zip((row, column), grid.shape, offset, strict=True)
        )
        return padded[rows, columns].astype(np.int64)

    if kind == "c":
        return sum((seen(offset) << bit for bit, offset in enumerate(_DIRECT + _DIAGONAL)), start=np.int64(0))
    near, far = (_DIAGONAL, _FAR_DIAGONAL) if kind == "a" else (_DIRECT, _KNIGHTS)
    pattern = sum((seen(offset) << bit for bit, offset in enumerate(near)), start=np.int64(0))
    return 9 * pattern + sum(seen(offset) for offset in far)


class _Statistics:
    """How often each value came in each context of one kind of pass."""

    def __init__(self, contexts: int) -> None:
        self._counts = np.zeros((contexts, 2), dtype=np.int64)

    def expected(self, contexts: NDArray[np.int64]) -> tuple[Mask, NDArray[np.uint8]]:
        """The rarer value of each context's next bit, and the table of its rarity."""
        unset, set_ = self._counts.T
        # The estimate of Krichevsky and Trofimov (IEEE Trans. Information Theory 27(2), 1981), in 2^24ths.
        probability = ((2 * np.minimum(unset, set_) + 1) << 24) // (2 * (unset + set_) + 2)
        tables = np.searchsorted(_borders(), -probability, side="left").clip(0, _TABLES - 1).astype(np.uint8)
        rare: Mask = (set_ <= unset)[contexts]
        return rare, tables[contexts]

    def count(self, contexts: NDArray[np.int64], bits: Mask) -> None:
        for value in (False, True):
            chosen = contexts[bits == value]
            self._counts[:, int(value)] += np.bincount(chosen, minlength=len(self._counts))
        full = self._counts.sum(1) > _MOST_COUNTED
        self._counts[full] = (self._counts[full] + 1) >> 1


@functools.cache
def _borders() -> NDArray[np.int64]:
    """Between the probabilities of tables k and k + 1, negative, ascending."""
    rare = np.array([int(table[1]) for table in rarity_tables().frequencies], dtype=np.int64)
    return -((rare[:-1] + rare[1:]) >> 1)

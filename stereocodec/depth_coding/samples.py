"""The stream of a depth map's samples: its bins, and the bin of each measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..container.varint import read_varint, write_varint
from ..entropy.ans import StreamDecoder, StreamEncoder
from ..errors import CorruptFile, InvalidInput
from .bins import bins_of, dense_representatives, representatives
from .bound import DepthBound
from .tables import SCALES, mean_of, residual_tables
from .walk import CONTEXTS, passes, predictions, weights_of

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_FIRST_CHUNK = 256
_DENSE, _LISTED = 0, 1
# Asked for the bins of places, given their tables and what is expected there.
_Code = Callable[[Any, NDArray[np.uint8], NDArray[np.int64]], NDArray[np.int64]]


def encode_depth(samples: NDArray[Any], holes: NDArray[np.bool_], bound: DepthBound, invalid: int) -> bytes:
    """The stream of the measurements of a depth map; empty when there is none.

    samples: (H, W), uint8 or uint16, what stands in holes does not matter. holes: (H, W).
    invalid: the sample that no measurement has.

    Raises InvalidInput when a measurement has the invalid sample.
    """
    bits = 8 * samples.dtype.itemsize
    measured = samples[~holes].astype(np.int32)
    if not measured.size:
        return b""
    if (measured == invalid).any():
        raise InvalidInput("a measurement of a depth map has the sample that stands for none")
    low, high = int(measured.min()), int(measured.max())
    standing = representatives(np.unique(measured), bound, invalid, bits)
    dense = dense_representatives(low, high, bound, invalid, bits)
    listed = 2 * standing.size < dense.size
    encoder = StreamEncoder()
    if listed:
        low, extent = int(standing[0]), int(standing[-1] - standing[0])
        head = [_LISTED, *map(write_varint, (low, extent, standing.size - 1))]
        _walk(np.zeros((1, standing.size), dtype=bool), extent + 1, _putter(encoder, (standing - low)[None]))
    else:
        standing = dense
        head = [_DENSE, *map(write_varint, (low, high - low))]
    bins = np.zeros(samples.shape, dtype=np.int64)
    bins[~holes] = bins_of(measured, standing, bound)
    _walk(holes, standing.size, _putter(encoder, bins))
    return bytes(head[:1]) + b"".join(head[1:]) + encoder.getvalue()


def decode_depth(data: bytes, holes: NDArray[np.bool_], bits: int, bound: DepthBound, invalid: int) -> NDArray[Any]:
    """The samples (H, W) of a stream, uint8 or uint16 by `bits`: measurements within the bound, 0 in holes.

    holes, bound, invalid: as they were given to `encode_depth`.

    Raises CorruptFile when the stream cannot be one of these.
    """
    result = np.zeros(holes.shape, dtype=np.uint8 if bits == 8 else np.uint16)
    if holes.all():
        _check(not data)
        return result
    _check(data[:1] in (b"\0", b"\1"))
    low, position = _number(data, 1)
    extent, position = _number(data, position)
    _check(low + extent < 1 << bits)
    if data[0] == _LISTED:
        count, position = _number(data, position)
        _check(count <= extent)
        decoder = StreamDecoder(data[position:])
        standing = low + _walk(np.zeros((1, count + 1), dtype=bool), extent + 1, _taker(decoder, extent + 1))[0]
        _check(bool((np.diff(standing) > 0).all()) and invalid not in standing)
    else:
        decoder = StreamDecoder(data[position:])
        standing = dense_representatives(low, low + extent, bound, invalid, bits)
        _check(standing.size > 0)
    bins = _walk(holes, standing.size, _taker(decoder, standing.size))
    decoder.close()
    result[~holes] = standing[bins[~holes]]
    return result


def _putter(encoder: StreamEncoder, bins: NDArray[np.int64]) -> _Code:
    def put(places: Any, tables: NDArray[np.uint8], expected: NDArray[np.int64]) -> NDArray[np.int64]:
        wanted: NDArray[np.int64] = bins[places]
        encoder.put((wanted - expected).astype(np.int32), tables, residual_tables())
        return wanted

    return put


def _taker(decoder: StreamDecoder, count: int) -> _Code:
    def take(places: Any, tables: NDArray[np.uint8], expected: NDArray[np.int64]) -> NDArray[np.int64]:
        bins: NDArray[np.int64] = expected + decoder.take(tables, residual_tables())
        _check(not bins.size or 0 <= int(bins.min()) <= int(bins.max()) < count)
        return bins

    return take


def _check(holds: bool) -> None:
    if not holds:
        raise CorruptFile("the samples of a depth map are damaged; fetch the file again")


def _number(data: bytes, position: int) -> tuple[int, int]:
    try:
        return read_varint(data, position, max_bytes=3)
    except (EOFError, ValueError) as error:
        raise CorruptFile("the head of a depth map's samples is damaged; fetch the file again") from error


def _walk(holes: NDArray[np.bool_], count: int, code: _Code) -> NDArray[np.int64]:
    """The one walk over a map; `code` is asked for the bins of places, and given their tables and expected bins."""
    filled = np.full(holes.shape, count >> 1, dtype=np.int64)
    weights = np.zeros(holes.shape, dtype=np.int64)
    later = weights_of(holes)
    rows, columns = np.arange(holes.shape[0])[:, None], np.arange(holes.shape[1])
    if not holes[0, 0]:
        first = (np.zeros(1, dtype=np.intp),) * 2
        filled[0, 0] = code(first, np.full(1, 2 * (SCALES - 1), dtype=np.uint8), filled[first])[0]
    weights[0, 0] = later[0, 0]
    widths = _Widths()
    for one in passes(holes.shape):
        if not filled[one.places].size:
            continue
        twice, contexts = predictions(filled, weights, one)
        here = filled[one.places]
        here[:] = (twice + 1) >> 1
        measured = ~holes[one.places]
        places = (
            np.broadcast_to(rows[one.places[0]], here.shape)[measured],
            np.broadcast_to(columns[one.places[1]], here.shape)[measured],
        )
        twice, contexts = twice[measured], contexts[measured]
        coded = np.empty(twice.size, dtype=np.int64)
        start, length = 0, _FIRST_CHUNK
        while start < twice.size:
            chunk = slice(start, start + length)
            expected = twice[chunk] >> 1
            tables = 2 * widths.scales(contexts[chunk]) + (twice[chunk] & 1)
            coded[chunk] = code((places[0][chunk], places[1][chunk]), tables.astype(np.uint8), expected)
            widths.learn(contexts[chunk], abs(2 * coded[chunk] - twice[chunk]))
            start, length = start + length, length * 2
        here[measured] = coded
        weights[one.places] = later[one.places]
    return filled


class _Widths:
    """The mean magnitude of residuals in each context so far."""

    def __init__(self) -> None:
        # As if each context had begun with a residual of its own deviation.
        self._count = np.ones(CONTEXTS, dtype=np.int64)
        self._sum = 4 + 4 * (np.arange(CONTEXTS) // 6) ** 2 // 4

    def scales(self, contexts: NDArray[np.int64]) -> NDArray[np.int64]:
        borders = np.array([mean_of(scale) for scale in range(1, SCALES)], dtype=np.int64)
        scales = np.searchsorted(borders, 128 * self._sum // self._count, side="right")
        return scales[contexts]

    def learn(self, contexts: NDArray[np.int64], twice: NDArray[np.int64]) -> None:
        self._count += np.bincount(contexts, minlength=CONTEXTS)
        np.add.at(self._sum, contexts, twice)
        full = self._count > 4096
        self._count[full] >>= 1
        self._sum[full] >>= 1

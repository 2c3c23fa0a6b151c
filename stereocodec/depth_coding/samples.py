"""The stream of a depth map's samples: its bins, and the bin of each measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..container.varint import read_varint, write_varint
from ..entropy.ans import StreamDecoder, StreamEncoder
from ..errors import CorruptFile, InvalidInput
from .bins import Bins, bins_of, dense_bins
from .bound import DepthBound
from .neighbours import Integers
from .tables import ROWS, residual_tables
from .walk import Coder, walk
from .widths import Chosen

_LISTED, _SMOOTH = 1, 2  # bits of the first byte
_OF_LISTS = True  # the set of networks for lists
_TRIED = 80  # rows and columns on which the sets of networks are tried
_AROUND = 8  # bins on either side that say how many of them occur
_BITS_OF_LIST, _BITS_OF_LISTED = 64, 3  # what a list takes, and each bin in it


def encode_depth(samples: NDArray[Any], holes: NDArray[np.bool_], bound: DepthBound, invalid: int) -> bytes:
    """The stream of the measurements of a depth map; empty when there is none.

    samples: (H, W), uint8 or uint16, what stands in holes does not matter. holes: (H, W).
    invalid: the sample that no measurement has.

    Raises InvalidInput when a measurement has the invalid sample.
    """
    measured = samples[~holes]
    if not measured.size:
        return b""
    if (measured == invalid).any():
        raise InvalidInput("a measurement of a depth map has the sample that stands for none")
    bins, listed = chosen_bins(measured, bound, invalid)
    numbers = np.zeros(samples.shape, dtype=np.int64)
    numbers[~holes] = bins.numbers(measured)
    smooth = _smooth(numbers, holes)
    encoder = StreamEncoder()
    low = int(bins.standing[0] if listed else measured.min())
    head = [low, int(bins.standing[-1] if listed else measured.max()) - low]
    if listed:
        standing = bins.standing - low
        head.append(standing.size - 1)
        walk(np.zeros((1, standing.size), dtype=bool), head[1] + 1, _OF_LISTS, _putter(encoder, standing[None]))
    walk(holes, bins.last.size, smooth, _putter(encoder, numbers))
    return bytes([_LISTED * listed | _SMOOTH * smooth]) + b"".join(map(write_varint, head)) + encoder.getvalue()


def decode_depth(data: bytes, holes: NDArray[np.bool_], bits: int, bound: DepthBound, invalid: int) -> NDArray[Any]:
    """The samples (H, W) of a stream, uint8 or uint16 by `bits`: measurements within the bound, 0 in holes.

    holes, bound, invalid: as they were given to `encode_depth`.

    Raises CorruptFile when the stream cannot be one of these.
    """
    result: NDArray[Any] = np.zeros(holes.shape, dtype=np.uint8 if bits == 8 else np.uint16)
    if holes.all():
        _check(not data)
        return result
    _check(len(data) > 0 and data[0] <= _LISTED | _SMOOTH)
    low, position = _number(data, 1)
    extent, position = _number(data, position)
    _check(low + extent < 1 << bits)
    if data[0] & _LISTED:
        count, position = _number(data, position)
        _check(count <= extent)
        decoder = StreamDecoder(data[position:])
        listed = walk(np.zeros((1, count + 1), dtype=bool), extent + 1, _OF_LISTS, _taker(decoder, extent + 1))[0]
        standing = low + listed.astype(np.int64)
        _check(bool((np.diff(standing) > 0).all()) and invalid not in standing)
    else:
        decoder = StreamDecoder(data[position:])
        standing = dense_bins(low, low + extent, bound, invalid).standing
        _check(standing.size > 0)
    numbers = walk(holes, standing.size, bool(data[0] & _SMOOTH), _taker(decoder, standing.size))
    decoder.close()
    result[~holes] = standing[numbers[~holes]]
    return result


def chosen_bins(measured: NDArray[Any], bound: DepthBound, invalid: int) -> tuple[Bins, bool]:
    """The bins that take fewest bytes for measurements (N,), and whether they are listed, not all between two.

    A list takes some bits for each of its bins. It saves as many for each measurement as the binary logarithm of how
    many times fewer bins there are around it.
    """
    occurring, counts = np.unique(measured, return_counts=True)
    dense = dense_bins(int(occurring[0]), int(occurring[-1]), bound, invalid)
    sparse = bins_of(occurring, bound, invalid)
    numbers = dense.numbers(occurring)
    used = np.zeros(dense.last.size + 2 * _AROUND, dtype=np.int64)
    used[numbers + _AROUND] = 1
    within = np.convolve(used, np.ones(2 * _AROUND + 1, dtype=np.int64), "valid")[numbers]
    saved = float(counts @ np.log2((2 * _AROUND + 1) / within))
    listed = saved > _BITS_OF_LIST + _BITS_OF_LISTED * sparse.last.size
    return (sparse if listed else dense), listed


def _smooth(numbers: Integers, holes: NDArray[np.bool_]) -> bool:
    """Whether the networks for smooth maps take less for a part of one than those for noisy maps."""
    part = np.ix_(*(_tried(~holes, axis) for axis in (0, 1)))
    sizes = []
    for smooth in (False, True):
        encoder = StreamEncoder()
        walk(holes[part], int(numbers.max()) + 1, smooth, _putter(encoder, numbers[part]))
        sizes.append(len(encoder.getvalue()))
    return sizes[True] < sizes[False]


def _tried(measured: NDArray[np.bool_], axis: int) -> Integers:
    """Rows (axis 0) or columns in two parts, around those up to which a quarter and three lie of the measurements."""
    sums = measured.sum(1 - axis).cumsum()
    part = np.arange(_TRIED // 2)
    starts = np.searchsorted(sums, sums[-1] * np.array([1, 3]) // 4) - part.size // 2
    return np.unique((starts[:, None].clip(0) + part).clip(max=sums.size - 1))


def _putter(encoder: StreamEncoder, bins: Integers) -> Coder:
    def put(places: tuple[slice, slice], measured: NDArray[np.bool_], chosen: Chosen) -> Integers:
        wanted: Integers = bins[places][measured]
        residuals = ((wanted - chosen.bins) * chosen.signs).astype(np.int32)
        for tail, table_set in enumerate(residual_tables()):
            those = chosen.tables // ROWS == tail
            encoder.put(residuals[those], (chosen.tables[those] % ROWS).astype(np.uint8), table_set)
        return wanted

    return put


def _taker(decoder: StreamDecoder, count: int) -> Coder:
    def take(places: tuple[slice, slice], measured: NDArray[np.bool_], chosen: Chosen) -> Integers:
        residuals = np.empty(chosen.tables.size, dtype=np.int64)
        for tail, table_set in enumerate(residual_tables()):
            those = chosen.tables // ROWS == tail
            residuals[those] = decoder.take((chosen.tables[those] % ROWS).astype(np.uint8), table_set)
        bins = chosen.bins + residuals * chosen.signs
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

"""Side information: fields of whole numbers that are mostly smooth and sometimes jump, coded without loss.

Each value is predicted from its neighbours (the median edge detector of LOCO-I, Weinberger et al., IEEE Transactions
on Image Processing 9(8), 2000); the prediction errors are coded with one of a family of heavy-tailed tables, which
the encoder chooses per field. On disparities, whose errors are mostly 0 and sometimes large, this family costs 2 %
more than a field's own histogram would, where a Laplace density costs 50 %.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DecodingMismatch
from .ans import StreamDecoder, StreamEncoder
from .tables import TableSet

_SPREADS = np.geomspace(0.01, 20, 16)
_EXPONENT = 0.7
_RADIUS = 640
_ESCAPE = 2.0**-16


def field_probabilities() -> NDArray[np.float64]:
    """Probability of each error from -_RADIUS to _RADIUS in each table, (tables, 2 * _RADIUS + 1)."""
    errors = np.arange(-_RADIUS, _RADIUS + 1)
    density = (1 + (errors / _SPREADS[:, None]) ** 2) ** -_EXPONENT
    probabilities: NDArray[np.float64] = density / density.sum(-1, keepdims=True) * (1 - _ESCAPE)
    return probabilities


def field_tables() -> TableSet:
    """The family as integer tables."""
    probabilities = field_probabilities()
    return TableSet.from_probabilities(list(probabilities), [-_RADIUS] * len(probabilities))


def prediction_errors(field: NDArray[np.int64]) -> NDArray[np.int32]:
    """(h, w) -> errors in raster order, (h * w,); what lies outside is 0 above and left of the first value."""
    west = np.pad(field, ((0, 0), (1, 0)))[:, :-1]
    north = np.pad(field, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(field, ((1, 0), (1, 0)))[:-1, :-1]
    west[1:, 0] = corner[1:, 0] = field[:-1, 0]
    north[0] = corner[0] = west[0]
    predicted = np.clip(west + north - corner, np.minimum(west, north), np.maximum(west, north))
    errors: NDArray[np.int32] = (field - predicted).astype(np.int32).reshape(-1)
    return errors


def field_from_errors(errors: NDArray[np.int32], size: tuple[int, int]) -> NDArray[np.int64]:
    """The inverse of `prediction_errors`."""
    width = size[1]
    field = np.zeros(size, dtype=np.int64)
    if not errors.any():
        return field
    above: list[int] = [0] * width
    for row, row_errors in enumerate(errors.reshape(size)):
        if not row_errors.any() and not any(above):
            continue
        west = corner = above[0] if row else 0
        values = []
        for column, error in enumerate(map(int, row_errors)):
            north = above[column] if row else west
            if column == 0 or not row:
                corner = west
            low, high = (west, north) if west < north else (north, west)
            west = error + min(max(west + north - corner, low), high)
            corner = north
            values.append(west)
        above = values
        field[row] = values
    return field


def write_field(field: NDArray[np.int64], stream: StreamEncoder, tables: TableSet) -> None:
    """Writes a field (h, w) with the table that suits it best."""
    errors = prediction_errors(field)
    values, counts = np.unique(errors, return_counts=True)
    costs = [counts @ tables.bits(values, np.full(values.size, k, dtype=np.uint8)) for k in range(len(tables))]
    best = int(np.argmin(costs))
    stream.put(np.array([best], dtype=np.int32), _choice_index(tables), tables)
    stream.put(errors, np.full(errors.size, best, dtype=np.uint8), tables)


def read_field(stream: StreamDecoder, size: tuple[int, int], tables: TableSet) -> NDArray[np.int64]:
    """Reads a field of a size; raises DecodingMismatch where the file is damaged."""
    best = int(stream.take(_choice_index(tables), tables)[0])
    if not 0 <= best < len(tables):
        raise DecodingMismatch("a field of side information names a table that does not exist; the file is damaged")
    return field_from_errors(stream.take(np.full(size[0] * size[1], best, dtype=np.uint8), tables), size)


def _choice_index(tables: TableSet) -> NDArray[np.uint8]:
    """The table that codes which table a field is coded with: the broadest one."""
    return np.array([len(tables) - 1], dtype=np.uint8)


@torch.no_grad()
def field_bits(field: Tensor) -> Tensor:
    """What fields (B, h, w) of int64 cost, each with its best table; (B,) float32 without gradient.

    All at once and on their device: a GPU would have to wait for every field that is looked at here.
    """
    west, north, corner = (F.pad(field, padding) for padding in ((1, 0), (0, 0, 1, 0), (1, 0, 1, 0)))
    west, north, corner = west[:, :, :-1], north[:, :-1], corner[:, :-1, :-1]
    west[:, 1:, 0] = corner[:, 1:, 0] = field[:, :-1, 0]
    north[:, 0] = corner[:, 0] = west[:, 0]
    predicted = (west + north - corner).clamp(torch.minimum(west, north), torch.maximum(west, north))
    errors = (field - predicted).clamp(-_RADIUS, _RADIUS) + _RADIUS
    return _bits(field.device)[:, errors.flatten(1)].sum(-1).amin(0).float()


@functools.cache
def _bits(device: torch.device) -> Tensor:
    """The bits of each error in each table, (tables, 2 * _RADIUS + 1) float64."""
    with torch.inference_mode(False):
        return torch.from_numpy(-np.log2(field_probabilities())).to(device)

"""Work on large feature maps some positions or rows at a time, so that what lies between stays in a processor's cache.

It takes less memory, and less time as well: large tensors that come and go cost more than what is computed in them.
Where gradients are asked for, and on other devices, the work is done in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Of each thread: 2048 positions of 288 channels in float64 are 4.7 MB.
_POSITIONS = 1024
_ROW_BYTES = 2**20
# PyTorch's products in float32 are summed up in another order where positions are no multiple of it (`products.py`).
_MULTIPLE = 16
_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


def by_positions(work: Callable[..., Tensor], *maps: Tensor) -> Tensor:
    """What work gives, (..., C), for feature maps (..., C) of equal positions, each of which it treats alone."""
    positions = maps[0].shape[:-1].numel()
    step = _POSITIONS * torch.get_num_threads()
    if _is_whole(maps[0]) or positions <= step or positions % _MULTIPLE:
        return work(*maps)
    flat = [x.reshape(1, positions, x.shape[-1]) for x in maps]
    done = joined((work(*(x[:, first : first + step] for x in flat)) for first in range(0, positions, step)), positions)
    return done.view(*maps[0].shape[:-1], done.shape[-1])


def by_rows(work: Callable[..., Tensor], *maps: Tensor) -> Tensor:
    """What work gives, (N, H, ...), for feature maps (N, H, W, C), each row of which it treats alone."""
    return several_by_rows(lambda *some: (work(*some),), *maps)[0]


def several_by_rows(work: Callable[..., tuple[Tensor, ...]], *maps: Tensor) -> tuple[Tensor, ...]:
    """`by_rows` of work that gives several feature maps."""
    rows = (slice(first, first + tile.shape[1]) for first, tile in row_tiles(maps[0]))
    return _all_joined((work(*(x[:, some] for x in maps)) for some in rows), maps[0].shape[1])


def row_tiles(x: Tensor, multiple: int = 1) -> Iterator[tuple[int, Tensor]]:
    """Some rows of feature maps (N, H, W, C) after the other, a multiple of so many as H is one, and which is first."""
    height, rows = x.shape[1], x.shape[1]
    if height and not _is_whole(x):
        rows = _ROW_BYTES * torch.get_num_threads() // (x[:, 0].numel() * x.element_size())
    rows = max(1, rows // multiple) * multiple
    for first in range(0, height, rows):
        yield first, x[:, first : first + rows]


def rows_beside(x: Tensor, first: int, rows: int, margin: int) -> Tensor:
    """Some rows of (N, H, W, C) from the first one on, and so many above and below; zeros where there are none."""
    begin, end = first - margin, first + rows + margin
    missing = max(-begin, 0), max(end - x.shape[1], 0)
    return F.pad(x[:, max(begin, 0) : end], (0, 0, 0, 0, *missing))


def joined(parts: Iterable[Tensor], rows: int) -> Tensor:
    """Parts (N, ..., C) that follow one another along the second axis as one, of so many rows."""
    return _all_joined(((part,) for part in parts), rows)[0]


def _all_joined(parts: Iterable[tuple[Tensor, ...]], rows: int) -> tuple[Tensor, ...]:
    """`joined` for several tensors at once, of each of which there is a part in every tuple."""
    if torch.is_grad_enabled():
        return tuple(torch.cat(each, 1) for each in zip(*parts, strict=True))
    wholes, first = None, 0
    for some in parts:
        count = some[0].shape[1]
        if count == rows:
            return some
        if wholes is None:
            wholes = tuple(empty_like(part, (part.shape[0], rows, *part.shape[2:])) for part in some)
        for whole, part in zip(wholes, some, strict=True):
            whole[:, first : first + count] = part
        first += count
    assert wholes is not None
    return wholes


def empty_like(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Memory for a large tensor of a shape, of the type and on the device of another one, without gradients.

    PyTorch asks the C library for aligned memory, and that of glibc before 2.38 takes no piece for it that was freed of
    the same size, so that memory falls to pieces. numpy asks for any.
    """
    dtype = _DTYPES.get(x.dtype)
    if dtype is None or x.device.type != "cpu":
        return x.new_empty(*shape)
    return torch.from_numpy(np.empty(shape, dtype))


def _is_whole(x: Tensor) -> bool:
    """Whether work on a tensor is done in one go."""
    return torch.is_grad_enabled() or x.device.type != "cpu"

"""How near coding comes to its matrix products alone: what these would take at the speed of large ones."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from markdown_tables import table
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from stereocodec import StereoCodec
from stereocodec.nn import blas
from stereocodec.nn.products import quick_linear

View = NDArray[np.uint8]
# Rows and sides of the products that tell the speed, and how often they are timed.
_ROWS, _SIDE, _REPEATS = 2**13, 768, 7
_TYPES = (torch.float64, torch.float32)


class ProductCounter(TorchDispatchMode):
    """Counts the floating point operations of products, convolutions and attention, by type."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: dict[torch.dtype, int] = defaultdict(int)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        count = flop_registry.get(func._overloadpacket)
        if count is None:
            with self:
                decomposed = func.decompose(*args, **kwargs)
            if decomposed is not NotImplemented:
                return decomposed
        out = func(*args, **kwargs)
        if count is not None:
            first = out if isinstance(out, Tensor) else out[0]
            self.operations[first.dtype] += int(count(*args, **kwargs, out_val=out))
        return out


def limit_table(codec: StereoCodec, views: tuple[View, View], quality: int, seconds: Mapping[str, float]) -> str:
    """The share of the products in the seconds that encoding and decoding take, with as many threads as now."""
    data = codec.compress(*views, quality=quality)
    actions = {"encode": lambda: codec.compress(*views, quality=quality), "decode": lambda: codec.decompress(data)}
    speeds = {dtype: _speed(dtype) for dtype in _TYPES}
    rows = []
    for direction, action in actions.items():
        done = _counted(action)
        least = sum(done[dtype] / speed for dtype, speed in speeds.items())
        cells = [f"{done[dtype] / 1e9:.0f} at {speed / 1e9:.0f}/s" for dtype, speed in speeds.items()]
        rows.append(
            [direction, *cells, f"{least:.2f} s", f"{seconds[direction]:.2f} s ({least / seconds[direction]:.0%})"]
        )
    header = [f"products, threads: {torch.get_num_threads()}", "float64, 10^9", "float32, 10^9", "alone", "of all"]
    return table(header, rows)


def _counted(action: Callable[[], object]) -> Mapping[torch.dtype, int]:
    # Of PyTorch's products alone it is told.
    with ProductCounter() as counter, patch.object(blas, "is_faster", return_value=False):
        action()
    return counter.operations


def _speed(dtype: torch.dtype) -> float:
    """Floating point operations per second of a large product."""
    seconds = []
    with torch.inference_mode(), blas.float64_products(torch.get_num_threads()):
        x, weight = (torch.ones(rows, _SIDE, dtype=dtype) for rows in (_ROWS, _SIDE))
        for _ in range(_REPEATS):
            start = time.perf_counter()
            quick_linear(x, weight)
            seconds.append(time.perf_counter() - start)
    return 2 * _ROWS * _SIDE**2 / median(seconds)

"""Matrix products in float64 by numpy's BLAS, on processors where it is faster than PyTorch's.

PyTorch's is MKL, which uses half of each vector of AVX-512 on processors of AMD. The OpenBLAS in numpy's wheels uses
all of it. Results differ in their last bits, as between any two machines.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..processor import is_amd, waiting_threads_sleep

# Sets of OpenBLAS' kernels that use AVX-512, as it names them.
_WIDE_KERNELS = ("skylakex", "cooperlake", "sapphirerapids")
_lock = Lock()
# The numbers of threads of all work that is within `float64_products`, and what gives back the number before.
_within: list[int] = []
_before: Any = None


@contextmanager
def float64_products(threads: int) -> Iterator[None]:
    """Within, `product` is there where it is the faster one for work of so many threads.

    For that time OpenBLAS computes with as many in the whole process, with the fewest where work is done at the same
    time. With several threads it is the faster one only if those that wait sleep: two libraries that take turns would
    keep each other from working.
    """
    global _before
    libraries = _wide_libraries()
    if libraries is None or (threads > 1 and not waiting_threads_sleep()):
        yield
        return
    with _lock:
        _within.append(threads)
        limit = libraries.limit(limits=min(_within), user_api="blas")
        _before = limit if len(_within) == 1 else _before
    try:
        yield
    finally:
        with _lock:
            _within.remove(threads)
            if _within:
                libraries.limit(limits=min(_within), user_api="blas")
            else:
                _before.restore_original_limits()


def is_faster(x: Tensor) -> bool:
    """Whether products with x are to be computed here: in float64, on the processor, without gradients, and within
    `float64_products`."""
    return bool(_within) and x.dtype == torch.float64 and x.device.type == "cpu" and not torch.is_grad_enabled()


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x (..., C_in) times the transpose of weight (C_out, C_in), both in float64 on the processor."""
    rows = x.reshape(-1, x.shape[-1]).numpy()
    done = torch.from_numpy(np.matmul(rows, weight.detach().numpy().T))
    return done.view(*x.shape[:-1], weight.shape[0])


@functools.cache
def _wide_libraries() -> Any:
    """The BLAS libraries of this process, to set their threads; None where PyTorch's products are as fast.

    All that are loaded must be fast, because numpy does not tell which one is its own.
    """
    if not is_amd() or not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return None
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(user_api="blas")
    kernels = [str(getattr(library, "architecture", None)).lower() for library in found.lib_controllers]
    return found if kernels and all(name in _WIDE_KERNELS for name in kernels) else None

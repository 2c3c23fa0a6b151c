"""NumPy's `.npy` format, read without pickle: the header is checked before memory is taken."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..text import reason_of

NPY_MAGIC = npy_format.MAGIC_PREFIX
_HEADER_BYTES = 1024  # of the text that tells dtype and shape; of plain arrays it has some 100
_READERS: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class NpyHeader:
    """What stands before the samples."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool


def read_header(file: IO[bytes], name: str) -> NpyHeader:
    """The header of a `.npy` file, after which the samples begin.

    Raises InvalidInput for what is none, and for arrays of Python objects, which only pickle could read.
    """
    try:
        version = npy_format.read_magic(file)
        if version not in _READERS:
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran_order, dtype = _READERS[version](file, max_header_size=_HEADER_BYTES)
        if any(isinstance(side, bool) or side < 0 for side in shape):
            raise ValueError(f"a shape of {shape}")
    except Exception as error:  # of Python's parser, too, which reads the header
        reason = reason_of(error)
        raise InvalidInput(f"{name} is damaged ({reason}): write it again with numpy.save") from error
    if dtype.hasobject:
        raise InvalidInput(
            f"{name} is an array of Python objects, which are not read: save the views as arrays of uint8"
        )
    return NpyHeader(shape, dtype, fortran_order)


def read_samples(file: IO[bytes], header: NpyHeader, name: str) -> NDArray[Any]:
    """The array whose header was read; takes no more memory than there are bytes.

    The caller has checked that the header's shape is one that it wants. Raises InvalidInput for fewer and for more
    bytes than the header says, and what reading raises otherwise.
    """
    size = math.prod(header.shape) * header.dtype.itemsize
    data = bytearray()
    while len(data) < size:
        chunk = file.read(min(_CHUNK_BYTES, size - len(data)))
        if not chunk:
            raise InvalidInput(f"{name} is truncated: {len(data)} of {size} bytes of samples are there")
        data += chunk
    if file.read(1):  # which also has a ZIP entry compare its checksum
        raise InvalidInput(f"{name} goes on after its {size} bytes of samples: write it again with numpy.save")
    samples: NDArray[Any] = np.ndarray(header.shape, header.dtype, data, order="F" if header.fortran_order else "C")
    return samples

"""Headers of safetensors files, checked before anything that they announce is read; imports no torch.

The format: https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .regular_files import open_regular

MAX_TENSORS_BYTES = 2**32  # of a whole file; the largest published network takes an eighth of it
MAX_HEADER_BYTES = 2**23  # some 80,000 tensors
_MAX_AXES = 16
_MAX_SIDE = 2**40
_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4}
_BYTES |= {"U64": 8, "I64": 8, "F64": 8}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as a header announces it; dtype: as in the header, "F16" for half precision."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * _BYTES[self.dtype]

    @property
    def is_floating_point(self) -> bool:
        """Whether it holds real numbers."""
        return self.dtype in ("F16", "BF16", "F32", "F64")


@dataclass(frozen=True)
class Header:
    """The tensors of a file by name, and the texts that it holds beside them."""

    tensors: Mapping[str, StoredTensor]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The header of a safetensors file whose length is what the header announces.

    Raises OSError as `open_regular` does, and ValueError, which says what the file is instead where that can be told.
    """
    with open_regular(path, MAX_TENSORS_BYTES) as file:
        return _checked(file, os.fstat(file.fileno()).st_size)


def mistaken_for_data(start: bytes) -> str | None:
    """What a file is that came in place of weights, by its first bytes; None for others."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer and not the data that it stands for; git lfs pull fetches them"
    if text.startswith((b"<!doctype html", b"<html")):
        return "it is a web page and not the data; download the file itself"
    return None if start else "it is empty"


def is_tensor_file(start: bytes) -> bool:
    """Whether a file that begins so, with at least 9 bytes, can be safetensors."""
    return start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= MAX_HEADER_BYTES


def _checked(file: BinaryIO, size: int) -> Header:
    start = file.read(512)
    if mistaken := mistaken_for_data(start):
        raise ValueError(mistaken)
    length = int.from_bytes(start[:8], "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"it is no safetensors file, or announces more than {MAX_HEADER_BYTES:,} bytes of header")
    if size < 8 + length:
        raise ValueError("it is truncated, or no safetensors file")
    file.seek(8)
    try:
        entries: Any = json.loads(file.read(length).decode("utf-8"))
        metadata = entries.pop("__metadata__", None) or {}
        tensors = {name: _tensor(entry) for name, entry in entries.items()}
        metadata = {str(key): str(value) for key, value in metadata.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("its header is damaged, or it is no safetensors file") from error
    if sum(tensor.nbytes for tensor in tensors.values()) != size - 8 - length:
        raise ValueError("its length is not that of the tensors in its header")
    return Header(tensors, metadata)


def _tensor(entry: Mapping[str, Any]) -> StoredTensor:
    shape = entry["shape"]
    if len(shape) > _MAX_AXES or not all(type(side) is int and 0 <= side <= _MAX_SIDE for side in shape):
        raise ValueError("an impossible shape")
    tensor = StoredTensor(entry["dtype"], tuple(shape))
    first, last = entry["data_offsets"]
    if last - first != tensor.nbytes:
        raise ValueError("a tensor of another length")
    return tensor

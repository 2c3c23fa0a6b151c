"""State dicts out of files that training code wrote, read without running anything that they hold."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import InvalidInput
from ..regular_files import open_regular
from ..tensor_files import MAX_TENSORS_BYTES, is_tensor_file, mistaken_for_data, read_header
from ..text import reason_of

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_ZIP = b"PK\x03\x04"


class _Unused:
    """Stands for what training code stores beside weights; takes anything and does nothing."""

    def __new__(cls, *arguments: object, **settings: object) -> _Unused:
        return super().__new__(cls)

    def __init__(self, *arguments: object, **settings: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _harmless() -> list[tuple[type, str]]:
    """What may stand beside weights: NumPy's scalars, arrays and random states, paths, and parsed arguments."""
    numpy = [
        f"{core}.multiarray.{name}" for core in ("numpy.core", "numpy._core") for name in ("scalar", "_reconstruct")
    ]
    numpy += ["numpy.dtype", "numpy.ndarray"]
    bits = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
    kinds = ("randomstate", "generator", "bit_generator")
    numpy += [f"numpy.random._pickle.__{kind}_ctor" for kind in kinds] + [
        f"numpy.random.bit_generator.{name}" for name in ("SeedSequence", "__pyx_unpickle_SeedSequence")
    ]
    numpy += [f"numpy.random._{bit.lower()}.{bit}" for bit in bits]
    numpy += [f"numpy.dtypes.{name}DType" for name in ("Bool", "Int32", "Int64", "UInt32", "Float32", "Float64")]
    paths = [
        f"{module}.{kind}Path"
        for module in ("pathlib", "pathlib._local")
        for kind in ("Posix", "Windows", "PurePosix", "PureWindows")
    ]
    return [(_Unused, name) for name in (*numpy, *paths, "argparse.Namespace", "random.Random")]


def read_state_dict(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a checkpoint by their names, and the file's sha256.

    The file is what `torch.save` wrote, whatever its name, or safetensors. Within it the state dict may stand under
    `state_dict`, `model_state_dict` or `model`.
    Raises InvalidInput, which says what the file is or holds instead.
    """
    try:
        with open_regular(path, MAX_TENSORS_BYTES) as file:
            size, start = os.fstat(file.fileno()).st_size, file.read(512)
            if mistaken := mistaken_for_data(start):
                raise InvalidInput(f"{path} is no checkpoint: {mistaken}")
            file.seek(0)
            digest = hashlib.sha256()
            while part := file.read(2**20):
                digest.update(part)
        is_safe = path.suffix == ".safetensors" or is_tensor_file(start)
        found = _load_safe(path) if is_safe else _load_pickled(path, size, is_zip=start.startswith(_ZIP))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {reason_of(error)}") from error
    tensors = _unwrapped(path, found)
    # Tensors may lie upon each other: at most twice, as layers that two views share do under both names.
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * size:
        raise InvalidInput(f"{path} claims more values than it holds; it is damaged, use another checkpoint")
    return tensors, digest.hexdigest()


def _load_safe(path: Path) -> Any:
    try:
        read_header(path)
        return load_file(path)
    except (ValueError, SafetensorError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}; fetch it again") from error


def _load_pickled(path: Path, size: int, *, is_zip: bool) -> Any:
    try:
        if is_zip:
            _refuse_inflating(path, size)
        with torch.serialization.safe_globals(_harmless()):  # type: ignore[arg-type]
            # Mapped, so that nothing of it takes memory before its shapes are known.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except (InvalidInput, OSError):
        raise
    # torch.load raises whatever a damaged archive leads it to; its advice is to trust the file.
    except Exception as error:
        raise InvalidInput(f"{path} {_reason(str(error))}") from error


def _refuse_inflating(path: Path, size: int) -> None:
    """Raises InvalidInput for an archive whose files are larger than itself, which `torch.save` writes uncompressed."""
    with zipfile.ZipFile(path) as archive:
        inflated = sum(entry.file_size for entry in archive.infolist())
    if inflated > size:
        raise InvalidInput(
            f"{path} is an archive of {size:,} bytes that inflates to {inflated:,}: torch.save compresses nothing; "
            "extract the checkpoint from it"
        )


def _reason(message: str) -> str:
    named = re.search(r"(?:GLOBAL|function|class|whose module) ([\w.]+)", message)
    if named is None:
        return "is no checkpoint that holds weights: it is damaged, or of another kind; name what torch.save wrote"
    return (
        f"is no checkpoint that holds weights alone: it also holds {named[1][:200]}, which is not loaded, because that "
        "runs code; where it was trained, save the weights with torch.save(model.state_dict(), 'weights.pt')"
    )


def _unwrapped(path: Path, found: Any) -> dict[str, Tensor]:
    for _ in _WRAPPERS:
        inner = [found[key] for key in _WRAPPERS if isinstance(found, dict) and isinstance(found.get(key), dict)]
        found = inner[0] if inner else found
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise InvalidInput(f"{path} holds no state dict; name the file that the training code saved")
    tensors: dict[str, Tensor] = {}
    for key, value in found.items():
        if not isinstance(key, str):
            raise InvalidInput(
                f"{path} holds no state dict: {str(key)[:50]!r} is no name of a tensor; save state_dict()"
            )
        if value.layout != torch.strided or value.is_meta or value.is_quantized:
            raise InvalidInput(f"{path} holds {key[:200]} as a tensor without plain values; save it as a dense one")
        tensors[key] = value
    return tensors

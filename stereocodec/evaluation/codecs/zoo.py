"""Learned codecs of CompressAI's model zoo, each view coded apart to a file of its own.

The weights are those for mean squared error. They are fetched by their addresses in the zoo into PyTorch's own cache
(TORCH_HOME), where the zoo itself would put them, and only tensors are read from them.
"""

from __future__ import annotations

import hashlib
import socket
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...container.varint import read_varint, write_varint
from ...errors import FormatError
from ...text import reason_of
from ..metrics import View
from .base import Codec, Scale, installed

_MULTIPLE = 64  # sides of a picture that all networks of the zoo halve without a rest
_TIMEOUT_S = 30


@dataclass(frozen=True)
class ZooCodec:
    """A network of the zoo, by the zoo's name for it; the settings are the zoo's qualities.

    One thread computes: the zoo's decoders compute probabilities in float32 anew, and another number of threads may
    give others, with which nothing is decoded.
    """

    name: str
    title: str
    scale: Scale

    def missing(self) -> str | None:
        """Whether CompressAI is installed; fetches the weights of all qualities, or says why they cannot be had."""
        if find_spec("compressai") is None:
            return "the package compressai is not installed: pip install 'stereocodec[compare]'"
        try:
            weights = [_weights(self.name, quality) for quality in self._qualities()]
        except Exception as error:  # also of what it imports, such as a torchvision for another build of PyTorch
            return f"compressai cannot be imported: {_one_line(error)}"
        for url, path in weights:
            try:
                _fetch(url, path)
            except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: another sha256
                return f"no weights: {url} cannot be fetched ({_one_line(error)}); put the file at {path}"
        return None

    def identity(self) -> str:
        """The versions of what computes, and the weights of all qualities."""
        digests = [_digest(_weights(self.name, quality)[1]) for quality in self._qualities()]
        return f"compressai {installed('compressai')}, torch {installed('torch')}, {' '.join(digests)}"

    def prepare(self, setting: float) -> None:
        """Loads the network of a quality."""
        _load(self.name, int(setting))

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file per view: quality, height, width, size of the coarsest latent, the coded strings."""
        files = [stem.with_name(f"{stem.name}_{side}.zoo") for side in ("left", "right")]
        for path, view in zip(files, views, strict=True):
            path.write_bytes(_encoded(_load(self.name, int(setting)), int(setting), view))
        return files

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Decodes each file with the network of the quality that it names."""
        left, right = (_decoded(self.name, path.read_bytes()) for path in files)
        return left, right

    def _qualities(self) -> range:
        return range(int(self.scale.low), int(self.scale.high) + 1)


def _encoded(network: Any, quality: int, view: View) -> bytes:
    import torch

    height, width = view.shape[:2]
    padded = np.pad(view, ((0, -height % _MULTIPLE), (0, -width % _MULTIPLE), (0, 0)), mode="edge")
    with _single_thread(), torch.inference_mode():
        coded = network.compress(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)
    strings = [batch[0] for batch in coded["strings"]]
    numbers = [quality, height, width, *coded["shape"], len(strings), *map(len, strings)]
    return b"".join(map(write_varint, numbers)) + b"".join(strings)


def _decoded(name: str, data: bytes) -> View:
    import torch

    place, numbers = 0, []
    for _ in range(6):
        number, place = read_varint(data, place)
        numbers.append(number)
    quality, height, width, rows, columns, count = numbers
    lengths, strings = [], []
    for _ in range(count):
        length, place = read_varint(data, place)
        lengths.append(length)
    for length in lengths:
        strings.append([data[place : place + length]])
        place += length
    if place != len(data):
        raise FormatError("the file does not have the length that it names")
    with _single_thread(), torch.inference_mode():
        samples = _load(name, quality).decompress(strings, (rows, columns))["x_hat"]
        picture = samples[0, :, :height, :width].clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


@contextmanager
def _single_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _load(name: str, quality: int) -> Any:
    import torch

    zoo = _zoo()
    tensors = torch.load(_weights(name, quality)[1], map_location="cpu", weights_only=True)
    return zoo.image.model_architectures[name].from_state_dict(zoo.load_state_dict(tensors)).eval()


def _zoo() -> Any:
    with warnings.catch_warnings():  # about what it imports itself
        warnings.simplefilter("ignore")
        import compressai.zoo
    return compressai.zoo


def _weights(name: str, quality: int) -> tuple[str, Path]:
    """The address of a network's weights, and the file that they are in once they are fetched."""
    import torch

    url = str(_zoo().image.model_urls[name]["mse"][quality])
    return url, Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _fetch(url: str, path: Path) -> None:
    """Fetches a file whose name ends in the beginning of its sha256, unless it is there."""
    import torch

    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    begin = path.name.partition(".")[0].rpartition("-")[2]
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_S)  # torch.hub takes none
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=begin, progress=sys.stderr.isatty())
    finally:
        socket.setdefaulttimeout(before)


@lru_cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {reason_of(error)}"[:200]


_EIGHT, _SIX = (Scale("q", tuple(range(1, last + 1)), 1, last) for last in (8, 6))
ZOO_CODECS: tuple[Codec, ...] = (
    ZooCodec("bmshj2018-factorized", "Factorised prior (CompressAI)", _EIGHT),
    ZooCodec("bmshj2018-hyperprior", "Scale hyperprior (CompressAI)", _EIGHT),
    ZooCodec("mbt2018-mean", "Mean-scale hyperprior (CompressAI)", _EIGHT),
    ZooCodec("mbt2018", "Joint autoregressive prior (CompressAI)", _EIGHT),
    ZooCodec("cheng2020-anchor", "Cheng 2020, anchor (CompressAI)", _SIX),
    ZooCodec("cheng2020-attn", "Cheng 2020, attention (CompressAI)", _SIX),
)
"""The networks of the zoo that code single pictures, each quality with weights of its own."""

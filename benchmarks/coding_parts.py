"""Where the time of encoding and decoding goes, and what float64 costs: measured around the codec's own methods."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, ParamSpec, TypeVar
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereocodec import StereoCodec
from stereocodec.devices import torch_device
from stereocodec.entropy.ans import StreamDecoder, StreamEncoder
from stereocodec.entropy.coders import Group
from stereocodec.entropy.streams import StreamReader, StreamWriter
from stereocodec.models import StereoModel
from stereocodec.nn.blas import float64_products
from stereocodec.releases.release import load_release

View = NDArray[np.uint8]
Parts = dict[str, float]
ENCODE = ("analysis", "entropy network, float64", "quantisation and lattice", "ANS coder", "rest", "total", "CPU time")
DECODE = ("entropy network, float64", "lattice", "ANS coder", "synthesis", "rest", "total", "CPU time")

_P = ParamSpec("_P")
_R = TypeVar("_R")
# Methods that are timed; ANS is called within the coder, the coder's code and code_prior within the walk.
_WATCHED: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    ("ans", StreamEncoder, ("put", "getvalue")),
    ("ans", StreamDecoder, ("take",)),
    ("coder", StreamWriter, ("code_prior", "code", "code_field", "code_disparities")),
    ("coder", StreamReader, ("code_prior", "code", "code_field", "code_disparities")),
    ("finish", StreamWriter, ("finish",)),
    ("finish", StreamReader, ("close",)),
)


def coding_parts(
    codec: StereoCodec, model_class: type, views: tuple[View, View], *, quality: int | None, repeats: int
) -> tuple[Parts, Parts]:
    """Median wall seconds of the parts of encoding and of decoding (keys ENCODE, DECODE), after one warm-up."""
    encodings, decodings = [], []
    data = codec.compress(*views, quality=quality)
    codec.decompress(data)
    for _ in range(repeats):
        with _watched(model_class) as seconds:
            total, cpu = _timed(lambda: codec.compress(*views, quality=quality))
        encodings.append(_encoding(seconds, total, cpu))
        with _watched(model_class) as seconds:
            total, cpu = _timed(lambda: codec.decompress(data))
        decodings.append(_decoding(seconds, total, cpu))
    return _medians(encodings), _medians(decodings)


def walk_precision(
    model: str, views: tuple[View, View], *, quality: int, device: str, repeats: int
) -> tuple[float, float]:
    """Median wall seconds of the entropy network's walk in float64 and in float32, timed in turns.

    Nothing is coded: the coder of this walk rounds where it is asked to.
    """
    place = torch_device(device)
    walks: list[Callable[[], object]] = []
    with torch.inference_mode():
        for dtype in (torch.float64, torch.float32):
            network: StereoModel = load_release(model).model.to(place)
            x = torch.from_numpy(_padded(views, network.multiple)).to(place).float() / 255
            qualities = torch.full((2,), quality / 100, dtype=dtype, device=place)
            latents = network.analyse(x, qualities)
            if dtype == torch.float64:
                network.make_exact()
            walks.append(_walk(network, latents, qualities, (x.shape[1], x.shape[2])))
        seconds: list[list[float]] = [[], []]
        for repeat in range(repeats + 1):
            for index, walk in enumerate(walks):
                wall, _ = _timed(walk)
                if repeat:
                    seconds[index].append(wall)
    return median(seconds[0]), median(seconds[1])


class RoundingCoder:
    """An EntropyCoder that rounds in the precision of the walk and writes nothing."""

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        """z rounded."""
        assert z is not None
        return z.round()

    def context(self, y: Tensor | None) -> None:
        """As in files."""

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        """The group's elements of y, rounded around their means."""
        assert y is not None
        return torch.where(group.mask, (y - group.mean).round() + group.mean, 0)

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The field."""
        assert field is not None
        return field

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The field."""
        return self.code_field(view, field, size)


def _padded(views: tuple[View, View], multiple: int) -> View:
    """(2, H, W, 3) with sides that are multiples, edges repeated."""
    bottom, right = (-side % multiple for side in views[0].shape[:2])
    return np.pad(np.stack(views), ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")


def _walk(network: StereoModel, latents: Any, qualities: Tensor, size: tuple[int, int]) -> Callable[[], object]:
    def walk() -> object:
        with float64_products(torch.get_num_threads()):
            return network.walk(RoundingCoder(), latents, qualities, size)

    return walk


def _encoding(seconds: Parts, total: float, cpu: float) -> Parts:
    coder = seconds["coder"] + seconds["finish"]
    parts = seconds["analyse"], seconds["walk"] - seconds["coder"], coder - seconds["ans"], seconds["ans"]
    return dict(zip(ENCODE, (*parts, total - sum(parts), total, cpu), strict=True))


def _decoding(seconds: Parts, total: float, cpu: float) -> Parts:
    coder = seconds["coder"] + seconds["finish"]
    parts = seconds["walk"] - seconds["coder"], coder - seconds["ans"], seconds["ans"], seconds["reconstruct"]
    return dict(zip(DECODE, (*parts, total - sum(parts), total, cpu), strict=True))


@contextmanager
def _watched(model_class: type) -> Iterator[Parts]:
    """Sums the wall seconds of the watched methods while the context lasts."""
    seconds: Parts = defaultdict(float)
    model_methods = (
        ("analyse", model_class, ("prepare", "analyse_prepared")),
        ("walk", model_class, ("walk", "walk_latents", "walk_residual")),
        ("reconstruct", model_class, ("reconstruct", "reconstruct_between")),
    )
    with ExitStack() as stack:
        for part, owner, methods in (*_WATCHED, *model_methods):
            for method in methods:
                stack.enter_context(patch.object(owner, method, _counted(getattr(owner, method), seconds, part)))
        yield seconds


def _counted(method: Callable[_P, _R], seconds: Parts, part: str) -> Callable[_P, _R]:
    def counted(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        start, before = _now(), seconds[part]
        result = method(*args, **kwargs)
        seconds[part] = before + _now() - start  # with methods of this part that it called
        return result

    return counted


def _timed(action: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU seconds (all threads) of a call."""
    start, cpu = _now(), time.process_time()
    action()
    return _now() - start, time.process_time() - cpu


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()  # else a method would seem to end before its kernels do
    return time.perf_counter()


def _medians(runs: list[Parts]) -> Parts:
    return {part: median(run[part] for run in runs) for part in runs[0]}

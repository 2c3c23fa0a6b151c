"""What a release does to examples: sizes and quality by coding them to files and back; bytes against the estimate."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..entropy.coders import Group, SymbolEstimator
from ..entropy.streams import StreamWriter
from ..errors import TrainingError
from ..models import StereoModel
from ..releases.release import Release
from .examples import Example, central
from .kind import Kind
from .points import means, qualities_of

MEASURED_SIDE = 512
_EXCESS_SHARE, _EXCESS_BYTES = 0.005, 128

_Example = TypeVar("_Example", bound=Example)


def measure(kind: Kind[_Example], release: Release, examples: Sequence[_Example]) -> list[dict[str, float]]:
    """Codes the central crops of at least one example to files and back.

    Returns a row for each quality, 0 to 100, that the release is measured at: the means of what `Kind.coder` gives.
    """
    code = kind.coder(release)
    rows: list[dict[str, float]] = []
    for quality in qualities_of(release.model):
        points = [code(central(example, MEASURED_SIDE), quality) for example in examples]
        figures = {key: round(value, 6) for key, value in means(points, kind.card.largest).items()}
        rows.append({"quality": quality} | figures)
    return rows


def check_bytes(release: Release, inputs: Mapping[str, Tensor]) -> None:
    """Raises TrainingError when coded streams are longer than the model estimates by more than 0.5 % and 128 bytes.

    inputs: what is coded, by name, as of `coded_and_estimated_bytes`.
    """
    for name, x in inputs.items():
        for quality in qualities_of(release.model):
            coded, estimated = coded_and_estimated_bytes(release, x, quality)
            if not coded <= (1 + _EXCESS_SHARE) * estimated + _EXCESS_BYTES:
                raise TrainingError(
                    f"nothing was written: '{name}' at quality {quality} takes {coded:,} bytes, and the model "
                    f"estimates {estimated:,.0f}; its probability tables do not fit its densities"
                )


def coded_and_estimated_bytes(release: Release, x: Tensor, quality: int) -> tuple[int, float]:
    """Bytes of the streams and guard list, and what the densities of training say of the symbols in them.

    x: one pair or frame as the model takes it, float32, sides multiples of the model's; quality: 0 to 100.
    """
    model = copy.deepcopy(release.model)
    model.make_exact()
    coder = _Estimated(release, model)
    qualities = torch.full((2,), quality / 100, dtype=torch.float64)
    with torch.inference_mode():
        model.code_order(coder, False)
        model.walk(coder, model.analyse(x, qualities), qualities, (x.shape[1], x.shape[2]))
    streams, guard = coder.writer.finish()
    return len(guard) + sum(map(len, astuple(streams))), coder.estimator.bits.sum().item() / 8


class _Estimated:
    """A stream writer, and what the densities say of the symbols that it writes; an EntropyCoder and an Observer."""

    def __init__(self, release: Release, model: StereoModel) -> None:
        self.writer = StreamWriter(release.lattice, release.tables, self)
        self.estimator = SymbolEstimator(model.prior, model.laplace_share)
        self._levels = release.lattice.scale_levels

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        coded = self.writer.code_prior(z, shape, views=views)
        self.estimator.code_prior(coded, shape, views=views)
        return coded

    def context(self, y: Tensor | None) -> None:
        """Does nothing, as where files are written."""

    def see(self, family: str, symbols: NDArray[np.int32], tables: NDArray[np.uint8]) -> None:
        """Takes the symbols of a group and their tables, of which those of half steps come last."""
        self._seen = torch.from_numpy(symbols), torch.from_numpy(tables >= self._levels)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        coded = self.writer.code(y, group)
        self.estimator.add(group, *self._seen)
        return coded

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        coded = self.writer.code_field(view, field, size)
        self.estimator.code_field(view, coded, size)
        return coded

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        coded = self.writer.code_disparities(view, field, size)
        self.estimator.code_disparities(view, coded, size)
        return coded

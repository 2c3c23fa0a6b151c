"""Fits a release's tables to what its encoder chooses on examples; see `entropy/fitted_tables.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..entropy.coders import Group
from ..entropy.fitted_tables import SymbolCounts
from ..entropy.streams import CodingTables, StreamWriter
from .release import Release

# The counts of more examples hardly change, and each is coded several times.
_EXAMPLES = 24
# What the encoder chooses depends on the tables that it knows.
_FIT_ROUNDS = 2
# Of the qualities 0 to 100 each example is coded at every 25th, from another start.
_SPACING, _STARTS = 25, 5

_Example = TypeVar("_Example")


def some_of(examples: Sequence[_Example]) -> list[_Example]:
    """As many examples as a fit needs, from all over the list; all if there are no more."""
    return list(examples[:: -(-len(examples) // _EXAMPLES) or 1])


def fitted_tables(release: Release, inputs: Sequence[Tensor]) -> CodingTables:
    """The release's tables with some for every family of symbols that the examples have.

    inputs: pairs or frames as the model takes them, float32, sides multiples of the model's; not none.
    """
    analysed = list(_analysed(release, inputs))
    tables = release.tables
    for _ in range(_FIT_ROUNDS):
        counts = SymbolCounts(release.tables.scales)
        for latents, qualities, size in analysed:
            _count(replace(release, tables=tables), latents, qualities, size, counts)
        tables = replace(release.tables, families=counts.fitted())
    return tables


def _analysed(release: Release, inputs: Sequence[Tensor]) -> Iterator[tuple[Any, Tensor, tuple[int, int]]]:
    """What the walk takes, for all inputs at their qualities."""
    for index, x in enumerate(inputs):
        start = index % _STARTS * _SPACING // _STARTS
        for quality in range(start, 101, _SPACING) if release.model.has_qualities else (0,):
            qualities = torch.full((2,), quality / 100)
            with torch.inference_mode():
                yield release.model.analyse(x, qualities), qualities, (x.shape[1], x.shape[2])


def _count(release: Release, latents: Any, qualities: Tensor, size: tuple[int, int], counts: SymbolCounts) -> None:
    writer = StreamWriter(release.lattice, release.tables, counts)
    with torch.inference_mode():
        release.model.walk(_Inexact(writer), latents, qualities, size)


class _Inexact:
    """A stream writer for a walk in float32, which takes half the time: counts need not be exact; an EntropyCoder."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        return self._writer.code_prior(z, shape, views=views).float()

    def context(self, y: Tensor | None) -> None:
        """Nothing to do, as in files."""

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        exact = replace(group, mean=group.mean.double(), log_scale=group.log_scale.double())
        return self._writer.code(y, exact).to(group.mean.dtype)

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        return self._writer.code_field(view, field, size)

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        return self._writer.code_disparities(view, field, size)

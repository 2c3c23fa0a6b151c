"""Several pairs of one size read by one walk, so that the networks run once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from .coders import Group
from .streams import StreamReader


class BatchReader:
    """Asks the reader of each pair for its part of a batch; an EntropyCoder of pairs, for walks that read."""

    def __init__(self, readers: Sequence[StreamReader]) -> None:
        self._readers = readers

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        """Reads z of all pairs, view by view."""
        each = shape[0] // len(self._readers), *shape[1:]
        return torch.stack([reader.code_prior(None, each, views=views) for reader in self._readers], 1).flatten(0, 1)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        """Reads the group's elements of y."""
        means, log_scales = group.mean.split(1), group.log_scale.split(1)  # type: ignore[no-untyped-call]
        groups = (replace(group, mean=m, log_scale=s, weight=None) for m, s in zip(means, log_scales, strict=True))
        return torch.cat([reader.code(None, part) for reader, part in zip(self._readers, groups, strict=True)])

    def context(self, y: Tensor | None) -> None:
        """Nothing stands for what is not decoded yet."""

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Reads a field of each pair."""
        return self._fields(lambda reader: reader.code_field(view, None, size))

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Reads the disparities of each pair."""
        return self._fields(lambda reader: reader.code_disparities(view, None, size))

    def _fields(self, read: Callable[[StreamReader], Tensor]) -> Tensor:
        return torch.cat([read(reader) for reader in self._readers])

"""Several pairs of one size coded by one walk, so that the networks run once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .coders import EntropyCoder, Group


class BatchCoder:
    """Asks the coder of each pair for its part of a batch, each of which codes what it would code alone; an
    EntropyCoder."""

    def __init__(self, coders: Sequence[EntropyCoder]) -> None:
        """coders: of one pair each, all of them writers or all of them readers."""
        self._coders = coders

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        """Codes z of all pairs, view by view."""
        count = len(self._coders)
        each = shape[0] // count, *shape[1:]
        sources = [None] * count if z is None else [z[number::count] for number in range(count)]
        coded = [coder.code_prior(z, each, views=views) for coder, z in zip(self._coders, sources, strict=True)]
        return torch.stack(coded, 1).flatten(0, 1)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        """Codes the group's elements of y."""
        return self._of_each(y, lambda number, coder, y: coder.code(y, group.of_pair(number)))

    def context(self, y: Tensor | None) -> None:
        """Nothing stands for what is not decoded yet."""

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Codes a field of each pair."""
        return self._of_each(field, lambda _, coder, field: coder.code_field(view, field, size))

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Codes the disparities of each pair."""
        return self._of_each(field, lambda _, coder, field: coder.code_disparities(view, field, size))

    def _of_each(self, values: Tensor | None, code: Callable[[int, EntropyCoder, Tensor | None], Tensor]) -> Tensor:
        """What `code` gives for the number of each pair, its coder and its part of values (B, ...)."""
        parts = [None] * len(self._coders) if values is None else values.unsqueeze(1)
        both = zip(self._coders, parts, strict=True)
        return torch.cat([code(number, coder, part) for number, (coder, part) in enumerate(both)])

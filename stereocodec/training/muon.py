"""Muon (Jordan et al., 2024): momentum whose singular values are all made one, for the matrices of networks.

Matrices of equal shape are made orthogonal together, as one batched product after the other, and processes that train
together share them out. `torch.optim.Muon` takes them one by one, in bfloat16 also where a processor has no units for
it; on two cores that was a good part of a step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..nn.precision import fast_type
from . import distributed

# Odd quintics, one per round (Polar Express, Amsel et al., 2025): each has the least largest error on what the former
# one leaves of singular values from 0.005 to 1, and on 5 % more, because products in bfloat16 exceed it: without, a
# matrix may explode. They end between 0.87 and 1.13; the fixed quintic of Jordan's takes five rounds to 0.7 to 1.2.
_ROUNDS = ((7.913, -21.138, 14.199), (3.760, -2.548, 0.442), (3.132, -2.146, 0.404), (2.212, -1.487, 0.346))
_SMALLEST_NORM = 1e-14


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal: what `torch.optim.Muon` computes without weight decay, but more exactly.

    params: matrices, or groups of them. lr: an update's singular values are near `lr` times the square root of
    rows / columns, or 1 for wide matrices. The state of each is its `momentum_buffer`.
    """

    def __init__(
        self, params: Iterable[nn.Parameter] | Iterable[dict[str, Any]], lr: float, *, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Moves every matrix that has a gradient; processes of a group must have the same ones."""
        assert closure is None
        rank, processes = distributed.rank(), distributed.world_size()
        for group in self.param_groups:
            matrices = sorted((p for p in group["params"] if p.grad is not None), key=_sides)
            for matrix in matrices:
                self._follow(matrix, group["momentum"])
            shares = [matrices[start::processes] for start in range(processes)]
            shapes = [[_sides(matrix) for matrix in share] for share in shares]
            own = self._directions(shares[rank], group["momentum"])
            like = group["params"][0].new_empty(0, dtype=fast_type(group["params"][0].device))
            for share, directions in zip(shares, distributed.exchange(own, shapes, like), strict=True):
                for matrix, direction in zip(share, directions, strict=True):
                    size = group["lr"] * math.sqrt(max(1, matrix.shape[0] / matrix.shape[1]))
                    matrix.add_(_on_side(direction, matrix).to(matrix.dtype), alpha=-size)

    def _follow(self, matrix: Tensor, momentum: float) -> None:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)

    def _directions(self, matrices: Sequence[Tensor], momentum: float) -> list[Tensor]:
        """What the momenta of matrices, sorted by shape, become; lying where the matrices stand on end."""
        directions: list[Tensor] = []
        for shape, equal in itertools.groupby(matrices, _sides):
            some = list(equal)
            wide = torch.empty(len(some), *shape, dtype=fast_type(some[0].device), device=some[0].device)
            for place, matrix in zip(wide, some, strict=True):
                # What comes next if the gradient stays (Nesterov).
                ahead = matrix.grad.lerp(self.state[matrix]["momentum_buffer"], momentum)  # type: ignore[union-attr]
                _on_side(place, matrix).copy_(ahead)
            directions += orthogonal(wide)
        return directions


def orthogonal(matrices: Tensor) -> Tensor:
    """(N, rows, columns), not taller than wide -> the same with singular values near 1, by polynomials of them."""
    gram = matrices @ matrices.mT
    # The fourth root of the sum of the fourth powers of the singular values: a closer bound of the largest than theirs.
    bound = torch.linalg.matrix_norm(gram, keepdim=True).clamp(min=_SMALLEST_NORM)
    x: Tensor = matrices / bound.sqrt()
    gram = gram / bound
    for number, (a, b, c) in enumerate(_ROUNDS):
        if number:
            gram = x @ x.mT
        # (c G + b) G + a, by adding to diagonals: whole matrices are neither scaled nor copied.
        factor = gram * c
        factor.diagonal(dim1=1, dim2=2).add_(b)
        factor = factor @ gram
        factor.diagonal(dim1=1, dim2=2).add_(a)
        x = factor @ x
    return x


def _on_side(wide: Tensor, matrix: Tensor) -> Tensor:
    """A view of `wide` that lies as the matrix does."""
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


def _sides(matrix: Tensor) -> tuple[int, int]:
    """The shorter side and the longer one."""
    short, long = sorted(matrix.shape)
    return short, long

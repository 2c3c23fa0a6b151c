"""Muon (Jordan et al., 2024): momentum whose singular values are all made one, for the matrices of networks.

Matrices of equal shape are made orthogonal together, as one batched product after the other. `torch.optim.Muon` takes
them one by one, in bfloat16 also where a processor has no units for it; on two cores that was a good part of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .precision import fast_type

# A quintic whose repetition drives singular values from near 0 to near 1, after Jordan: five rounds suffice from
# 0.01 on, and leave them between 0.7 and 1.2, which is as good as 1 for training.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5
_SMALLEST_NORM = 1e-7


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal; what `torch.optim.Muon` computes without weight decay.

    params: matrices. lr: an update's singular values are near `lr` times the square root of rows / columns, or 1 for
    wide matrices. The state of each is its `momentum_buffer`.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, *, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Moves every matrix that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for matrices in _by_shape(group["params"]):
                self._move(matrices, group["lr"], group["momentum"])

    def _move(self, matrices: list[Tensor], rate: float, momentum: float) -> None:
        """The matrices have one shape, or the transposed one."""
        rows, columns = sorted(matrices[0].shape)
        first = matrices[0]
        wide = torch.empty(len(matrices), rows, columns, dtype=fast_type(first.device), device=first.device)
        # One matrix after the other, so that it stays in the processor's cache from its gradient to its place here.
        for place, matrix in zip(wide, matrices, strict=True):
            _on_side(place, matrix).copy_(self._momentum(matrix, momentum))
        for direction, matrix in zip(orthogonal(wide), matrices, strict=True):
            size = rate * math.sqrt(max(1, matrix.shape[0] / matrix.shape[1]))
            matrix.add_(_on_side(direction, matrix).to(matrix.dtype), alpha=-size)

    def _momentum(self, matrix: Tensor, momentum: float) -> Tensor:
        """Follows the gradient; returns what comes next if the gradient stays (Nesterov)."""
        gradient, state = matrix.grad, self.state[matrix]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return gradient.lerp(state["momentum_buffer"].lerp_(gradient, 1 - momentum), momentum)


def orthogonal(matrices: Tensor) -> Tensor:
    """(N, rows, columns), not taller than wide -> the same with singular values near 1, by Newton and Schulz."""
    a, b, c = _COEFFICIENTS
    x: Tensor = matrices / torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=_SMALLEST_NORM)
    for _ in range(_ROUNDS):
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


def _by_shape(parameters: list[Tensor]) -> Iterable[list[Tensor]]:
    """Those that have a gradient, apart by shape, on end or not."""
    groups: dict[tuple[int, ...], list[Tensor]] = {}
    for matrix in parameters:
        if matrix.grad is not None:
            groups.setdefault(tuple(sorted(matrix.shape)), []).append(matrix)
    return groups.values()

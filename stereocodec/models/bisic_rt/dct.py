"""Orthonormal starting points for transforms: an 8x8 DCT over a luma-chroma rotation, then what makes it a 16x16 DCT.

A network whose linear layers start like this, and whose residual branches start at zero, is an orthonormal 16x16
transform codec before its first training step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_CHROMA_PENALTY = 4.5


def dct_matrix(size: int) -> Tensor:
    """Orthonormal DCT-II, (frequency, position), float32."""
    frequency = torch.arange(size, dtype=torch.float32)[:, None]
    position = torch.arange(size, dtype=torch.float32)[None]
    basis = torch.cos(math.pi * (2 * position + 1) * frequency / (2 * size)) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis


def luma_chroma_matrix() -> Tensor:
    """Orthonormal rotation of RGB to one luma and two chroma axes, (component, RGB)."""
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]], dtype=torch.float32)
    return rows / rows.square().sum(1, keepdim=True).sqrt()


def colour_dct(channels: int) -> tuple[Tensor, Tensor]:
    """The `channels` lowest of the 192 colour DCT functions over 8x8 RGB blocks.

    Returns the matrix (channels, 8 * 8 * 3; pixels ordered row, column, colour) and each function's frequency.
    """
    basis = dct_matrix(8)
    full = torch.einsum("ui,vj,cd->uvcijd", basis, basis, luma_chroma_matrix()).reshape(192, 192)
    u, v, c = torch.meshgrid(torch.arange(8), torch.arange(8), torch.arange(3), indexing="ij")
    frequency = ((u.float() ** 2 + v.float() ** 2).sqrt() + (c > 0) * _CHROMA_PENALTY).reshape(-1)
    order = frequency.argsort(stable=True)[:channels]
    return full[order], frequency[order]


def dct16_step(head: Tensor, channels: int) -> Tensor:
    """What makes the `channels` lowest 16x16 colour DCT functions of four neighbouring blocks' outputs of `head`.

    head: (C, 192), orthonormal rows over 8x8 RGB blocks, as `colour_dct` gives them. Returns (channels, 4 * C); inputs
    ordered row, column, channel. Of functions that the rows of `head` do not span, their projection is made.
    """
    basis = dct_matrix(16)
    full = torch.einsum("ui,vj,cd->uvcijd", basis, basis, luma_chroma_matrix()).reshape(768, 2, 8, 2, 8, 3)
    u, v, c = torch.meshgrid(torch.arange(16), torch.arange(16), torch.arange(3), indexing="ij")
    frequency = ((u.float() ** 2 + v.float() ** 2).sqrt() + (c > 0) * 2 * _CHROMA_PENALTY).reshape(-1)
    order = frequency.argsort(stable=True)[:channels]
    blocks = full[order].transpose(2, 3).reshape(channels, 4, 192)
    return (blocks @ head.T).reshape(channels, -1)

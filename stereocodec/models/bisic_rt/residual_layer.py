"""What the networks leave, as plain transform coding: bounds the error on pictures like no training picture.

A 16x16 colour DCT of the difference between the pictures and their synthesis. Coefficients come in bands; every
block codes a level per band, 0 for nothing. On photographs almost all levels are 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...devices import computed
from ...entropy.coders import EntropyCoder, Group
from ...entropy.distributions import SCALE_MAX, SCALE_MIN, residual_bits
from ...nn.products import quick_linear
from .blocks import depth_to_space, space_to_depth
from .config import BisicRtConfig, squared_error_bits, step_size
from .dct import dct_matrix, luma_chroma_matrix
from .disparity import BLOCK

LEVELS = 16
_LUMA_RINGS, _CHROMA_RINGS = (2, 4, 6, 8, 10, 12, 15), (4, 8, 12)
# A band is coded where it saves this many bits more than it costs, its level among them.
_WORTHWHILE = 6.0
_DEAD_ZONE = 0.6


class ResidualLayer(nn.Module):
    """Has no weights; the transform is fixed."""

    def __init__(self, config: BisicRtConfig) -> None:
        super().__init__()
        self.config = config
        with computed():
            basis, band = banded_dct()
        self.basis: Tensor
        self.band: Tensor
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("band", band, persistent=False)
        self.bands = int(band.max()) + 1

    def walk(
        self, coder: EntropyCoder, missing: Tensor | None, quality: Tensor, size: tuple[int, int]
    ) -> Tensor | None:
        """Codes the difference (V, H, W, 3) of a pair or of one view, None when reading; returns the decoded one, None
        for nothing.

        quality: (V,); size: (h, w) in blocks.
        """
        step = self._step(quality)
        coefficients = levels = used = None
        if missing is not None:
            coefficients = self._coefficients(missing, step)
            levels = self._levels(coefficients, quality)
            used = levels.any().long().view(1, 1, 1)
        if not coder.code_field(0, used, (1, 1)).any():
            return None
        blocks = self.basis.new_zeros((len(quality), *size, len(self.basis)))
        for view in range(len(quality)):
            level = self._code_levels(coder, view, None if levels is None else levels[view : view + 1], size)
            # Of what has a level alone: on photographs these are few.
            row, column = level.any(-1).nonzero(as_tuple=True)
            source = None if coefficients is None else coefficients[view, row, column].view(1, 1, -1, len(self.basis))
            decoded = self._code_blocks(coder, view, level[row, column], source, quality[view : view + 1])
            blocks[view, row, column] = (decoded.float() * step[view, 0, 0]) @ self.basis
        return depth_to_space(blocks, BLOCK)

    def share(self, missing: Tensor, quality: Tensor) -> float:
        """The share of the blocks of a difference (V, H, W, 3) of which something would be coded; quality: (V,)."""
        coefficients = self._coefficients(missing, self._step(quality))
        return float(self._levels(coefficients, quality).any(-1).float().mean())

    def leave_out(self, coder: EntropyCoder) -> None:
        """Codes that there is nothing."""
        coder.code_field(0, torch.zeros((1, 1, 1), dtype=torch.int64), (1, 1))

    def _coefficients(self, missing: Tensor, step: Tensor) -> Tensor:
        return quick_linear(space_to_depth(missing.float(), BLOCK), self.basis) / step

    def _step(self, quality: Tensor) -> Tensor:
        return (step_size(self.config, quality.float()) / 255).view(-1, 1, 1, 1)

    def _code_levels(self, coder: EntropyCoder, view: int, levels: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The levels of one view, (h, w, bands) int64; None when reading."""
        planes = [
            coder.code_field(view, None if levels is None else levels[..., band], size)[0] for band in range(self.bands)
        ]
        return torch.stack(planes, -1).clamp(0, LEVELS - 1)

    def _code_blocks(
        self, coder: EntropyCoder, view: int, level: Tensor, coefficients: Tensor | None, quality: Tensor
    ) -> Tensor:
        """The decoded coefficients, (N, coefficients) float64, of N blocks with levels (N, bands) and coefficients
        (1, 1, N, coefficients), None when reading."""
        level = level.index_select(-1, self.band)
        log_scale = _log_scales(level.device)[level][None, None]
        weight = _step_bits(self.config, quality)[:, None].expand(-1, level.shape[-1])
        group = Group(view, torch.zeros_like(log_scale), log_scale, level[None] > 0, weight, layer=True)
        return coder.code(coefficients, group)[0, 0]

    def _levels(self, coefficients: Tensor, quality: Tensor) -> Tensor:
        """The level of every band of every block, (V, h, w, bands) int64, 0 where coding would not pay."""
        worth = _step_bits(self.config, quality).float().view(-1, 1, 1, 1)
        large = torch.where(coefficients.abs() < _DEAD_ZONE, 0.0, coefficients)
        at_most = worth * self._band_sums(large.square())
        levels = torch.zeros_like(at_most, dtype=torch.int64)
        view, row, column = torch.nonzero((at_most > _WORTHWHILE).any(-1), as_tuple=True)
        chosen = self._block_levels(coefficients[view, row, column], at_most[view, row, column], worth[view, 0, 0])
        return levels.index_put((view, row, column), chosen)

    def _block_levels(self, coefficients: Tensor, at_most: Tensor, worth: Tensor) -> Tensor:
        """The levels of blocks (N, coefficients), where a squared error of one step is worth (N, 1) bits.

        at_most: the bits that each band can save, (N, bands).
        """
        size = torch.bincount(self.band).float()
        deviation = (self._band_sums(coefficients.square()) / size).sqrt().clamp(min=1e-6)
        log_scales = _log_scales(coefficients.device).float()
        level = (deviation.log()[..., None] - log_scales[1:]).abs().argmin(-1) + 1
        # Only of bands that can be worth their bits.
        block, place = at_most.index_select(-1, self.band).gt(_WORTHWHILE).nonzero(as_tuple=True)
        values, band = coefficients[block, place], block * self.bands + self.band[place]
        symbols = torch.where(values.abs() < _DEAD_ZONE, 0.0, values.round())
        bits = residual_bits(symbols, log_scales.exp()[level.view(-1)[band]])
        gained = values.square() - (values - symbols).square()
        gained_sums, bit_sums = (
            torch.zeros_like(deviation).view(-1).index_add_(0, band, each).view_as(deviation) for each in (gained, bits)
        )
        return torch.where(worth * gained_sums - bit_sums > _WORTHWHILE, level, 0)

    def _band_sums(self, values: Tensor) -> Tensor:
        sums = values.new_zeros((*values.shape[:-1], self.bands))
        return sums.index_add_(-1, self.band, values)


def banded_dct() -> tuple[Tensor, Tensor]:
    """The 16x16 colour DCT, (768, 16 * 16 * 3; pixels ordered row, column, colour), and each function's band."""
    basis = dct_matrix(BLOCK)
    full = torch.einsum("ui,vj,cd->uvcijd", basis, basis, luma_chroma_matrix()).reshape(3 * BLOCK**2, -1)
    u, v, c = torch.meshgrid(torch.arange(BLOCK), torch.arange(BLOCK), torch.arange(3), indexing="ij")
    ring = torch.maximum(u, v).reshape(-1)
    luma = torch.bucketize(ring, torch.tensor(_LUMA_RINGS), right=True)
    chroma = torch.bucketize(ring, torch.tensor(_CHROMA_RINGS), right=True) + len(_LUMA_RINGS) + 1
    return full, torch.where(c.reshape(-1) == 0, luma, chroma)


def _step_bits(config: BisicRtConfig, quality: Tensor) -> Tensor:
    """Bits that a squared error of one quantisation step is worth, float64, the shape of `quality`."""
    quality = quality.double()
    return squared_error_bits(config, quality) * (step_size(config, quality) / 255) ** 2


def _log_scales(device: torch.device) -> Tensor:
    """Log-deviation of each level in steps, (LEVELS,) float64; 0.25 to 127, on the lattice's own levels."""
    lattice_levels = torch.arange(LEVELS, dtype=torch.float64, device=device) * 3.4 + 6
    spacing = math.log(SCALE_MAX / SCALE_MIN) / 63
    return math.log(SCALE_MIN) + lattice_levels.round() * spacing

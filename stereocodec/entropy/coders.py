"""The interface between a model's one walk over its latents and the coders, and the coder that estimates rates.

A model describes its order of coding once, as a walk that asks a coder for every group of elements. The rate
estimator here serves training; the stream writer and reader (`streams.py`) serve files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
from torch import Tensor

from .distributions import chosen_bits, symbol_bits
from .fields import field_bits
from .level_keeping import Level
from .priors import Prior

FAMILIES = ("first", "second", "hyper", "residual")
"""Names of `Group.family`: y of each view, elements of z that have means and scales, and the residual layer."""


@dataclass(frozen=True, slots=True)
class Group:
    """The elements that are coded together, and what is known of them before they are.

    view: 0 for the first, 1 for the second. mean, log_scale: (B, H, W, C). mask: (H, W, C) bool, set at the elements
    that belong to the group. weight: (B, C) float64, the bits that a squared error of one is worth, for encoders that
    weigh the one against the other; None for plain rounding. hyper: whether these are elements of z, which have a
    stream of their own. places: those set in the mask, (n,) int64 in its raster order, where they are known: a GPU
    would have to wait until it knows how many there are. layer: whether these are elements of what is coded beside y,
    the residual layer. levelled: of each pair, what encoders shall make the mean errors of channels over the view, so
    that its mean colour stays; empty where nothing of the kind is asked for.
    """

    view: int
    mean: Tensor
    log_scale: Tensor
    mask: Tensor
    weight: Tensor | None = None
    hyper: bool = False
    places: Tensor | None = None
    layer: bool = False
    levelled: tuple[tuple[Level, ...], ...] = ()

    @property
    def elements(self) -> Tensor:
        """The numbers of its elements within a picture, `places`, found where they are not known: (n,) int64."""
        return self.mask.reshape(-1).nonzero()[:, 0] if self.places is None else self.places

    def of_pair(self, number: int) -> Group:
        """The group of one of the B pairs."""
        here = slice(number, number + 1)
        weight = None if self.weight is None else self.weight[here]
        mean, log_scale, levelled = self.mean[here], self.log_scale[here], self.levelled[here]
        return replace(self, mean=mean, log_scale=log_scale, weight=weight, levelled=levelled)

    @property
    def may_depend(self) -> bool:
        """Whether dependent quantisation is for it, where a release has that: y, whose encoder weighs bits."""
        return self.weight is not None and not (self.hyper or self.layer)

    @property
    def family(self) -> str:
        """Whose symbols follow one law at equal scales, of FAMILIES."""
        if self.hyper:
            return "hyper"
        return "residual" if self.layer else ("first", "second")[self.view]


class EntropyCoder(Protocol):
    """What a walk asks of a coder, for B pairs. None stands for values that only the file knows."""

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        """Codes hyper latents z with the model's prior, (views * B, H, W, C) of the given shape; returns them rounded.

        views: 2 for both views, 1 for the first one alone.
        """
        ...

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        """Codes the group's elements of y (B, H, W, C); returns the decoded values, 0 elsewhere."""
        ...

    def context(self, y: Tensor | None) -> Tensor | None:
        """What stands for the decoded values of a whole slice of y before any of it is coded.

        None where there is no such thing, as in files: then a context of neighbours is only known step by step.
        """
        ...

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Codes side information as it is: a field (B, h, w) of int64; returns it."""
        ...

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Codes disparities of blocks, a field as of `code_field`; releases may have a coding of their own for them."""
        ...


class RateEstimator:
    """The coder of training: uniform noise for the rate, straight-through rounding for what is decoded.

    (Minnen and Singh, ICIP 2020, "mixed" quantisation.) With `noise` off, rates are those of rounded values.
    `bits` is the estimate per picture, (2B,), float32, complete after the walk.

    prior, laplace_share: the densities of the model. whole_slices: what `context` gives: "noise" as in training,
    "rounded" for the latents rounded to integers, which no decoder has (BiSIC's published evaluation), or None for
    what a decoder has.
    """

    def __init__(
        self,
        prior: Prior,
        laplace_share: float,
        *,
        noise: bool,
        whole_slices: Literal["noise", "rounded"] | None = None,
    ) -> None:
        self._prior, self._laplace_share = prior, laplace_share
        self._noise, self._whole_slices = noise, whole_slices
        self.bits: Tensor = torch.zeros(())

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        assert z is not None
        return self._rounded_prior(z, views, self._noise)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        assert y is not None
        mean = group.mean.float()
        residual = y.float() - mean
        rounded = residual + (residual.round() - residual).detach()
        chosen = group.elements
        pictures = residual.shape[0]
        noise = residual.new_empty(pictures, chosen.numel()).uniform_(-0.5, 0.5) if self._noise else None
        flat = residual.reshape(pictures, -1), group.log_scale.float().reshape(pictures, -1)
        self._add(group.view, chosen_bits(*flat, chosen, self._laplace_share, noise))
        return (rounded + mean) * group.mask

    def context(self, y: Tensor | None) -> Tensor | None:
        assert y is not None
        if self._whole_slices == "noise":
            return y + torch.empty_like(y).uniform_(-0.5, 0.5)
        return y.round() if self._whole_slices == "rounded" else None

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        assert field is not None
        self._add(view, field_bits(field))
        return field

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """With the estimate of `code_field`, which files stay below where they have a better coding."""
        return self.code_field(view, field, size)

    def _rounded_prior(self, z: Tensor, views: int, noise: bool) -> Tensor:
        """Adds the bits of z, rounded or with noise; returns it rounded."""
        z = z.float()
        rounded = z + (z.round() - z).detach()
        noisy = z + torch.empty_like(z).uniform_(-0.5, 0.5) if noise else rounded
        self._add_prior(self._prior.bits(noisy).sum((1, 2, 3)), views)
        return rounded

    def _add_prior(self, bits: Tensor, views: int) -> None:
        """Adds the bits of z, (2B,), or (B,) of the first view alone."""
        if views == 2:
            self.bits = self.bits + bits
        else:
            self._add(0, bits)

    def _add(self, view: int, bits: Tensor) -> None:
        """Adds one view's bits, (B,)."""
        nothing = torch.zeros_like(bits)
        self.bits = self.bits + torch.cat([bits, nothing] if view == 0 else [nothing, bits])


class SymbolEstimator(RateEstimator):
    """Estimates what symbols cost that an encoder has chosen already, by the densities."""

    def __init__(self, prior: Prior, laplace_share: float) -> None:
        super().__init__(prior, laplace_share, noise=False)

    def add(self, group: Group, symbols: Tensor, halves: Tensor) -> None:
        """Adds the symbols of a group's elements of one picture, and whether they stand for half steps (`trellis.py`),
        (n,) both."""
        log_scale = group.log_scale.reshape(-1)[group.elements]
        self._add(group.view, symbol_bits(symbols, halves, log_scale, self._laplace_share).sum()[None])

"""What the coding path, the training loop and the releases ask of a model."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..container import ViewKind
from ..effort import Effort
from ..entropy.coders import EntropyCoder
from ..entropy.dependent import Dependence
from ..entropy.distributions import LAPLACE_SHARE
from ..entropy.priors import Prior


class StereoModel(nn.Module):
    """A codec's networks.

    What they take and give follows from `view_kind`, for B pairs or frames of H x W:

    - RGB8: pictures (2B, H, W, 3), the B first views before the B second ones; if the model `takes_one_view`, also
      (1, H, W, 3), one view that is coded without another one;
    - RGB8_DEPTH: frames (B, H, W, 4), red, green, blue and depth; the first view is colour, the second depth.

    Either is float32 in 0..1, with sides that are multiples of `multiple` and at least `least_side`. Qualities are
    those of the views, (2B,) in 0..1, for both kinds, and (1,) of one view.

    config: a dataclass of JSON values, the constructor's argument. entropy: the module that holds everything that leads
    to probabilities, among it the density of z as its `prior`; a model that has it otherwise overrides `prior` and
    `make_exact`. prior_channels: of z. laplace_share: of the density of y around its mean
    (`distributions.residual_bits`). has_qualities: whether one network serves all qualities; otherwise they are
    ignored. has_efforts: whether its encoder can try more or less than by default (`prepare`, `refined`). loss_limit:
    of one picture's loss, beyond which its weight in training stops growing. usual_loss: about what pairs lose; one
    that loses four times as much counts for two in training, or, where this is 0, for four. either_first: whether the
    views may come in either order, swapped and mirrored, so that the sharper one can be coded first. band_margin: how
    many rows of pixels beside a band its transforms look at; 0 for a model whose pictures are never coded in bands.
    takes_one_view: whether it codes single views as well as pairs. dependence: which elements of y the files of its
    release quantise dependently; None for none, and before there is one.
    """

    multiple: int
    prior_channels: int
    config: Any
    entropy: nn.Module
    laplace_share: float = LAPLACE_SHARE
    has_qualities: bool = True
    has_efforts: bool = False
    loss_limit: float = math.inf
    usual_loss: float = 0.0
    either_first: bool = True
    view_kind: ViewKind = ViewKind.RGB8
    least_side: int = 1
    band_margin: int = 0
    takes_one_view: bool = False
    dependence: Dependence | None = None

    @property
    def prior(self) -> Prior:
        """The density of z."""
        prior = self.entropy.prior
        assert isinstance(prior, Prior)
        return prior

    def make_exact(self) -> None:
        """Turns everything that leads to probabilities, and to samples of depth, to float64, as files need it."""
        self.entropy.double()

    def inexact_transforms(self) -> list[nn.Module]:
        """After `make_exact`, the networks that may run where there is no float64: all that are left in float32."""
        return [
            child
            for child in self.children()
            if any(True for _ in child.parameters()) and all(p.dtype == torch.float32 for p in child.parameters())
        ]

    @abstractmethod
    def trade_off(self, quality: Tensor) -> Tensor:
        """Lambda of qualities (N,): the bits per view pixel that a squared 8-bit error of one is worth, (N,)."""

    def loss_weight(self, quality: Tensor) -> Tensor:
        """What the loss of pictures of qualities (N,) is multiplied by, (N,)."""
        return torch.ones_like(quality)

    def fast_parameters(self) -> Iterable[nn.Parameter]:
        """Those that have far to go from their start, such as logarithms of scales: AdamW moves them faster."""
        return ()

    def slow_parameters(self) -> Iterable[Tensor]:
        """Matrices that start near where they belong, as transforms do: Muon, whose updates are as large in every
        direction whatever the gradient, moves them more slowly."""
        return ()

    def encoder_parameters(self) -> Iterable[nn.Parameter]:
        """Those of encoding alone, of a model whose encoder weighs bits against errors (`Group.weight`)."""
        return ()

    def dependence_of_weights(self) -> Dependence | None:
        """Which elements of y files shall quantise dependently once these weights are a release, of a model whose
        encoder weighs bits against errors; None for none of them."""
        return None

    def auxiliary_parameters(self) -> Iterable[nn.Parameter]:
        """Those that the auxiliary loss alone trains; no loss of a batch reaches them."""
        return self.prior.auxiliary_parameters()

    def auxiliary_loss(self) -> Tensor | None:
        """What these learn by, a scalar that depends on the weights alone; None when there are none of them."""
        return self.prior.auxiliary_loss()

    def calibrate(self, x: Tensor) -> None:
        """Makes what starting weights need of some pictures or frames; nothing, unless a model says otherwise."""

    def weights_of(self, other: StereoModel) -> dict[str, Tensor]:
        """The state dict of another model of this class, as far as possible in the shapes of this one's settings."""
        return other.state_dict()

    @abstractmethod
    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> Any:
        """Pictures or frames -> what the walk codes, scaled for the quality and not rounded yet.

        with_choices: whether to make the choices that only files need (for one pair), as against training.
        """

    def prepare(
        self, x: Tensor, effort: Effort, *, margins: tuple[int, int] = (0, 0), balancing: Tensor | None = None
    ) -> Any:
        """What `analyse` does alike for every quality of the same pictures, for `analyse_prepared`.

        effort: makes a difference where the model has efforts. margins: so many rows above and below are of other
        bands; what is prepared is without them. balancing: the pictures by which choices are made that hold for all
        bands; those that are prepared when left out.
        """
        return x

    def analyse_prepared(self, prepared: Any, quality: Tensor, effort: Effort) -> Any:
        """What `analyse` gives, with the choices of an effort, for the pictures that were prepared."""
        return self.analyse(prepared, quality)

    def refined(self, latents: Any, quality: Tensor, passes: int, say: Callable[[float], None]) -> Any:
        """Latents of one pair that a number of passes has made better; the same ones, unless a model says otherwise.

        Called for a copy in float32, whose weights have no gradients, outside of inference mode; the latents may come
        from within it. say: called with the fraction that is done.
        """
        return latents

    @abstractmethod
    def walk(self, coder: EntropyCoder, latents: Any, quality: Tensor, size: tuple[int, int]) -> Any:
        """The one walk over the latents of views of `size` (H, W): asks the coder for everything, in order.

        latents: what `analyse` gave, or None when the coder reads. Returns what `reconstruct` takes.
        """

    def walk_latents(self, coder: EntropyCoder, latents: Any, quality: Tensor, size: tuple[int, int]) -> Any:
        """The walk of a coder that writes, without what depends on decoded pictures, and so on other bands.

        Arguments and result are those of `walk`, which is all of it unless a model says otherwise.
        """
        return self.walk(coder, latents, quality, size)

    def remaining(self, latents: Any, pictures: Callable[[], Tensor]) -> Any:
        """What `walk_residual` needs of latents, in little memory; pictures: gives those that were analysed."""
        return latents

    def walk_residual(
        self,
        coder: EntropyCoder,
        remaining: Any,
        decoded: Any,
        size: tuple[int, int],
        reconstruct: Callable[[Any], Tensor],
    ) -> Any:
        """The end of the walk: what depends on decoded pictures, if the model has anything that does.

        remaining: what `remaining` gave, None when the coder reads. decoded: what `walk_latents` gave. reconstruct:
        makes pictures of it. Returns what `reconstruct` takes.
        """
        return decoded

    def code_order(self, coder: EntropyCoder, swapped: bool | None) -> bool:
        """Codes whether the views of one pair are in the other order, where either is taken; files begin with it.

        swapped: None for coders that read.
        """
        if not self.either_first:
            return False
        flag = None if swapped is None else torch.tensor([[[int(swapped)]]])
        return bool(coder.code_field(0, flag, (1, 1)).any())

    @abstractmethod
    def reconstruct(self, decoded: Any) -> Tensor:
        """What a walk decoded -> pictures or frames, not clamped."""

    def reconstruct_between(self, above: Any, decoded: Any, below: Any) -> Tensor:
        """The pictures of a band as all of them together would show it, in a model that is coded in bands.

        above, below: what the walks of the neighbouring bands decoded, None at the edges of the pictures.
        """
        assert above is None
        assert below is None
        return self.reconstruct(decoded)

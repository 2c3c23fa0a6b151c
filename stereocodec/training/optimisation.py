"""The steps that move a model's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..models import StereoModel
from .config import TrainingConfig
from .optimisers import make_auxiliary_optimisers, make_optimisers


class Optimisation:
    """The optimisers of a run's model, which is on its device already.

    main: those that the loss of a batch moves. auxiliary: those of what the auxiliary loss alone trains.
    """

    def __init__(self, model: StereoModel, config: TrainingConfig) -> None:
        self._model, self._clip = model, config.gradient_clip
        self.main = make_optimisers(model, config)
        self.auxiliary = make_auxiliary_optimisers(model, config)
        self._base_rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in self.main]

    @property
    def all(self) -> list[torch.optim.Optimizer]:
        """Those whose moments a checkpoint holds, in its order."""
        return [*self.main, *self.auxiliary]

    def set_rates(self, factor: float) -> None:
        """Sets the learning rates to those of the settings times a factor; those of the auxiliary loss are constant."""
        for optimiser, rates in zip(self.main, self._base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor

    def step(self) -> tuple[Tensor, bool]:
        """Moves the weights along the gradients of a batch's loss, and clears these.

        Returns the norm of the gradient before it was clipped, and whether it was finite; otherwise nothing moves.
        """
        trained = [p for optimiser in self.main for group in optimiser.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(trained, self._clip)
        is_finite = bool(torch.isfinite(norm))
        if is_finite:
            for optimiser in self.main:
                optimiser.step()
            self._auxiliary_step()
        self._model.zero_grad(set_to_none=True)
        return norm, is_finite

    def _auxiliary_step(self) -> None:
        """Moves what the auxiliary loss trains; it depends on the weights alone, so every process does the same."""
        loss = self._model.auxiliary_loss()
        if loss is None:
            return
        for optimiser in self.auxiliary:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in self.auxiliary:
            optimiser.step()

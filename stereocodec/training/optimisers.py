"""Optimisers, and the average of the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..models import StereoModel
from .config import TrainingConfig
from .muon import Muon

_FAST = 5.0
# With 1 instead, a step of the long run of `bisic-rt` lost 3 % more than its average did (docs/training-log.md).
_SLOW = 0.2


def make_optimisers(model: StereoModel, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """AdamW or Adam for everything, or Muon for the matrices of the blocks and AdamW for the rest.

    AdamW moves the model's `fast_parameters` at five times the rate, Muon its `slow_parameters` at a fifth of it.

    What the auxiliary loss alone trains has its own optimiser (`make_auxiliary_optimisers`).
    """
    auxiliary = {id(p) for p in model.auxiliary_parameters()}
    parameters = [(name, p) for name, p in model.named_parameters() if id(p) not in auxiliary]
    if config.optimiser == "adam":
        return [torch.optim.Adam([p for _, p in parameters], config.learning_rate)]
    matrices = []
    if config.optimiser == "muon":
        matrices = [p for name, p in parameters if p.ndim == 2 and name.endswith("weight")]
    chosen = {id(p) for p in matrices}
    fast = {id(p) for p in model.fast_parameters()} - chosen
    groups: list[dict[str, Any]] = [{"params": [p for _, p in parameters if id(p) not in chosen | fast]}]
    if fast:
        rate = _FAST * config.learning_rate
        groups.append({"params": [p for _, p in parameters if id(p) in fast], "lr": rate})
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    ]
    if matrices:
        slow = {id(p) for p in model.slow_parameters()}
        rates = {False: config.muon_learning_rate, True: _SLOW * config.muon_learning_rate}
        parts = {is_slow: [p for p in matrices if (id(p) in slow) == is_slow] for is_slow in rates}
        optimisers.append(Muon([{"params": parts[k], "lr": rates[k]} for k in rates if parts[k]], rates[False]))
    return optimisers


def make_auxiliary_optimisers(model: StereoModel, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """Adam at a constant rate for what the auxiliary loss trains; none for models without."""
    parameters = list(model.auxiliary_parameters())
    rate = config.auxiliary_learning_rate or config.learning_rate
    return [torch.optim.Adam(parameters, rate)] if parameters else []


class WeightAverage:
    """Exponential moving average of a model's weights; follows faster in the first steps."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors: dict[str, Tensor] = {n: t.detach().clone() for n, t in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Moves the average towards the model's weights after `step` steps."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        state = model.state_dict()
        torch._foreach_lerp_([self.tensors[name] for name in state], list(state.values()), weight)

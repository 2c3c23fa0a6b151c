"""Runs that go on with larger networks: what a former run learned, moments and all, in networks with more parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import TrainingError
from ..models import StereoModel, build_model
from ..text import reason_of
from .checkpoint import FILE_NAME, load_checkpoint, run_settings, skeleton_of
from .config import TrainingConfig
from .kinds import kind_of
from .losses import estimate
from .optimisers import WeightAverage, make_auxiliary_optimisers, make_optimisers
from .points import qualities_of

# Bits per pixel, and samples in 0..1. A part that starts at zero changes nothing at all; one that changes the order of
# sums changes the seventh digit; both are far from what an untrained part does.
_TOLERANCE = 1e-4

Optimisers = Sequence[torch.optim.Optimizer]


def grow(
    run: Path, model: StereoModel, config: TrainingConfig, optimisers: Optimisers
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Gives a model and its optimisers the weights and moments of a run's folder, each at its place (`places`).

    Parts that the run's networks lack keep their start, without moments. Returns the averaged weights of the parts
    that the run has, and its progress. Afterwards the model computes what the run's model does.

    Raises TrainingError when the run is incomplete, or of another architecture or optimiser, when a tensor of it is
    missing in the model or has another shape there, and when the model would compute something else.
    """
    former = run_settings(run)
    for name in ("arch", "optimiser"):
        if getattr(former, name) != getattr(config, name):
            raise TrainingError(f"{run} has another '{name}'; take '{getattr(former, name)}' to grow it")
    device = next(model.parameters()).device
    try:
        skeleton_of(run, former)
        source = build_model(former.arch, former.model).to(device)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{run} holds other networks than this version has, or none: {reason_of(error)}") from error
    average = WeightAverage(source, former.ema_decay)
    sources = [*make_optimisers(source, former), *make_auxiliary_optimisers(source, former)]
    _, progress = load_checkpoint(run / FILE_NAME, source, average.tensors, sources)
    place_of = places(source, model)
    _check_shapes(run, source.state_dict(), model.state_dict(), place_of)
    weights = {place_of[name]: tensor for name, tensor in source.state_dict().items()}
    model.load_state_dict(model.state_dict() | weights)
    _check_function(run, source, model)
    _take_moments(sources, source, optimisers, model, place_of)
    return {place_of[name]: tensor for name, tensor in average.tensors.items()}, progress


def places(source: nn.Module, target: nn.Module, of: str = "", at: str = "") -> dict[str, str]:
    """The names of a module's tensors in a larger one; what has no counterpart is left out.

    Parts have their names, except in sequences, where a new one moves those behind it: there the first block is the
    first block and the second is the second, whatever lies between them.
    """
    found = {f"{of}{name}": f"{at}{name}" for name in source.state_dict() if "." not in name}
    children = _numbered(target)
    for key, (name, child) in _numbered(source).items():
        if key in children:
            new_name, new_child = children[key]
            found |= places(child, new_child, f"{of}{name}.", f"{at}{new_name}.")
    return found


def _numbered(module: nn.Module) -> dict[Hashable, tuple[str, nn.Module]]:
    """A module's parts by what they are found by: their names, or in sequences their kinds and numbers."""
    if not isinstance(module, nn.Sequential | nn.ModuleList):
        return {name: (name, child) for name, child in module.named_children()}
    count = Counter[type]()
    parts: dict[Hashable, tuple[str, nn.Module]] = {}
    for name, child in module.named_children():
        count[type(child)] += 1
        parts[type(child), count[type(child)]] = name, child
    return parts


def _check_shapes(
    run: Path, theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor], place_of: Mapping[str, str]
) -> None:
    """Raises TrainingError unless every tensor of the run has its place."""
    for name, tensor in theirs.items():
        place = place_of.get(name, "")
        if place not in mine:
            raise TrainingError(f"{name} of {run} is missing in the new networks; they may only have more parts")
        if mine[place].shape != tensor.shape:
            there, here = ("x".join(map(str, t.shape)) or "a number" for t in (tensor, mine[place]))
            raise TrainingError(f"{name} is {there} in {run} but {here} here; keep its widths, and add parts only")


def _check_function(run: Path, source: StereoModel, model: StereoModel) -> None:
    """Raises TrainingError when two models give other rates or pictures of a rendered example."""
    largest = largest_difference(source, model)
    if not largest <= _TOLERANCE:  # nor when it is not a number
        raise TrainingError(
            f"the new networks do not compute what those of {run} do: rates or pictures of a rendered example differ "
            f"by up to {largest:.2g}; add only parts that start at zero"
        )


@torch.no_grad()
def largest_difference(first: StereoModel, second: StereoModel) -> float:
    """How far two models' estimates for a rendered example differ: bits per pixel, and samples in 0..1.

    Not a number where a model gives none.
    """
    device = next(first.parameters()).device
    kind = kind_of(first)
    x = kind.input(kind.stand_in()).to(device)
    differences = []
    for quality in qualities_of(first):
        qualities = torch.full((2,), quality / 100, device=device)
        both = [estimate(model.eval(), x, qualities, "rounded") for model in (first, second)]
        differences += [(mine - theirs).abs().max() for theirs, mine in zip(*both, strict=True)]
    return torch.stack(differences).max().item()


def _take_moments(
    sources: Optimisers, source: StereoModel, optimisers: Optimisers, model: StereoModel, place_of: Mapping[str, str]
) -> None:
    """Moments go by the names of parameters: an optimiser knows their order alone, which new parts change."""
    moments: dict[str, Any] = {}
    for optimiser in sources:
        state = optimiser.state_dict()["state"]
        moments |= {place_of[name]: state[n] for n, name in enumerate(_names(optimiser, source)) if n in state}
    for optimiser in optimisers:
        state = {n: moments[name] for n, name in enumerate(_names(optimiser, model)) if name in moments}
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _names(optimiser: torch.optim.Optimizer, model: StereoModel) -> list[str]:
    """The names of an optimiser's parameters, in its order."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(parameter)] for group in optimiser.param_groups for parameter in group["params"]]

"""Which kind of examples a model learns from: the only shared module that knows both kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..container import ViewKind
from ..errors import TrainingError
from ..models import ARCHITECTURES, StereoModel
from .config import TrainingConfig
from .examples import Example
from .frames.kind import FrameKind
from .kind import Kind
from .pairs.kind import PairKind

_KINDS: Mapping[ViewKind, Kind[Any]] = {ViewKind.RGB8: PairKind(), ViewKind.RGB8_DEPTH: FrameKind()}


def kind_of(model: StereoModel | type[StereoModel]) -> Kind[Any]:
    """The kind of examples that a model learns from."""
    return _KINDS[model.view_kind]


def kind_of_architecture(arch: str) -> Kind[Any]:
    """The kind of examples that an architecture learns from; of an unknown one pairs, as building it tells more."""
    found = ARCHITECTURES.get(arch)
    return kind_of(found.model if found else StereoModel)


def load_examples(
    config: TrainingConfig, sources: Iterable[Path], report: Callable[[str], object] | None = None
) -> Sequence[Example]:
    """What the architecture of a run learns from, of folders and lists; raises what `Kind.load` raises.

    report: called with a line on pictures that are left out, where there are any.
    """
    return kind_of_architecture(config.arch).load(sources, config, report)


def check_examples(kind: Kind[Any], arch: str, examples: Sequence[Example]) -> None:
    """Raises TrainingError when examples are of another kind than an architecture learns from."""
    for other in _KINDS.values():
        if other.example is not kind.example and any(isinstance(example, other.example) for example in examples):
            raise TrainingError(f"'{arch}' cannot learn from {other.called}; load {kind.called}")

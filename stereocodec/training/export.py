"""Makes a release folder of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ..entropy.lattice import Lattice
from ..entropy.streams import CodingTables
from ..errors import TrainingError
from ..models import StereoModel
from ..releases.fitting import fitted_tables, some_of
from ..releases.folders import check_licence, refuse_occupied
from ..releases.release import coding_tables, load_release, save_release
from .checkpoint import load_run
from .config import TrainingConfig
from .examples import Example, central, of_scenes
from .kind import Kind
from .kinds import kind_of, kind_of_architecture
from .measure import MEASURED_SIDE, check_bytes, measure

_CARD = """\
---
library_name: stereocodec
{licence}tags: [{tags}]
---

# {name}

Weights of the `{arch}` architecture for [stereocodec](https://pypi.org/project/stereocodec/).

| | |
|---|---|
| parameters | {parameters:,} |
| start | {init} |
| training steps | {steps:,}: {crop_pairs:,} {crops}, in the end {batch_size} of {crop_width}x{crop_height} a step |
| time | {minutes:.0f} minutes |
| hardware | {hardware} |
| loss | bits per {unit} + lambda * {distortion}, lambda {lambdas} |
| data | {data} |

{measured}

Use: `{usage}`.
"""
_UNMEASURED = "Rate and quality were not measured: the export was given no data."


def export_run(
    run: Path,
    folder: Path,
    *,
    name: str,
    data: str = "",
    licence: str | None = None,
    examples: Sequence[Example] = (),
) -> None:
    """Writes the averaged weights of a run, with integer tables and a model card, as a release folder.

    data: what the card says of the data that the model was trained on, licences included. licence: that of the weights,
    one word such as mit; without it the card names none. examples: what the run's
    architecture learns from (`kinds.load_examples`), its validation scenes among them; with them the release is
    measured by coding these, and its tables are fitted to what its encoder chooses on others (on these where there are
    no others); without them the card says that it was not measured, and the tables are those of the densities that it
    was trained with. Either way the bytes of coded examples (a rendered one without `examples`) are held against the
    model's estimate, before and after the fit.

    Raises InvalidInput for a licence of another form; TrainingError when `run` holds no run, when a validation scene is
    not among the examples, and when the coded bytes exceed the estimate by more than 0.5 % and 128 bytes; OutputError
    when `folder` is not empty. Nothing is written then.
    """
    refuse_occupied(folder)
    if licence is not None:
        check_licence(licence)
    config, model, progress = load_run(run)
    if examples and not config.validation_scenes:
        raise TrainingError("the run held out no validation scenes that could be measured; leave --data out")
    scenes = of_scenes(examples, config.validation_scenes) if examples else []
    kind = kind_of(model)
    training = _record(progress, data)
    tables = coding_tables(model, Lattice())
    with TemporaryDirectory() as scratch:
        _save(Path(scratch) / "release", name, config, model, tables, training, card="")
        release = load_release(Path(scratch) / "release")
    inputs = {example.name: _input(kind, example) for example in scenes or [kind.stand_in()]}
    check_bytes(release, inputs)
    measured = _UNMEASURED
    if scenes:
        tables = fitted_tables(release, [_input(kind, example) for example in _fitted_examples(examples, scenes)])
        release = replace(release, tables=tables)
        check_bytes(release, inputs)
        training["metrics"] = measure(kind, release, scenes)
        rows = "\n".join(kind.card.row.format(**row) for row in training["metrics"])
        measured = kind.card.table.format(scenes=", ".join(scene.name for scene in scenes), rows=rows)
    card = _card(name, config, model, training, kind, measured, licence)
    _save(folder, name, config, model, tables, training, card=card)


def example_inputs(arch: str, sources: Sequence[Path]) -> list[Tensor]:
    """Some central crops of the pairs or frames of folders and CSV lists, as networks of the architecture take them.

    Raises what `Kind.load` raises.
    """
    kind = kind_of_architecture(arch)
    examples = kind.load(sources, TrainingConfig(arch=arch))
    return [_input(kind, example) for example in some_of(examples)]


def _input(kind: Kind[Any], example: Example) -> Tensor:
    """The central crop of an example as the model takes it."""
    return kind.input(central(example, MEASURED_SIDE))


def _record(progress: Mapping[str, Any], data: str) -> dict[str, Any]:
    """What a release says of its training."""
    return {
        "steps": progress["step"],
        "crop_pairs": progress["crop_pairs"],
        "minutes": round(sum(progress["hardware"].values()) / 60, 1),
        "hardware": list(progress["hardware"]),
        "start": progress["init"] or "from scratch",
        "data": data,
    }


def _save(
    folder: Path,
    name: str,
    config: TrainingConfig,
    model: StereoModel,
    tables: CodingTables,
    training: Mapping[str, Any],
    card: str,
) -> None:
    save_release(
        folder,
        name=name,
        architecture=config.arch,
        model=model,
        tables=tables,
        lattice=Lattice(),
        training=training,
        card=card,
    )


def _card(
    name: str,
    config: TrainingConfig,
    model: StereoModel,
    training: Mapping[str, Any],
    kind: Kind[Any],
    measured: str,
    licence: str | None,
) -> str:
    return _CARD.format(
        name=name,
        licence=f"license: {licence}\n" if licence else "",
        arch=config.arch,
        parameters=sum(p.numel() for p in model.parameters()),
        init=training["start"],
        batch_size=config.batch_size,
        crop_width=config.crop_width,
        crop_height=config.crop_height,
        distortion=kind.distortion(config),
        unit=kind.card.rate_unit,
        tags=kind.card.tags,
        usage=kind.card.usage,
        crops=kind.crops,
        lambdas=" to ".join(
            f"{trade:.4g}" for trade in sorted(set(model.trade_off(torch.tensor([0.0, 1.0])).tolist()))
        ),
        measured=measured,
        data=training["data"] or "not told",
        **{key: training[key] for key in ("steps", "crop_pairs", "minutes")},
        hardware="; ".join(training["hardware"]),
    )


def _fitted_examples(examples: Sequence[Example], scenes: Sequence[Example]) -> list[Example]:
    """Some of the examples that are not measured; the measured ones if there are no others."""
    measured = {scene.name for scene in scenes}
    return some_of([example for example in examples if example.name not in measured] or scenes)

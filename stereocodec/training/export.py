"""From a training run to a release folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ..entropy.lattice import Lattice
from ..errors import OutputError, TrainingError
from ..models import StereoModel
from ..releases import coding_tables, load_release, save_release
from .checkpoint import load_run
from .config import TrainingConfig
from .data import Pair
from .losses import MS_SSIM_WEIGHT
from .measure import check_bytes, measure, rendered_pair

_CARD = """\
---
library_name: stereocodec
license: mit
tags: [stereo, image-compression, learned-compression]
---

# {name}

Weights of the `{arch}` architecture for [stereocodec](https://pypi.org/project/stereocodec/).

| | |
|---|---|
| parameters | {parameters:,} |
| start | {init} |
| training steps | {steps:,}: {crop_pairs:,} crop pairs, in the end {batch_size} of {crop_width}x{crop_height} a step |
| time | {minutes:.0f} minutes |
| hardware | {hardware} |
| loss | bits per view pixel + lambda * {distortion}, lambda {lambdas} |
| data | {data} |

{measured}

Use: `bisic encode left.png right.png -o pair.bsc --model DIR`.
"""
_DISTORTIONS = {"mse": "squared 8-bit error", "ms-ssim": f"{MS_SSIM_WEIGHT:.0f} * (1 - MS-SSIM)"}
_UNMEASURED = "Rate and quality were not measured: the export was given no pairs."
_MEASURED = """\
Measured by coding central crops of at most 512x512 pixels of held-out scenes to files and back ({scenes}); means, \
left and right view apart:

| quality | bytes | bpp | PSNR, dB | MS-SSIM |
|---|---|---|---|---|
{rows}"""
_ROW = (
    "| {quality} | {bytes:,.0f} | {bpp:.4f} | {psnr_left:.2f}, {psnr_right:.2f} | "
    "{ms_ssim_left:.5f}, {ms_ssim_right:.5f} |"
)


def export_run(run: Path, folder: Path, *, name: str, data: str, pairs: Sequence[Pair] = ()) -> None:
    """Writes the averaged weights of a run, with integer tables and a model card, as a release folder.

    data: what the card says of the data that the model was trained on, licences included. pairs: where the run's
    validation scenes are; with them the release is measured by coding them, without them the card says that it was
    not. Either way the bytes of coded pairs (a rendered one without `pairs`) are held against the model's estimate.

    Raises TrainingError when `run` holds no run, when a validation scene is not among the pairs, and when the coded
    bytes exceed the estimate by more than 0.5 % and 128 bytes; OutputError when `folder` is not empty. Nothing is
    written then.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(f"{folder} exists and is not an empty folder; choose another or remove it")
    config, model, progress = load_run(run)
    scenes = _validation_pairs(pairs, config) if pairs else []
    training: dict[str, Any] = {
        "steps": progress["step"],
        "crop_pairs": progress["crop_pairs"],
        "minutes": round(sum(progress["hardware"].values()) / 60, 1),
        "hardware": list(progress["hardware"]),
        "start": progress["init"] or "from scratch",
        "data": data,
    }
    with TemporaryDirectory() as scratch:
        _save(Path(scratch) / "release", name, config, model, training, card="")
        release = load_release(Path(scratch) / "release")
    check_bytes(release, scenes or [rendered_pair()])
    if scenes:
        training["metrics"] = measure(release, scenes)
    _save(folder, name, config, model, training, card=_card(name, config, model, training, scenes))


def _save(
    folder: Path, name: str, config: TrainingConfig, model: StereoModel, training: Mapping[str, Any], card: str
) -> None:
    lattice = Lattice()
    save_release(
        folder,
        name=name,
        architecture=config.arch,
        model=model,
        tables=coding_tables(model, lattice),
        lattice=lattice,
        training=training,
        card=card,
    )


def _card(
    name: str, config: TrainingConfig, model: StereoModel, training: Mapping[str, Any], scenes: Sequence[Pair]
) -> str:
    measured = _UNMEASURED
    if scenes:
        rows = "\n".join(_ROW.format(**row) for row in training["metrics"])
        measured = _MEASURED.format(scenes=", ".join(scene.name for scene in scenes), rows=rows)
    return _CARD.format(
        name=name,
        arch=config.arch,
        parameters=sum(p.numel() for p in model.parameters()),
        init=training["start"],
        batch_size=config.batch_size,
        crop_width=config.crop_width,
        crop_height=config.crop_height,
        distortion=_DISTORTIONS[config.loss],
        lambdas=" to ".join(
            f"{trade:.4g}" for trade in sorted(set(model.trade_off(torch.tensor([0.0, 1.0])).tolist()))
        ),
        measured=measured,
        **{key: training[key] for key in ("steps", "crop_pairs", "minutes", "data")},
        hardware="; ".join(training["hardware"]),
    )


def _validation_pairs(pairs: Sequence[Pair], config: TrainingConfig) -> list[Pair]:
    """The pairs of the run's validation scenes."""
    scenes = config.validation_scenes
    if not scenes:
        raise TrainingError("the run held out no validation scenes that could be measured; leave the pairs out")
    missing = [scene for scene in scenes if not any(pair.name.startswith(scene) for pair in pairs)]
    if missing:
        raise TrainingError(f"validation scene '{missing[0]}' is not in the data")
    return [pair for pair in pairs if pair.name.startswith(scenes)]

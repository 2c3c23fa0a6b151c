"""From a training run to a release folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from ..entropy.coders import FactorizedPrior
from ..entropy.density_tables import logistic_tables, residual_tables
from ..entropy.distributions import LAPLACE_SHARE
from ..entropy.lattice import Lattice
from ..entropy.streams import CodingTables
from ..errors import TrainingError
from ..models import build_model
from ..models.bisic_rt import BisicRt
from ..releases import save_release
from .checkpoint import FILE_NAME
from .config import TrainingConfig

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
| training steps | {steps:,} of {batch_size} pairs of {crop_width}x{crop_height} crops ({crop_pairs:,} crop pairs) |
| time | {minutes:.0f} minutes |
| loss | bits per view pixel + lambda * squared 8-bit error, lambda {lambda_min} to {lambda_max} |
| data | {data} |

Estimated rate and PSNR on held-out scenes ({scenes}), with the weights of this release:

| quality | bpp | PSNR, dB |
|---|---|---|
{validation}

Use: `bisic encode left.png right.png -o pair.bsc --model DIR`.
"""


def export_run(run: Path, folder: Path, *, name: str, data: str) -> None:
    """Writes the averaged weights of a run, with integer tables and a model card, as a release folder.

    `data` says in the card what the model was trained on, licences included.
    Raises TrainingError when `run` holds no run, OutputError when `folder` is not empty.
    """
    config, model, progress = _load_run(run)
    training = {
        "steps": progress["step"],
        "crop_pairs": progress["step"] * config.batch_size,
        "minutes": round(progress["seconds"] / 60, 1),
        "data": data,
    }
    card = _CARD.format(
        name=name,
        arch=config.arch,
        parameters=sum(p.numel() for p in model.parameters()),
        batch_size=config.batch_size,
        crop_width=config.crop_width,
        crop_height=config.crop_height,
        lambda_min=model.config.lambda_min,
        lambda_max=model.config.lambda_max,
        scenes=", ".join(config.validation_scenes) or "none",
        validation=_validation_at(run, int(progress["step"])),
        **training,
    )
    lattice = Lattice()
    save_release(
        folder,
        name=name,
        architecture=config.arch,
        model=model,
        tables=coding_tables(model.entropy.prior, lattice),
        lattice=lattice,
        training=training,
        card=card,
    )


def coding_tables(prior: FactorizedPrior, lattice: Lattice) -> CodingTables:
    """The integer tables of a model: one per scale level, and one per channel of the prior."""
    means = prior.mean.detach().double().cpu().numpy()
    # The deviations of the density whose bin masses `FactorizedPrior.bits` trains.
    deviations = np.exp(prior.log_scale.detach().double().cpu().numpy().clip(-3.0))
    scales = residual_tables(lattice.scales, laplace_share=LAPLACE_SHARE)
    return CodingTables(scales=scales, prior=logistic_tables(means, deviations))


def _load_run(run: Path) -> tuple[TrainingConfig, BisicRt, dict[str, float]]:
    try:
        config = TrainingConfig.from_dict(json.loads((run / "config.json").read_text(encoding="utf-8")))
        with safe_open(run / FILE_NAME, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            weights = {n[4:]: file.get_tensor(n) for n in file.keys() if n.startswith("ema/")}  # noqa: SIM118
        model = build_model(config.arch, config.model)
        model.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{run} holds no complete training run: {reason}") from error
    return config, model, progress


def _validation_at(run: Path, step: int) -> str:
    path = run / "validation.csv"
    rows = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    # By quality, because a run that was stopped and resumed may have validated one step twice.
    last = {row["quality"]: row for row in rows if row["step"] == str(step)}
    lines = [
        f"| {100 * float(r['quality']):.0f} | {float(r['bpp']):.4f} | {float(r['psnr']):.2f} |" for r in last.values()
    ]
    return "\n".join(lines) or "| - | - | - |"

"""From a training run to a release folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ..entropy.coders import FactorizedPrior
from ..entropy.distributions import LAPLACE_SHARE
from ..entropy.lattice import Lattice
from ..entropy.streams import CodingTables
from ..entropy.tables import TableSet, residual_tables
from ..errors import TrainingError
from ..models import build_model
from ..models.bisic_rt import BisicRt
from ..releases import save_release
from .checkpoint import FILE_NAME
from .config import TrainingConfig

_PRIOR_TAIL = 2.0**-20
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
        validation=_last_validation(run),
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
    return CodingTables(scales=residual_tables(lattice.scales, laplace_share=LAPLACE_SHARE), prior=_prior_tables(prior))


def _prior_tables(prior: FactorizedPrior) -> TableSet:
    means = prior.mean.detach().double().cpu().numpy()
    # The scale of the logistic density whose bin masses `FactorizedPrior.bits` trains.
    factors = np.pi / (np.sqrt(3) * np.exp(prior.log_scale.detach().double().cpu().numpy().clip(-3.0)))
    radii = np.ceil(-np.log(_PRIOR_TAIL) / factors).astype(np.int64) + 1
    offsets = np.rint(means).astype(np.int64) - radii
    pmfs = []
    for mean, factor, radius, offset in zip(means, factors, radii, offsets, strict=True):
        edges = np.arange(offset, offset + 2 * radius + 2) - 0.5 - mean
        pmfs.append(np.diff(_sigmoid(edges * factor)))
    return TableSet.from_probabilities(pmfs, offsets.astype(np.int32))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    half: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * x))
    return half


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


def _last_validation(run: Path) -> str:
    path = run / "validation.csv"
    rows = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    # By quality, because a run that was stopped and resumed may have validated one step twice.
    last = {row["quality"]: row for row in rows if row["step"] == rows[-1]["step"]}
    lines = [
        f"| {100 * float(r['quality']):.0f} | {float(r['bpp']):.4f} | {float(r['psnr']):.2f} |" for r in last.values()
    ]
    return "\n".join(lines) or "| - | - | - |"

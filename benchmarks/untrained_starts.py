"""What each part of the start of bisic-rt is worth before any training.

    python benchmarks/untrained_starts.py --data TRAIN [--validation NAME ...] [--markdown docs/training-log.md]

Every row is an untrained network with one part left out or changed, calibrated on the same crops of --data, and
validated on held-out scenes (central crops of at most 384x384, estimated bits). BD-rates in PSNR are against the
network as it starts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from markdown_tables import machine, publish, table
from validation_curves import BANDS, Rows, percents

from stereocodec.models import build_model
from stereocodec.models.bisic_rt import dct
from stereocodec.models.bisic_rt import model as bisic_rt
from stereocodec.models.bisic_rt.model import BisicRt
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import split_validation
from stereocodec.training.held_out import with_held_out
from stereocodec.training.kinds import kind_of
from stereocodec.training.pairs.data import Pair, load_pairs
from stereocodec.training.pairs.kind import PairKind
from stereocodec.training.pairs.sampler import CropSampler
from stereocodec.training.validation import validate

_SIDE, _CALIBRATED = 384, 32


def main() -> None:
    """Validates all starts and prints the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of pairs")
    options.add_argument(
        "--validation", nargs="+", default=(), metavar="NAME", help="held-out scenes, as of bisic train"
    )
    options.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = options.parse_args()
    pairs = load_pairs(arguments.data)
    config = replace(TrainingConfig.recipe("bisic-rt"), validation_scenes=tuple(arguments.validation))
    config = with_held_out(config, pairs, PairKind.least_side, None)
    kept, scenes = split_validation(pairs, config.validation_scenes)
    crops = CropSampler(kept, config.crop_height, config.crop_width, torch.device("cpu"), 0).batch(_CALIBRATED)
    whole = curve({}, lambda model: None, crops, scenes)
    rows = [["as it starts", *(f"{whole[i]['bpp']:.3f} bpp, {whole[i]['psnr']:.2f} dB" for i in (0, 2, 4))]]
    shown = [[name, *percents(make(crops, scenes), whole)] for name, make in VARIANTS.items()]
    header = table(["", "quality 0", "50", "100"], rows)
    rates = table(["change", *(f"BD-rate, {band}, %" for band in BANDS)], shown)
    publish(f"{machine('stereocodec', 'torch', 'numpy')}.\n\n{header}\n\n{rates}", "starts", arguments.markdown)


@torch.no_grad()
def curve(
    arguments: dict[str, int], change: Callable[[BisicRt], object], crops: torch.Tensor, scenes: list[Pair]
) -> Rows:
    """The validation rows of an untrained network with some settings, changed before it is calibrated."""
    torch.manual_seed(0)
    model = build_model("bisic-rt", arguments)
    assert isinstance(model, BisicRt)
    change(model)
    model.calibrate(crops)
    return validate(kind_of(model), model.eval(), scenes, _SIDE)


def _without_lapping(model: BisicRt) -> None:
    for part in (model.analysis, model.synthesis, model.entropy.prediction):
        part.borders.before.copy_(torch.eye(16))
        part.borders.behind.copy_(torch.eye(16))


def _without_neighbours(model: BisicRt) -> None:
    model.entropy.neighbours.follow.zero_()
    model.entropy.neighbours.activity.zero_()


def _variant(change: Callable[[BisicRt], object] = lambda model: None, **arguments: int) -> Callable[..., Rows]:
    return lambda crops, scenes: curve(arguments, change, crops, scenes)


def _patched(place: object, name: str, value: object) -> Callable[..., Rows]:
    def run(crops: torch.Tensor, scenes: list[Pair]) -> Rows:
        with mock.patch.object(place, name, value):
            return curve({}, lambda model: None, crops, scenes)

    return run


def _haar_step(head: torch.Tensor, channels: int) -> torch.Tensor:
    """2x2 Haar functions over the outputs of the first stage, the lowest frequencies of it first, as release 2 had."""
    signs = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    every = torch.kron(torch.eye(len(head)), signs).reshape(-1, len(head), 4).transpose(1, 2)
    return every.reshape(4 * len(head), -1)[:channels]


VARIANTS = {
    "blocks that do not overlap": _variant(_without_lapping),
    "8x8 DCT and 2x2 Haar functions": _patched(bisic_rt, "dct16_step", _haar_step),
    "scales that do not follow decoded neighbours": _variant(_without_neighbours),
    "192 latent channels": _variant(latent_channels=192, channels16=192),
    "256 latent channels": _variant(latent_channels=256, channels16=256),
    "384 latent channels": _variant(latent_channels=384, channels16=384),
    "more chroma among the coefficients (penalty 3)": _patched(dct, "_CHROMA_PENALTY", 3.0),
    "less chroma among the coefficients (penalty 6)": _patched(dct, "_CHROMA_PENALTY", 6.0),
}


if __name__ == "__main__":
    main()

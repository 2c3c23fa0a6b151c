"""Settings of a run on a borrowed GPU: a recipe with a larger batch, as a TOML file for `bisic train`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from stereocodec.errors import StereoCodecError
from stereocodec.training.config import TrainingConfig

# A GPU makes some ten steps a second, and what is brought back are the weights of the last checkpoint.
_CHECKPOINT_EVERY, _VALIDATE_EVERY = 300, 1000


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--batch", required=True, type=int, help="Crop pairs per step.")
@click.option("--rates", default=1.0, show_default=True, help="What the learning rates are multiplied by.")
@click.option("--validation", multiple=True, metavar="NAME", help="As of `bisic train`.")
@click.option("--compile", "compiled", is_flag=True, help="Through torch.compile.")
def main(recipe: Path, output: Path, batch: int, rates: float, validation: tuple[str, ...], compiled: bool) -> None:
    """Writes OUTPUT from RECIPE. Steps and decay are those that fit into the time (`bisic train --fit-minutes`)."""
    try:
        config = gpu_settings(TrainingConfig.from_toml(recipe), batch, rates, compiled)
        if validation:
            config = dataclasses.replace(config, validation_scenes=validation)
    except StereoCodecError as error:
        raise click.ClickException(str(error)) from error
    output.write_text(as_toml(config), encoding="utf-8")


def gpu_settings(config: TrainingConfig, batch: int, rates: float = 1.0, compiled: bool = False) -> TrainingConfig:
    """The settings of a recipe for a batch; raises TrainingError for impossible ones."""
    return dataclasses.replace(
        config,
        batch_size=batch,
        learning_rate=config.learning_rate * rates,
        muon_learning_rate=config.muon_learning_rate * rates,
        compile=compiled,
        schedule="stable",
        checkpoint_every=max(config.checkpoint_every, _CHECKPOINT_EVERY),
        validate_every=max(config.validate_every, _VALIDATE_EVERY),
    )


def as_toml(config: TrainingConfig) -> str:
    """Settings as `TrainingConfig.from_toml` reads them."""
    settings = dataclasses.asdict(config)
    model = settings.pop("model")
    # Texts, numbers, truth values and lists are written alike in JSON and TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["", "[model]", *(f"{name} = {json.dumps(value)}" for name, value in model.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

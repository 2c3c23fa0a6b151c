"""`bisic train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stereocodec.errors import TrainingError
from stereocodec.text import one_line

from ._shared import NamedPath, device_option, quiet_option

if TYPE_CHECKING:
    from stereocodec.training.config import TrainingConfig


@click.command()
@click.argument("config", required=False, type=NamedPath(dir_okay=False, path_type=Path))
@click.option("--arch", metavar="NAME", help="Without CONFIG: train by this architecture's own recipe.")
@click.option(
    "--data",
    required=True,
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="A folder of NAME_left.* and NAME_right.*, or of NAME_color.* and NAME_depth.*; may be given several times.",
)
@click.option(
    "--photos",
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="A folder of single photographs, of which CONFIG's photo_share of the crops are made.",
)
@click.option("-o", "--output", required=True, type=NamedPath(path_type=Path), metavar="RUN", help="The run's folder.")
@click.option(
    "--init",
    metavar="NAME|DIR",
    help="Start with the weights of a built-in model, of a release's folder or of another run's folder.",
)
@click.option(
    "--grow",
    type=NamedPath(path_type=Path),
    metavar="RUN",
    help="Go on from another run with networks that have more parts, as CONFIG's [model] says.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in RUN.")
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this time, resumable.")
@click.option(
    "--fit-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Train for this time, with learning rates that fall over its last quarter, whatever steps CONFIG names.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; by default PyTorch's choice.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that draw crops ahead; by default as many as a GPU may need, and none without one.",
)
@click.option("--background", is_flag=True, help="Take only the time that other programs leave.")
@device_option
@quiet_option
def train(
    config: Path | None,
    arch: str | None,
    data: tuple[Path, ...],
    photos: tuple[Path, ...],
    output: Path,
    init: str | None,
    grow: Path | None,
    resume: bool,
    max_minutes: float | None,
    fit_minutes: float | None,
    threads: int | None,
    workers: int | None,
    background: bool,
    device: str,
    quiet: bool,
) -> None:
    """Train a model on folders of stereo pairs, or of colour with depth.

    CONFIG is a TOML file with the settings; --arch takes an architecture's own recipe instead, and an unknown one names
    those that are known. RUN receives checkpoint.safetensors, config.json, train.csv and validation.csv; a stopped or
    killed run goes on with --resume, and `bisic export` makes a release of it.
    On several GPUs: torchrun --nproc-per-node GPUS -m stereocodec_cli train ...
    """
    _check_usage(config, arch, init, grow, resume, max_minutes, fit_minutes)
    if background:
        from stereocodec.training.background import yield_to_other_work

        yield_to_other_work()  # before PyTorch starts threads, which would keep their priority
    import torch

    from stereocodec.devices import torch_device
    from stereocodec.training.config import TrainingConfig
    from stereocodec.training.distributed import process_group
    from stereocodec.training.examples import load_photos
    from stereocodec.training.kinds import load_examples
    from stereocodec.training.loop import Trainer
    from stereocodec.training.pairs.crop_workers import default_workers
    from stereocodec.training.timed import train_for

    settings = TrainingConfig.from_toml(config) if config else _recipe(arch or "")
    if threads:
        torch.set_num_threads(threads)
    # Tiny gradients of zero-initialised branches are denormal numbers, which are many times slower on x86.
    torch.set_flush_denormal(True)

    def report(line: str) -> None:
        if not quiet:
            click.echo(one_line(line), err=True)

    with process_group(torch_device(device)) as own_device:
        trainer = Trainer(
            settings,
            load_examples(settings, data),
            output,
            photos=load_photos(photos),
            device=own_device,
            resume=resume,
            init=init,
            grow=grow,
            workers=default_workers(own_device) if workers is None else workers,
            report=report,
        )
        if fit_minutes is None:
            trainer.run(max_minutes)
        else:
            train_for(trainer, fit_minutes)


def _recipe(arch: str) -> TrainingConfig:
    from stereocodec.training.config import TrainingConfig

    try:
        return TrainingConfig.recipe(arch)
    except TrainingError as error:  # which names those that are known
        raise click.BadParameter(str(error), param_hint="'--arch'") from error


def _check_usage(
    config: Path | None,
    arch: str | None,
    init: str | None,
    grow: Path | None,
    resume: bool,
    max_minutes: float | None,
    fit_minutes: float | None,
) -> None:
    """Raises UsageError for options that do not go together."""
    if (config is None) == (arch is None):
        raise click.UsageError("Name either a CONFIG or an --arch.")
    if resume and (init is not None or grow is not None):
        raise click.UsageError("--resume goes on with the weights of RUN: leave --init and --grow out.")
    if init is not None and grow is not None:
        raise click.UsageError("--grow goes on with the weights of the former run: leave --init out.")
    if max_minutes is not None and fit_minutes is not None:
        raise click.UsageError("Name either --max-minutes or --fit-minutes.")

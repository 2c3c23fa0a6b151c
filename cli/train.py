"""`bisic train`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stereocodec.text import one_line

from ._shared import NamedPath, device_option, quiet_option, wrong_usage
from ._stopping import stop_requests

if TYPE_CHECKING:
    from stereocodec.training.config import TrainingConfig
    from stereocodec.training.loop import Report, Trainer


@click.command()
@click.argument("config", required=False, type=NamedPath(dir_okay=False, path_type=Path))
@click.option("--arch", metavar="NAME", help="Without CONFIG: train by this architecture's own recipe.")
@click.option(
    "--data",
    required=True,
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="A folder of NAME_left.* and NAME_right.*, or of NAME_color.* and NAME_depth.*, a data set as it is unpacked, "
    "or a CSV list; may be given several times.",
)
@click.option(
    "--photos",
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="A folder of single photographs, of which photo_share of the crops are made; a recipe works without them.",
)
@click.option(
    "--validation",
    multiple=True,
    metavar="NAME",
    help="Hold out the scenes whose names begin so; may be given several times. By default one in ten is held out.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting in place of CONFIG's or the recipe's, such as steps=5000; may be given several times.",
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
    validation: tuple[str, ...],
    assignments: tuple[str, ...],
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
    those that are known. RUN receives checkpoint.safetensors, config.json, train.csv and validation.csv. Ctrl-C ends a
    run after the step that it is at; this or a killed run goes on with --resume, and `bisic export` makes a release.

    On several GPUs: torchrun --nproc-per-node GPUS -m stereocodec_cli train ...
    """
    _check_usage(config, arch, init, grow, resume, max_minutes, fit_minutes)
    if background:
        from stereocodec.training.background import yield_to_other_work

        yield_to_other_work()  # before PyTorch starts threads, which would keep their priority
    import torch

    from stereocodec.devices import torch_device
    from stereocodec.training.distributed import process_group, rank
    from stereocodec.training.examples import load_photos
    from stereocodec.training.kinds import load_examples
    from stereocodec.training.loop import Trainer
    from stereocodec.training.pairs.crop_workers import default_workers
    from stereocodec.training.timed import train_for

    def report(line: str) -> None:
        if not quiet:
            click.echo(one_line(line), err=True)

    settings = _settings(config, arch, bool(photos), validation, assignments, report)
    if threads:
        torch.set_num_threads(threads)
    # Tiny gradients of zero-initialised branches are denormal numbers, which are many times slower on x86.
    torch.set_flush_denormal(True)
    with process_group(torch_device(device)) as own_device:
        trainer = Trainer(
            settings,
            load_examples(settings, data, None if rank() else report),
            output,
            photos=load_photos(photos),
            device=own_device,
            resume=resume,
            init=init,
            grow=grow,
            workers=default_workers(own_device) if workers is None else workers,
            report=report,
        )
        with stop_requests() as requests:
            if fit_minutes is None:
                trainer.run(max_minutes, stop=requests.is_stopped)
            else:
                train_for(trainer, fit_minutes, requests.is_stopped)
    for line in _next_steps(trainer, output, data):
        trainer.report(line)
    if requests.number is not None:
        raise click.exceptions.Exit(128 + requests.number)


def _settings(
    config: Path | None,
    arch: str | None,
    has_photos: bool,
    validation: tuple[str, ...],
    assignments: tuple[str, ...],
    report: Report,
) -> TrainingConfig:
    """What the options say, on top of a file or of an architecture's recipe; raises TrainingError."""
    from stereocodec.training.config import TrainingConfig

    if config is not None:
        settings = TrainingConfig.from_toml(config)
    else:
        settings = _recipe(arch or "")
        if settings.photo_share and not has_photos:
            report(
                f"no --photos: the {settings.photo_share:.0%} of the recipe's crops that they make are made of pairs"
            )
            settings = replace(settings, photo_share=0.0)
    if validation:
        settings = replace(settings, validation_scenes=validation)
    return settings.changed(assignments)


def _next_steps(trainer: Trainer, output: Path, data: tuple[Path, ...]) -> Iterator[str]:
    """Lines that tell how a run ended and what to do with it."""
    run, steps = shlex.quote(str(output)), trainer.config.steps
    if trainer.step < steps:
        yield f"stopped at step {trainer.step} of {steps}; to go on: the same command with --resume"
    measured = [f"--data {shlex.quote(str(folder))}" for folder in data if trainer.config.validation_scenes]
    yield f"to make a release: {' '.join(['bisic export', run, '-o DIR', *measured])}"


def _recipe(arch: str) -> TrainingConfig:
    from stereocodec.training.config import TrainingConfig

    with wrong_usage("--arch"):
        return TrainingConfig.recipe(arch)


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

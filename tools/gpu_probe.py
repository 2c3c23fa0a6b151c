"""How fast a machine trains with several sizes of batches, in about a minute: for the choice of the long run's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch
from gpu_settings import gpu_settings

from stereocodec.devices import torch_device
from stereocodec.errors import StereoCodecError
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import Photo, load_photos
from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.crop_workers import default_workers
from stereocodec.training.pairs.data import Pair, load_pairs

# Steps that are not counted: kernels are chosen and memory is taken in the first ones.
_FIRST_STEPS = 3


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The folder of packed data.")
@click.option("--batches", default="16,32,64,128", show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="For each size, without what comes before.")
@click.option("--device", default="auto", show_default=True)
@click.option("--workers", type=int, help="As of `bisic train`.")
@click.option("--init", help="As of `bisic train`.")
@click.option("--compile", "compiled", is_flag=True, help="Also with torch.compile, at the end.")
def main(
    recipe: Path,
    data: Path,
    batches: str,
    seconds: float,
    device: str,
    workers: int | None,
    init: str | None,
    compiled: bool,
) -> None:
    """Trains a few steps of RECIPE with each size of batches, and prints a line for each."""
    started = time.monotonic()
    try:
        config, on = TrainingConfig.from_toml(recipe), torch_device(device)
        pairs = load_pairs([data / "pairs"])
        photos = load_photos([data / "photos"]) if config.photo_share else []
        workers = default_workers(on) if workers is None else workers
        click.echo(f"{len(pairs)} pairs and {len(photos)} photographs loaded in {time.monotonic() - started:.0f} s")
        torch.set_flush_denormal(True)  # as `bisic train` does
        sizes = [int(size) for size in batches.split(",")]
        cases = [(size, False) for size in sizes] + ([(sizes[-1], True)] if compiled else [])
        for size, is_compiled in cases:
            settings = gpu_settings(config, size, compiled=is_compiled)
            click.echo(probed(settings, pairs, photos, on, workers, init, seconds))
    except StereoCodecError as error:
        raise click.ClickException(str(error)) from error


def probed(
    config: TrainingConfig,
    pairs: Sequence[Pair],
    photos: Sequence[Photo],
    device: torch.device,
    workers: int,
    init: str | None,
    seconds: float,
) -> str:
    """Trains with some settings for so many seconds; what there is to say of it, in a line."""
    about = f"batch {config.batch_size}{', compiled' if config.compile else ''}: "
    started = time.monotonic()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    try:
        with TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            settings = {"device": device, "init": init, "workers": workers, "report": lambda line: None}
            trainer = Trainer(config, pairs, run, photos=photos, **settings)
            losses = [trainer.train_step()["loss"].item() for _ in range(_FIRST_STEPS)]
            ready = time.monotonic()
            while time.monotonic() < ready + seconds:
                losses.append(trainer.train_step()["loss"].item())
            taken = time.monotonic() - ready
            close = getattr(trainer.sampler, "close", None)
            if close is not None:
                close()
    except torch.OutOfMemoryError:
        return f"{about}not enough memory"
    steps = len(losses) - _FIRST_STEPS
    last = losses[-min(5, steps) :]
    memory = f", {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB" if device.type == "cuda" else ""
    return (
        f"{about}{config.batch_size * steps / taken:.1f} crop pairs/s, {steps / taken:.2f} steps/s{memory}, "
        f"loss {losses[0]:.3f} to {sum(last) / len(last):.3f} in {len(losses)} steps, "
        f"{ready - started:.0f} s to start"
    )


if __name__ == "__main__":
    main()

"""The averaged weights of a run as files of a few MiB, and a run's folder made of them again.

    python tools/averaged_weights.py save runs/gpu FOLDER      writes FOLDER/averaged-1.safetensors, -2 and so on
    python tools/averaged_weights.py join FOLDER runs/fetched  makes of them what --init and `bisic export` take

Matrices are float16, as in releases, the rest is float32. The optimisers' moments stay behind: what is joined is the
start of another run, or a release, and cannot be resumed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from stereocodec.errors import OutputError, StereoCodecError, TrainingError
from stereocodec.training.checkpoint import CONFIG, FILE_NAME, load_run

_MIB = 1 << 20
_PREFIX = "ema/"  # of the average in a checkpoint


@click.group()
def main() -> None:
    """Takes the averaged weights out of a run, and makes a run's folder of them."""


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--mib", default=15.0, show_default=True, help="The largest size of a file.")
def save(run: Path, folder: Path, mib: float) -> None:
    """Write the averaged weights of RUN into FOLDER, in place of those that are there."""
    try:
        count = save_average(run, folder, round(mib * _MIB))
    except StereoCodecError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"the averaged weights of {run} are in {folder}, in {count} files")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
def join(folder: Path, run: Path) -> None:
    """Make the run's folder RUN of the files in FOLDER."""
    try:
        step = join_average(folder, run)
    except StereoCodecError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{run} holds the averaged weights of step {step}")


def save_average(run: Path, folder: Path, largest: int) -> int:
    """Writes the files; returns how many. Raises TrainingError when `run` holds no run with a checkpoint."""
    _, model, progress = load_run(run)
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in model.state_dict().items():
        stored = value.half() if value.ndim >= 2 else value
        if parts[-1] and size + stored.nbytes > largest:
            parts.append({})
            size = 0
        parts[-1][_PREFIX + name] = stored.contiguous()
        size += stored.nbytes
    settings = (run / CONFIG).read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    for path in _parts(folder):
        path.unlink()
    for number, tensors in enumerate(parts, 1):
        about = {"progress": json.dumps(progress), "config": settings, "files": str(len(parts))}
        save_file(tensors, folder / f"averaged-{number}.safetensors", metadata=about)
    return len(parts)


def join_average(folder: Path, run: Path) -> int:
    """Makes the run's folder; returns the step that the weights are of.

    Raises OutputError when `run` exists, TrainingError when files are missing or do not belong together.
    """
    if run.exists():
        raise OutputError(f"{run} exists; choose another folder")
    tensors: dict[str, Tensor] = {}
    about = []
    try:
        for path in _parts(folder):
            with safe_open(path, framework="pt") as file:
                about.append(file.metadata() or {})
                tensors |= {name: file.get_tensor(name).to(torch.float32) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{folder} holds a file that is not one of averaged weights: {error}") from error
    if not about or about[0].get("files") != str(len(about)) or any(part != about[0] for part in about):
        raise TrainingError(f"{folder} does not hold all files of one run's averaged weights; fetch all of one moment")
    run.mkdir(parents=True)
    (run / CONFIG).write_text(about[0]["config"], encoding="utf-8")
    save_file(tensors, run / FILE_NAME, metadata={"progress": about[0]["progress"]})
    load_run(run)
    step: int = json.loads(about[0]["progress"])["step"]
    return step


def _parts(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("averaged-*.safetensors"))


if __name__ == "__main__":
    main()

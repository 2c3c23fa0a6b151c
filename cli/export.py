"""`bisic export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The release folder.",
)
@click.option("--name", help="The release's name; by default the folder's.")
@click.option("--trained-on", required=True, help="What the model card says of the training data and its licences.")
def export(run: Path, output: Path, name: str | None, trained_on: str) -> None:
    """Make a release folder of a training run.

    The folder holds config.json, model.safetensors (averaged weights and integer tables) and README.md (model card);
    `bisic encode --model DIR` uses it.
    """
    from stereocodec.training.export import export_run

    export_run(run, output, name=name or output.resolve().name, data=trained_on)
    click.echo(f"{output}: {sum(f.stat().st_size for f in output.iterdir()):,} bytes")

"""`bisic export`."""

from __future__ import annotations

from pathlib import Path

import click

from stereocodec.text import one_line

from ._shared import NamedPath


@click.command()
@click.argument("run", type=NamedPath(file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="The release folder.",
)
@click.option("--name", help="The release's name; by default the folder's.")
@click.option(
    "--data",
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="A folder of examples to fit tables to, with the run's validation scenes, to measure the release on; "
    "may be given several times.",
)
@click.option("--trained-on", default="", help="What the model card says of the training data and its licences.")
@click.option("--licence", help="The licence of the weights, for the card, e.g. mit; by default it names none.")
def export(
    run: Path, output: Path, name: str | None, data: tuple[Path, ...], trained_on: str, licence: str | None
) -> None:
    """Make a release folder of a training run.

    The folder holds config.json, model.safetensors (averaged weights and integer tables) and README.md (model card);
    `bisic encode --model DIR` uses it. With --data, the tables are fitted to what the encoder chooses on the examples,
    and the card holds sizes and quality measured by coding the run's validation scenes. A model whose coded bytes
    exceed its own estimate by more than 0.5 % is refused.
    """
    from stereocodec.training.checkpoint import run_settings
    from stereocodec.training.export import export_run
    from stereocodec.training.kinds import load_examples

    examples = load_examples(run_settings(run), data)
    title = name or output.resolve().name
    export_run(run, output, name=title, data=trained_on, licence=licence, examples=examples)
    click.echo(f"{one_line(output)}: {sum(f.stat().st_size for f in output.iterdir()):,} bytes")
    missing = [option for option, value in (("--licence", licence), ("--trained-on", trained_on)) if not value]
    if missing:
        click.echo(
            f"{one_line(output / 'README.md')} lacks what {' and '.join(missing)} would say: write it there", err=True
        )

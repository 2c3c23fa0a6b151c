"""`bisic import`."""

from __future__ import annotations

from pathlib import Path

import click

from stereocodec.text import one_line

from ._shared import NamedPath


@click.command("import")
@click.argument("checkpoint", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--arch",
    required=True,
    metavar="NAME",
    help="The architecture that the checkpoint is of; an unknown one names those that are known.",
)
@click.option(
    "-o", "--output", required=True, type=NamedPath(path_type=Path), metavar="DIR", help="The release folder."
)
@click.option("--name", help="The release's name; by default the folder's.")
@click.option(
    "--data",
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="A folder of examples, or a CSV list, to fit the probability tables to; may be given several times.",
)
def import_(checkpoint: Path, arch: str, output: Path, name: str | None, data: tuple[Path, ...]) -> None:
    """Make a release folder of a checkpoint of a published codec.

    CHECKPOINT is what the codec's official training code saved, or the same tensors as safetensors. Nothing in it is
    executed. `bisic encode --model DIR` uses the folder. With --data, which takes longer, files become a little
    smaller.
    """
    # Which architectures there are takes torch to know, so that neither --help nor completion lists them.
    from stereocodec.releases.official import formats, import_checkpoint

    if arch not in formats():
        raise click.BadParameter(f"'{arch}' is not one of {', '.join(formats())}.", param_hint="'--arch'")

    examples = []
    if data:
        from stereocodec.training.export import example_inputs

        examples = example_inputs(arch, data)
    import_checkpoint(checkpoint, output, arch=arch, name=name or output.resolve().name, examples=examples)
    click.echo(f"{one_line(output)}: {sum(f.stat().st_size for f in output.iterdir()):,} bytes")

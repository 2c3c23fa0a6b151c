"""`bisic pull`; needs no torch."""

from __future__ import annotations

import click

from ._shared import quiet_option


@click.command()
@click.argument("repository", metavar="ORG/NAME[@REVISION]")
@click.option("--force", is_flag=True, help="Fetch again what the cache has.")
@quiet_option
def pull(repository: str, force: bool, quiet: bool) -> None:
    """Fetch a model from the Hub.

    The model is then in the Hub's cache, and --model ORG/NAME uses it, also without a network. REVISION is a branch,
    a tag or a commit. HF_HOME, HF_ENDPOINT, HF_TOKEN and proxies are those of huggingface_hub; `hf auth login` logs
    in for private repositories. The weights are checked against their sha256.
    """
    from stereocodec.releases.folders import summary
    from stereocodec.releases.hub import fetch, hide_progress

    if quiet:
        hide_progress()
    name, _, revision = repository.partition("@")
    folder, origin = fetch(name, revision=revision or None, force_download=force)
    described = summary(folder)
    if not quiet:
        click.echo(f"{origin}: {described.name}, {described.size:,} bytes, {described.parameters:,} parameters")

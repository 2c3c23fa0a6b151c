"""`bisic push`."""

from __future__ import annotations

from pathlib import Path

import click

from ._shared import NamedPath, quiet_option


@click.command()
@click.argument("folder", metavar="DIR", type=NamedPath(path_type=Path))
@click.argument("repository", metavar="ORG/NAME")
@click.option("-m", "--message", help="The commit's message. [default: the release's name]")
@click.option("--branch", help="An existing branch. [default: main]")
@click.option("--private", is_flag=True, help="Make the repository private, if it is made.")
@click.option("--licence", help="The licence for the card, e.g. mit. [default: as in the card]")
@quiet_option
def push(
    folder: Path,
    repository: str,
    message: str | None,
    branch: str | None,
    private: bool,
    licence: str | None,
    quiet: bool,
) -> None:
    """Publish a release folder on the Hub.

    DIR is what `bisic export` writes. It is loaded and checked first; the card gets the metadata that the Hub shows.
    The repository is made if there is none. Log in with `hf auth login`, or set HF_TOKEN.
    """
    from stereocodec.releases.folders import check_licence, summary
    from stereocodec.releases.hub import hide_progress, publish
    from stereocodec.releases.release import load_release

    if licence is not None:
        check_licence(licence)
    release = load_release(folder)
    if quiet:
        hide_progress()
    url = publish(
        release.folder,
        repository,
        commit_message=message or f"{release.name}, {release.model_id.hex()}",
        private=private or None,
        branch=branch,
        model_card_kwargs={"license": licence} if licence else None,
    )
    if not quiet:
        click.echo(f"{repository}: {url}")
        if licence is None and summary(release.folder).licence is None:
            click.echo("the card names no licence, so that nobody may use the model: add --licence NAME", err=True)

"""`bisic verify`."""

from __future__ import annotations

from functools import partial

import click

from ._decoding import check_model_options, max_pixels_option, pull_option
from ._many import Told, jobs_option
from ._shared import NamedPath, device_option, quiet_option


@click.command()
@click.argument("files", type=NamedPath(), nargs=-1, required=True)
@click.option(
    "--model", metavar="NAME|DIR|ORG/NAME", help="The model of all files.  [default: the one that wrote each]"
)
@pull_option
@max_pixels_option
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
@device_option
@quiet_option
def verify(
    files: tuple[str, ...],
    model: str | None,
    pull: bool,
    max_pixels: int | None,
    jobs: int | None,
    as_json: bool,
    device: str,
    quiet: bool,
) -> None:
    """Decode .bsc files and compare checksums, without writing anything.

    FILES are .bsc files, and folders of them with all below. What decodes here is what every machine decodes: the
    checksum that a file has of its latents is compared with what was decoded. Files that fail are named, and the exit
    status is then 1.
    """
    check_model_options(model, pull)
    from stereocodec.batch.decoding import Decoder, DecodeSettings
    from stereocodec.batch.engine import run
    from stereocodec.batch.naming import decode_jobs

    named = decode_jobs(files, None)
    told = Told(len(named), "verified", as_json=as_json, quiet=quiet)
    with told:
        for report in run(named, partial(Decoder, DecodeSettings(model, pull, device, max_pixels)), jobs):
            told(report)
    told.finish()

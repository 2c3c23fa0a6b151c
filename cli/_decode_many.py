"""`bisic decode` of many files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from stereocodec.text import one_line

from ._many import Told
from ._shared import STANDARD_STREAM, wrong_usage


def decode_many(
    sources: tuple[str, ...],
    output: str | None,
    settings: Mapping[str, Any],
    jobs: int | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Decodes all files of folders, and files, into a folder; ends the command with status 1 if one failed.

    settings: the fields of `DecodeSettings`.
    """
    from stereocodec.batch.decoding import DecodeSettings
    from stereocodec.batch.naming import decode_jobs
    from stereocodec.batch.run import decode_all
    from stereocodec.pictures.output_form import output_form

    if output is None or output == STANDARD_STREAM or (os.path.exists(output) and not os.path.isdir(output)):
        where = "" if output is None else f", which {one_line(output)} is not"
        raise click.UsageError(f"Several files need a folder for their pictures{where}: name it with -o.")
    with wrong_usage():  # of --layout, --format and --output-quality
        form = output_form(
            output, layout=settings["layout"], format=settings["format"], quality=settings["quality"], stem=""
        )
    if not form.is_folder:
        raise click.UsageError(f"-o {one_line(output)} is the name of one picture, but several files need a folder.")
    found = decode_jobs(sources, Path(output))
    told = Told(len(found), "decoded", as_json=as_json, quiet=quiet)
    with told:
        decode_all(found, Path(output), DecodeSettings(**settings), processes=jobs, tell=told)
    told.finish()

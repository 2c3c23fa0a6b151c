"""`bisic encode` of many pairs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stereocodec.text import one_line

from ._many import Told
from ._shared import STANDARD_STREAM

if TYPE_CHECKING:
    from stereocodec.batch.encoding import EncodeSettings
    from stereocodec.batch.run import Engine

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class ManyOptions:
    """How many pairs are encoded, and how it is told."""

    jobs: int | None
    engine: str
    address: str | None
    as_json: bool
    quiet: bool

    def check_unused(self) -> None:
        """Raises UsageError where one pair is named, which these options are not about."""
        if self.as_json or self.engine != ENGINES[0] or self.address is not None:
            raise click.UsageError("--json, --engine and --address are about many pairs, but one is named.")


def are_many(sources: tuple[str, ...]) -> bool:
    """Whether arguments name more than one pair."""
    from stereocodec.batch.naming import is_many

    return is_many(sources)


def name_of_pair(sources: tuple[str, ...]) -> str:
    """What the file of one pair is called in a folder; raises UsageError for standard input."""
    from stereocodec.batch.naming import encode_jobs

    if sources[0] == STANDARD_STREAM:
        raise click.UsageError("Standard input has no name: give the name of the file with -o.")
    return encode_jobs(sources, Path())[0].output.name


def encode_many(sources: tuple[str, ...], output: str, settings: EncodeSettings, options: ManyOptions) -> None:
    """Encodes all pairs of folders, lists and files into a folder; ends the command with status 1 if one failed."""
    from stereocodec.batch.naming import SUFFIX, encode_jobs, frame_jobs
    from stereocodec.batch.run import encode_all

    if STANDARD_STREAM in (*sources, output):
        raise click.UsageError("- is about one pair, but several are named.")
    if os.path.exists(output) and not os.path.isdir(output):
        raise click.UsageError(f"-o {one_line(output)} is a file, but several pairs need a folder.")
    if output.lower().endswith(SUFFIX) and not os.path.isdir(output):
        raise click.UsageError(f"-o {one_line(output)} is the name of a file, but several pairs need a folder.")
    if options.address is not None and options.engine != "ray":
        raise click.UsageError("--address is that of a Ray cluster: it needs --engine ray.")
    if options.engine == "ray":  # whose machines have another current folder
        output, sources = os.path.abspath(output), tuple(map(os.path.abspath, sources))
    left_over: list[str] = []
    find = encode_jobs if settings.depth is None else frame_jobs
    found = find(sources, Path(output), lambda file, reason: left_over.append(f"{one_line(file)} {reason}"))
    told = Told(len(found), "encoded", as_json=options.as_json, quiet=options.quiet)
    told.left_over(left_over)
    with told:
        engine = _engine(options.engine, options.address)
        encode_all(found, Path(output), settings, processes=options.jobs, tell=told, engine=engine)
    told.finish()


def _engine(name: str, address: str | None) -> Engine | None:
    if name == "local":
        return None
    from stereocodec.batch.ray_engine import run_ray

    return partial(run_ray, address=address)

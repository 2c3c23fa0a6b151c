"""What the commands for many pairs share: how many processes, a bar, and what is said of each pair and of all."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from stereocodec.text import one_line

if TYPE_CHECKING:
    from stereocodec.batch.jobs import Report

_MOST_LINES = 10  # of pictures that are in no pair

jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="one per core",
    metavar="N",
    help="Processes, each with networks of its own.",
)


class Told:
    """Tells people, or programs with `--json`, what becomes of many pairs.

    Failures are named on standard error as they happen; a bar, where that is a terminal, has the pairs per second and
    the time left.
    """

    def __init__(self, count: int, done: str, *, as_json: bool, quiet: bool) -> None:
        """count: of all jobs. done: the word for those that went well, e.g. "encoded"."""
        self._word, self._json, self._quiet = done, as_json, quiet
        self._counts: Counter[str] = Counter()
        self._start = time.monotonic()
        shown = not quiet and sys.stderr.isatty()
        self._bar: Any = click.progressbar(length=count, file=sys.stderr, label=done) if shown else None

    def __enter__(self) -> Told:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def __call__(self, report: Report) -> None:
        """Tells of one pair."""
        self._counts[report.status] += 1
        if report.status == "failed":
            click.echo(f"bisic: {one_line(report.name)}: {report.error}", err=True)
        for doubt in report.warnings:
            click.echo(f"bisic: warning: {one_line(report.name)}: {doubt}", err=True)
        if self._json:
            click.echo(json.dumps(report.row()))
        if self._bar is not None:
            self._bar.label = f"{self._word} ({self._rate():.2f} pairs/s)"
            self._bar.update(1)

    def left_over(self, pictures: Sequence[str]) -> None:
        """Tells of pictures that are in no pair, each with the reason; they count as failures."""
        self._counts["left over"] = len(pictures)
        for line in pictures[:_MOST_LINES]:
            click.echo(f"bisic: {line}", err=True)
        if len(pictures) > _MOST_LINES:
            more = len(pictures) - _MOST_LINES
            click.echo(f"bisic: {more} more pictures are in no pair; bisic eval --list names all", err=True)

    def finish(self) -> None:
        """Tells of all of them; ends the command with status 1 if any failed."""
        if not self._quiet and not self._json:
            parts = [f"{self._counts['done']} {self._word}"]
            parts += [
                f"{self._counts[status]} {status}"
                for status in ("skipped", "failed", "left over")
                if self._counts[status]
            ]
            click.echo(", ".join(parts))
        if self._counts["failed"] or self._counts["left over"]:
            raise click.exceptions.Exit(1)

    def _rate(self) -> float:
        done = self._counts.total() - self._counts["left over"]
        return done / max(time.monotonic() - self._start, 1e-3)

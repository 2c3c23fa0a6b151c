"""`manifest.csv`: what became of every pair of a folder, by which a second run knows what is done already."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..files import write_atomically
from ..regular_files import read_regular
from ..text import reason_of
from .jobs import COLUMNS, Report

NAME = "manifest.csv"
_MAX_BYTES = 2**30
_UNDECODABLE = "surrogateescape"  # bytes of names that are no text stay what they are
_WHOLE, _REAL = ("width", "height", "size"), ("quality", "bpp", "psnr_left", "psnr_right")


def read_manifest(folder: Path) -> dict[str, Report]:
    """The reports of a folder's manifest by name; none where there is no manifest.

    Raises InvalidInput for a file that is none.
    """
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8", _UNDECODABLE)
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"its columns are not {','.join(COLUMNS)}")
        reports = [_report(row) for row in rows]
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or reason_of(error)}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InvalidInput(f"{path} is no list of encoded pairs ({error}): move it away to write a new one") from error
    return {report.name: report for report in reports}


def write_manifest(folder: Path, reports: Iterable[Report]) -> None:
    """Writes a folder's manifest, sorted by name, in place of an old one. Raises OutputError."""
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    rows.writerows(vars(report) for report in sorted(reports, key=lambda report: report.name))
    write_atomically(folder / NAME, text.getvalue().encode("utf-8", _UNDECODABLE), overwrite=True)


def _report(row: dict[str, str]) -> Report:
    if None in row or not row["name"]:
        raise ValueError("a row has other columns")
    values: dict[str, Any] = {name: text for name, text in row.items() if text}
    values |= {name: int(values[name]) for name in _WHOLE if name in values}
    values |= {name: float(values[name]) for name in _REAL if name in values}
    return Report(**values)

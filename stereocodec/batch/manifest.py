"""Lists of what became of every pair of a folder, by which a second run knows what is done already."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..files import write_atomically
from ..regular_files import open_regular, read_regular
from ..strict_json import parse_json
from ..text import reason_of
from .jobs import COLUMNS, Report

ENCODED, DECODED = "manifest.csv", "decoded.csv"
"""The lists of a folder of `.bsc` files and of a folder of pictures, which may be the same."""
_PIECE = 2**20
_MAX_BYTES = 2**30
_UNDECODABLE = "surrogateescape"  # bytes of names that are no text stay what they are
_WHOLE, _REAL = (
    ("width", "height", "size"),
    (
        "quality",
        "bpp",
        "psnr_left",
        "psnr_right",
        "psnr_color",
        "depth_rmse_mm",
        "depth_largest_mm",
    ),
)


def read_manifest(path: Path) -> dict[str, Report]:
    """The reports of a list by name; none where there is no list.

    Raises InvalidInput for a file that is none.
    """
    if not path.exists():
        return {}
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8", _UNDECODABLE)
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"its columns are not {','.join(COLUMNS)}")
        reports = [_report(row) for row in rows]
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {reason_of(error)}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InvalidInput(f"{path} is no list of pairs ({error}): move it away to write a new one") from error
    return {report.name: report for report in reports}


def write_manifest(path: Path, reports: Iterable[Report]) -> None:
    """Writes a list, sorted by name, in place of an old one. Raises OutputError."""
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    for report in sorted(reports, key=lambda report: report.name):
        rows.writerow({**vars(report), "pictures": json.dumps(report.pictures) if report.pictures else ""})
    write_atomically(path, text.getvalue().encode("utf-8", _UNDECODABLE), overwrite=True)


def sha256_of(path: Path) -> bytes:
    """SHA-256 of what a regular file holds; raises OSError, also for others."""
    digest = hashlib.sha256()
    with open_regular(path, sys.maxsize) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def is_whole(path: Path, sha256: str) -> bool:
    """Whether a file is the one that was written and intact."""
    try:
        return sha256_of(path).hex() == sha256
    except OSError:
        return False


def _report(row: dict[str, str]) -> Report:
    if None in row or not row["name"]:
        raise ValueError("a row has other columns")
    values: dict[str, Any] = {name: text for name, text in row.items() if text}
    values |= {name: int(values[name]) for name in _WHOLE if name in values}
    values |= {name: _number(values[name]) for name in _REAL if name in values}
    if "pictures" in values:
        values["pictures"] = _pictures(parse_json(values["pictures"].encode()))
    return Report(**values)


def _pictures(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(digest, str) for digest in value.values()):
        raise ValueError("its pictures have no names with a SHA-256 each")
    if any(Path(name).name != name or "\0" in name for name in value):
        raise ValueError("its pictures have names of folders")
    return value


def _number(text: str) -> float:
    """A number, which is written again as it stood."""
    return int(text) if text.isdecimal() else float(text)

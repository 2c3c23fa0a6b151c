"""Rate-distortion points, and the table of them on disk."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from ..errors import InvalidInput


@dataclass(frozen=True)
class Point:
    """One codec at one setting on one pair; the fields are the columns of a table of points.

    `file_bytes` (column `bytes`) counts the files of both views, `bpp` is 8 * file_bytes / (2 W H). PSNR (dB, over
    RGB, 8 bit) and MS-SSIM are given per view; `psnr` and `msssim` are the means of the two. `enc_s` and `dec_s` are
    CPU seconds of all threads and of the tools that were started, `enc_wall_s` and `dec_wall_s` seconds that passed.
    `peak_mb` is the largest resident memory of the process that encoded and decoded, `idle_mb` what it held before,
    in MiB. `key` names the measurement, `files` the files, relative to the folder of the results and separated by
    spaces. NaN or None: not known.
    """

    codec: str
    pair: str
    group: str
    setting: str
    file_bytes: int
    bpp: float
    psnr_left: float
    psnr_right: float
    psnr: float
    msssim: float
    enc_s: float
    dec_s: float
    msssim_left: float | None = None
    msssim_right: float | None = None
    guard_entries: int | None = None
    model_id: str = ""
    enc_wall_s: float | None = None
    dec_wall_s: float | None = None
    peak_mb: float | None = None
    idle_mb: float | None = None
    key: str = ""
    files: str = ""

    @property
    def gap(self) -> float:
        """|PSNR left - PSNR right|, dB; zero where both are infinite."""
        return 0.0 if self.psnr_left == self.psnr_right else abs(self.psnr_left - self.psnr_right)

    @property
    def msssim_db(self) -> float:
        """-10 log10(1 - MS-SSIM), dB."""
        return decibels_of(self.msssim)


COLUMNS = tuple("bytes" if field.name == "file_bytes" else field.name for field in fields(Point))
_FORMATS = {"bpp": ".5f"} | dict.fromkeys(("psnr_left", "psnr_right", "psnr"), ".4f")
_FORMATS |= dict.fromkeys(("enc_s", "dec_s", "enc_wall_s", "dec_wall_s"), ".3f")
_FORMATS |= dict.fromkeys(("msssim", "msssim_left", "msssim_right"), ".6f") | dict.fromkeys(
    ("peak_mb", "idle_mb"), ".1f"
)
_TEXTS = {"codec", "pair", "group", "setting", "model_id", "key", "files"}
_WHOLE = {"file_bytes", "guard_entries"}
_NEEDED = {"codec", "pair", "setting", "file_bytes", "bpp", "psnr"}


def decibels_of(msssim: float) -> float:
    """-10 log10(1 - MS-SSIM); inf for 1, NaN for NaN."""
    return math.inf if msssim >= 1 else -10 * math.log10(1 - msssim) if msssim == msssim else math.nan


def to_row(point: Point) -> dict[str, str]:
    """A point as a line of a table, by column."""
    row = {}
    for column, value in zip(COLUMNS, asdict(point).values(), strict=True):
        row[column] = "" if value is None or value != value else format(value, _FORMATS.get(column, ""))
    return row


def from_row(row: Mapping[str, str | None]) -> Point:
    """The point of a line; columns that it does not have, or without a value, are NaN or None.

    Raises InvalidInput: a needed value is missing or no number.
    """
    values: dict[str, Any] = {}
    for field, column in zip(fields(Point), COLUMNS, strict=True):
        text = row.get(column)
        if field.name in _TEXTS:
            values[field.name] = text or ""
        elif text:
            try:
                values[field.name] = int(text) if field.name in _WHOLE else float(text)
            except ValueError as error:
                raise InvalidInput(f"'{text}' in column '{column}' of a table of points is no number") from error
        else:
            values[field.name] = None if "None" in str(field.type) else math.nan
        if field.name in _NEEDED and not text:
            raise InvalidInput(f"a table of points needs the column '{column}' with a value in every line")
    return Point(**values)


def read_points(path: Path) -> list[Point]:
    """The points of a table (CSV).

    Raises InvalidInput: the file cannot be read, or a needed value is missing or no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [from_row(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as a table of points: {error}") from error


def write_points(file: IO[str], points: Iterable[Point]) -> None:
    """A table of points with its header line."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(to_row, points))

"""Lists of files that belong together: CSV with a line of column names, or two names in each line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..regular_files import read_regular
from ..text import reason_of

if TYPE_CHECKING:
    from _csv import Reader

LIST_ENDINGS = frozenset({".csv", ".txt"})
"""Endings of the names of lists, in lower case."""

_KNOWN_COLUMNS = frozenset({"left", "right", "color", "depth", "name", "group"})
_MAX_BYTES = 1 << 28  # a million lines of two long paths


def read_list(path: Path, columns: tuple[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a list by the names of its columns, each with the number of its line; "" where a row is too short.

    Fields stand between commas or, where the first line has none, between white space; those that hold such are in
    double quotes. Lines that begin with # are passed over. The first line has the names of the columns; where no name
    of a column is in it, it is a row like all others, and they begin with `columns`.

    Raises InvalidInput for what is no such list, also while rows are read.
    """
    lines = ["\n" if line.lstrip().startswith("#") else line for line in _lines(path)]
    try:
        first = next((line for line in lines if line.strip()), "")
        if len(next(_rows([first], ","), [])) > 1:
            rows = _rows(lines, ",")
        else:
            rows = _rows([line.replace("\t", " ").strip() for line in lines], " ")
        fields = next((row for row in rows if row), [])
        names = [name.strip().lower() for name in fields]
        if not _KNOWN_COLUMNS & set(names):
            if len(fields) == 1:
                raise InvalidInput(f"{path}, line {rows.line_num} names one file; each line must name two")
            if fields:
                yield rows.line_num, _by_names(columns, fields)
                names = list(columns)
        missing = [column for column in columns if column not in names]
        if missing:
            expected = ",".join(columns)
            raise InvalidInput(f"{path} has no column '{missing[0]}'; its first line must be {expected} or more")
        for row in rows:
            if row:
                yield rows.line_num, _by_names(names, row)
    except csv.Error as error:
        raise InvalidInput(f"{path} is no CSV list in UTF-8: {error}") from error


def files_of_list(path: Path, columns: tuple[str, str]) -> Iterator[tuple[int, str | None, Path, Path]]:
    """Of each row of a list its line, what the column `name` says, if anything, and both files, relative to the list.

    Raises InvalidInput as `read_list` does.
    """
    folder = Path(os.path.abspath(path)).parent
    for line, row in read_list(path, columns):
        first, second = (folder / row[column] for column in columns)
        yield line, row.get("name") or None, first, second


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by the names in its first line, "" where a row is too short; raises InvalidInput."""
    try:
        rows = _rows(_lines(path), ",")
        names = next(rows, [])
        return [_by_names(names, row) for row in rows if row]
    except csv.Error as error:
        raise InvalidInput(f"{path} is no CSV list in UTF-8: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no CSV list in UTF-8: {error}") from error
    return list(io.StringIO(text, newline=""))


def _rows(lines: Iterable[str], delimiter: str) -> Reader:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _by_names(names: Sequence[str], row: list[str]) -> dict[str, str]:
    return dict(zip(names, [*row, *[""] * len(names)], strict=False))

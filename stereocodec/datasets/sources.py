"""What finding pairs and finding frames have in common: picture files of folders, CSV lists, names that differ."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import InvalidInput

EXTENSIONS = frozenset({".png", ".webp", ".jpg", ".jpeg", ".avif", ".bmp", ".ppm", ".tif", ".tiff"})
"""Endings of the files that are taken for pictures, in upper or lower case."""

OnMissing = Callable[[str, str], object]
"""Called with the name of a file and what is wrong: its counterpart is missing, or itself."""


@dataclass(frozen=True)
class ExampleFiles:
    """The files of something to code; `name` tells it from the others of its source."""

    name: str


_Files = TypeVar("_Files", bound=ExampleFiles)


@dataclass(frozen=True)
class Layouts(Generic[_Files]):
    """How examples of one kind are found.

    noun: what they are called, in the plural. columns: those of a CSV list, and the ends of the names of two files
    beside each other, NAME_left and NAME_right. others: what else a folder may hold, for error messages. of_row: the
    files of a list's row, from what its column `name` says, if anything, and two paths. in_folder: the files of a
    folder and of all below it, in order.
    """

    noun: str
    columns: tuple[str, str]
    others: str
    of_row: Callable[[str | None, Path, Path], _Files]
    in_folder: Callable[[Path, OnMissing], Iterable[_Files]]

    def find(self, source: Path, on_missing: OnMissing) -> list[_Files]:
        """All examples of a folder or of a CSV list; `find_pairs` and `find_frames` tell more."""
        missing: list[str] = []
        first, second = (f"NAME_{column}" for column in self.columns)

        def tell(file: str, reason: str) -> None:
            on_missing(file, reason)
            missing.append(file)

        if source.suffix.lower() == ".csv":
            found = [self.of_row(*row) for row in _rows(source, self.columns, tell)]
        elif source.is_dir():
            # Made absolute, because the names of the folders above it tell layouts as well.
            found = list(self.in_folder(Path(os.path.abspath(source)), tell))
        else:
            raise InvalidInput(f"{source} is not a folder; give folders of {self.noun} such as {first}.*, or CSV lists")
        if not found and not missing:
            raise InvalidInput(
                f"no {self.noun} in {source}; expected files such as {first}.png and {second}.png, {self.others}"
            )
        return with_unique_names(found)


def find_all(find: Callable[[Path], Sequence[_Files]], sources: Iterable[Path]) -> list[_Files]:
    """The examples of several sources, in order, with names that differ among all of them.

    find: `find_pairs` or `find_frames`, whose errors are raised.
    """
    return with_unique_names([files for source in sources for files in find(source)])


def with_unique_names(found: Sequence[_Files]) -> list[_Files]:
    """All of the files; of several with one name those after the first end in @2, @3 and so on."""
    names = unique([files.name for files in found])
    return [replace(files, name=name) for name, files in zip(names, found, strict=True)]


def unique(names: Sequence[str]) -> list[str]:
    """The names, with @2, @3 and so on behind those that came before."""
    taken, counts, result = set(names), Counter[str](), []
    for name in names:
        counts[name] += 1
        numbered = name
        while counts[name] > 1 and (numbered := f"{name}@{counts[name]}") in taken:
            counts[name] += 1
        taken.add(numbered)
        result.append(numbered)
    return result


def pictures_in(folder: Path) -> list[Path]:
    """All picture files of a folder and those below it, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())


def stop(file: str, reason: str) -> None:
    """Raises InvalidInput: what `on_missing` does unless the caller has another use for files that are missing."""
    raise InvalidInput(f"{file} {reason}")


@contextmanager
def opened_list(path: Path) -> Iterator[csv.DictReader[str]]:
    """The rows of a CSV list with a line of column names; raises InvalidInput, also where rows are read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield csv.DictReader(file, skipinitialspace=True)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} is no CSV list in UTF-8: {error}") from error


def _rows(path: Path, columns: tuple[str, str], on_missing: OnMissing) -> Iterator[tuple[str | None, Path, Path]]:
    """Rows of a CSV list with two columns of files: what its column `name` says, if anything, and both files.

    Raises InvalidInput for what is no such list; calls `on_missing` for files that are not there.
    """
    path = Path(os.path.abspath(path))
    with opened_list(path) as rows:
        missing = [column for column in columns if column not in (rows.fieldnames or ())]
        if missing:
            expected = ",".join(columns)
            raise InvalidInput(f"{path} has no column '{missing[0]}'; its first line must be {expected} or more")
        for row in rows:
            first, second = (path.parent / (row[column] or "") for column in columns)
            lacking = [picture for picture in (first, second) if not picture.is_file()]
            if lacking:
                on_missing(f"{path}, line {rows.line_num}: {lacking[0]}", "is not a file")
                continue
            yield row.get("name") or None, first, second

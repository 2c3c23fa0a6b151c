"""What finding pairs and finding frames have in common: folders or lists, names that differ, and what is missing."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import InvalidInput
from .lists import LIST_ENDINGS, files_of_list

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

    noun: what they are called, in the plural. columns: those of a list, and the ends of the names of two files beside
    each other, NAME_left and NAME_right. others: what else a folder may hold, for error messages. of_row: the files of
    a list's row, from what its column `name` says, if anything, and two paths. hint: what an error adds where more than
    one file is missing, with {source} in it.
    """

    noun: str
    columns: tuple[str, str]
    others: str
    of_row: Callable[[str | None, Path, Path], _Files]
    hint: str = ""

    def find(
        self,
        source: Path,
        in_folder: Callable[[Path, OnMissing], Iterable[_Files]],
        on_missing: OnMissing | None,
    ) -> list[_Files]:
        """All examples of a folder or of a list; `find_pairs` and `find_frames` tell more.

        in_folder: the files of a folder and of all below it, in order.
        """
        missing: list[tuple[str, str]] = []
        first, second = (f"NAME_{column}" for column in self.columns)

        def tell(file: str, reason: str) -> None:
            missing.append((file, reason))
            if on_missing is not None:
                on_missing(file, reason)

        if source.suffix.lower() in LIST_ENDINGS and not os.path.isdir(source):
            found = list(self._listed(source, tell))
        elif os.path.isdir(source):
            # Made absolute, because the names of the folders above it tell layouts as well.
            found = list(in_folder(Path(os.path.abspath(source)), tell))
        else:
            raise InvalidInput(f"{source} is not a folder; give folders of {self.noun} such as {first}.*, or CSV lists")
        if missing and on_missing is None:
            raise InvalidInput(self._first_of(missing, source))
        if not found and not missing:
            raise InvalidInput(
                f"no {self.noun} in {source}; expected files such as {first}.png and {second}.png, {self.others}"
            )
        return with_unique_names(found)

    def _listed(self, source: Path, on_missing: OnMissing) -> Iterable[_Files]:
        path = os.path.abspath(source)
        for line, name, *files in files_of_list(source, self.columns):
            lacking = [picture for picture in files if not os.path.isfile(picture)]
            if lacking:
                on_missing(f"{path}, line {line}: {lacking[0]}", "is not a file")
            else:
                yield self.of_row(name, *files)

    def _first_of(self, missing: Sequence[tuple[str, str]], source: Path) -> str:
        file, reason = missing[0]
        if len(missing) == 1:
            return f"{file} {reason}"
        hint = self.hint.format(source=shlex.quote(str(source)))
        return f"{file} {reason}; {len(missing) - 1} more like it{hint}"


def find_all(find: Callable[[Path], Sequence[_Files]], sources: Iterable[Path]) -> list[_Files]:
    """The examples of several sources, in order, with names that differ among all of them.

    find: `find_pairs` or `find_frames`, whose errors are raised.
    """
    return with_unique_names([files for source in sources for files in find(source)])


def with_unique_names(found: Sequence[_Files]) -> list[_Files]:
    """All of the files; of several with one name those after the first end in @2, @3 and so on."""
    names = unique([files.name for files in found])
    return [
        files if files.name == name else replace(files, name=name) for name, files in zip(names, found, strict=True)
    ]


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

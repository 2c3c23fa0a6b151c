"""Picture files of folders, each folder read once."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from ..errors import InvalidInput
from ..text import reason_of

EXTENSIONS = frozenset({".png", ".webp", ".jpg", ".jpeg", ".avif", ".bmp", ".ppm", ".tif", ".tiff"})
"""Endings of the files that are taken for pictures, in upper or lower case."""

# Made by systems beside the files of people, often with the same endings: macOS, Synology, Windows, ext4.
_OF_SYSTEMS = frozenset({"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found"})


def scan(folder: Path, extensions: Collection[str] = EXTENSIONS) -> dict[str, list[str]]:
    """Names of the files with these endings, sorted, by the path of their folder: of a folder and of all below it.

    Hidden files and folders are passed over, among them the AppleDouble files (`._NAME`) of macOS; so are those of
    systems, such as `__MACOSX`. Links are followed; a folder that is met again is the one that was met first, and
    those that are no links are met before those that are.

    Raises InvalidInput for a folder that cannot be read.
    """
    found, known = {}, set[tuple[int, int]]()
    folders, links = [os.fspath(folder)], list[str]()
    while folders or links:
        path = folders.pop() if folders else links.pop()
        status = os.stat(path)
        # Systems without such numbers have zeros, and their links are seldom.
        if status.st_ino and (status.st_dev, status.st_ino) in known:
            continue
        known.add((status.st_dev, status.st_ino))
        found[path], below = listed(path, extensions)
        for entry in below:
            (links if entry.is_symlink() else folders).append(entry.path)
    return found


def listed(folder: str, extensions: Collection[str] = EXTENSIONS) -> tuple[list[str], list[os.DirEntry[str]]]:
    """Names of the files of one folder, sorted, and the folders in it, with links to such; see `scan`."""
    names, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in _OF_SYSTEMS:
                    continue
                if entry.is_dir():
                    folders.append(entry)
                elif os.path.splitext(entry.name)[1].lower() in extensions and entry.is_file():
                    names.append(entry.name)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be read: {reason_of(error)}; name the folders to read instead") from error
    return sorted(names), folders


def pictures_in(folder: Path) -> list[Path]:
    """All picture files of a folder and those below it, sorted; see `scan`."""
    return sorted(Path(path, name) for path, names in scan(folder).items() for name in names)

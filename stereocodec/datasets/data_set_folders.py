"""Folders of data sets whose pictures have equal names in two of them, one for each view."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple


class _Tree(NamedTuple):
    """Two folders of a data set whose files have equal names.

    pattern: of their whole paths, with / between folders; what the groups `of` and `sequence` match is part of the
    pairs' names. is_certain: a left folder without the right one lacks it. beyond: a folder that the data set has not.
    """

    data_set: str
    left: str
    right: str
    pattern: re.Pattern[str]
    is_certain: bool = True
    beyond: str = ""


def _tree(data_set: str, left: str, right: str, pattern: str, *, is_certain: bool = True, beyond: str = "") -> _Tree:
    text = pattern.replace("VIEW", f"(?P<view>{left}|{right})").replace("OF", "(?P<of>[^/]*?)")
    return _Tree(data_set, left, right, re.compile(text, re.DOTALL), is_certain, beyond)


_LEVELS = 2  # the lowest folders, one of which is that of the view
_TREES = (
    _tree("kitti2012", "colored_0", "colored_1", "(?:.*/)?OF/VIEW"),
    _tree("kitti2015", "image_2", "image_3", "(?:.*/)?OF/VIEW"),
    _tree("kittiraw", "image_02", "image_03", "(?:.*/)?OF/VIEW/data"),
    _tree("kittiraw", "image_00", "image_01", "(?:.*/)?OF/VIEW/data"),
    _tree("kittitracking", "image_02", "image_03", "(?:.*/)?OF/VIEW/(?P<sequence>[0-9]{4})", is_certain=False),
    _tree("euroc", "cam0", "cam1", "(?:.*/)?(?!mav0/)OF(?:/mav0)?/VIEW/data"),
    # Of its seven cameras the papers on codecs take these two.
    _tree(
        "wildtrack",
        "C1",
        "C4",
        "(?i:.*/(?:images|image_subsets|[^/]*wildtrack[^/]*))/VIEW",
        is_certain=False,
        beyond="C8",
    ),
)
VIEW_FOLDERS = frozenset(name for tree in _TREES for name in (tree.left, tree.right))
"""What folders of one view are called."""


class Place(NamedTuple):
    """A folder that may hold one view of a data set.

    parts: of the pairs' names. other: the path of the folder of the other view. beyond: of one that the data set has
    not, or "". is_certain: the other folder is expected even where it is not there.
    """

    data_set: str
    is_left: bool
    parts: tuple[str, ...]
    other: str
    beyond: str
    is_certain: bool


def places_of(folder: str) -> Iterator[Place]:
    """What a folder may be, by its path."""
    if VIEW_FOLDERS.isdisjoint(folder.split(os.sep)[-_LEVELS:]):
        return
    for tree in _TREES:
        match = tree.pattern.fullmatch(slashed(folder))
        if match is None:
            continue
        before, after = folder[: match.start("view")], folder[match.end("view") :]
        is_left = match["view"] == tree.left
        groups = match.groupdict("")
        # Colour and grey of KITTI's drives lie beside each other.
        view = tree.left if tree.data_set == "kittiraw" else ""
        parts = tree.data_set, groups.get("of", ""), view, groups.get("sequence", "")
        other = before + (tree.right if is_left else tree.left) + after
        yield Place(tree.data_set, is_left, parts, other, tree.beyond and before + tree.beyond + after, tree.is_certain)


def slashed(folder: str) -> str:
    """A path with / between folders, of the same length."""
    return folder.replace(os.sep, "/")

"""Which view of which pair a picture is, as far as its name and its folders tell."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

Pictures = dict[str, dict[str, list[str]]]
"""Names of files by the paths of their folders and their stems."""


class View(NamedTuple):
    """What is known of a picture under one layout. name: of its pair; folder, stem: of the other view."""

    is_left: bool
    name: str
    folder: str
    stem: str


Views = Callable[[str], View | None]
"""What is known of the pictures of one folder, by their stems."""


class Layout(NamedTuple):
    """One way to keep pairs.

    views: what is known of a folder, of the pictures of all folders and of the source that these lie in; None for a
    folder of another layout. is_certain: a picture of this layout lacks its other view if there is none. Under other
    layouts its name may be chance, unless there are pairs beside it.
    """

    views: Callable[[str, Pictures, str], Views | None]
    is_certain: bool = True


# Of Middlebury: both views, and a picture that no scene has. Of several in one folder the first counts: scenes of 2001
# and 2003 hold im0 to im8, those of 2005 and 2006 view0 to view6; a folder that holds more has the frames of a film.
_SCENES = (("im2", "im6", "im9"), ("im0", "im1", "im9"), ("view1", "view5", "view7"))

_SIDES = {
    "left": "right",
    "Left": "Right",
    "LEFT": "RIGHT",
    "leftImg8bit": "rightImg8bit",
    "l": "r",
    "L": "R",
}
_OTHER = _SIDES | {right: left for left, right in _SIDES.items()}
_WORDS = "left|Left|LEFT|right|Right|RIGHT"
_MARKED = re.compile(rf"(?P<before>(?:.*_)?)(?P<side>{_WORDS}|leftImg8bit|rightImg8bit)", re.DOTALL)
_LETTERED = re.compile(r"(?P<before>(?:.*_)?)(?P<side>[LlRr])", re.DOTALL)
_NUMBERED = re.compile(rf"(?P<side>{_WORDS})(?P<after>[_-]?[0-9]+)")
_FOLDER = re.compile(rf"(?:^|(?<=[-_. ]))(?P<side>(?:{_WORDS})(?=[-_. ]|\Z)|(?:leftImg8bit|rightImg8bit))")
_LEVELS = 3  # how far above a picture a folder may say which view it is: of Cityscapes it is the third
# Words in the names of folders whose pictures are no photographs: beside those of SceneFlow lie maps of occlusions.
_OF_MAPS = re.compile(
    "(?:^|[^a-z])(?:boundaries|confidence|depth|disp|disparit(?:y|ies)|flow|gt|labels?|masks?|noc|normals?"
    "|occ|occlusions?|segmentation|semantic)(?:[^a-z]|$)"
)


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
_VIEW_FOLDERS = frozenset(name for tree in _TREES for name in (tree.left, tree.right))


def data_set_of(folder: str, stem: str) -> str | None:
    """What the place of a left view tells about its data set; `pairs.data_set_of` tells which there are."""
    if stem.endswith("_leftImg8bit"):
        return "cityscapes"
    for tree, match in _trees_of(folder):
        if match["view"] == tree.left:
            return tree.data_set
    if re.search("/frames_(?:clean|final)pass", _slashed(folder)):
        return "sceneflow"
    return "middlebury" if any(stem == left for left, *_ in _SCENES) else None


def may_be_part(source: str) -> bool:
    """Whether a folder may hold one view of pairs whose other views lie beside it and not in it."""
    names = source.split(os.sep)[-_LEVELS:]
    return any(name in _VIEW_FOLDERS or _FOLDER.search(name) for name in names)


def other_folders(folder: str) -> Iterator[str]:
    """Where the other views of a folder's pictures may lie, under the layouts that have them in another folder."""
    for tree, match in _trees_of(folder):
        yield _other_folder(folder, match, tree)
    place = _side_of(folder)
    if place is not None:
        yield place.other


def _slashed(folder: str) -> str:
    return folder.replace(os.sep, "/")


def _is_there(folder: str, pictures: Pictures) -> bool:
    return folder in pictures or os.path.isdir(folder)


def name_below(source: str, folder: str, own: str = "") -> str:
    """A pair's name: the folders from the source to its own, and what it is called in it; at least that folder."""
    return _named([*_below(source, folder), own], folder)


def _below(source: str, folder: str) -> list[str]:
    """The folders from the source to one in it; none to one beside it."""
    if folder == source or not is_below(source, folder):
        return []
    return folder[len(source) :].strip(os.sep).split(os.sep)


def is_below(source: str, folder: str) -> bool:
    """Whether a folder is another one or in it, as far as their absolute paths tell."""
    return folder.startswith(source) and (source.endswith(os.sep) or folder[len(source) :][:1] in ("", os.sep))


def _named(parts: Iterable[str], folder: str) -> str:
    return "-".join(part for part in parts if part) or os.path.basename(folder)


def _trees_of(folder: str) -> Iterator[tuple[_Tree, re.Match[str]]]:
    if _VIEW_FOLDERS.isdisjoint(folder.split(os.sep)[-_LEVELS:]):
        return
    path = _slashed(folder)
    for tree in _TREES:
        match = tree.pattern.fullmatch(path)
        if match is not None:
            yield tree, match


def _other_folder(folder: str, match: re.Match[str], tree: _Tree) -> str:
    return _with(folder, match, tree.right if match["view"] == tree.left else tree.left)


def _with(folder: str, match: re.Match[str], view: str) -> str:
    return folder[: match.start("view")] + view + folder[match.end("view") :]


def _in_trees(folder: str, pictures: Pictures, source: str) -> Views | None:
    for tree, match in _trees_of(folder):
        other = _other_folder(folder, match, tree)
        is_there = tree.is_certain or _is_there(other, pictures)
        if is_there and not (tree.beyond and _is_there(_with(folder, match, tree.beyond), pictures)):
            return _views_in_tree(tree, match, folder, other)
    return None


def _views_in_tree(tree: _Tree, match: re.Match[str], folder: str, other: str) -> Views:
    groups = match.groupdict("")
    # Colour and grey of KITTI's drives lie beside each other.
    view = tree.left if tree.data_set == "kittiraw" else ""
    parts = [tree.data_set, groups.get("of", ""), view, groups.get("sequence", "")]
    return lambda stem: View(match["view"] == tree.left, _named([*parts, stem], folder), other, stem)


class _Side(NamedTuple):
    """Of a folder in one that is called left or right; the least of several says what the folder holds.

    has_rest: whether the name says more. level: how far above. root: the path of the one that is called the other way.
    other: that of the folder in it which holds the other views. rest: of the name.
    """

    has_rest: bool  # left/turn_left holds left views of turns to the left
    level: int
    is_left: bool
    root: str
    other: str
    rest: str


def _side_of(folder: str) -> _Side | None:
    names = folder.split(os.sep)
    found = []
    for level in range(min(_LEVELS, len(names))):
        place = len(names) - 1 - level
        name = names[place]
        match = _FOLDER.search(name)
        if match is not None:
            before, after = name[: match.start()], name[match.end() :]
            root = os.sep.join([*names[:place], before + _OTHER[match["side"]] + after])
            other = os.sep.join([root, *names[place + 1 :]])
            rest = "-".join(part for part in (before.strip("-_. "), after.strip("-_. ")) if part)
            found.append(_Side(bool(rest), level, match["side"] in _SIDES, root, other, rest))
    return min(found, default=None)


def _in_folders(folder: str, pictures: Pictures, source: str) -> Views | None:
    """left/NAME and right/NAME, left/NAME_left and right/NAME_right, also of folders below both."""
    place = _side_of(folder)
    if place is None:
        return None
    _, level, is_left, root, other, rest = place
    parts = _below(source, folder)
    if any(_OF_MAPS.search(part.lower()) for part in parts):
        return None
    is_cityscapes = "Img8bit" in other
    if not is_cityscapes and not _is_there(root, pictures):
        return None
    if is_cityscapes:
        parts = []  # the names of its files say it all
    elif len(parts) > level:
        parts[-1 - level] = rest
    here, there = pictures.get(folder, {}), pictures.get(other, {})

    def views(stem: str) -> View:
        match = _MARKED.fullmatch(stem) or _LETTERED.fullmatch(stem)
        if stem in there or match is None or (match["side"] in _SIDES) != is_left or not match["before"]:
            return View(is_left, _named([*parts, stem], folder), other, stem)
        marked = match["before"] + _OTHER[match["side"]]
        if marked in here and marked in there:  # that is another pair, of which the names are equal
            return View(is_left, _named([*parts, stem], folder), other, stem)
        return View(is_left, _named([*parts, match["before"].rstrip("_")], folder), other, marked)

    return views


def _in_scenes(folder: str, pictures: Pictures, source: str) -> Views | None:
    stems = pictures.get(folder, {})
    scenes = [(left, right) for left, right, film in _SCENES if left in stems and film not in stems]
    if not scenes:
        return None
    left, right = next((pair for pair in scenes if pair[1] in stems), scenes[0])
    name = name_below(source, folder)

    def views(stem: str) -> View | None:
        if stem == left:
            return View(True, name, folder, right)
        return View(False, name, folder, left) if stem == right else None

    return views


def _by_name(pattern: re.Pattern[str], *, with_folders: bool) -> Callable[[str, Pictures, str], Views]:
    """Layouts of two pictures in one folder. with_folders: their pairs are called by their folders as well."""

    def views_of(folder: str, pictures: Pictures, source: str) -> Views:
        folders = _below(source, folder)

        def views(stem: str) -> View | None:
            match = pattern.fullmatch(stem)
            if match is None:
                return None
            groups = match.groupdict("")
            before, after = groups.get("before", ""), groups.get("after", "")
            own = before.removesuffix("_") + after.lstrip("-_")
            parts = [*folders, own] if with_folders or not own else [own]
            return View(match["side"] in _SIDES, _named(parts, folder), folder, before + _OTHER[match["side"]] + after)

        return views

    return views_of


LAYOUTS = (
    Layout(_in_scenes),
    Layout(_in_trees),
    Layout(_in_folders),
    Layout(_by_name(_MARKED, with_folders=False)),
    Layout(_by_name(_LETTERED, with_folders=True), is_certain=False),
    Layout(_by_name(_NUMBERED, with_folders=True), is_certain=False),
)
"""All layouts; a picture belongs to the first under which there is its other view."""

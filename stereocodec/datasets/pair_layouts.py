"""Which view of which pair a picture is, as far as its name and its folders tell."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from .data_set_folders import VIEW_FOLDERS, Place, places_of, slashed

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
_MARKED = re.compile(rf"(?P<before>(?:.*_)?)(?P<side>{_WORDS}|leftImg8bit|rightImg8bit)(?P<after>)", re.DOTALL)
_LETTERED = re.compile(r"(?P<before>(?:.*_)?)(?P<side>[LlRr])(?P<after>)", re.DOTALL)
_NUMBERED = re.compile(rf"(?P<before>)(?P<side>{_WORDS})(?P<after>[_-]?[0-9]+)")
_FOLDER = re.compile(rf"(?:^|(?<=[-_. ]))(?P<side>(?:{_WORDS})(?=[-_. ]|\Z)|(?:leftImg8bit|rightImg8bit))")
_LEVELS = 3  # how far above a picture a folder may say which view it is: of Cityscapes it is the third
# Words in the names of folders whose pictures are no photographs: beside those of SceneFlow lie maps of occlusions.
_OF_MAPS = re.compile(
    "(?:^|[^a-z])(?:boundaries|confidence|depth|disp|disparit(?:y|ies)|flow|gt|labels?|masks?|noc|normals?"
    "|occ|occlusions?|segmentation|semantic)(?:[^a-z]|$)"
)


class _Mark(NamedTuple):
    """Of a stem that says which view it is: what else it says, and the stem of the other view."""

    is_left: bool
    own: str
    other: str


def _mark(pattern: re.Pattern[str], stem: str) -> _Mark | None:
    match = pattern.fullmatch(stem)
    if match is None:
        return None
    before, side, after = match["before"], match["side"], match["after"]
    return _Mark(side in _SIDES, before.removesuffix("_") + after.lstrip("-_"), before + _OTHER[side] + after)


def data_set_of(folder: str, stem: str) -> str | None:
    """What the place of a left view tells about its data set; `pairs.data_set_of` tells which there are."""
    if stem.endswith("_leftImg8bit"):
        return "cityscapes"
    for place in places_of(folder):
        if place.is_left:
            return place.data_set
    if re.search("/frames_(?:clean|final)pass", slashed(folder)):
        return "sceneflow"
    return "middlebury" if any(stem == left for left, *_ in _SCENES) else None


def may_be_part(source: str) -> bool:
    """Whether a folder may hold one view of pairs whose other views lie beside it and not in it."""
    names = source.split(os.sep)[-_LEVELS:]
    return any(name in VIEW_FOLDERS or _FOLDER.search(name) for name in names)


def other_folders(folder: str) -> Iterator[str]:
    """Where the other views of a folder's pictures may lie, under the layouts that have them in another folder."""
    yield from (place.other for place in places_of(folder))
    side = _side_of(folder)
    if side is not None:
        yield side.other


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


def _in_data_sets(folder: str, pictures: Pictures, source: str) -> Views | None:
    for place in places_of(folder):
        is_there = place.is_certain or _is_there(place.other, pictures)
        if is_there and not (place.beyond and _is_there(place.beyond, pictures)):
            return partial(_view_in_data_set, folder, place)
    return None


def _view_in_data_set(folder: str, place: Place, stem: str) -> View:
    return View(place.is_left, _named([*place.parts, stem], folder), place.other, stem)


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
    side = _side_of(folder)
    if side is None:
        return None
    _, level, is_left, root, other, rest = side
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
        mark = next(filter(None, (_mark(pattern, stem) for pattern in (_MARKED, _LETTERED, _NUMBERED))), None)
        equal = View(is_left, _named([*parts, stem], folder), other, stem)
        if stem in there or mark is None or mark.is_left != is_left:
            return equal
        if mark.other in here and mark.other in there:  # that is another pair, of which the names are equal
            return equal
        return View(is_left, _named([*parts, mark.own], folder), other, mark.other)

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
            mark = _mark(pattern, stem)
            if mark is None:
                return None
            parts = [*folders, mark.own] if with_folders or not mark.own else [mark.own]
            return View(mark.is_left, _named(parts, folder), folder, mark.other)

        return views

    return views_of


LAYOUTS = (
    Layout(_in_scenes),
    Layout(_in_data_sets),
    Layout(_in_folders),
    Layout(_by_name(_MARKED, with_folders=False)),
    Layout(_by_name(_LETTERED, with_folders=True), is_certain=False),
    Layout(_by_name(_NUMBERED, with_folders=True), is_certain=False),
)
"""All layouts; a picture belongs to the first under which there is its other view."""

"""Where data sets keep the two views of a pair.

Each file of a folder is looked at on its own, so that layouts may lie side by side below one folder:

- any files: NAME_left.EXT and NAME_right.EXT in one folder;
- InStereo2K: SPLIT/SCENE/left.png and right.png;
- Cityscapes: leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png and rightImg8bit/SPLIT/CITY/NAME_rightImg8bit.png;
- KITTI 2012: SPLIT/colored_0/NAME.png and SPLIT/colored_1/NAME.png; KITTI 2015: image_2 and image_3;
- Middlebury: SCENE/im0 and im1 (2014, 2021), view1 and view5 (2005, 2006), im2 and im6 (2001, 2003).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..pictures.pil import load_picture
from ..pictures.rgb import to_pair
from .sources import ExampleFiles, Layouts, OnMissing, pictures_in, stop

# By the name of the file alone. Of several in one folder the first counts: those of 2001 and 2003 hold im0 to im8.
_SCENE_FOLDERS = (("im2", "im6"), ("im0", "im1"), ("view1", "view5"), ("left", "right"))
_LEFT_STEMS = frozenset(left for left, _ in _SCENE_FOLDERS)
_MIDDLEBURY_STEMS = _LEFT_STEMS - {"left"}
_KITTI = {"colored_0": ("colored_1", "kitti2012"), "image_2": ("image_3", "kitti2015")}
_CITYSCAPES = ("leftImg8bit", "rightImg8bit")
_RIGHT_STEM = re.compile(r"(.*_)?(right|rightImg8bit)")
_RIGHT_FOLDERS = frozenset(right for right, _ in _KITTI.values())


@dataclass(frozen=True)
class PairFiles(ExampleFiles):
    """The two pictures of a pair, which are not opened yet."""

    left: Path
    right: Path

    def load(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Both views, (H, W, 3) uint8, RGB.

        Raises InvalidInput, naming the file, for what is no 8-bit RGB picture and for views of different size.
        """
        left, right = (load_picture(path) for path in (self.left, self.right))
        try:
            return to_pair(left, right)
        except InvalidInput as error:
            raise InvalidInput(f"{self.left} and {self.right.name}: {error}") from error


def find_pairs(source: Path, on_missing: OnMissing = stop) -> list[PairFiles]:
    """The files of all pairs of a folder with all below it, in the order of their paths, or of a CSV list.

    A list has the columns `left` and `right`, relative to it or absolute, and maybe `name`. Names are unique: of
    several with one name those after the first end in @2, @3 and so on. Where `on_missing` is given, a pair that lacks
    a view is told and left out, and a source without any other pair is empty.

    Raises:
        InvalidInput: there is no such folder or list, it holds no pairs, or a view lacks the other one.
    """
    return _LAYOUTS.find(source, on_missing)


def data_set_of(left: Path) -> str | None:
    """What the place of a left view tells about its data set: cityscapes, kitti2012, kitti2015, middlebury, or None."""
    if left.stem.endswith(f"_{_CITYSCAPES[0]}"):
        return "cityscapes"
    if left.parent.name in _KITTI:
        return _KITTI[left.parent.name][1]
    return "middlebury" if left.stem in _MIDDLEBURY_STEMS else None


def is_right_view(path: Path) -> bool:
    """Whether a picture's name or folder says that it is the right view of a pair."""
    return _RIGHT_STEM.fullmatch(path.stem) is not None or path.parent.name in _RIGHT_FOLDERS


def _in_folder(folder: Path, on_missing: OnMissing) -> Iterator[PairFiles]:
    pictures = pictures_in(folder)
    scenes = _scene_views(pictures, on_missing)
    for left in pictures:
        if left in scenes:
            yield PairFiles(_scene_name(left, folder), left, scenes[left])
            continue
        match = _beside(left) or _cityscapes(left) or _kitti(left)
        if match is None:
            continue
        name, right = match
        if not right.is_file():
            where = right.name if right.parent == left.parent else str(right)
            on_missing(str(left), f"has no right view beside it; expected {where}")
            continue
        yield PairFiles(name, left, right)


def _scene_views(pictures: Iterable[Path], on_missing: OnMissing) -> dict[Path, Path]:
    """Right views by left views, of the folders that hold one pair under a fixed name."""
    folders: dict[Path, dict[str, Path]] = {}
    for path in pictures:
        folders.setdefault(path.parent, {})[path.stem] = path
    views = {}
    for held in folders.values():
        started = [(left, right) for left, right in _SCENE_FOLDERS if left in held]
        complete = [(left, right) for left, right in started if right in held]
        if complete:
            left, right = complete[0]
            views[held[left]] = held[right]
        elif started:
            left, right = started[0]
            expected = right + held[left].suffix
            on_missing(str(held[left]), f"has no right view beside it; expected {expected}")
    return views


def _scene_name(left: Path, source: Path) -> str:
    """The folders below the source, such as train-000123 or Art-Illum1-Exp0."""
    folders = left.parent.relative_to(source).parts
    return "-".join(folders) or left.parent.name


def _beside(left: Path) -> tuple[str, Path] | None:
    name = left.stem.removesuffix("_left")
    return None if name == left.stem else (name, left.with_name(f"{name}_right{left.suffix}"))


def _cityscapes(left: Path) -> tuple[str, Path] | None:
    first, second = _CITYSCAPES
    name = left.stem.removesuffix(f"_{first}")
    if name == left.stem or len(left.parents) < 4 or left.parents[2].name != first:
        return None
    split, city = left.parent.parent.name, left.parent.name
    return name, left.parents[3] / second / split / city / f"{name}_{second}{left.suffix}"


def _kitti(left: Path) -> tuple[str, Path] | None:
    if left.parent.name not in _KITTI:
        return None
    second, year = _KITTI[left.parent.name]
    return f"{year}-{left.parent.parent.name}-{left.stem}", left.parent.parent / second / left.name


def _of_row(name: str | None, left: Path, right: Path) -> PairFiles:
    return PairFiles(name or _name_of_listed(left), left, right)


def _name_of_listed(left: Path) -> str:
    if left.stem in _LEFT_STEMS:
        return left.parent.name
    match = _beside(left) or _cityscapes(left) or _kitti(left)
    return match[0] if match else left.stem


_OTHERS = "or the layout of InStereo2K, Cityscapes, KITTI or Middlebury"
_LAYOUTS = Layouts("pairs", ("left", "right"), _OTHERS, _of_row, _in_folder)

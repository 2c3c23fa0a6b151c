"""Where data sets keep the two views of a pair.

Each picture is looked at on its own, so that layouts may lie side by side below one folder:

- any files: NAME_left.EXT and NAME_right.EXT in one folder, or NAME_L.EXT and NAME_R.EXT, as of Flickr1024;
- folders left/ and right/ that hold files of equal names, or NAME_left and NAME_right, as of SceneFlow and Holopix50k;
  also folders of which left is a word of the name, such as left_images, and files in the same folders below both;
- InStereo2K: SPLIT/SCENE/left.png and right.png;
- Cityscapes: leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png and rightImg8bit/SPLIT/CITY/NAME_rightImg8bit.png;
- KITTI 2012: SPLIT/colored_0/NAME.png and SPLIT/colored_1/NAME.png; KITTI 2015: image_2 and image_3;
- KITTI raw: DRIVE/image_02/data/NAME.png and image_03, in colour, image_00 and image_01, grey; KITTI tracking:
  SPLIT/image_02/SEQUENCE/NAME.png and image_03;
- Middlebury: SCENE/im0 and im1 (2014, 2021), view1 and view5 (2005, 2006), im2 and im6 (2001, 2003);
- EuRoC: SEQUENCE/mav0/cam0/data/NAME.png and cam1;
- WildTrack: images/C1/NAME.png and images/C4/NAME.png, or Image_subsets;
- ZED: left000000.png and right000000.png in one folder;
- one file with both views: NAME.mpo, NAME.jps, NAME.pns.

Left, LEFT, L and l stand for left, where the other view is called Right, RIGHT, R and r. Both views have one ending, in
upper or lower case; where there is no such other view, one of another ending is taken.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..pictures.array_files import load_view
from ..pictures.open_pair import open_pair
from ..pictures.rgb import to_pair
from . import pair_layouts
from .folders import EXTENSIONS, listed, scan
from .pair_layouts import LAYOUTS, Layout, Pictures, View, Views, is_below, may_be_part, name_below, other_folders
from .sources import ExampleFiles, Layouts, OnMissing

BOTH_VIEWS = frozenset({".mpo", ".jps", ".pns"})
"""Endings of the files of a folder that hold both views by themselves, in lower case."""

_PERHAPS_BOTH_VIEWS = frozenset({".heic", ".heif"})
_LISTED = EXTENSIONS | BOTH_VIEWS | _PERHAPS_BOTH_VIEWS


@dataclass(frozen=True)
class PairFiles(ExampleFiles):
    """The two pictures of a pair, which are not opened yet; one file that holds both views is both of them."""

    left: Path
    right: Path

    def load(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Both views, (H, W, 3) uint8, RGB.

        Raises InvalidInput, naming the file, for what is no 8-bit RGB picture, for views of different size, and for one
        file that does not say how it holds both.
        """
        if self.left == self.right:
            pair = open_pair(self.left)
            return pair.left.upright().pixels, pair.right.upright().pixels
        left, right = (load_view(path, str(path)) for path in (self.left, self.right))
        try:
            return to_pair(left, right)
        except InvalidInput as error:
            raise InvalidInput(f"{self.left} and {self.right.name}: {error}") from error


def find_pairs(
    source: Path, on_missing: OnMissing | None = None, on_unmatched: OnMissing | None = None
) -> list[PairFiles]:
    """The files of all pairs of a folder with all below it, in the order of their paths, or of a list.

    A list has the columns `left` and `right`, relative to it or absolute, and maybe `name`; or each of its lines names
    two files, left and right, between commas or white space. Names are unique: of several with one name those after the
    first end in @2, @3 and so on. Pictures that are hidden, such as AppleDouble files (`._NAME`), are passed over.

    Args:
        source: a folder or a list, .csv or .txt.
        on_missing: called with the name of each view that lacks the other one, and with what is wrong; the pair is left
            out, and a source without any other pair is empty. When not given, such views are an error.
        on_unmatched: called with each other picture of a folder that is in no pair, and with the reason.

    Raises:
        InvalidInput: there is no such folder or list, it holds no pairs, or a view lacks the other one.
    """

    def in_folder(folder: Path, missing: OnMissing) -> list[PairFiles]:
        search = _Search(folder)
        found = search.pairs()
        search.tell(missing, on_unmatched or (lambda file, reason: None))
        return found

    return _LAYOUTS.find(source, in_folder, on_missing)


def data_set_of(left: Path) -> str | None:
    """What the place of a left view tells about its data set.

    cityscapes, euroc, kitti2012, kitti2015, kittiraw, kittitracking, middlebury, sceneflow, wildtrack, or None.
    """
    return pair_layouts.data_set_of(str(left.parent), left.stem)


class _Search:
    """Takes the pictures of a folder, and of all below it, into pairs."""

    def __init__(self, folder: Path) -> None:
        self._source = str(folder)
        self._pictures: Pictures = {path: _by_stems(names) for path, names in scan(folder, _LISTED).items()}
        self._inside = sorted(self._pictures)
        self._found: list[PairFiles] = []
        self._with_pairs: set[tuple[Layout, str]] = set()
        for path in self._inside if may_be_part(self._source) else ():
            for other in other_folders(path):
                # Of a part of a data set, the other views may lie elsewhere.
                is_elsewhere = other not in self._pictures and not is_below(self._source, other)
                if is_elsewhere and os.path.isdir(other):
                    self._pictures[other] = _by_stems(listed(other, _LISTED)[0])

    def pairs(self) -> list[PairFiles]:
        """All pairs, in the order of their left views; to be called once."""
        for layout in LAYOUTS:
            for folder, stems in self._pictures.items():
                if not any(stems.values()):
                    continue
                views = layout.views(folder, self._pictures, self._source)
                if views is not None:
                    self._pair(layout, folder, stems, views)
        for folder, name in list(self._left_over()):
            stem, ending = os.path.splitext(name)
            if ending.lower() in BOTH_VIEWS:
                path = Path(folder, name)
                self._found.append(PairFiles(name_below(self._source, folder, stem), path, path))
                self._pictures[folder][stem].remove(name)
        return sorted(self._found, key=lambda files: files.left.parts)

    def tell(self, on_missing: OnMissing, on_unmatched: OnMissing) -> None:
        """Of each picture of the folder that is in no pair, what is wrong."""
        for folder, left_over in itertools.groupby(self._left_over(), key=itemgetter(0)):
            layouts = [layout for layout in LAYOUTS if layout.is_certain or (layout, folder) in self._with_pairs]
            known = [layout.views(folder, self._pictures, self._source) for layout in layouts]
            for _, name in left_over:
                path, (stem, ending) = os.path.join(folder, name), os.path.splitext(name)
                found = (views(stem) for views in known if views is not None)
                view = next((view for view in found if view is not None), None)
                if view is not None:
                    on_missing(path, _lacking(view, folder, ending))
                elif ending.lower() in _PERHAPS_BOTH_VIEWS:
                    on_unmatched(path, "may hold both views: a list can name it as left and as right")
                else:
                    on_unmatched(path, "fits no layout of pairs")

    def _pair(self, layout: Layout, folder: str, stems: dict[str, list[str]], views: Views) -> None:
        for stem, names in stems.items():
            view = views(stem) if names else None
            others = self._pictures.get(view.folder, {}).get(view.stem) if view and view.is_left else None
            if not (view and others):
                continue
            self._with_pairs |= {(layout, folder), (layout, view.folder)}
            for left, right in list(_matched(names, others)):
                self._found.append(PairFiles(view.name, Path(folder, left), Path(view.folder, right)))
                names.remove(left)
                others.remove(right)

    def _left_over(self) -> Iterator[tuple[str, str]]:
        for folder in self._inside:
            for stem in sorted(self._pictures[folder]):
                for name in self._pictures[folder][stem]:
                    yield folder, name


def _by_stems(names: Iterable[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(os.path.splitext(name)[0], []).append(name)
    return stems


def _matched(lefts: Sequence[str], rights: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names of equal endings, but for case; then what is left of both, where that is one file each."""
    by_ending = {os.path.splitext(right)[1].lower(): right for right in rights}
    same = [
        (left, by_ending.pop(ending)) for left in lefts if (ending := os.path.splitext(left)[1].lower()) in by_ending
    ]
    yield from same
    if len(lefts) == len(rights) == len(same) + 1:
        (left,), (right,) = (set(names) - {pair[view] for pair in same} for view, names in enumerate((lefts, rights)))
        yield left, right


def _lacking(view: View, folder: str, ending: str) -> str:
    expected = view.stem + ending if view.folder == folder else os.path.join(view.folder, view.stem + ending)
    return f"has no {'right' if view.is_left else 'left'} view beside it; expected {expected}"


def _of_row(name: str | None, left: Path, right: Path) -> PairFiles:
    return PairFiles(name or _name_of_listed(left), left, right)


def _name_of_listed(left: Path) -> str:
    folder = str(left.parent)
    alone: Pictures = {folder: {left.stem: [left.name]}}
    for layout in LAYOUTS:
        views = layout.views(folder, alone, folder)
        view = views(left.stem) if views else None
        if view is not None and view.is_left:
            return view.name
    return left.stem


_LAYOUTS = Layouts(
    "pairs",
    ("left", "right"),
    "folders left and right, or the layout of Cityscapes, EuRoC, KITTI, Middlebury or WildTrack",
    _of_row,
    ": bisic eval {source} --list names all",
)

"""Where data sets keep the two views of a pair.

Each file of a folder is looked at on its own, so that layouts may lie side by side below one folder:

- any files: NAME_left.EXT and NAME_right.EXT in one folder;
- InStereo2K: SPLIT/SCENE/left.png and right.png;
- Cityscapes: leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png and rightImg8bit/SPLIT/CITY/NAME_rightImg8bit.png;
- KITTI 2012: SPLIT/colored_0/NAME.png and SPLIT/colored_1/NAME.png; KITTI 2015: image_2 and image_3;
- Middlebury: SCENE/im0 and im1 (2014, 2021), view1 and view5 (2005, 2006), im2 and im6 (2001, 2003).
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import TrainingError

EXTENSIONS = frozenset({".png", ".webp", ".jpg", ".jpeg", ".avif", ".bmp", ".ppm", ".tif", ".tiff"})
"""Of files that are taken for pictures, in any case."""

Found = tuple[str, Path, Path]
"""Name of a pair, left file, right file."""

# By the name of the file alone. Of several in one folder the first counts: those of 2001 and 2003 hold im0 to im8.
_SCENE_FOLDERS = (("im2", "im6"), ("im0", "im1"), ("view1", "view5"), ("left", "right"))
_LEFT_STEMS = frozenset(left for left, _ in _SCENE_FOLDERS)
_KITTI = {"colored_0": ("colored_1", "kitti2012"), "image_2": ("image_3", "kitti2015")}
_CITYSCAPES = ("leftImg8bit", "rightImg8bit")


OnMissing = Callable[[str, str], object]
"""Called with the name of a file and what is wrong: its other view is missing, or itself."""


def _stop(view: str, reason: str) -> None:
    raise TrainingError(f"{view} {reason}")


def find_pairs(source: Path, on_missing: OnMissing = _stop) -> list[Found]:
    """Names and files of all pairs of a folder with all below it, in the order of their paths, or of a CSV list.

    A list has the columns `left` and `right`, relative to it or absolute, and maybe `name`. Names are unique: of
    several with one name those after the first end in @2, @3 and so on. Where `on_missing` is given, a pair that lacks
    a view is told and left out, and a source without any other pair is empty.

    Raises:
        TrainingError: there is no such folder or list, it holds no pairs, or a view lacks the other one.
    """
    missing: list[str] = []

    def tell(view: str, reason: str) -> None:
        on_missing(view, reason)
        missing.append(view)

    if source.suffix.lower() == ".csv":
        rows = listed(source, ("left", "right"), tell)
        found = [(name or _name_of_listed(left), left, right) for name, left, right in rows]
    elif source.is_dir():
        found = list(_in_folder(source, tell))
    else:
        raise TrainingError(f"{source} is not a folder; give folders of pairs such as NAME_left.*, or CSV lists")
    if not found and not missing:
        raise TrainingError(
            f"no pairs in {source}; expected files such as NAME_left.png and NAME_right.png, or the layout of "
            "InStereo2K, Cityscapes, KITTI or Middlebury"
        )
    return [(name, *views[1:]) for name, views in zip(unique([name for name, *_ in found]), found, strict=True)]


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


def _in_folder(folder: Path, on_missing: OnMissing) -> Iterator[Found]:
    folder = Path(os.path.abspath(folder))  # the names of the folders above it tell layouts as well
    pictures = pictures_in(folder)
    scenes = _scene_views(pictures, on_missing)
    for left in pictures:
        if left in scenes:
            yield _scene_name(left, folder), left, scenes[left]
            continue
        match = _beside(left) or _cityscapes(left) or _kitti(left)
        if match is None:
            continue
        name, right = match
        if not right.is_file():
            where = right.name if right.parent == left.parent else str(right)
            on_missing(str(left), f"has no right view beside it; expected {where}")
            continue
        yield name, left, right


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


def listed(path: Path, columns: tuple[str, str], on_missing: OnMissing) -> Iterator[tuple[str | None, Path, Path]]:
    """Rows of a CSV list with two columns of files: what its column `name` says, if anything, and both files.

    Raises TrainingError for what is no such list; calls `on_missing` for files that are not there.
    """
    path = Path(os.path.abspath(path))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                expected = ",".join(columns)
                raise TrainingError(f"{path} has no column '{missing[0]}'; its first line must be {expected} or more")
            for row in rows:
                first, second = (path.parent / (row[column] or "") for column in columns)
                lacking = [picture for picture in (first, second) if not picture.is_file()]
                if lacking:
                    on_missing(f"{path}, line {rows.line_num}: {lacking[0]}", "is not a file")
                    continue
                yield row.get("name") or None, first, second
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path} is no CSV list in UTF-8: {error}") from error


def _name_of_listed(left: Path) -> str:
    if left.stem in _LEFT_STEMS:
        return left.parent.name
    match = _beside(left) or _cityscapes(left) or _kitti(left)
    return match[0] if match else left.stem

"""The pairs of a data set, with its published crops, and what cannot be used of it.

Layouts are those of `stereocodec.datasets.pairs`, and lists. Where training stops at a view that is missing, an
evaluation names it and goes on.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..datasets.lists import read_list, read_table
from ..datasets.pairs import PairFiles, data_set_of, find_pairs
from ..errors import InvalidInput, StereoCodecError
from .metrics import View


@dataclass(frozen=True)
class Crop:
    """A part of every picture: `width` x `height` from (`left`, `top`), or from the middle where those are None.

    `of` is the (width, height) that pictures must have for a part at a fixed place.
    """

    width: int
    height: int
    left: int | None = None
    top: int | None = None
    of: tuple[int, int] | None = None

    def apply(self, view: View) -> View:
        """The part of a view (H, W, 3). Raises InvalidInput: the view is too small, or of another size than `of`."""
        height, width = view.shape[:2]
        size = f"{self.width}x{self.height}"
        if self.of is not None and (width, height) != self.of:
            raise InvalidInput(
                f"the crop {size} is defined for {self.of[0]}x{self.of[1]} pictures, not {width}x{height}"
            )
        if width < self.width or height < self.height:
            raise InvalidInput(f"a picture of {width}x{height} is too small for the crop {size}")
        left = (width - self.width) // 2 if self.left is None else self.left
        top = (height - self.height) // 2 if self.top is None else self.top
        return np.ascontiguousarray(view[top : top + self.height, left : left + self.width])


_CITYSCAPES = (2048, 1024)
CROPS = {
    # SASIC, LDMIC and the text of the ECSIC paper: 64 rows off the top, 256 off the bottom, 128 columns off each side.
    "cityscapes-1792x704": Crop(1792, 704, 128, 64, _CITYSCAPES),
    # What the released code of ECSIC and BiSIC cuts: rows 64 to 831, columns 128 to 2047.
    "cityscapes-1920x768": Crop(1920, 768, 128, 64, _CITYSCAPES),
    # LDMIC, CAMSIC's training and BiSIC: the centre, multiples of 64.
    "instereo2k-1024x832": Crop(1024, 832, of=(1080, 860)),
    # ECSIC: the centre, multiples of 32.
    "instereo2k-1056x832": Crop(1056, 832, of=(1080, 860)),
}
"""The published crops by name."""


def parse_crop(text: str) -> Crop:
    """A crop by name, the size of one of the two Cityscapes crops (1792x704, 1920x768), or WxH from the middle.

    Raises InvalidInput for anything else.
    """
    named = CROPS.get(text) or CROPS.get(f"cityscapes-{text}")
    if named:
        return named
    match = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", text)
    if not match:
        raise InvalidInput(f"unknown crop '{text}'; use WIDTHxHEIGHT or one of {', '.join(CROPS)}")
    return Crop(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class EvaluationPair(PairFiles):
    """A stereo pair on disk, the group that its results are averaged in, and the part of it that is measured."""

    group: str
    crop: Crop | None = None

    def load(self) -> tuple[View, View]:
        """Both views, cropped, (H, W, 3) uint8. Raises InvalidInput: unreadable, unequal sizes or too small."""
        left, right = super().load()
        return (left, right) if self.crop is None else (self.crop.apply(left), self.crop.apply(right))


@dataclass(frozen=True)
class Problem:
    """A pair that was left out, a picture in no pair, or a point that could not be measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """The pairs to measure, those that cannot be, and pictures that belong to no pair, such as maps of disparities."""

    pairs: tuple[EvaluationPair, ...]
    problems: tuple[Problem, ...] = ()
    unmatched: tuple[Problem, ...] = ()


def content_hash(views: tuple[View, View]) -> str:
    """SHA-256 of the shapes and samples of both views, in hexadecimal."""
    digest = hashlib.sha256()
    for view in views:
        digest.update(repr(view.shape).encode())
        digest.update(np.ascontiguousarray(view).data)
    return digest.hexdigest()


def find_dataset(
    source: Path, *, crop: Crop | None = None, split: str | None = None, names: Collection[str] = ()
) -> Dataset:
    """The pairs of a folder or of a CSV list, which are not opened yet.

    Groups are the column `group` of a list or of a folder's manifest.csv (columns name, group); without it the
    layout's name, or the folder's. `split` keeps pairs with a folder of this name in their paths, such as test;
    `names` keeps pairs of these names.

    Raises InvalidInput: no such folder or list, or no pair that fits.
    """
    problems: list[Problem] = []
    unmatched: list[Problem] = []
    found = find_pairs(
        source,
        on_missing=lambda view, why: problems.append(Problem(view, why)),
        on_unmatched=lambda picture, why: unmatched.append(Problem(picture, why)),
    )
    groups = _listed_groups(source)
    pairs = [
        EvaluationPair(files.name, files.left, files.right, _group(files, groups, source), crop)
        for files in found
        if (not names or files.name in names) and (split is None or split in files.left.parts)
    ]
    if split is not None:
        problems, unmatched = (
            [problem for problem in told if split in Path(problem.name).parts] for told in (problems, unmatched)
        )
    if names:
        problems += [
            Problem(name, f"{source} holds no pair of this name") for name in sorted({*names} - {p.name for p in pairs})
        ]
    if not pairs and not problems:
        raise InvalidInput(f"{source} holds no pairs" + (f" below a folder '{split}'" if split else ""))
    return Dataset(tuple(pairs), tuple(problems), tuple(unmatched))


def usable(dataset: Dataset) -> tuple[dict[str, str], Dataset]:
    """Opens every pair once: content hashes by the names of those that can be measured, and the data set of those."""
    hashes, pairs, problems = {}, [], [*dataset.problems]
    for pair in dataset.pairs:
        try:
            hashes[pair.name] = content_hash(pair.load())
            pairs.append(pair)
        except StereoCodecError as error:
            problems.append(Problem(pair.name, str(error)))
    return hashes, replace(dataset, pairs=tuple(pairs), problems=tuple(problems))


def manifest_column(folder: Path, column: str) -> dict[str, str]:
    """A column of a folder's manifest.csv by the pairs' names; empty without the file or the column."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        return {}
    return {row["name"]: row[column] for row in read_table(manifest) if row.get("name") and row.get(column)}


def _listed_groups(source: Path) -> dict[str, str]:
    """Groups by names for a folder's manifest, by left files for a list."""
    if source.is_dir():
        return manifest_column(source, "group")
    folder = Path(os.path.abspath(source)).parent
    rows = read_list(source, ("left", "right"))
    return {str(folder / row["left"]): row["group"] for _, row in rows if row.get("group")}


def _group(files: PairFiles, listed: dict[str, str], source: Path) -> str:
    """What a list or a manifest says of a pair; else its data set, as far as its place tells it, or the source's name.

    listed: of `_listed_groups`.
    """
    group = listed.get(files.name) or listed.get(str(files.left)) or data_set_of(files.left)
    return group or (source if source.is_dir() else source.with_suffix("")).resolve().name or "pairs"

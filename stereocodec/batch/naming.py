"""Which pairs a batch has, and where their files go: the tree of the pictures, mirrored."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ..datasets.folders import scan
from ..datasets.frames import COLOR_FOLDERS, FrameFiles, find_frames
from ..datasets.lists import LIST_ENDINGS
from ..datasets.pairs import BOTH_VIEWS, PairFiles, find_pairs
from ..datasets.sources import unique
from ..errors import InvalidInput
from .jobs import DecodeJob, EncodeJob

SUFFIX = ".bsc"
# Two files with these endings are two pairs; two HEIC files are as likely one view each.
_ONE_FILE = BOTH_VIEWS | {".npz"}
# What names of left views end in, and what whole names of left views say nothing beside.
_LEFT_END = re.compile(r"(?i)[-_. ](left|leftimg8bit|l)$")
_LEFT_ALONE = re.compile(r"(?i)left|im0|im2|view1")
Left = Callable[[str, str], object]


def is_many(sources: Sequence[str]) -> bool:
    """Whether arguments name more than one pair: folders, lists, or several files that hold both views each."""
    paths = [Path(source) for source in sources]
    if any(map(_holds_pairs, paths)):
        return True
    return len(paths) > 2 or (len(paths) == 2 and all(path.suffix.lower() in _ONE_FILE for path in paths))


def encode_jobs(sources: Sequence[str], folder: Path, on_left: Left | None = None) -> list[EncodeJob]:
    """The pairs of folders, lists (`find_pairs`) and files, with an output for each in `folder`.

    Two files that do not hold both views each are the views of one pair; of more files, each holds both. on_left:
    called with the name of each picture that is in no pair and with the reason; without it, a view without the other
    one is an error.

    Raises InvalidInput as `find_pairs`.
    """
    if not is_many(sources):
        left, *right = map(Path, sources)
        return [EncodeJob(_base(left), left, right[0] if right else None, folder / f"{_base(left)}{SUFFIX}")]
    pairs: list[tuple[str, Path, Path | None]] = []
    for source in map(Path, sources):
        if _holds_pairs(source):
            found = find_pairs(source, on_left, on_left)
            root = Path(os.path.abspath(source)) if source.is_dir() else _root(found)
            pairs += [(_mirrored(pair, root), pair.left, _other(pair)) for pair in found]
        else:
            pairs.append((source.stem, source, None))
    names = unique([name for name, _, _ in pairs])
    return [
        EncodeJob(name, left, right, folder / f"{name}{SUFFIX}")
        for name, (_, left, right) in zip(names, pairs, strict=True)
    ]


def frame_jobs(sources: Sequence[str], folder: Path, on_missing: Left | None = None) -> list[EncodeJob]:
    """The frames of colour with depth of folders and lists (`find_frames`), with an output for each in `folder`.

    on_missing: called with the name of each picture that is in no frame and with the reason; without it, colour without
    its depth is an error.

    Raises InvalidInput as `find_frames`.
    """
    frames: list[tuple[str, FrameFiles]] = []
    for source in map(Path, sources):
        found = find_frames(source, on_missing)
        colors = [os.path.abspath(frame.color) for frame in found]
        root = (
            source if source.is_dir() else Path(os.path.commonpath([os.path.dirname(path) for path in colors] or [""]))
        )
        frames += [(_frame_place(frame, Path(os.path.abspath(root))), frame) for frame in found]
    names = unique([place for place, _ in frames])
    return [
        EncodeJob(name, frame.color, None, folder / f"{name}{SUFFIX}", frame.depth, frame.unit)
        for name, (_, frame) in zip(names, frames, strict=True)
    ]


def _frame_place(frame: FrameFiles, root: Path) -> str:
    """The place of a frame's colour below the root, without what only says that it is colour."""
    place = Path(os.path.relpath(frame.color, root))
    parts = [part for part in place.parent.parts if part != os.pardir]
    if parts and parts[-1] in COLOR_FOLDERS:
        parts.pop()
    return Path(*parts, place.stem.removesuffix("_color")).as_posix()


def decode_jobs(sources: Sequence[str], folder: Path | None) -> list[DecodeJob]:
    """The `.bsc` files that are named, and those of folders with all below, sorted; outputs mirror them in `folder`.

    Raises InvalidInput for a folder without any.
    """
    files: list[tuple[Path, str]] = []
    for source in map(Path, sources):
        if not source.is_dir():
            files.append((source, source.stem))
            continue
        within = sorted(Path(path, name) for path, names in scan(source, (SUFFIX,)).items() for name in names)
        if not within:
            raise InvalidInput(f"{source} has no {SUFFIX} files")
        files += [(path, path.relative_to(source).with_suffix("").as_posix()) for path in within]
    places = unique([place for _, place in files])
    return [
        DecodeJob(str(path), path, None if folder is None else folder / place)
        for (path, _), place in zip(files, places, strict=True)
    ]


def _holds_pairs(source: Path) -> bool:
    """Whether it is a folder or a list."""
    return os.path.isdir(source) or source.suffix.lower() in LIST_ENDINGS


def _mirrored(pair: PairFiles, root: Path) -> str:
    """The place of a pair's left view below the root, without what only says that it is the left one."""
    place = Path(os.path.relpath(pair.left, root))
    alone = _LEFT_ALONE.fullmatch(place.stem) is not None
    # Of a folder of right views the left ones lie beside it; nothing is written beside the outputs' folder.
    parts = [part for part in place.parent.parts if part != os.pardir]
    return Path(*parts, *([] if alone else [_base(place)])).as_posix() if parts or not alone else root.name or "pair"


def _base(left: Path) -> str:
    """A file's name without its ending and what says that it is a left view."""
    return _LEFT_END.sub("", left.stem) or left.stem


def _other(pair: PairFiles) -> Path | None:
    return None if pair.left == pair.right else pair.right


def _root(pairs: Sequence[PairFiles]) -> Path:
    """The folder that all pairs of a list are in."""
    return Path(os.path.commonpath([os.path.abspath(pair.left.parent) for pair in pairs])) if pairs else Path()

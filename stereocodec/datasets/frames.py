"""Where data sets keep the colour picture and the depth map of a frame.

- any files: NAME_color.EXT and NAME_depth.EXT in one folder;
- NYUv2 as it is exported, the authors' of `rgbd` and others: `color`, `rgb` or `image` beside `depth` or `gt`, files
  of equal names or, where no names agree, of equal order;
- SUN RGB-D: the same with `image`, and `intrinsics.txt` beside them; its depth is rotated by three bits;
- TUM RGB-D: `rgb.txt` and `depth.txt` with the times of both, matched to the nearest within 20 ms.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import TrainingError
from .pairs import listed, pictures_in, unique

ROTATED = "sun"
"""The unit of SUN RGB-D: millimetres, rotated to the left by three bits."""

_COLOR_FOLDERS, _DEPTH_FOLDERS = ("color", "rgb", "image"), ("depth", "gt")
_TIMES = ("rgb.txt", "depth.txt")
_APART = 0.02  # seconds, as of TUM's associate.py


@dataclass(frozen=True)
class FoundFrame:
    """Files of a frame; `unit` is that of its layout, as of `pictures.depth.metres_per_step`, or "sun"."""

    name: str
    color: Path
    depth: Path
    unit: str | None = None


def find_frames(source: Path) -> list[FoundFrame]:
    """All frames of a folder with all below it, in the order of their paths, or of a CSV list.

    A list has the columns `color` and `depth`, relative to it or absolute, and maybe `name`. Names are unique: of
    several with one name those after the first end in @2, @3 and so on.

    Raises TrainingError: there is no such folder or list, it holds no frames, or colour lacks its depth.
    """
    if source.suffix.lower() == ".csv":
        rows = listed(source, ("color", "depth"), _stop)
        found = [FoundFrame(name or _stem(color), color, depth) for name, color, depth in rows]
    elif source.is_dir():
        found = list(_in_folder(Path(os.path.abspath(source))))
    else:
        raise TrainingError(f"{source} is not a folder; give folders of frames such as NAME_color.*, or CSV lists")
    if not found:
        raise TrainingError(
            f"no frames in {source}; expected files such as NAME_color.png and NAME_depth.png, folders such as color "
            "and depth, or the layout of NYUv2, SUN RGB-D or TUM RGB-D"
        )
    names = unique([frame.name for frame in found])
    return [FoundFrame(name, f.color, f.depth, f.unit) for name, f in zip(names, found, strict=True)]


def _stop(picture: str, reason: str) -> None:
    raise TrainingError(f"{picture} {reason}")


def _in_folder(source: Path) -> Iterator[FoundFrame]:
    yield from _beside(pictures_in(source))
    for folder in sorted([source, *(path for path in source.rglob("*") if path.is_dir())]):
        if all((folder / name).is_file() for name in _TIMES):
            yield from _by_times(folder)
            continue
        colors, depths = (
            next((folder / name for name in names if (folder / name).is_dir()), None)
            for names in (_COLOR_FOLDERS, _DEPTH_FOLDERS)
        )
        if colors is not None and depths is not None:
            is_sun = colors.name == "image" and (folder / "intrinsics.txt").is_file()
            prefix = "-".join(folder.relative_to(source).parts)
            for color, depth in _matched(colors, depths):
                name = f"{prefix}-{color.stem}" if prefix else color.stem
                yield FoundFrame(name, color, depth, ROTATED if is_sun else None)


def _beside(pictures: Iterable[Path]) -> Iterator[FoundFrame]:
    held = set(pictures)
    for color in sorted(held):
        name = color.stem.removesuffix("_color")
        if name == color.stem:
            continue
        depths = sorted(path for path in held if path.parent == color.parent and path.stem == f"{name}_depth")
        if not depths:
            _stop(str(color), f"has no depth beside it; expected {name}_depth.png")
        yield FoundFrame(name, color, depths[0])


def _matched(colors: Path, depths: Path) -> list[tuple[Path, Path]]:
    """Pictures of two folders, by name or, where none agrees, by order."""
    color, depth = ([p for p in pictures_in(folder) if p.parent == folder] for folder in (colors, depths))
    by_name = {path.stem: path for path in depth}
    if not any(path.stem in by_name for path in color):
        if len(color) != len(depth):
            _stop(str(colors), f"has {len(color)} pictures, and {depths.name} has {len(depth)} of other names")
        return list(zip(color, depth, strict=True))
    lacking = next((path for path in color if path.stem not in by_name), None)
    if lacking is not None:
        _stop(str(lacking), f"has no depth; expected {depths / lacking.stem}.png")
    return [(path, by_name[path.stem]) for path in color]


def _by_times(folder: Path) -> Iterator[FoundFrame]:
    """The frames of a sequence of TUM RGB-D; colour without depth at its time is left out, as is usual there."""
    color, depth = (_times(folder / name) for name in _TIMES)
    moments = sorted(depth)
    for moment in sorted(color):
        place = bisect_left(moments, moment)
        nearest = min(moments[max(0, place - 1) : place + 1], key=lambda other: abs(other - moment), default=None)
        if nearest is None or abs(nearest - moment) > _APART:
            continue
        files = folder / color[moment], folder / depth[nearest]
        lacking = next((path for path in files if not path.is_file()), None)
        if lacking is not None:
            _stop(str(lacking), f"is not a file, but {folder} lists it")
        yield FoundFrame(f"{folder.name}-{files[0].stem}", *files, "tum")


def _times(path: Path) -> dict[float, str]:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        return {float(words[0]): words[1] for words in lines if words and not words[0].startswith("#")}
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise TrainingError(f"{path} is no list of times and files of TUM RGB-D: {error}") from error


def _stem(color: Path) -> str:
    return color.stem.removesuffix("_color")

"""Where data sets keep the colour picture and the depth map of a frame.

- any files: NAME_color.EXT and NAME_depth.EXT in one folder;
- NYUv2 as it is exported, the authors' of `rgbd` and others: `color`, `rgb` or `image` beside `depth` or `gt`, files
  of equal names or, where no names agree, of equal order;
- SUN RGB-D: the same with `image`, and `intrinsics.txt` beside them; its depth is rotated by three bits;
- TUM RGB-D: `rgb.txt` and `depth.txt` with the times of both, matched to the nearest within 20 ms.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..pictures.alpha import Background
from ..pictures.depth import DepthMap, as_frame, depth_orientation, to_depth_map
from ..pictures.depth_files import read_depth
from ..pictures.picture import Picture
from ..pictures.pil import load_picture
from .folders import pictures_in, scan
from .sources import ExampleFiles, Layouts, OnMissing

_ROTATED = "sun"  # the unit of SUN RGB-D: millimetres, rotated to the left by three bits
COLOR_FOLDERS, _DEPTH_FOLDERS = ("color", "rgb", "image"), ("depth", "gt")
_TIMES = ("rgb.txt", "depth.txt")
_APART = 0.02  # seconds, as of TUM's associate.py


@dataclass(frozen=True)
class FrameFiles(ExampleFiles):
    """The two pictures of a frame, which are not opened yet.

    unit: that of depth in its layout, as of `pictures.depth.metres_per_step`, or "sun"; None where it has none.
    """

    color: Path
    depth: Path
    unit: str | None = None

    def load(self, unit: str | None = None, invalid: int = 0) -> tuple[NDArray[np.uint8], DepthMap]:
        """Colour (H, W, 3) uint8, RGB, and depth of the same size, both upright; arguments and errors as of `open`."""
        color, depth = self.open(unit, invalid)
        return color.upright().pixels, depth.turned(color.orientation)

    def open(
        self, unit: str | None = None, invalid: int = 0, background: Background | None = None
    ) -> tuple[Picture, DepthMap]:
        """Colour and depth of the same size, stored alike.

        unit: in place of the layout's; where neither is given, samples of 16 bits are millimetres. invalid: the sample
        that stands for no measurement. background: what transparent parts of colour are laid onto.

        Raises InvalidInput, naming the file, for what is no such picture, colour and depth of different size, and an
        unknown unit.
        """
        color = load_picture(self.color, background=background)
        picture = read_depth(self.depth, str(self.depth))
        samples = np.asarray(picture)
        unit = unit or self.unit
        if unit == _ROTATED:
            samples, unit = samples.astype(np.uint16), "mm"
            samples = samples >> 3 | samples << 13
        depth = to_depth_map(samples, str(self.depth), unit=unit, invalid=invalid)
        try:
            return as_frame(color, depth, depth_orientation(picture))
        except InvalidInput as error:
            raise InvalidInput(f"{self.color} and {self.depth.name}: {error}") from error


def find_frames(source: Path, on_missing: OnMissing | None = None) -> list[FrameFiles]:
    """The files of all frames of a folder with all below it, in the order of their paths, or of a list.

    A list has the columns `color` and `depth`, relative to it or absolute, and maybe `name`, or two files in each line.
    Names, lists and `on_missing` are as of `find_pairs`; folders of colour and depth that do not belong together are
    always refused.

    Raises InvalidInput: there is no such folder or list, it holds no frames, or colour lacks its depth.
    """
    return _LAYOUTS.find(source, _in_folder, on_missing)


def _in_folder(source: Path, on_missing: OnMissing) -> Iterator[FrameFiles]:
    yield from _beside(pictures_in(source), on_missing)
    for folder in sorted(map(Path, scan(source))):
        if all((folder / name).is_file() for name in _TIMES):
            yield from _by_times(folder, on_missing)
            continue
        colors, depths = (
            next((folder / name for name in names if (folder / name).is_dir()), None)
            for names in (COLOR_FOLDERS, _DEPTH_FOLDERS)
        )
        if colors is not None and depths is not None:
            is_sun = colors.name == "image" and (folder / "intrinsics.txt").is_file()
            prefix = "-".join(folder.relative_to(source).parts)
            for color, depth in _matched(colors, depths, on_missing):
                name = f"{prefix}-{color.stem}" if prefix else color.stem
                yield FrameFiles(name, color, depth, _ROTATED if is_sun else None)


def _beside(pictures: Sequence[Path], on_missing: OnMissing) -> Iterator[FrameFiles]:
    by_stem: dict[tuple[Path, str], Path] = {}
    for path in pictures:
        by_stem.setdefault((path.parent, path.stem), path)
    for color in pictures:
        name = color.stem.removesuffix("_color")
        if name == color.stem:
            continue
        depth = by_stem.get((color.parent, f"{name}_depth"))
        if depth is None:
            on_missing(str(color), f"has no depth beside it; expected {name}_depth.png")
            continue
        yield FrameFiles(name, color, depth)


def _matched(colors: Path, depths: Path, on_missing: OnMissing) -> list[tuple[Path, Path]]:
    """Pictures of two folders, by name or, where none agrees, by order."""
    color, depth = ([p for p in pictures_in(folder) if p.parent == folder] for folder in (colors, depths))
    by_name = {path.stem: path for path in depth}
    if not any(path.stem in by_name for path in color):
        if len(color) != len(depth):
            raise InvalidInput(f"{colors} has {len(color)} pictures, and {depths.name} has {len(depth)} of other names")
        return list(zip(color, depth, strict=True))
    for path in color:
        if path.stem not in by_name:
            on_missing(str(path), f"has no depth; expected {depths / path.stem}.png")
    return [(path, by_name[path.stem]) for path in color if path.stem in by_name]


def _by_times(folder: Path, on_missing: OnMissing) -> Iterator[FrameFiles]:
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
            on_missing(str(lacking), f"is not a file, but {folder} lists it")
            continue
        yield FrameFiles(f"{folder.name}-{files[0].stem}", *files, "tum")


def _times(path: Path) -> dict[float, str]:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        return {float(words[0]): words[1] for words in lines if words and not words[0].startswith("#")}
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise InvalidInput(f"{path} is no list of times and files of TUM RGB-D: {error}") from error


def _of_row(name: str | None, color: Path, depth: Path) -> FrameFiles:
    return FrameFiles(name or color.stem.removesuffix("_color"), color, depth)


_OTHERS = "folders such as color and depth, or the layout of NYUv2, SUN RGB-D or TUM RGB-D"
_LAYOUTS = Layouts("frames", ("color", "depth"), _OTHERS, _of_row)

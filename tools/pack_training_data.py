"""Packs stereo pairs and photographs small enough to travel to a machine that has no network.

    python tools/pack_training_data.py --pairs ../shared/data/train --photos ../shared/data/mono -o .data/gpu

Every scene comes along if it can, with a smaller part of each if the room is short: variety teaches more than area.
Pictures are reduced by 0.5 to 0.7, which also hides what an earlier compression left, and stored as WebP. Scenes that
are named by --validation, or by the recipe, stay what validation sees of them, without loss, so that its figures
compare with those of other runs.
"""

from __future__ import annotations

import io
import math
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stereocodec.datasets.folders import pictures_in
from stereocodec.datasets.pairs import PairFiles, find_pairs
from stereocodec.datasets.sources import find_all, unique
from stereocodec.errors import OutputError, StereoCodecError, TrainingError
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_rgb8
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import central_part
from stereocodec.training.validation import VALIDATED_SIDE

Picture = NDArray[np.uint8]  # (H, W, 3)

_MIB = 1 << 20
_SMALLEST_SCALE, _LARGEST_SCALE = 0.5, 0.7
# Beside a crop, for the disparities of pairs made of photographs.
_PHOTO_MARGIN = 64
# Pictures are cut by rows alone, as disparities need the width. Where not even so many fit, scenes are left out.
_FEWEST_ROWS = 160
_ATTEMPTS = 6


@dataclass
class Scene:
    """One pair or photograph, reduced.

    views: the pictures, cut alike. least: the fewest rows that it must keep. size: its bytes when whole.
    """

    name: str
    views: list[Picture]
    least: int
    size: int

    @property
    def area(self) -> int:
        """Pixels of a view."""
        height, width = self.views[0].shape[:2]
        return int(height) * int(width)

    def window(self, area: float) -> list[Picture]:
        """The views, cut to about an area at a place that depends on the name."""
        rows = self._rows(area)
        top = int(np.random.default_rng(self.order).integers(self.views[0].shape[0] - rows + 1))
        return [view[top : top + rows] for view in self.views]

    def size_of(self, area: float) -> float:
        """About how many bytes such a window has."""
        return self.size * self._rows(area) / int(self.views[0].shape[0])

    def _rows(self, area: float) -> int:
        height, width = map(int, self.views[0].shape[:2])
        return min(height, max(round(area / width), self.least))

    @property
    def order(self) -> int:
        """A number that depends on the name, without any meaning."""
        return zlib.crc32(self.name.encode())


@click.command()
@click.option("--pairs", multiple=True, required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--photos", multiple=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option("-o", "--output", default=Path(".data/gpu"), show_default=True, type=click.Path(path_type=Path))
@click.option("--mib", default=26.0, show_default=True, help="How large the folder may become.")
@click.option("--pairs-share", default=0.5, show_default=True, help="Of the room that validation leaves.")
@click.option("--quality", default=89, show_default=True, help="Of WebP.")
@click.option("--validation", multiple=True, metavar="NAME", help="As of `bisic train`, which must get the same ones.")
@click.option("--recipe", type=click.Path(path_type=Path), help="A TOML file; by default that of bisic-rt.")
def main(
    pairs: tuple[Path, ...],
    photos: tuple[Path, ...],
    output: Path,
    mib: float,
    pairs_share: float,
    quality: int,
    validation: tuple[str, ...],
    recipe: Path | None,
) -> None:
    """Packs folders of pairs and of photographs into OUTPUT/pairs and OUTPUT/photos."""
    try:
        config = TrainingConfig.from_toml(recipe) if recipe else TrainingConfig.recipe("bisic-rt")
        if validation:
            config = replace(config, validation_scenes=validation)
        pack(pairs, photos, output, config, round(mib * _MIB), pairs_share if photos else 1.0, quality)
    except StereoCodecError as error:
        raise click.ClickException(str(error)) from error


def pack(
    pairs: Sequence[Path],
    photos: Sequence[Path],
    output: Path,
    config: TrainingConfig,
    room: int,
    pairs_share: float,
    quality: int,
) -> None:
    """Writes the folder and says what is in it.

    Raises OutputError for a folder that this did not make, and TrainingError when the scenes do not fit.
    """
    if output.exists():
        if {path.name for path in output.iterdir()} - {"pairs", "photos"}:
            raise OutputError(f"{output} holds something else than packed data; choose another folder")
        shutil.rmtree(output)
    crop = config.crop_height, config.crop_width
    room -= _pack_validation(pairs, output / "pairs", config.validation_scenes)
    for kind, scenes, share in (
        ("pairs", _pair_scenes(pairs, config, crop, quality), pairs_share),
        ("photos", _photo_scenes(photos, crop, quality), 1.0),
    ):
        if scenes:
            room -= _pack_scenes(kind, scenes, output / kind, share * room, quality)


def _pack_validation(sources: Sequence[Path], folder: Path, scenes: Sequence[str]) -> int:
    """Writes what `validate` sees of the validation scenes; returns their bytes."""
    total = pixels = count = 0
    for files in _named_pairs(sources):
        if scenes and files.name.startswith(tuple(scenes)):
            views = np.stack(files.load())
            top, left, height, width = central_part(views.shape[1:3], VALIDATED_SIDE)
            views = views[:, top : top + height, left : left + width]
            total += _write(folder, files.name, [_coded(view, None) for view in views])
            pixels, count = pixels + views.shape[1] * views.shape[2], count + 1
    _tell("validation pairs", count, pixels, total)
    return total


def _pair_scenes(sources: Sequence[Path], config: TrainingConfig, crop: tuple[int, int], quality: int) -> list[Scene]:
    scenes = []
    for files in _named_pairs(sources):
        if not (config.validation_scenes and files.name.startswith(config.validation_scenes)):
            scenes.append(_reduced_scene(files.name, list(files.load()), crop, quality))
    return [scene for scene in scenes if scene is not None]


def _photo_scenes(sources: Sequence[Path], crop: tuple[int, int], quality: int) -> list[Scene]:
    paths = [path for source in sources for path in pictures_in(source)]
    least = crop[0], crop[1] + _PHOTO_MARGIN
    names = unique([path.stem for path in paths])
    scenes = [_reduced_scene(name, [_load(path)], least, quality) for name, path in zip(names, paths, strict=True)]
    return [scene for scene in scenes if scene is not None]


def _named_pairs(sources: Sequence[Path]) -> list[PairFiles]:
    """The pairs of all sources, with names that are file names."""
    return [replace(files, name=files.name.replace("/", "-")) for files in find_all(find_pairs, sources)]


def _reduced_scene(name: str, views: list[Picture], least: tuple[int, int], quality: int) -> Scene | None:
    """All views reduced by one factor; None when they are smaller than `least` from the start."""
    size = views[0].shape[:2]
    smallest = max(n / limit for n, limit in zip(least, size, strict=True))
    if smallest > 1:
        return None
    factor = np.random.default_rng(zlib.crc32(name.encode())).uniform(_SMALLEST_SCALE, _LARGEST_SCALE)
    height, width = (math.ceil(n * max(factor, smallest) - 1e-6) for n in size)
    images = [Image.fromarray(view).resize((width, height), Image.Resampling.LANCZOS) for view in views]
    reduced = [np.asarray(image) for image in images]
    return Scene(name, reduced, max(least[0], _FEWEST_ROWS), sum(len(_coded(view, quality)) for view in reduced))


def _pack_scenes(kind: str, scenes: Sequence[Scene], folder: Path, room: float, quality: int) -> int:
    """Writes all scenes, or as many as fit, with the largest area per scene that fits; returns their bytes."""
    target = 0.97 * room  # as parts of pictures need a little more than their part of the bytes
    chosen = sorted(scenes, key=lambda scene: scene.order)
    for _ in range(_ATTEMPTS):
        while sum(scene.size_of(0) for scene in chosen) > target:
            chosen.pop()
        if not chosen:
            break
        area = _largest_area(chosen, target)
        windows = [scene.window(area) for scene in chosen]
        files = [[_coded(view, quality) for view in views] for views in windows]
        total = sum(len(data) for views in files for data in views)
        if total <= room:
            for scene, views in zip(chosen, files, strict=True):
                _write(folder, scene.name, views)
            left_out = len(scenes) - len(chosen)
            _tell(
                f"{kind}{f' ({left_out} left out)' * (left_out > 0)}",
                len(chosen),
                sum(views[0].shape[0] * views[0].shape[1] for views in windows),
                total,
            )
            return total
        target *= 0.99 * room / total
    raise TrainingError(f"{kind} do not fit into {room / _MIB:.1f} MiB; give a larger --mib")


def _largest_area(scenes: Sequence[Scene], room: float) -> float:
    """The area per scene at which all need so many bytes, by those of the whole scenes; by bisection."""
    low, high = 0.0, float(max(scene.area for scene in scenes))
    for _ in range(40):
        area = (low + high) / 2
        needed = sum(scene.size_of(area) for scene in scenes)
        low, high = (area, high) if needed <= room else (low, area)
    return low


def _load(path: Path) -> Picture:
    return to_rgb8(load_image(path), str(path))


def _coded(view: Picture, quality: int | None) -> bytes:
    """As WebP; without loss where no quality is given."""
    data = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(view))
    if quality is None:
        image.save(data, "WEBP", lossless=True, quality=100, method=6)
    else:
        image.save(data, "WEBP", quality=quality, method=4, use_sharp_yuv=True)
    return data.getvalue()


def _write(folder: Path, name: str, views: Sequence[bytes]) -> int:
    """Writes one photograph or both views of a pair; returns the bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    endings = ("_left", "_right") if len(views) == 2 else ("",)
    for ending, data in zip(endings, views, strict=True):
        (folder / f"{name}{ending}.webp").write_bytes(data)
    return sum(map(len, views))


def _tell(kind: str, count: int, pixels: int, size: int) -> None:
    click.echo(f"{count} {kind}, {pixels / 1e6:.1f} megapixels a view, {size / _MIB:.1f} MiB")


if __name__ == "__main__":
    main()

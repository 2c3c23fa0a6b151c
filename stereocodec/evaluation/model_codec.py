"""A model of this package as a codec to measure: whole `.bsc` files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..hub import locate
from ..release_folders import summary
from .codecs import Scale, installed
from .metrics import View

if TYPE_CHECKING:
    from ..codec import StereoCodec

QUALITIES = (0, 10, 25, 40, 50, 60, 75, 90, 100)


@dataclass(frozen=True)
class ModelCodec:
    """A release, by the folder it lies in; `model_id` in hexadecimal."""

    name: str
    title: str
    scale: Scale
    release: str
    model_id: str
    device: str = "cpu"

    def missing(self) -> str | None:
        """Releases are looked up, and fetched, before."""
        return None

    def identity(self) -> str:
        """The weights, the kind of device, and the versions of what computes with them."""
        return f"{self.model_id}, {self.device}, stereocodec {installed('stereocodec')}, torch {installed('torch')}"

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file for both views."""
        path = stem.with_name(f"{stem.name}.bsc")
        path.write_bytes(_load(self.release, self.device).compress(*views, quality=int(setting)))
        return [path]

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Both views."""
        left, right = _load(self.release, self.device).decompress(files[0].read_bytes(), output="numpy")
        return left, right

    def prepare(self, setting: float) -> None:
        """Loads the weights, once per process."""
        _load(self.release, self.device)


@lru_cache(maxsize=2)
def _load(release: str, device: str) -> StereoCodec:
    from ..codec import StereoCodec

    return StereoCodec.from_pretrained(release, device=device)


def model_codec(name_or_path: str, qualities: Sequence[int] = QUALITIES, device: str = "cpu") -> ModelCodec:
    """A built-in release by name, a release folder, or a release on the Hub. Raises what `hub.locate` raises."""
    folder = locate(name_or_path).folder
    described = summary(folder)  # which also refuses a folder that is no release
    scale = Scale("q", tuple(sorted(set(qualities))), 0, 100)
    return ModelCodec(described.name, described.name, scale, str(folder.resolve()), described.model_id, device)

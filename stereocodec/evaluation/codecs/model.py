"""A model of this package as a codec to measure: whole `.bsc` files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...codec import StereoCodec
from ...container import Container, ViewKind
from ...errors import InvalidInput
from ...models import ARCHITECTURES
from ...pixel_limit import ANY_SIZE
from ...releases.folders import summary
from ...releases.hub import locate
from ..metrics import View
from .base import Scale, installed

CURVE_QUALITIES = (0, 10, 25, 40, 50, 60, 75, 90, 100)


@dataclass(frozen=True)
class ModelCodec:
    """A release with qualities, or releases with a single one each, which make a curve together.

    releases: the folders they lie in; the settings of several are their places, from 1. model_ids: theirs, in
    hexadecimal. threads: that code, PyTorch's number for None; files do not depend on it.
    """

    name: str
    title: str
    scale: Scale
    releases: tuple[str, ...]
    model_ids: tuple[str, ...]
    has_qualities: bool = True
    device: str = "cpu"
    threads: int | None = None

    @property
    def model_id(self) -> str:
        """What tables of points name the weights by."""
        return "+".join(self.model_ids)

    def missing(self) -> str | None:
        """Releases are looked up, and fetched, before."""
        return None

    def identity(self) -> str:
        """The weights, the kind of device, and the versions of what computes with them."""
        kind, _, _ = self.device.partition(":")
        return f"{self.model_id}, {kind}, stereocodec {installed('stereocodec')}, torch {installed('torch')}"

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file for both views."""
        path = stem.with_name(f"{stem.name}.bsc")
        quality = int(setting) if self.has_qualities else None
        path.write_bytes(self._codec(setting).compress(*views, quality=quality, threads=self.threads))
        return [path]

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Both views."""
        data = files[0].read_bytes()
        place = self.model_ids.index(Container.from_bytes(data).model_id.hex())
        codec = _load(self.releases[place], self.device)
        left, right = codec.decompress(data, output="numpy", max_pixels=ANY_SIZE, threads=self.threads)
        return left, right

    def prepare(self, setting: float) -> None:
        """Loads the weights, once per process."""
        self._codec(setting)

    def _codec(self, setting: float) -> StereoCodec:
        return _load(self.releases[0 if self.has_qualities else int(setting) - 1], self.device)


@lru_cache(maxsize=2)
def _load(release: str, device: str) -> StereoCodec:
    return StereoCodec.from_pretrained(release, device=device)


def model_codec(text: str, qualities: Sequence[int] = CURVE_QUALITIES, device: str = "cpu") -> ModelCodec:
    """A release as `hub.locate` finds it, or NAME=RELEASE+RELEASE+...: one curve of releases with a single quality.

    Raises what `hub.locate` raises, and InvalidInput for releases that make no such curve or code no stereo pairs.
    """
    name, _, named = text.partition("=") if not Path(text).exists() else ("", "", "")
    folders = [locate(part).folder for part in (named.split("+") if named else [text])]
    summaries = [summary(folder) for folder in folders]  # which also refuses a folder that is no release
    unknown = next((found for found in summaries if found.architecture not in ARCHITECTURES), None)
    if unknown:
        raise InvalidInput(
            f"the model {unknown.name} is of an unknown architecture, {unknown.architecture}: leave it out"
        )
    networks = [ARCHITECTURES[described.architecture].model for described in summaries]
    for described, network in zip(summaries, networks, strict=True):
        if network.view_kind is not ViewKind.RGB8:
            raise InvalidInput(f"the model {described.name} codes no stereo pairs: leave it out")
        if len(folders) > 1 and network.has_qualities:
            raise InvalidInput(f"the model {described.name} has qualities, a curve of its own: name it by itself")
    title, has_qualities = name if named else summaries[0].name, networks[0].has_qualities
    count = len(folders)
    return ModelCodec(
        name=title,
        title=title,
        scale=Scale("q", tuple(sorted(set(qualities))), 0, 100)
        if has_qualities
        else Scale("r", tuple(range(1, count + 1)), 1, count),
        releases=tuple(str(folder.resolve()) for folder in folders),
        model_ids=tuple(described.model_id for described in summaries),
        has_qualities=has_qualities,
        device=device,
    )

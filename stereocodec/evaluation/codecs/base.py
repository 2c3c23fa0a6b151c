"""What a codec is for an evaluation, and the codecs of Pillow and imagecodecs.

A codec writes real files and reads them back in a call of its own. Codecs are small values that travel to the
measuring processes; what they need (weights, tools) is loaded there.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageFile, features

from ...pictures.pil import load_image
from ..metrics import View


@dataclass(frozen=True)
class Scale:
    """A codec's settings: numbers written behind `prefix`, such as q50.

    `measured` are those of a curve. `low` and `high` bound what may be tried to meet a size; `whole`: whole numbers
    only; `rises`: a larger number makes a larger file. Numbers of equal steps change the size by about equal factors,
    or numbers of equal ratios where `geometric`.
    """

    prefix: str
    measured: tuple[float, ...]
    low: float
    high: float
    whole: bool = True
    rises: bool = True
    geometric: bool = False

    def label(self, value: float) -> str:
        """The setting as points name it."""
        return f"{self.prefix}{int(value) if self.whole else float(value)}"

    def value(self, label: str) -> float:
        """The number of a label. Raises ValueError for another codec's label."""
        if not label.startswith(self.prefix):
            raise ValueError(label)
        return float(label.removeprefix(self.prefix))


class Codec(Protocol):
    """A codec to measure."""

    @property
    def name(self) -> str:
        """What points call it."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def scale(self) -> Scale:
        """Its settings."""

    def missing(self) -> str | None:
        """Why it cannot be used here; None when it can."""

    def identity(self) -> str:
        """Everything beside the setting that its files depend on: options, versions, weights."""

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """Writes one or two files whose names begin with `stem`, and names them."""

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Both views, (H, W, 3) uint8 of this shape, from the files alone."""


def installed(package: str) -> str:
    """The version of an installed package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@dataclass(frozen=True)
class PillowCodec:
    """Both views as single pictures in a format of Pillow.

    `options` are those of Image.save beside the setting; `feature` is what Pillow must have been built with.
    """

    name: str
    title: str
    scale: Scale
    format: str
    feature: str
    library: str
    options: tuple[tuple[str, Any], ...]

    def missing(self) -> str | None:
        """Whether Pillow here writes the format."""
        return None if features.check(self.feature) else f"this Pillow was built without {self.feature}"

    def identity(self) -> str:
        """Pillow's version, that of the format's library, and the options."""
        return f"Pillow {installed('pillow')}, {self.library} {_library_version(self.library)}, {dict(self.options)}"

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file per view."""
        files = [stem.with_name(f"{stem.name}_{side}.{_SUFFIXES[self.format]}") for side in ("left", "right")]
        for path, view in zip(files, views, strict=True):
            path.write_bytes(picture_bytes(view, self.format, {**dict(self.options), **self._quality(setting)}))
        return files

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Decodes with Pillow."""
        left, right = (_pixels(path) for path in files)
        return left, right

    def _quality(self, setting: float) -> dict[str, Any]:
        if self.format == "JPEG2000":
            return {"quality_layers": [24 / setting]}  # OpenJPEG takes ratios to the 24 bits of a pixel
        return {"quality": int(setting)}


_SUFFIXES = {"JPEG": "jpg", "WEBP": "webp", "JPEG2000": "j2k", "AVIF": "avif"}


def _pixels(path: Path) -> View:
    if path.suffix != ".j2k":
        return np.asarray(load_image(path))
    with Image.open(path) as image:  # a bare codestream names no colour space, which load_image wants to know
        return np.asarray(image.convert("RGB"))


def _library_version(library: str) -> str:
    named = {"libjpeg": "libjpeg_turbo", "libwebp": "webp", "OpenJPEG": "jpg_2000", "libavif": "avif"}[library]
    found = features.version(named) or features.version("jpg") if named == "libjpeg_turbo" else features.version(named)
    return str(found)


def picture_bytes(view: View, file_format: str, options: dict[str, Any]) -> bytes:
    """A view (H, W, 3) uint8 as a file of one of Pillow's formats."""
    buffer = io.BytesIO()
    # For optimised tables Pillow has the whole JPEG file in one buffer of about a byte per pixel, which noise overruns.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, 2 * view.size)
    Image.fromarray(view).save(buffer, file_format, **options)
    return buffer.getvalue()


@dataclass(frozen=True)
class JpegXl:
    """JPEG XL by libjxl, in the package imagecodecs; one file per view, whatever number of threads codes it."""

    name: str = "jxl"
    title: str = "JPEG XL"
    scale: Scale = Scale("d", (1, 2, 4, 7, 12, 22), 0.1, 25, whole=False, rises=False, geometric=True)
    effort: int = 7
    threads: int = 1

    def missing(self) -> str | None:
        """Whether imagecodecs is installed."""
        return None if find_spec("imagecodecs") else "the package imagecodecs is not installed"

    def identity(self) -> str:
        """The package's version and the effort."""
        return f"imagecodecs {installed('imagecodecs')}, effort {self.effort}"

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file per view."""
        import imagecodecs

        files = [stem.with_name(f"{stem.name}_{side}.jxl") for side in ("left", "right")]
        for path, view in zip(files, views, strict=True):
            coded = imagecodecs.jpegxl_encode(view, distance=setting, effort=self.effort, numthreads=self.threads)
            path.write_bytes(coded)
        return files

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Decodes with libjxl."""
        import imagecodecs

        coded = (path.read_bytes() for path in files)
        left, right = (np.asarray(imagecodecs.jpegxl_decode(data, numthreads=self.threads)) for data in coded)
        return left, right


_JPEG = ("JPEG", "jpg", "libjpeg")
PICTURE_CODECS: tuple[Codec, ...] = (
    PillowCodec(
        "jpeg420",
        "JPEG 4:2:0",
        Scale("q", (5, 10, 20, 35, 55, 75, 88, 94), 1, 100),
        *_JPEG,
        (("subsampling", "4:2:0"), ("optimize", True)),
    ),
    PillowCodec(
        "jpeg444",
        "JPEG 4:4:4",
        Scale("q", (5, 10, 20, 35, 55, 75, 88), 1, 100),
        *_JPEG,
        (("subsampling", "4:4:4"), ("optimize", True)),
    ),
    PillowCodec(
        "webp",
        "WebP",
        Scale("q", (1, 10, 30, 60, 82, 92), 1, 100),
        "WEBP",
        "webp",
        "libwebp",
        (("method", 6),),
    ),
    PillowCodec(
        "avif",
        "AVIF 4:4:4",
        Scale("q", (8, 24, 41, 58, 76), 1, 99),
        "AVIF",
        "avif",
        "libavif",
        (("speed", 4), ("subsampling", "4:4:4"), ("max_threads", 1), ("advanced", {"tune": "psnr"})),
    ),
    JpegXl(),
    PillowCodec(
        "jp2",
        "JPEG 2000",
        Scale("bpp", (0.05, 0.1, 0.2, 0.4, 0.7, 1.2), 0.01, 20, whole=False, geometric=True),
        "JPEG2000",
        "jpg_2000",
        "OpenJPEG",
        (("quality_mode", "rates"), ("irreversible", True), ("mct", 1), ("no_jp2", True)),
    ),
)
"""JPEG, WebP, AVIF, JPEG XL and JPEG 2000."""

"""What `bisic encode` takes: the two views of a pair, or colour with depth."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import click

from stereocodec.container.depth import BoundedDepth
from stereocodec.depth_settings import DepthSettings
from stereocodec.pixel_limit import ANY_SIZE

from ._networks import import_networks
from ._shared import STANDARD_STREAM, display_name, progress_bar, same_file, standard_input, wrong_usage

if TYPE_CHECKING:
    from stereocodec import RgbdCodec, StereoCodec
    from stereocodec.band_work import Progress
    from stereocodec.container import Container
    from stereocodec.pictures.picture import Picture
    from stereocodec.release_codec import ReleaseCodec

    from ._calibration import CalibrationOptions

_MAX_PICTURE_BYTES = 2**30  # read from standard input; 8-bit RGB of the largest view is a tenth of that


@dataclass(frozen=True)
class Goal:
    """How good or small the file shall be, as `StereoCodec.compress` has it: one of these, or the default quality; and
    the effort."""

    quality: float | None
    target_size: int | None
    target_bpp: float | None
    target_psnr: float | None
    effort: int | None

    def check_usage(self) -> None:
        """Raises UsageError for what cannot be meant together."""
        given = {f"--{name.replace('_', '-')}": value for name, value in vars(self).items() if value is not None}
        given.pop("--effort", None)
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)} say different things: give one of them.")
        for option, value in given.items():
            if option != "--quality" and not 0 < value < math.inf:
                raise click.UsageError(f"{option} is {value:g}: it must be above 0.")


def checked_colour(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuses what is no colour as wrong usage."""
    from stereocodec.pictures.alpha import background_levels

    if value is not None:
        with wrong_usage():
            background_levels(value)
    return value


class Pictures(ABC):
    """Two pictures from files, with the codec that takes them.

    paths: of the files, of which one may be standard input. names: what messages call both.
    """

    paths: tuple[str, ...]
    names: str

    def check_usage(self, output: str) -> None:
        """Raises UsageError for paths that cannot be meant so."""
        if self.paths.count(STANDARD_STREAM) > 1:
            raise click.UsageError(f"Only one of {self.names} can come from standard input.")
        if any(same_file(output, path) for path in self.paths):
            raise click.UsageError("The output is one of the inputs: give it a name of its own.")

    @abstractmethod
    def load(self) -> None:
        """Reads what the paths name; raises InvalidInput."""

    @abstractmethod
    def add_calibration(self, options: CalibrationOptions) -> None:
        """Adds what files know of the cameras to what is known of the pictures; raises InvalidInput."""

    @abstractmethod
    def codec(self, model: str | None, device: str) -> Any:
        """Loads the codec that takes them."""

    @abstractmethod
    def leave_out_metadata(self) -> None:
        """Forgets what is known of them beside their pixels."""

    @abstractmethod
    def encode(self, codec: Any, goal: Goal, progress: Progress | None) -> Container:
        """Encodes both; returns what the file holds."""

    @abstractmethod
    def facts(self, codec: Any, container: Container, size: int) -> str:
        """Describes a file of `size` bytes in words."""

    @abstractmethod
    def measured(self, codec: Any, data: bytes, quiet: bool) -> str:
        """Decodes the file, and describes the errors in words."""


@dataclass(frozen=True)
class PairOptions:
    """What `bisic encode` was told of a pair; `open_pair` tells what they mean."""

    swap: bool
    background: str | None
    layout: str | None
    frame: int | None

    def of_many(self) -> dict[str, Any]:
        """What of it may hold for many pairs, by the names of `EncodeSettings`."""
        return {"swap": self.swap, "background": self.background, "layout": self.layout}


class PairPictures(Pictures):
    """The views of a stereo pair, in two files or in one."""

    names = "the two views"

    def __init__(self, paths: tuple[str, ...], options: PairOptions) -> None:
        self.paths = paths
        self.options = options

    def load(self) -> None:
        from stereocodec.pictures.open_pair import open_pair
        from stereocodec.pictures.picture import as_pair

        options = self.options
        if len(self.paths) == 1:
            self.pair = open_pair(
                _source(self.paths[0]),
                layout=options.layout,
                frame=options.frame,
                swap=options.swap,
                background=options.background,
                name=display_name(self.paths[0]),
            )
            return
        # Opened one by one first, so that an error names the file.
        first, second = (_load_picture(path, options.background) for path in self.paths)
        self.pair = as_pair(second, first) if options.swap else as_pair(first, second)

    def add_calibration(self, options: CalibrationOptions) -> None:
        views = self.paths if len(self.paths) == 2 else ()
        views = views[::-1] if self.options.swap else views
        self.pair = replace(self.pair, metadata=options.added(self.pair.metadata, views, self.pair.left))

    def codec(self, model: str | None, device: str) -> StereoCodec:
        import_networks()
        from stereocodec import StereoCodec

        return StereoCodec.from_pretrained(model, device=device)

    def leave_out_metadata(self) -> None:
        self.pair = replace(self.pair, metadata=self.pair.metadata.layout_alone())

    def encode(self, codec: StereoCodec, goal: Goal, progress: Progress | None) -> Container:
        return codec.encode(
            self.pair,
            **vars(goal),
            progress=progress,
        )

    def facts(self, codec: StereoCodec, container: Container, size: int) -> str:
        return _size_text(container, size, views=2) + _quality_text(codec, container)

    def measured(self, codec: StereoCodec, data: bytes, quiet: bool) -> str:
        with progress_bar(quiet) as progress:
            left, right = codec.psnr(data, self.pair, progress=progress)
        return f"PSNR: left {left:.2f} dB, right {right:.2f} dB, mean {(left + right) / 2:.2f} dB"


class FramePictures(Pictures):
    """Colour and a depth map."""

    names = "colour and depth"

    def __init__(self, color: str, depth: str, options: DepthSettings, background: str | None) -> None:
        self.paths = color, depth
        self.options = options
        self.background = background

    def load(self) -> None:
        from stereocodec.pictures.depth import as_frame, depth_orientation, to_depth_map
        from stereocodec.pictures.depth_files import read_depth

        color, depth = self.paths
        name, options = display_name(depth), self.options
        picture = _load_picture(color, self.background)
        image = read_depth(_source(depth), name)
        depth_map = to_depth_map(image, name, unit=options.unit, invalid=options.invalid or 0)
        self.color, self.depth = as_frame(picture, depth_map, depth_orientation(image))

    def add_calibration(self, options: CalibrationOptions) -> None:
        metadata = options.added(self.color.metadata, self.paths[:1], self.color)
        self.color = replace(self.color, metadata=metadata)

    def codec(self, model: str | None, device: str) -> RgbdCodec:
        import_networks()
        from stereocodec import RgbdCodec

        return RgbdCodec.from_pretrained(model, device=device)

    def leave_out_metadata(self) -> None:
        self.color = replace(self.color, metadata=self.color.metadata.layout_alone())

    def encode(self, codec: RgbdCodec, goal: Goal, progress: Progress | None) -> Container:
        return codec.encode(
            self.color,
            self.depth.samples,
            depth_unit=self.depth.metres_per_step,
            invalid=self.depth.invalid,
            **self.options.of_codec,
            **vars(goal),
            progress=progress,
        )

    def facts(self, codec: RgbdCodec, container: Container, size: int) -> str:
        depth = container.depth
        assert depth is not None
        said = f"{_size_text(container, size, views=1)}{_quality_text(codec, container)}"
        if isinstance(depth, BoundedDepth):
            said += f", depth {depth.promise} {len(depth.samples):,} bytes"
        return f"{said}, mask {len(depth.mask):,} bytes"

    def measured(self, codec: RgbdCodec, data: bytes, quiet: bool) -> str:
        from stereocodec.pictures.depth import depth_errors
        from stereocodec.pictures.rgb import psnr

        with progress_bar(quiet) as progress:
            color, depth = codec.decode(data, max_pixels=ANY_SIZE, progress=progress)
        rmse, largest = depth_errors(self.depth.turned(self.color.orientation), depth)
        level = psnr(self.color.shown(), color)
        return f"color: PSNR {level:.2f} dB; depth: RMSE {rmse:.2f} mm, largest error {largest:.2f} mm"


def _load_picture(path: str, background: str | None) -> Picture:
    from stereocodec.pictures.array_files import load_view

    return load_view(_source(path), display_name(path), background)


def _source(path: str) -> Any:
    """What Pillow opens: it needs to move back and forth in a file, which a pipe cannot."""
    return BytesIO(standard_input().read(_MAX_PICTURE_BYTES)) if path == STANDARD_STREAM else path


def _quality_text(codec: ReleaseCodec, container: Container) -> str:
    return f", quality {container.quality:.7g}" if codec.has_qualities else ""


def _size_text(container: Container, size: int, *, views: int) -> str:
    width, height = container.shown_size
    return f"{size:,} bytes, {8 * size / (views * width * height):.4f} bpp, {width}x{height}"

"""The codec of RGB-D frames: colour and a depth map in, the bytes of a `.bsc` file out, and back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from .band_work import Progress
from .coding import levels, silent
from .container import Container, Metadata, ViewKind
from .container.depth import BoundedDepth, DepthView
from .depth_promise import decode_bounded, depth_bound, encode_bounded
from .depth_range import depth_view
from .entropy.masks import decode_mask
from .errors import InvalidInput
from .pictures.depth import (
    DepthMap,
    as_frame,
    depth_orientation,
    from_network,
    from_samples,
    to_depth_map,
    to_network,
)
from .pictures.given_metadata import with_given_metadata
from .pictures.picture import Picture, turned
from .pictures.rgb import Output, check_output, from_rgb8, to_picture
from .region import Rectangle, stored_region
from .release_codec import ReleaseCodec
from .releases.folders import DEFAULT_MODEL
from .targets import target_of
from .view_coding import ViewCoding

if TYPE_CHECKING:
    from .models import StereoModel
    from .pictures.alpha import Background
    from .pictures.depth import DepthLike
    from .pictures.rgb import ImageLike


class RgbdCodec(ReleaseCodec):
    """Compresses colour with a registered depth map to `.bsc` bytes and decodes them, as `StereoCodec` does pairs.

    Where there is no measurement is kept exactly. With a model that takes one view, as the default one does, that codes
    colour, and every measurement comes back within a bound, on every machine. With one of frames, such as `rgbd`,
    networks code depth as well: measured errors, no bound, and the same on every machine but for one step where a value
    lies halfway between two samples.
    """

    default_model = DEFAULT_MODEL

    @classmethod
    def _kind_of(cls, model: StereoModel) -> ViewKind | None:
        if model.view_kind is ViewKind.RGB8_DEPTH:
            return ViewKind.RGB8_DEPTH
        return ViewKind.RGB8_BOUNDED_DEPTH if model.takes_one_view else None

    def compress(
        self,
        color: ImageLike,
        depth: DepthLike,
        *,
        depth_unit: str | float | None = None,
        depth_max_error: str | float | None = None,
        depth_mode: str | None = None,
        depth_range: tuple[float, float] | None = None,
        invalid: int = 0,
        quality: float | None = None,
        target_size: int | None = None,
        target_bpp: float | None = None,
        target_psnr: float | None = None,
        effort: int | None = None,
        threads: int | None = None,
        background: Background | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """Encodes a frame to the bytes of a `.bsc` file.

        color: as of `StereoCodec.compress`. depth: of the same size; an image of mode I;16 or L, an array or tensor
        (H, W) of uint16 or uint8, or of floats in metres (`pictures.depth.to_depth_map`).
        depth_unit: what a step of a sample is: "mm" (when left out, for 16 bits and floats), "cm", "tum", "kitti", or
        metres. invalid: the sample that stands for no measurement, 0 when left out.
        depth_max_error: the most that a measurement may change by: a length such as "5mm" or a number of metres, a
        share of it such as "0.5%", or 0 for nothing; "0.1%" when left out. It is rounded down to whole steps, a share
        for each measurement. Models of frames, such as `rgbd`, have no bound.
        depth_mode, depth_range: of models of frames alone. "linear" (when left out), or "inverse" for errors that grow
        with the square of the distance; the least and greatest depth in metres that is coded, by default those of the
        frame. A network that was trained on a fixed range wants that.
        quality, target_size, target_bpp, target_psnr: of colour, as of `StereoCodec.compress`; sizes are those of the
        whole file, bits those per pixel of the frame. effort, threads, background, metadata, progress: as there.

        Both are coded as they are stored. An EXIF orientation of colour holds for depth too, if that is stored alike:
        has the same size and no other orientation (`pictures.depth.as_frame`).

        Raises InvalidInput, and DecodingMismatch when damaged weights give values that are not numbers, or if a
        measurement would not come back within the bound.
        """
        return self.encode(
            color,
            depth,
            depth_unit=depth_unit,
            depth_max_error=depth_max_error,
            depth_mode=depth_mode,
            depth_range=depth_range,
            invalid=invalid,
            quality=quality,
            target_size=target_size,
            target_bpp=target_bpp,
            target_psnr=target_psnr,
            effort=effort,
            threads=threads,
            background=background,
            metadata=metadata,
            progress=progress,
        ).to_bytes()

    def encode(
        self,
        color: ImageLike,
        depth: DepthLike,
        *,
        depth_unit: str | float | None = None,
        depth_max_error: str | float | None = None,
        depth_mode: str | None = None,
        depth_range: tuple[float, float] | None = None,
        invalid: int = 0,
        quality: float | None = None,
        target_size: int | None = None,
        target_bpp: float | None = None,
        target_psnr: float | None = None,
        effort: int | None = None,
        threads: int | None = None,
        background: Background | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
    ) -> Container:
        """Encodes a frame as `compress` does; returns what the file holds, whose `to_bytes()` is the file."""
        picture, samples = _frame(color, depth, depth_unit, invalid, background)
        picture = with_given_metadata(picture, metadata)
        target = target_of(target_size, target_bpp, target_psnr, samples.samples.size)
        chosen, tried = self._choices.quality(quality, target), self._choices.effort(effort)
        pixels: NDArray[Any]
        view: DepthView | BoundedDepth
        if self.view_kind is ViewKind.RGB8_DEPTH:
            self._refuse("bound of depth", depth_max_error=depth_max_error)
            view = depth_view(samples, depth_mode, depth_range)
            seen = to_network(samples, view.mode, view.near, view.far)
            pixels = np.dstack([picture.pixels / np.float32(255), seen])
        else:
            self._refuse("networks for depth", depth_mode=depth_mode, depth_range=depth_range)
            bound = depth_bound(depth_max_error, samples.metres_per_step, samples.bits)
            pixels, view = picture.pixels, encode_bounded(samples, bound)
        say = progress or silent
        coding = ViewCoding(self, [pixels], picture, effort=tried, depth=view, threads=threads, say=say)
        container = coding.best(chosen, target)
        say(1.0, "done")
        return container

    def decompress(
        self,
        data: bytes | Container,
        *,
        output: Output = "pil",
        metres: bool = False,
        region: Rectangle | None = None,
        max_pixels: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Any, Any]:
        """Decodes the bytes of a `.bsc` file, or what was read from them, to colour and depth.

        output: "pil", "numpy" or "torch", for colour as of `StereoCodec.decompress`. Depth comes as it was given, in
        samples (mode I;16 or L; (H, W) uint16 or uint8; (H, W) int32 tensor), or with `metres` as float32, NaN where
        there is no measurement.
        region, threads: as of `StereoCodec.decompress`; so is max_pixels, but that frames of several bands have the
        limit of those of one: depth is decoded whole.

        Raises InvalidInput, FormatError, WrongModel, and DecodingMismatch, as of `StereoCodec.decompress`.
        """
        container = self._own(data, max_pixels)
        return self._decompressed(container, output, region, threads, progress, metres=metres)

    def decode(
        self,
        data: bytes | Container,
        *,
        max_pixels: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[NDArray[np.uint8], DepthMap]:
        """Colour (H, W, 3), or (H, W) where it is grey, and depth with its unit, upright; raises as `decompress`."""
        return self._decoded(self._own(data, max_pixels), None, threads, progress)

    def _decompressed(
        self,
        container: Container,
        output: Output,
        region: Rectangle | None,
        threads: int | None,
        progress: Progress | None,
        lost: dict[int, str] | None = None,
        *,
        metres: bool = False,
    ) -> tuple[Any, Any]:
        check_output(output)
        color, depth = self._decoded(container, region, threads, progress, lost)
        return from_rgb8(color, output, container.metadata), from_samples(depth, output, metres=metres)

    def _decoded(
        self,
        container: Container,
        region: Rectangle | None,
        threads: int | None,
        progress: Progress | None,
        lost: dict[int, str] | None = None,
    ) -> tuple[NDArray[np.uint8], DepthMap]:
        say = progress or silent
        view = container.depth
        assert view is not None
        size = container.height, container.width
        x, y, width, height = stored_region(region, container)
        rows, columns = slice(y, y + height), slice(x, x + width)
        finish = partial(levels, channels=container.channels) if isinstance(view, BoundedDepth) else _numbers
        (picture, *_), _ = self._coder.decode(
            container, finish, rows=(y, y + height), threads=threads, lost=lost, say=say
        )
        picture = picture[:, columns]
        if isinstance(view, DepthView):
            holes = decode_mask(view.mask, size)[rows, columns]
            depth = from_network(picture[..., 3], view, holes)
            picture = levels(torch.from_numpy(picture[None, ..., :3]), container.channels)[0]
        else:
            # After colour, whose streams are known to be too short for a size before it takes any time.
            depth = decode_bounded(view, size).part(rows, columns)
        say(1.0, "done")
        return turned(picture, container.orientation), depth.turned(container.orientation)

    def _refuse(self, what: str, **given: object) -> None:
        """Raises InvalidInput for arguments that mean something to other models alone."""
        for name, value in given.items():
            if value is not None:
                raise InvalidInput(f"the model {self.name} has no {what}; leave {name} out")


def _numbers(decoded: torch.Tensor) -> NDArray[Any]:
    numbers: NDArray[Any] = decoded.cpu().numpy()
    return numbers


def _frame(
    color: ImageLike,
    depth: DepthLike,
    unit: str | float | None,
    invalid: int,
    background: Background | None,
) -> tuple[Picture, DepthMap]:
    """Colour and depth of one size, stored alike; raises InvalidInput."""
    picture = to_picture(color, "color", background)
    samples = to_depth_map(depth, "depth", unit=unit, invalid=invalid)
    return as_frame(picture, samples, depth_orientation(depth))

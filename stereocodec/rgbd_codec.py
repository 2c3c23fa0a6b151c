"""The codec of RGB-D frames: colour and a depth map in, the bytes of a `.bsc` file out, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from .band_work import Progress
from .coding import levels, silent
from .container import Container, Metadata, ViewKind
from .container.depth import DepthMode, DepthView
from .entropy.masks import decode_mask, encode_mask
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
from .pictures.picture import turned
from .pictures.rgb import Output, check_output, from_rgb8, to_picture
from .release_codec import ReleaseCodec, contents, with_given_metadata
from .releases.folders import DEFAULT_DEPTH_MODEL

if TYPE_CHECKING:
    from .pictures.alpha import Background
    from .pictures.depth import DepthLike
    from .pictures.rgb import ImageLike

_MODES = {mode.name.lower(): mode for mode in DepthMode}


class RgbdCodec(ReleaseCodec):
    """Compresses colour with a registered depth map to `.bsc` bytes and decodes them, as `StereoCodec` does pairs.

    Where there is no measurement is kept exactly; what is measured comes back with an error that `depth_errors` tells.
    Every machine decodes the same depth, in either mode and over any range, but for one step where a value lies halfway
    between two samples.
    """

    view_kind = ViewKind.RGB8_DEPTH
    default_model = DEFAULT_DEPTH_MODEL

    def compress(
        self,
        color: ImageLike,
        depth: DepthLike,
        *,
        depth_unit: str | float | None = None,
        depth_mode: str = "linear",
        depth_range: tuple[float, float] | None = None,
        invalid: int = 0,
        quality: float | None = None,
        background: Background | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """Encodes a frame to the bytes of a `.bsc` file.

        color: as of `StereoCodec.compress`. depth: of the same size; an image of mode I;16 or L, an array or tensor
        (H, W) of uint16 or uint8, or of floats in metres (`pictures.depth.to_depth_map`).
        depth_unit: what a step of a sample is: "mm" (when left out, for 16 bits and floats), "cm", "tum", "kitti", or
        metres. invalid: the sample that stands for no measurement.
        depth_mode: "linear", or "inverse" for errors that grow with the square of the distance.
        depth_range: the least and greatest depth in metres that is coded; by default those of the frame. A network
        that was trained on a fixed range wants that.
        quality, background, metadata, progress: as of `StereoCodec.compress`.

        Both are coded as they are stored. An EXIF orientation of colour holds for depth too, if that is stored alike:
        has the same size and no other orientation (`pictures.picture.as_frame`).

        Raises InvalidInput, and DecodingMismatch when damaged weights give values that are not numbers.
        """
        return self.encode(
            color,
            depth,
            depth_unit=depth_unit,
            depth_mode=depth_mode,
            depth_range=depth_range,
            invalid=invalid,
            quality=quality,
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
        depth_mode: str = "linear",
        depth_range: tuple[float, float] | None = None,
        invalid: int = 0,
        quality: float | None = None,
        background: Background | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
    ) -> Container:
        """Encodes a frame as `compress` does; returns what the file holds, whose `to_bytes()` is the file."""
        quality = self.quality_or_default(quality)
        picture = to_picture(color, "color", background)
        orientation = depth_orientation(depth)
        samples = to_depth_map(depth, "depth", unit=depth_unit, invalid=invalid)
        picture, samples = as_frame(picture, samples, orientation)
        picture = with_given_metadata(picture, metadata)
        mode = _mode(depth_mode)
        near, far = _range(samples, mode, depth_range)
        frame = np.dstack([picture.pixels / np.float32(255), to_network(samples, mode, near, far)])
        mask = encode_mask(samples.holes)
        view = DepthView(samples.bits, samples.metres_per_step, samples.invalid, near, far, mode, mask)
        say = progress or silent
        prepared = self._coder.prepare([frame], self.view_kind, self._choices.effort(None), say=say)
        coded = self._coder.encode(prepared, quality, say=say)
        say(1.0, "done")
        return self._container(coded, picture, quality, view)

    def decompress(
        self,
        data: bytes | Container,
        *,
        output: Output = "pil",
        metres: bool = False,
        max_pixels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Any, Any]:
        """Decodes the bytes of a `.bsc` file, or what was read from them, to colour and depth.

        output: "pil", "numpy" or "torch", for colour as of `StereoCodec.decompress`. Depth comes as it was given, in
        samples (mode I;16 or L; (H, W) uint16 or uint8; (H, W) int32 tensor), or with `metres` as float32, NaN where
        there is no measurement.
        max_pixels: as of `StereoCodec.decompress`.

        Raises FormatError, WrongModel, and DecodingMismatch, as of `StereoCodec.decompress`.
        """
        check_output(output)
        container = contents(data)
        color, depth = self.decode(container, max_pixels=max_pixels, progress=progress)
        return from_rgb8(color, output, container.metadata), from_samples(depth, output, metres=metres)

    def decode(
        self, data: bytes | Container, *, max_pixels: int | None = None, progress: Progress | None = None
    ) -> tuple[NDArray[np.uint8], DepthMap]:
        """Colour (H, W, 3), or (H, W) where it is grey, and depth with its unit, upright; raises as `decompress`."""
        container = self._own(data, max_pixels)
        view = container.depth
        assert view is not None
        say = progress or silent
        x, _ = self._coder.decode(container, lambda decoded: decoded.cpu().numpy(), say=say)
        holes = decode_mask(view.mask, (container.height, container.width))
        color = levels(torch.from_numpy(x[..., :3]), container.channels)[0]
        depth = from_network(x[0, ..., 3], view, holes)
        say(1.0, "done")
        return turned(color, container.orientation), depth.turned(container.orientation)


def _mode(name: str) -> DepthMode:
    if name not in _MODES:
        raise InvalidInput(f"depth_mode is {name!r}; use {' or '.join(map(repr, _MODES))}")
    return _MODES[name]


def _range(depth: DepthMap, mode: DepthMode, metres: tuple[float, float] | None) -> tuple[int, int]:
    """The samples that are coded, the least and the greatest."""
    measured = depth.samples[~depth.holes]
    low, high = (int(measured.min()), int(measured.max())) if measured.size else (1, 1)
    if mode is DepthMode.INVERSE and low < 1:
        raise InvalidInput("depth has measurements of 0, which have no inverse: use the linear mode")
    if metres is None:
        return low, high
    limits = _limits(metres)
    near, far = (round(min(limit / depth.metres_per_step, 2**depth.bits)) for limit in limits)
    least = 1 if mode is DepthMode.INVERSE else 0
    near, far = max(near, least), min(far, 2**depth.bits - 1)
    if not near <= low <= high <= far:
        step = depth.metres_per_step
        raise InvalidInput(
            f"depth goes from {low * step:.6g} m to {high * step:.6g} m, beyond the range of {limits[0]:.6g} m to "
            f"{limits[1]:.6g} m: widen depth_range, or mark what lies beyond as invalid"
        )
    return near, far


def _limits(metres: tuple[float, float]) -> tuple[float, float]:
    try:
        near, far = map(float, metres)
        if 0 <= near < far < float("inf"):
            return near, far
    except (TypeError, ValueError, RuntimeError):  # the last is PyTorch's, e.g. of meta tensors
        pass
    raise InvalidInput(f"depth_range is {metres!r}; give the least and the greatest depth in metres, e.g. (0, 10)")

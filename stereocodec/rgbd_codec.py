"""The codec of RGB-D frames: colour and a depth map in, the bytes of a `.bsc` file out, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .codec import Progress, StereoCodec, silent
from .container import Container, ViewKind
from .container_depth import DepthMode, DepthView
from .container_rules import DEPTH_VERSION
from .depth_images import DepthMap, from_network, from_samples, to_depth_map, to_network
from .entropy.masks import decode_mask, encode_mask
from .entropy.streams import StreamReader, StreamWriter
from .errors import DecodingMismatch, InvalidInput
from .images import Output, from_rgb8, to_rgb8

if TYPE_CHECKING:
    from .depth_images import DepthLike
    from .images import ImageLike

_MODES = {mode.name.lower(): mode for mode in DepthMode}


class RgbdCodec(StereoCodec):
    """Compresses colour with a registered depth map to `.bsc` bytes and decodes them, as `StereoCodec` does pairs.

    Where there is no measurement is kept exactly; what is measured comes back with an error that `depth_errors` tells.
    """

    view_kind = ViewKind.RGB8_DEPTH

    def compress(
        self,
        color: ImageLike,
        depth: DepthLike,
        *,
        depth_unit: str | float | None = None,
        depth_mode: str = "linear",
        depth_range: tuple[float, float] | None = None,
        invalid: int = 0,
        quality: int | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """Encodes a frame to the bytes of a `.bsc` file.

        color: as of `StereoCodec.compress`. depth: of the same size; an image of mode I;16 or L, an array or tensor
        (H, W) of uint16 or uint8, or of floats in metres (`depth_images.to_depth_map`).
        depth_unit: what a step of a sample is: "mm" (when left out, for 16 bits and floats), "cm", "tum", "kitti", or
        metres. invalid: the sample that stands for no measurement.
        depth_mode: "linear", or "inverse" for errors that grow with the square of the distance.
        depth_range: the least and greatest depth in metres that is coded; by default those of the frame. A network
        that was trained on a fixed range wants that.
        quality, progress: as of `StereoCodec.compress`.

        Raises InvalidInput, and DecodingMismatch when damaged weights give values that are not numbers.
        """
        quality = self.quality_or_default(quality)
        picture = to_rgb8(color, "color")
        samples = to_depth_map(depth, "depth", unit=depth_unit, invalid=invalid)
        check_sizes(picture, samples.samples)
        mode = _mode(depth_mode)
        near, far = _range(samples, mode, depth_range)
        say = progress or silent
        say(0.0, "analysis")
        frame = np.dstack([picture / np.float32(255), to_network(samples, mode, near, far)])
        writer = StreamWriter(self._release.lattice, self._release.tables)
        with torch.inference_mode(), torch.autocast(self._device.type, enabled=False), self._device:
            x = self._frame(frame)
            qualities = self._qualities(quality)
            latents = self._model.analyse(x, qualities)
            say(0.3, "entropy coding")
            self._model.walk(writer, latents, qualities, (x.shape[1], x.shape[2]))
        say(0.9, "writing")
        streams, guard = writer.finish()
        mask = encode_mask(samples.holes)
        data = Container(
            width=picture.shape[1],
            height=picture.shape[0],
            quality=quality,
            model_id=self.model_id,
            guard=guard,
            streams=streams,
            latent_checksum=writer.checksum,
            chunks=self._chunks(),
            view_kind=self.view_kind,
            version=DEPTH_VERSION,
            depth=DepthView(samples.bits, samples.metres_per_step, samples.invalid, near, far, mode, mask),
        ).to_bytes()
        say(1.0, "done")
        return data

    def decompress(
        self, data: bytes, *, output: Output = "pil", metres: bool = False, progress: Progress | None = None
    ) -> tuple[Any, Any]:
        """Decodes the bytes of a `.bsc` file to colour and depth.

        output: "pil", "numpy" or "torch", for colour as of `StereoCodec.decompress`. Depth comes as it was given, in
        samples (mode I;16 or L; (H, W) uint16 or uint8; (H, W) int32 tensor), or with `metres` as float32, NaN where
        there is no measurement.

        Raises FormatError, WrongModel, and DecodingMismatch, as of `StereoCodec.decompress`.
        """
        if output not in ("pil", "numpy", "torch"):
            raise InvalidInput(f"output is {output!r}; use 'pil', 'numpy' or 'torch'")
        color, depth = self.decode(data, progress=progress)
        return from_rgb8(color, output), from_samples(depth, output, metres=metres)

    def decode(self, data: bytes, *, progress: Progress | None = None) -> tuple[NDArray[np.uint8], DepthMap]:
        """Colour (H, W, 3) and depth with its unit; raises as `decompress`."""
        container = self._own(data)
        view = container.depth
        assert view is not None
        size = container.height, container.width
        holes = decode_mask(view.mask, size)
        say = progress or silent
        say(0.0, "entropy decoding")
        lattice, tables = self._release.lattice, self._release.tables
        reader = StreamReader(lattice, tables, container.streams, container.guard, self._device)
        with torch.inference_mode(), torch.autocast(self._device.type, enabled=False), self._device:
            qualities = self._qualities(container.quality)
            padded = self._padded(size[0]), self._padded(size[1])
            decoded = self._model.walk(reader, None, qualities, padded)
            reader.close(container.latent_checksum)
            say(0.6, "synthesis")
            x = self._model.reconstruct(decoded)[0, : size[0], : size[1]]
            if not bool(torch.isfinite(x).all()):
                raise DecodingMismatch("the decoded picture has values that are not numbers; the file is damaged")
            frame = x.clamp(0, 1).cpu().numpy()
        say(1.0, "done")
        return np.rint(frame[..., :3] * 255).astype(np.uint8), from_network(frame[..., 3], view, holes)

    def _frame(self, frame: NDArray[np.float32]) -> Tensor:
        """(H, W, 4) -> (1, H', W', 4) on the device, edges repeated to sides that the model takes."""
        margins = [(0, self._padded(side) - side) for side in frame.shape[:2]]
        return torch.from_numpy(np.pad(frame, (*margins, (0, 0)), mode="edge")).to(self._device)[None]


def check_sizes(color: NDArray[Any], depth: NDArray[Any]) -> None:
    """Raises InvalidInput unless a colour picture and a depth map have the same height and width."""
    if color.shape[:2] != depth.shape[:2]:
        (height, width), (depth_height, depth_width) = color.shape[:2], depth.shape[:2]
        raise InvalidInput(
            f"color is {width}x{height}, depth is {depth_width}x{depth_height}: depth must be registered to colour, "
            "pixel by pixel; align it with the camera's software, or scale the colour picture to the depth map's size"
        )


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
    near, far = (round(limit / depth.metres_per_step) for limit in _limits(metres))
    least = 1 if mode is DepthMode.INVERSE else 0
    near, far = max(near, least), min(far, 2**depth.bits - 1)
    if not near <= low <= high <= far:
        step = depth.metres_per_step
        raise InvalidInput(
            f"depth goes from {low * step:.6g} m to {high * step:.6g} m, beyond the range of {metres[0]:.6g} m to "
            f"{metres[1]:.6g} m: widen depth_range, or mark what lies beyond as invalid"
        )
    return near, far


def _limits(metres: tuple[float, float]) -> tuple[float, float]:
    try:
        near, far = map(float, metres)
        if 0 <= near < far < float("inf"):
            return near, far
    except (TypeError, ValueError):
        pass
    raise InvalidInput(f"depth_range is {metres!r}; give the least and the greatest depth in metres, e.g. (0, 10)")

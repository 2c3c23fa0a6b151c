"""Depth maps as people pass them in and get them back <-> arrays of samples, and what a network sees of them.

A sample is a whole number of steps of a given length; one value stands for "no measurement". numpy and Pillow only:
torch is imported when tensors are asked for, and a tensor is recognised without it.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..callers import warn_caller
from ..container.depth import MAX_METRES_PER_STEP, DepthMode, DepthView
from ..container.shown import AS_STORED
from ..errors import InvalidInput, StereoCodecWarning
from .arguments import is_tensor, plain_number, tensor_to_array
from .picture import Picture, turned, turned_text
from .pil import check_size, open_image, stored_orientation
from .rgb import Output, check_output
from .stored_samples import stored_depth

if TYPE_CHECKING:
    import torch

    DepthLike: TypeAlias = Image.Image | NDArray[Any] | torch.Tensor

UNITS = {"mm": 0.001, "cm": 0.01, "tum": 1 / 5000, "kitti": 1 / 256}
"""Metres per step by name: TUM RGB-D and ICL-NUIM have 5000 steps per metre, KITTI 256."""

Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class DepthMap:
    """Samples (H, W), uint8 or uint16, the metres that a step stands for, and the sample of no measurement."""

    samples: Samples
    metres_per_step: float
    invalid: int = 0

    @property
    def bits(self) -> int:
        """How many bits a sample has."""
        return 8 * self.samples.dtype.itemsize

    @property
    def holes(self) -> NDArray[np.bool_]:
        """Where there is no measurement, (H, W)."""
        holes: NDArray[np.bool_] = self.samples == self.invalid
        return holes

    def turned(self, orientation: int) -> DepthMap:
        """What is stored with an orientation of Exif, as it is shown."""
        return replace(self, samples=turned(self.samples, orientation))

    def part(self, rows: slice, columns: slice) -> DepthMap:
        """Some rows and columns of it."""
        return replace(self, samples=self.samples[rows, columns])

    def metres(self) -> NDArray[np.float32]:
        """Depth in metres, (H, W), NaN where there is no measurement."""
        metres = (self.samples * self.metres_per_step).astype(np.float32)
        return np.where(self.holes, np.float32(np.nan), metres)


def metres_per_step(unit: str | float | None, bits: int = 16) -> float:
    """The step of a unit: a name of UNITS, or a number of metres; None stands for millimetres, in 16 bits.

    Raises InvalidInput for any other unit, and for None with 8 bits: such maps are often scaled for viewing.
    """
    if unit is None:
        if bits == 8:
            raise InvalidInput(
                "depth has 8 bits, which are often scaled for viewing and no measurements: say what a step is with "
                "depth_unit (--depth-unit), e.g. 0.05 for 5 cm"
            )
        return UNITS["mm"]
    if isinstance(unit, str):
        if unit in UNITS:
            return UNITS[unit]
        try:
            unit = float(unit)
        except ValueError as error:
            known = ", ".join(UNITS)
            raise InvalidInput(f"unknown unit of depth '{unit}'; use {known}, or metres per step") from error
    unit = plain_number(unit)
    if isinstance(unit, bool) or not isinstance(unit, int | float):
        raise InvalidInput(f"unit of depth is {unit!r}; use {', '.join(UNITS)}, or metres per step")
    if not (math.isfinite(unit) and 0 < unit <= MAX_METRES_PER_STEP):
        raise InvalidInput(
            f"a step of depth is {unit} metres; it must be above 0 and at most {MAX_METRES_PER_STEP:.0f}"
        )
    return float(unit)


def to_depth_map(
    depth: DepthLike, name: str = "depth", *, unit: str | float | None = None, invalid: int = 0
) -> DepthMap:
    """A depth map as samples.

    Args:
        depth: a PIL image of 16 bits (`I;16`, or `I` within 0..65535) or 8 bits (`L`); an H x W array or tensor of
            uint8, uint16 or whole numbers within 0..65535; or an H x W float array or tensor in metres, which is
            rounded to steps. A leading or last axis of length 1 is dropped from arrays and tensors. What is masked
            (`numpy.ma`) is no measurement. Samples of an opened PIL image are those of its file, also where Pillow
            scales them on loading (PGM, JPEG 2000).
        name: what error messages call it.
        unit: see `metres_per_step`.
        invalid: the sample that stands for no measurement. In float maps that is what is not a finite number above 0;
            where it is anything but 0 or NaN, a warning says so.

    Raises InvalidInput for anything else: colour, depth beyond what 16 bits of the unit hold, no pixels.
    """
    invalid = plain_number(invalid)
    array = _as_array(depth, name)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2:
        hint = "that is colour: pass depth as the second picture" if 3 in array.shape else "it must be H x W"
        raise InvalidInput(f"{name} is an array of shape {array.shape}: {hint}")
    check_size(array.shape[1], array.shape[0], name)
    masked = np.ma.getmaskarray(array)
    array = np.ma.filled(array, 0)
    if array.dtype.kind == "f":
        return _from_metres(array, name, metres_per_step(unit), invalid)
    if array.dtype.kind not in "iu":
        raise InvalidInput(f"{name} has values of {array.dtype}: pass whole numbers, or floats in metres")
    if array.dtype not in (np.uint8, np.uint16):
        if array.min() < 0 or array.max() > 65535:
            raise InvalidInput(
                f"{name} is {array.dtype} with values beyond 0..65535: scale it to 16 bits, or to metres"
            )
        array = array.astype(np.uint16)
    bits = 8 * array.dtype.itemsize
    _check_invalid(invalid, bits)
    if masked.any():
        array = np.where(masked, array.dtype.type(invalid), array)
    return DepthMap(np.ascontiguousarray(array), metres_per_step(unit, bits), invalid)


def load_depth(source: str | os.PathLike[str] | IO[bytes], name: str | None = None) -> Image.Image:
    """Opens and decodes a depth picture, with the samples that its file holds and as it is stored, from a path or a
    binary file object.

    Raises InvalidInput: missing, damaged, not a picture, and as `stored_depth`.
    """
    opened, name = open_image(source, name)
    with opened:
        check_size(*opened.size, name)
        return stored_depth(opened, name).copy()


def depth_orientation(depth: DepthLike) -> int | None:
    """The Exif orientation that a depth map says that it has; None for arrays and tensors, and most pictures."""
    return stored_orientation(depth) if isinstance(depth, Image.Image) else None


def from_samples(depth: DepthMap, output: Output, *, metres: bool) -> DepthLike:
    """A depth map as the caller wants it: samples, or metres as float32 with NaN for no measurement.

    "pil": an image of mode I;16 or L, or F for metres; "numpy": (H, W); "torch": (H, W), samples as int32.
    """
    check_output(output)
    array: NDArray[Any] = depth.metres() if metres else depth.samples
    if output == "pil":
        return Image.fromarray(array)
    if output == "numpy":
        return array
    import torch

    return torch.from_numpy(array if metres else array.astype(np.int32))


def to_network(depth: DepthMap, mode: DepthMode, near: int, far: int) -> NDArray[np.float32]:
    """What a network sees: 0..1 over the range, (H, W), with smooth surfaces in the holes."""
    samples = depth.samples.astype(np.float64).clip(near, far)
    if mode is DepthMode.INVERSE:
        low, high = 1 / far, 1 / near
        values = (1 / samples.clip(1) - low) / (high - low) if high > low else np.zeros_like(samples)
    else:
        values = (samples - near) / (far - near) if far > near else np.zeros_like(samples)
    return _filled(values, ~depth.holes).astype(np.float32)


def from_network(values: NDArray[np.floating[Any]], view: DepthView, holes: NDArray[np.bool_]) -> DepthMap:
    """Samples of what a network gave, (H, W), with the holes where they were."""
    t = values.astype(np.float64).clip(0, 1)
    if view.mode is DepthMode.INVERSE:
        low, high = 1 / view.far, 1 / view.near
        samples = 1 / (low + t * (high - low))
    else:
        samples = view.near + t * (view.far - view.near)
    samples = np.rint(samples).clip(view.near, view.far)
    beside = view.invalid + 1 if view.invalid < view.far else view.invalid - 1
    samples = np.where(samples == view.invalid, beside, samples)
    samples = np.where(holes, view.invalid, samples)
    dtype = np.uint8 if view.bits == 8 else np.uint16
    return DepthMap(samples.astype(dtype), view.metres_per_step, view.invalid)


def depth_errors(reference: DepthMap, decoded: DepthMap) -> tuple[float, float]:
    """Root of the mean square and largest error in millimetres, over all measurements; 0 where there are none."""
    measured = ~reference.holes
    if not measured.any():
        return 0.0, 0.0
    steps = reference.samples[measured].astype(np.float64) - decoded.samples[measured]
    millimetres = 1000 * reference.metres_per_step * steps
    return float(np.sqrt(np.mean(millimetres**2))), float(np.abs(millimetres).max())


def _as_array(depth: DepthLike, name: str) -> NDArray[Any]:
    if isinstance(depth, Image.Image):
        return np.asarray(stored_depth(depth, name))
    if is_tensor(depth):
        return tensor_to_array(depth, name)
    if isinstance(depth, np.ndarray):
        return depth
    hint = "; open it first, e.g. PIL.Image.open(path)" if isinstance(depth, str | bytes | os.PathLike) else ""
    raise InvalidInput(f"{name} is a {type(depth).__name__}: pass a PIL image, an H x W array or a tensor{hint}")


def _check_invalid(invalid: int, bits: int) -> None:
    if isinstance(invalid, bool) or not isinstance(invalid, int) or not 0 <= invalid < 2**bits:
        raise InvalidInput(f"the invalid depth is {invalid!r}; it must be a sample of {bits} bits")


def _from_metres(metres: NDArray[np.floating[Any]], name: str, step: float, invalid: int) -> DepthMap:
    _check_invalid(invalid, 16)
    metres = metres.astype(np.float64)
    measured = np.isfinite(metres) & (metres > 0)
    odd = int((~measured & (metres != 0) & ~np.isnan(metres)).sum())
    if odd:
        warn_caller(
            f"{name}: {odd} values that are negative or infinite are taken as missing measurements", StereoCodecWarning
        )
    with np.errstate(over="ignore"):  # refused below
        wanted = np.where(measured, metres, 0) / step
    steps = np.rint(wanted)
    most = 65534 if invalid == 65535 else 65535
    if steps.max() > most:
        raise InvalidInput(
            f"{name} goes up to {metres[measured].max():.6g} m, and 16 bits of {step:.6g} m end at "
            f"{most * step:.6g} m: floats are metres, so use a coarser unit, clip it, or divide millimetres by 1000"
        )
    # A measurement stays one: it takes the nearer of the samples beside the invalid one.
    beside = np.where((wanted >= invalid) | (invalid == 0), invalid + 1, invalid - 1)
    steps = np.where(steps == invalid, beside, steps)
    return DepthMap(np.where(measured, steps, invalid).astype(np.uint16), step, invalid)


def _filled(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values (H, W) with what is unknown filled by means of ever larger surroundings."""
    if known.all():
        return values
    if not known.any():
        return np.zeros_like(values)
    height, width = values.shape
    margins = (0, height % 2), (0, width % 2)
    weight = np.pad(known.astype(np.float64), margins)
    weighted = np.pad(np.where(known, values, 0), margins)
    blocks = (weight.shape[0] // 2, 2, weight.shape[1] // 2, 2)
    counts = weight.reshape(blocks).sum((1, 3))
    coarse = weighted.reshape(blocks).sum((1, 3)) / counts.clip(1)
    coarse = _filled(coarse, counts > 0)
    return np.where(known, values, coarse.repeat(2, 0).repeat(2, 1)[:height, :width])


def as_frame(color: Picture, depth: DepthMap, orientation: int | None) -> tuple[Picture, DepthMap]:
    """A colour picture and a depth map of one size, which are turned alike to be shown.

    orientation: what the depth map says of its own; None if it says nothing, as most do. It is then stored as the
    colour picture is, if it has the size of that; else it is upright. Both keep an orientation that they share; of
    different ones, both are made upright.

    Raises InvalidInput for sizes that differ even so.
    """
    if orientation is None:
        orientation = color.orientation if color.pixels.shape[:2] == depth.samples.shape else AS_STORED
    before = color.orientation, orientation
    if color.orientation != orientation:
        color, depth = color.upright(), depth.turned(orientation)
    if color.pixels.shape[:2] != depth.samples.shape:
        (height, width), (depth_height, depth_width) = color.pixels.shape[:2], depth.samples.shape
        raise InvalidInput(
            f"color is {width}x{height}, depth is {depth_width}x{depth_height}{turned_text(*before)}: depth must be "
            "registered to colour, pixel by pixel; align it with the camera's software, or scale the colour picture "
            "to the depth map's size"
        )
    return color, depth

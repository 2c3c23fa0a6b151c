"""Depth maps within a bound: what a caller says of it, and the record of a file <-> the map."""

from __future__ import annotations

import math
import re
import sys

import numpy as np
from numpy.typing import NDArray

from .container.depth import DEFAULT_MAX_ERROR, MAX_PPM, BoundedDepth
from .depth_coding import DepthBound, decode_depth, encode_depth
from .entropy.masks import decode_mask, encode_mask
from .errors import DecodingMismatch, InvalidInput
from .pictures.arguments import plain_number
from .pictures.depth import DepthMap

_LENGTHS = {"mm": 0.001, "cm": 0.01, "m": 1.0}
_SHAPE = re.compile(r"(\d+\.?\d*|\.\d+) ?(mm|cm|m|%)?")
_HOW = "give a length such as 5mm, a share of the distance such as 0.5%, or 0 for no error"
_TOLERANCE = 1e-9  # of a division in floating point: 0.3 / 0.1 is below 3


def depth_bound(max_error: str | float | None, metres_per_step: float, bits: int) -> DepthBound:
    """The bound that `depth_max_error` (`RgbdCodec.compress`) asks for, in whole steps or millionths, rounded down.

    Raises InvalidInput for what is none.
    """
    amount, unit = _parsed(DEFAULT_MAX_ERROR if max_error is None else max_error)
    if unit == "%":
        if amount > 100:
            raise InvalidInput(f"depth_max_error is {max_error!r}: {_HOW}")
        return DepthBound(ppm=math.floor(amount * (MAX_PPM / 100) * (1 + _TOLERANCE)))
    steps = min(amount * _LENGTHS[unit] / metres_per_step * (1 + _TOLERANCE), 2**bits - 1)
    return DepthBound(steps=math.floor(steps))


def encode_bounded(depth: DepthMap, bound: DepthBound) -> BoundedDepth:
    """The record of a depth map, which has been decoded and held against the map.

    Raises DecodingMismatch if a measurement does not come back within the bound, which never happens.
    """
    record = BoundedDepth(
        bits=depth.bits,
        metres_per_step=depth.metres_per_step,
        invalid=depth.invalid,
        max_steps=bound.steps,
        max_ppm=bound.ppm,
        mask=encode_mask(depth.holes),
        samples=encode_depth(depth.samples, depth.holes, bound, depth.invalid),
    )
    height, width = depth.samples.shape
    if not _keeps(bound, depth, decode_bounded(record, (height, width))):
        raise DecodingMismatch("the depth map does not come back within its bound, nothing was written; report it")
    return record


def decode_bounded(record: BoundedDepth, size: tuple[int, int]) -> DepthMap:
    """The depth map of this size (H, W) that a record holds; raises CorruptFile when it holds none."""
    holes = decode_mask(record.mask, size)
    bound = DepthBound(record.max_steps, record.max_ppm)
    samples = decode_depth(record.samples, holes, record.bits, bound, record.invalid)
    samples[holes] = record.invalid
    return DepthMap(samples, record.metres_per_step, record.invalid)


def _keeps(bound: DepthBound, depth: DepthMap, decoded: DepthMap) -> bool:
    """Whether holes are where they were, and all measurements within the bound."""
    holes = depth.holes
    if not np.array_equal(holes, decoded.holes):
        return False
    measured: NDArray[np.int64] = depth.samples[~holes].astype(np.int64)
    errors = np.abs(decoded.samples[~holes].astype(np.int64) - measured)
    return bool((errors <= bound.permitted(measured)).all())


def _parsed(max_error: str | float) -> tuple[float, str]:
    """A number and its unit; numbers of Python are metres."""
    if isinstance(max_error, str):
        match = _SHAPE.fullmatch(max_error.strip())
        if match is not None and (match[2] or float(match[1]) == 0):
            return float(match[1]), match[2] or "m"
    else:
        number = plain_number(max_error)
        if not isinstance(number, bool) and isinstance(number, int | float) and 0 <= number < math.inf:
            return float(min(number, sys.float_info.max)), "m"
    raise InvalidInput(f"depth_max_error is {max_error!r}: {_HOW}")

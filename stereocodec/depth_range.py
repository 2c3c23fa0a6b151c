"""Depth that networks code: what a caller says of it, and the record of a file that it becomes."""

from __future__ import annotations

from .container.depth import DepthMode, DepthView
from .entropy.masks import encode_mask
from .errors import InvalidInput
from .pictures.depth import DepthMap

_MODES = {mode.name.lower(): mode for mode in DepthMode}


def depth_view(depth: DepthMap, mode_name: str | None, limits: tuple[float, float] | None) -> DepthView:
    """The record of a depth map that `depth_mode` and `depth_range` (`RgbdCodec.compress`) ask for.

    Raises InvalidInput for an unknown mode, and for a range that is none or leaves measurements out.
    """
    mode = _mode(mode_name or "linear")
    near, far = _range(depth, mode, limits)
    return DepthView(depth.bits, depth.metres_per_step, depth.invalid, near, far, mode, encode_mask(depth.holes))


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

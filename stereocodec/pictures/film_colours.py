"""The samples of a decoded frame of a film as levels of RGB or grey.

libswscale only brings the samples to one arrangement, with chroma at full size. Its own conversion of YCbCr wraps
around where colours lie far outside of RGB.
"""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from ..errors import InvalidInput

# Shares of red and blue in luma, by the number of the matrix in ITU-T H.273.
_BT709, _BT601 = (0.2126, 0.0722), (0.299, 0.114)
_SHARES = {1: _BT709, 4: (0.3, 0.11), 5: _BT601, 6: _BT601, 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
_UNSPECIFIED = 2
_HIGH_DEFINITION = (1280, 576)  # films as wide, or higher, are those in which players expect BT.709
_CHROMA = 0x4 | 0x40000 | 0x80000  # of libswscale: bicubic, rounded accurately, the same on every machine
_STRIP = 2**18  # pixels that are converted at once


def film_levels(frame: VideoFrame, name: str) -> NDArray[np.uint8]:
    """A frame of at most 8 bits per channel as (H, W) for grey, or (H, W, 3), or (H, W, 4) where it has alpha.

    YCbCr is converted by the matrix and the range that the frame states. Where it states none, the matrix is that of
    BT.709 from a width of 1280 or a height of 577 pixels on, and that of BT.601 below; the range is the limited one, 16
    to 235, and for grey the full one. Primaries and transfer functions are not converted.

    Raises InvalidInput for another matrix than those of BT.601, BT.709, SMPTE 240M, FCC and BT.2020.
    """
    form, components = frame.format, frame.format.components
    has_alpha = form.has_palette or any(component.is_alpha for component in components)
    if len(components) == 1 and not form.has_palette:
        grey = _plane(frame.reformat(format="gray").planes[0])
        return _rounded((grey - np.float32(16)) / 219) if frame.color_range == ColorRange.MPEG else grey
    if form.is_rgb or form.has_palette or len(components) < 3:
        return np.asarray(frame.reformat(format="rgba" if has_alpha else "rgb24").to_ndarray(), np.uint8)
    shares = _shares(frame, name)
    is_full = frame.color_range == ColorRange.JPEG
    even = frame.reformat(
        format="yuva444p" if has_alpha else "yuv444p",
        dst_color_range=ColorRange.JPEG if is_full else None,
        interpolation=_CHROMA,
    )
    y, cb, cr, *alpha = map(_plane, even.planes)
    levels = np.stack([y, cb, cr, *alpha], axis=-1)
    rows = max(1, _STRIP // frame.width)
    for top in range(0, frame.height, rows):
        strip = levels[top : top + rows, :, :3]
        strip[:] = _rgb(strip.astype(np.float32), shares, is_full)
    return levels


def _shares(frame: VideoFrame, name: str) -> tuple[float, float]:
    if frame.colorspace == _UNSPECIFIED:
        is_high = frame.width >= _HIGH_DEFINITION[0] or frame.height > _HIGH_DEFINITION[1]
        return _BT709 if is_high else _BT601
    if frame.colorspace not in _SHARES:
        raise InvalidInput(
            f"{name} has colours that are not read (matrix {frame.colorspace} of ITU-T H.273): convert it first, e.g. "
            "with ffmpeg -i IN -pix_fmt gbrp -c:v ffv1 OUT.mkv"
        )
    return _SHARES[frame.colorspace]


def _rgb(ycc: NDArray[np.float32], shares: tuple[float, float], is_full: bool) -> NDArray[np.uint8]:
    """Levels of RGB for those of YCbCr, (H, W, 3)."""
    (red_share, blue_share), zero = shares, np.float32(128)
    luma = ycc[..., 0] / 255 if is_full else (ycc[..., 0] - 16) / 219
    cb, cr = ((ycc[..., channel] - zero) / (255 if is_full else 224) for channel in (1, 2))
    red, blue = luma + 2 * (1 - red_share) * cr, luma + 2 * (1 - blue_share) * cb
    green = (luma - red_share * red - blue_share * blue) / (1 - red_share - blue_share)
    return _rounded(np.stack([red, green, blue], axis=-1))


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values of 0 to 1 as the nearest of 256 levels."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _plane(plane: VideoPlane) -> NDArray[np.uint8]:
    """(H, W), without what lies between the rows."""
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
    return np.ascontiguousarray(rows[:, : plane.width])

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
_STRIP = 2**15  # pixels that are converted at once


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
        return _grey(frame)
    if form.is_rgb or form.has_palette or len(components) < 3:
        return np.asarray(frame.reformat(format="rgba" if has_alpha else "rgb24").to_ndarray(), np.uint8)
    shares, is_full = _shares(frame, name), frame.color_range == ColorRange.JPEG
    even = frame.reformat(
        format="yuva444p" if has_alpha else "yuv444p",
        dst_color_range=ColorRange.JPEG if is_full else None,
        interpolation=_CHROMA,
    )
    planes = [_plane(plane) for plane in even.planes]
    levels = np.empty((frame.height, frame.width, len(planes)), np.uint8)
    for channel in range(3, len(planes)):
        levels[..., channel] = planes[channel]
    rows = max(1, _STRIP // frame.width)
    for strip in (np.s_[top : top + rows] for top in range(0, frame.height, rows)):
        _fill(levels[strip], [plane[strip] for plane in planes[:3]], shares, is_full)
    return levels


def _grey(frame: VideoFrame) -> NDArray[np.uint8]:
    """libswscale takes the range of grey for full, whatever the frame states."""
    levels = _plane(frame.reformat(format="gray").planes[0])
    if frame.color_range != ColorRange.MPEG:
        return levels
    return _rounded((levels - np.float32(16)) * np.float32(255 / 219))


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


def _fill(
    levels: NDArray[np.uint8], planes: list[NDArray[np.uint8]], shares: tuple[float, float], is_full: bool
) -> None:
    """Writes levels of red, green and blue, (H, W, 3 or 4), for planes of Y, Cb and Cr, (H, W) each."""
    luma, cb, cr = (plane.astype(np.float32) for plane in planes)
    cb -= 128
    cr -= 128
    if is_full:
        gain = 1.0
    else:
        luma = (luma - 16) * np.float32(255 / 219)
        gain = 255 / 224
    (red, blue), green = shares, 1 - sum(shares)
    to_red, to_blue = 2 * gain * (1 - red), 2 * gain * (1 - blue)
    levels[..., 0] = _rounded(luma + np.float32(to_red) * cr)
    levels[..., 1] = _rounded(luma - np.float32(to_blue * blue / green) * cb - np.float32(to_red * red / green) * cr)
    levels[..., 2] = _rounded(luma + np.float32(to_blue) * cb)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The nearest of 256 levels; may change the values."""
    return np.rint(np.clip(values, 0, 255, out=values), out=values).astype(np.uint8)


def _plane(plane: VideoPlane) -> NDArray[np.uint8]:
    """(H, W), without what lies between the rows."""
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
    return np.ascontiguousarray(rows[:, : plane.width])

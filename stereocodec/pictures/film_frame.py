"""A decoded frame of a film as a picture: colour, orientation, and how it says that it holds two views."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import Any

from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from PIL import Image

from ..container.layouts import Layout
from ..container.shown import AS_STORED
from ..errors import InvalidInput
from .alpha import Background
from .film_colours import film_levels
from .picture import Picture
from .pil import check_size, pil_picture

_HALF = 1.5  # pixels of half layouts are at least that many times as wide as high, or as high as wide
# AVStereo3D of libavutil: type, flags, view and eye, baseline in micrometres, and two fractions: the disparity
# adjustment and the horizontal field of view in degrees.
_STEREO = struct.Struct("=iiiiIiiii")
_BESIDE, _ABOVE = 1, 2
_CROSSED = 1  # the first flag

# AVDisplayMatrix, whose first four numbers of interest tell, as fixed-point numbers, where the right and the lower
# neighbour of a pixel are shown: to the right and down.
_MATRIX = struct.Struct("=9i")
_ONE = 2**16
_ORIENTATIONS = {
    (1, 0, 0, 1): AS_STORED,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


@dataclass(frozen=True)
class Packing:
    """What a film says of its views.

    layout: in one picture. apart: how they lie otherwise, in words; both None where it says nothing. to_join: options
    of ffmpeg that bring views that are apart into one picture, where it can. calibration: of the cameras.
    """

    layout: Layout | None = None
    apart: str | None = None
    to_join: str = ""
    calibration: dict[str, float] = field(default_factory=dict)


_APART = {
    3: Packing(apart="in turns, frame by frame", to_join="-vf stereo3d=a{}:sbsl"),
    4: Packing(apart="as a checkerboard"),
    5: Packing(apart="as a checkerboard"),
    6: Packing(apart="row by row", to_join="-vf stereo3d=ir{}:sbsl"),
    7: Packing(apart="column by column", to_join="-vf stereo3d=ic{}:sbsl"),
    8: Packing(apart="in two layers, as of a spatial video (MV-HEVC)"),
}


def film_packing(frame: VideoFrame, pixel_aspect: float) -> Packing:
    """What a frame says of its views; pixel_aspect: width of a pixel in heights."""
    data = _side_data(frame, SideData.STEREO3D, _STEREO)
    if data is None:
        return Packing()
    kind, flags, _, _, baseline, *fractions = data
    if kind not in (_BESIDE, _ABOVE):
        apart = _APART.get(kind, Packing())
        return replace(apart, to_join=apart.to_join.format("r" if flags & _CROSSED else "l"))
    is_half = pixel_aspect > _HALF if kind == _BESIDE else pixel_aspect < 1 / _HALF
    name = ("half-" if is_half else "") + ("sbs" if kind == _BESIDE else "tb") + ("-cross" if flags & _CROSSED else "")
    adjustment, view = (top / bottom if bottom else 0.0 for top, bottom in (fractions[:2], fractions[2:]))
    calibration = {"baseline": baseline / 1e6, "field_of_view": view, "disparity_adjustment": adjustment}
    return Packing(Layout(name), calibration={key: value for key, value in calibration.items() if value})


def film_picture(frame: VideoFrame, name: str, background: Background | None, views: int) -> Picture:
    """A frame that holds some views as a picture, as it is stored, with its orientation.

    Raises InvalidInput: more than 8 bits per channel, colours that `film_levels` does not know, or too large.
    """
    check_size(frame.width, frame.height, name, views)
    if max(component.bits for component in frame.format.components) > 8:
        raise InvalidInput(
            f"{name} has more than 8 bits per channel ({frame.format.name}), a .bsc file holds 8: reduce it first, "
            "e.g. with ffmpeg -i IN -pix_fmt yuv444p -c:v ffv1 OUT.mkv"
        )
    image = Image.fromarray(film_levels(frame, name))
    return replace(pil_picture(image, name, background, views=views), orientation=_orientation(frame))


def _orientation(frame: VideoFrame) -> int:
    """By quarter turns; other angles are not turned."""
    data = _side_data(frame, SideData.DISPLAYMATRIX, _MATRIX)
    if data is None:
        return AS_STORED
    a, b, _, c, d = data[:5]
    return _ORIENTATIONS.get((a // _ONE, b // _ONE, c // _ONE, d // _ONE), AS_STORED)


def _side_data(frame: VideoFrame, kind: SideData, layout: struct.Struct) -> tuple[int, ...] | None:
    try:
        every: Any = frame.side_data
        data = bytes(every[kind])
    except (KeyError, ValueError):  # PyAV refuses frames with kinds that it does not know
        return None
    return layout.unpack_from(data) if len(data) >= layout.size else None

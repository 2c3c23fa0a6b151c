"""Films of both views: side by side or one above the other in one stream of video, or each in a stream of its own."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from ..container.layouts import MPO_LAYOUT, Layout
from ..container.metadata import Metadata
from ..errors import InvalidInput
from .heif_items import is_heif
from .packed import split
from .picture import Picture, StereoPair, as_pair
from .shell import shown_path
from .source import PairSource

if TYPE_CHECKING:
    from .film_decoder import Film
    from .film_frame import Packing

# How files begin, from which place on, and what libavformat calls their format. It never guesses: among all that it
# knows are lists of other files and addresses, which it would open.
_BEGINNINGS = (
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"YUV4MPEG2 ", "yuv4mpegpipe"),
    (4, b"ftyp", "mov"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
)
_TS_SYNC, _TS_PACKETS = 0x47, ((0, 188), (4, 192))  # where the first packet begins, and bytes of one


def film_format(head: bytes) -> str | None:
    """What libavformat calls the format of a film that begins so; None for what is no film."""
    if is_heif(head[:12]):  # by what it is first of all; films may keep to standards of pictures, too
        return None
    for place, mark, name in _BEGINNINGS:
        if head.startswith(mark, place):
            return name
    for start, length in _TS_PACKETS:
        if head[start : start + 4 * length : length] == bytes((_TS_SYNC,)) * 4:
            return "mpegts"
    return None


def read_film(source: PairSource) -> StereoPair | Picture | None:
    """The views in frame `source.frame` of a film, counted from 0 as they are shown; the first one where that is None.

    The layout is the one that is given, or the one that the film states: Matroska's StereoMode, the st3d and vexu boxes
    of MP4, the frame packing of H.264. It is a half layout where the pixels are said to be far from square. Two
    streams of video are the views where they are called left and right, or the layout is `mpo`. Calibration has what a
    spatial video says of baseline, field of view and disparity adjustment.

    Raises InvalidInput: no PyAV, damaged, a frame beyond the end, more than 8 bits per channel, or views that are not
    packed into one picture.
    """
    form = film_format(source.head)
    if form is None:
        return None
    try:
        from .film_decoder import open_film
    except ImportError as error:
        raise InvalidInput(
            f"{source.name} is a film, which needs PyAV to be read: pip install 'stereocodec[video]'"
        ) from error
    with source.open() as file, open_film(file, form, source.name) as film:
        return _views_of(film, source)


def _views_of(film: Film, source: PairSource) -> StereoPair | Picture:
    from .film_frame import film_packing, film_picture

    number, layout = source.frame or 0, source.layout
    streams = film.views(in_order=layout == MPO_LAYOUT)
    if streams is not None and not isinstance(layout, Layout):
        frames = film.frames(streams, number, views=1)
        return as_pair(*(film_picture(frame, source.name, source.background, views=1) for frame in frames))
    stream = film.main_stream
    (frame,) = film.frames((stream,), number, views=2)
    packing = film_packing(frame, float(stream.sample_aspect_ratio or 1))
    if layout is None and packing.layout is None:
        _check_is_together(packing, source, several=film.has_others_like(stream))
    layout = layout or packing.layout
    picture = film_picture(frame, source.name, source.background, views=2)
    picture = replace(picture, metadata=Metadata(calibration=packing.calibration or None))
    return split(picture, layout, source.name) if isinstance(layout, Layout) else picture


def _check_is_together(packing: Packing, source: PairSource, *, several: bool) -> None:
    """Refuses a film whose views lie apart, or may do so. several: whether there are streams of equal size."""
    if packing.apart is not None:
        file = shlex.quote(shown_path(source.path))
        command = f", e.g. with ffmpeg -i {file} {packing.to_join} -c:v ffv1 OUT.mkv" if packing.to_join else ""
        raise InvalidInput(f"{source.name} holds its views {packing.apart}: put them side by side first{command}")
    if several:
        raise InvalidInput(
            f"{source.name} holds several streams of video and does not say that two of them are views: if the first "
            "two are, the left one first, give --layout mpo (in Python layout='mpo')"
        )

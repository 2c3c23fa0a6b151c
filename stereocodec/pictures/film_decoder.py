"""Frames of a film by PyAV, counted as they are decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..container.limits import MAX_PIXELS
from ..errors import InvalidInput
from ..text import reason_of
from .pil import check_size
from .source import beyond_the_end

_VIEW = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_STILL = Disposition.attached_pic | Disposition.timed_thumbnails
# PyAV before version 19 refuses titles that are no UTF-8, unless it is told not to.
_TOLERANT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
_LIMITS = {"max_pixels": str(2 * MAX_PIXELS)}  # of decoders, before they take memory


@dataclass(frozen=True)
class Film:
    """An open film. streams: those of moving pictures. name: what messages call it."""

    container: InputContainer
    streams: tuple[VideoStream, ...]
    name: str

    @property
    def main_stream(self) -> VideoStream:
        """The one that players show."""
        best = self.container.streams.best("video")
        return next(
            (stream for stream in self.streams if best is not None and stream.index == best.index), self.streams[0]
        )

    def views(self, *, in_order: bool) -> tuple[VideoStream, VideoStream] | None:
        """The streams of the left and the right view, whose names say so; in_order: or the only two, left one first."""
        named = {side.lower(): stream for stream in self.streams for side in _VIEW.findall(_title(stream))}
        if {"left", "right"} <= named.keys() and named["left"] is not named["right"]:
            return named["left"], named["right"]
        if in_order and len(self.streams) == 2:
            return self.streams[0], self.streams[1]
        return None

    def has_others_like(self, stream: VideoStream) -> bool:
        """Whether there are more streams of the size of one."""
        return [(other.width, other.height) for other in self.streams].count((stream.width, stream.height)) > 1

    def frames(self, streams: Sequence[VideoStream], number: int, views: int) -> list[VideoFrame]:
        """Frame `number` of some streams, each of which holds some views, counted from 0 as frames are shown.

        All before it are decoded, because no index of a file tells reliably which frame comes when. Raises InvalidInput
        for a frame beyond the end, and for one that is damaged.
        """
        wanted = {stream.index: stream for stream in streams}
        for stream in streams:
            if stream.width == 0 or stream.height == 0:  # libavcodec forgets sizes that are above its limits
                raise InvalidInput(
                    f"{self.name} has frames of unknown size, or above {views * MAX_PIXELS} pixels: scale it down"
                )
            check_size(stream.width, stream.height, self.name, views)
            stream.thread_type = "AUTO"
            stream.codec_context.options = _LIMITS
        counts = dict.fromkeys(wanted, 0)
        found: dict[int, VideoFrame] = {}
        for packet in self.container.demux(*streams):
            index = packet.stream.index
            for frame in wanted[index].decode(packet):
                if counts[index] == number:
                    found[index] = frame
                counts[index] += 1
            if found.keys() == wanted.keys():
                return [self._whole(found[index]) for index in wanted]
        least = min(counts.values())
        if least == 0:
            raise InvalidInput(f"{self.name} has no frame that can be decoded: it is truncated or damaged")
        raise beyond_the_end(self.name, least, number)

    def _whole(self, frame: VideoFrame) -> VideoFrame:
        if frame.is_corrupt:
            raise InvalidInput(
                f"{self.name} is damaged at this frame: choose another one with --frame (in Python frame=)"
            )
        return frame


@contextmanager
def open_film(file: IO[bytes], form: str, name: str) -> Iterator[Film]:
    """A film in a file object; form: what libavformat calls its format.

    Raises InvalidInput for what is damaged, also while it is read, and for films without pictures that can be decoded.
    """
    try:
        with av.open(file, "r", format=form, options=_LIMITS, **_TOLERANT) as container:
            yield Film(container, _streams(container, name), name)
    except (av.FFmpegError, OSError) as error:
        raise InvalidInput(f"{name} is truncated or damaged: {reason_of(error)}") from error


def _streams(container: InputContainer, name: str) -> tuple[VideoStream, ...]:
    """Those of moving pictures, without covers and thumbnails."""
    moving = [stream for stream in container.streams.video if not stream.disposition & _STILL]
    if not moving:
        raise InvalidInput(f"{name} has no stream of video: name a film")
    known = tuple(stream for stream in moving if getattr(stream, "codec_context", None) is not None)
    if not known:
        raise InvalidInput(
            f"{name} is coded in a way that PyAV cannot decode: convert it, e.g. with ffmpeg -i IN -c:v ffv1 OUT.mkv"
        )
    return known


def _title(stream: VideoStream) -> str:
    return f"{stream.metadata.get('title', '')} {stream.metadata.get('handler_name', '')}"

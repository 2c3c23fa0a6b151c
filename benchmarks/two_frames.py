"""Both views as two frames of one film, coded without starting another program: by PyAV and by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from stereocodec.evaluation.codecs.base import PillowCodec, Scale, picture_bytes
from stereocodec.evaluation.codecs.video import VideoCodec
from stereocodec.evaluation.metrics import View

_SAMPLES = "yuv444p10le"
_FULL_RANGE_601 = {"colorspace": "ITU601", "color_range": "JPEG"}


@dataclass(frozen=True)
class PyAvFilm:
    """A video codec of `bisic eval`, x265, with PyAV in the place of ffmpeg's program.

    preset: of x265, the video codec's own for an empty one. The conversion of colours is FFmpeg's.
    """

    video: VideoCodec
    threads: int
    preset: str = ""

    @property
    def scale(self) -> Scale:
        """The video codec's settings."""
        return self.video.scale

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file for both views."""
        encoder = av.CodecContext.create(self.video.encoder, "w")
        encoder.height, encoder.width = views[0].shape[:2]
        encoder.pix_fmt, encoder.time_base = _SAMPLES, Fraction(1, 25)
        encoder.options = self._options(setting)
        packets = []
        for view in views:
            to = {f"dst_{name}": value for name, value in _FULL_RANGE_601.items()}
            packets += encoder.encode(av.VideoFrame.from_ndarray(view).reformat(format=_SAMPLES, **to))
        packets += encoder.encode(None)
        path = stem.with_name(f"{stem.name}.{self.video.muxer}")
        path.write_bytes(b"".join(map(bytes, packets)))
        return [path]

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Both frames."""
        decoder = av.CodecContext.create(self.video.muxer, "r")
        decoder.thread_count, decoder.thread_type = self.threads, "AUTO"
        packets = [*decoder.parse(files[0].read_bytes()), *decoder.parse(b"")]
        frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
        of = {f"src_{name}": value for name, value in _FULL_RANGE_601.items()}
        left, right = (frame.reformat(format="rgb24", **of, dst_color_range="JPEG").to_ndarray() for frame in frames)
        return left, right

    def _options(self, setting: float) -> dict[str, str]:
        """The video codec's, such as "-preset veryslow", for so many threads."""
        words = [word.format(q=int(setting)) for word in self.video.options]
        options = {name.removeprefix("-"): value for name, value in zip(words[::2], words[1::2], strict=True)}
        pools = f"pools={self.threads}" if self.threads > 1 else "pools=none"
        options["x265-params"] = options["x265-params"].replace("pools=none", pools) + ":log-level=none"
        return options | ({"preset": self.preset} if self.preset else {})


class AvifFilm(PillowCodec):
    """An AVIF file of Pillow with two frames, of which the right view is predicted from the left one."""

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file for both views."""
        both = {"save_all": True, "append_images": [Image.fromarray(views[1])]}
        path = stem.with_name(f"{stem.name}.avif")
        path.write_bytes(picture_bytes(views[0], self.format, {**dict(self.options), "quality": int(setting), **both}))
        return [path]

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Both frames."""
        views = []
        with Image.open(files[0]) as film:
            for number in range(2):
                film.seek(number)
                views.append(np.asarray(film.convert("RGB")))
        left, right = views
        return left, right

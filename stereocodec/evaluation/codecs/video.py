"""The pair as a video of two frames, by ffmpeg: the left view intra, the right one predicted from it.

The frames are Y'CbCr of BT.601, full range, 4:4:4, 10 bits, rounded once: without coding, the way there and back
gives the same 8-bit RGB.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..metrics import View
from ..tools import ToolError, first_line, printed, run_tool
from .base import Codec, Scale

_KR, _KB = 0.299, 0.114  # BT.601
_TO_YCC = np.array(
    [
        [_KR, 1 - _KR - _KB, _KB],
        [-_KR / (2 - 2 * _KB), -(1 - _KR - _KB) / (2 - 2 * _KB), 0.5],
        [0.5, -(1 - _KR - _KB) / (2 - 2 * _KR), -_KB / (2 - 2 * _KR)],
    ]
)
_TO_RGB = np.linalg.inv(_TO_YCC)
_PEAK, _MIDDLE = 1023, 512


def to_planes(view: View) -> NDArray[np.uint16]:
    """(H, W, 3) uint8 RGB -> (3, H, W) uint16 Y'CbCr of 10 bits."""
    ycc = view.astype(np.float64) @ _TO_YCC.T * (_PEAK / 255)
    ycc[..., 1:] += _MIDDLE
    return np.ascontiguousarray(ycc.round().clip(0, _PEAK).astype("<u2").transpose(2, 0, 1))


def from_planes(planes: NDArray[np.uint16]) -> View:
    """The inverse, rounded to 8 bits."""
    ycc = planes.transpose(1, 2, 0).astype(np.float64)
    ycc[..., 1:] -= _MIDDLE
    rgb = ycc * (255 / _PEAK) @ _TO_RGB.T
    return np.ascontiguousarray(rgb.round().clip(0, 255).astype(np.uint8))


@dataclass(frozen=True)
class VideoCodec:
    """A video encoder of ffmpeg; `options` with {q} for the setting, `passes` as the encoder wants them."""

    name: str
    title: str
    scale: Scale
    encoder: str
    muxer: str
    options: tuple[str, ...]
    passes: int = 1

    def missing(self) -> str | None:
        """Whether ffmpeg is on PATH and has the encoder."""
        if shutil.which("ffmpeg") is None:
            return "ffmpeg is not on PATH"
        if f" {self.encoder} " not in printed("ffmpeg", "-hide_banner", "-encoders"):
            return f"this ffmpeg was built without {self.encoder}"
        return None

    def identity(self) -> str:
        """ffmpeg's version and the options. The encoder's own version is not told without encoding."""
        return f"{first_line('ffmpeg', '-version').partition(' Copyright')[0]}, {self.encoder} {' '.join(self.options)}"

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file for both views."""
        height, width = views[0].shape[:2]
        path = stem.with_name(f"{stem.name}.{self.muxer}")
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "in.yuv"
            raw.write_bytes(b"".join(to_planes(view).tobytes() for view in views))
            source = f"-f rawvideo -pix_fmt yuv444p10le -s {width}x{height} -r 25 -i".split()
            options = [option.format(q=int(setting)) for option in self.options]
            command = [
                "ffmpeg",
                "-hide_banner",
                "-y",
                "-threads",
                "1",
                *source,
                str(raw),
                "-c:v",
                self.encoder,
                *options,
            ]
            for number in range(1, self.passes + 1):
                target = ["-f", "null", "-"] if number < self.passes else ["-f", self.muxer, str(path.resolve())]
                each = ["-pass", str(number)] if self.passes > 1 else []
                run_tool([*command, *each, *target], cwd=Path(folder))
        return [path]

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Decodes with ffmpeg."""
        height, width = shape[:2]
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "out.yuv"
            command = ["ffmpeg", "-hide_banner", "-y", "-threads", "1", "-f", self.muxer, "-i", str(files[0])]
            run_tool([*command, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv444p10le", str(raw)])
            samples = np.fromfile(raw, "<u2")
        if samples.size != 2 * 3 * height * width:
            raise ToolError(f"{files[0].name} does not hold two frames of {width}x{height}")
        left, right = samples.reshape(2, 3, height, width)
        return from_planes(left), from_planes(right)


def _x265(name: str, title: str, keyint: int, settings: tuple[float, ...]) -> VideoCodec:
    parameters = (
        f"qp={{q}}:keyint={keyint}:min-keyint=1:scenecut=0:bframes=0:merange=256:info=0:pools=none:frame-threads=1"
    )
    options = ("-preset", "veryslow", "-tune", "psnr", "-x265-params", parameters)
    return VideoCodec(name, title, Scale("qp", settings, 0, 51, rises=False), "libx265", "hevc", options)


VIDEO_CODECS: tuple[Codec, ...] = (
    _x265("hevc_ip", "HEVC, two frames (x265)", 9999, (22, 26, 30, 34, 38, 42)),
    _x265("hevc_ii", "HEVC, both views intra (x265)", 1, (25, 29, 33, 37, 41, 45)),
    VideoCodec(
        "av1_ip",
        "AV1, two frames (libaom)",
        Scale("cq", (14, 24, 34, 43, 52, 59), 1, 63, rises=False),
        "libaom-av1",
        "obu",
        (
            "-crf",
            "{q}",
            "-b:v",
            "0",
            "-g",
            "9999",
            "-keyint_min",
            "0",
            "-cpu-used",
            "2",
            "-tune",
            "psnr",
            "-row-mt",
            "0",
        ),
        passes=2,
    ),
)
"""HEVC with the right view predicted and with both intra, and AV1."""

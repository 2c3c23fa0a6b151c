"""Frames of colour with depth in a batch: opened, encoded and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..container import Container, Metadata
from ..datasets.frames import FrameFiles
from ..depth_settings import DepthSettings
from ..pictures.depth import DepthMap, depth_errors
from ..pictures.picture import Picture
from ..pictures.rgb import psnr
from ..pixel_limit import ANY_SIZE
from .jobs import EncodeJob

if TYPE_CHECKING:
    from ..rgbd_codec import RgbdCodec


@dataclass(frozen=True)
class Frame:
    """Colour and depth as they are stored, of one size."""

    color: Picture
    depth: DepthMap

    @property
    def metadata(self) -> Metadata:
        """What the picture of colour says."""
        return self.color.metadata

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.depth.samples.shape
        return width, height

    def with_metadata(self, metadata: Metadata) -> Frame:
        """The same with other metadata."""
        return replace(self, color=replace(self.color, metadata=metadata))


def open_frame(job: EncodeJob, settings: DepthSettings, background: str | None) -> Frame:
    """Raises InvalidInput as `FrameFiles.open`."""
    assert job.depth is not None
    files = FrameFiles(job.name, job.left, job.depth, job.depth_unit)
    return Frame(*files.open(settings.unit, settings.invalid or 0, background))


def encode_frame(codec: RgbdCodec, frame: Frame, settings: DepthSettings, goal: dict[str, Any]) -> Container:
    """What the file holds; goal: quality, targets and effort, as of `RgbdCodec.encode`."""
    return codec.encode(
        frame.color,
        frame.depth.samples,
        depth_unit=frame.depth.metres_per_step,
        invalid=frame.depth.invalid,
        **settings.of_codec,
        **goal,
    )


def measured_frame(codec: RgbdCodec, frame: Frame, data: bytes) -> dict[str, float]:
    """What a report says of a decoded frame."""
    color, depth = codec.decode(data, max_pixels=ANY_SIZE)
    rmse, largest = depth_errors(frame.depth.turned(frame.color.orientation), depth)
    return {"psnr_color": psnr(frame.color.shown(), color), "depth_rmse_mm": rmse, "depth_largest_mm": largest}

"""Frames of colour and depth in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...container.depth import DepthMode
from ...datasets.frames import FrameFiles, find_frames
from ...datasets.sources import find_all
from ...pictures.depth import DepthMap, to_network
from ..config import TrainingConfig
from ..rendered import rendered_texture


@dataclass(frozen=True)
class Frame:
    """A named frame: color (H, W, 3) uint8, depth of the same size, and the samples that are coded, near to far."""

    name: str
    color: NDArray[np.uint8]
    depth: DepthMap
    near: int
    far: int
    mode: DepthMode

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.color.shape[0], self.color.shape[1]

    def crop(self, top: int, left: int, height: int, width: int) -> Frame:
        """A part of it, with the range of the whole."""
        part = np.s_[top : top + height, left : left + width]
        depth = DepthMap(self.depth.samples[part], self.depth.metres_per_step, self.depth.invalid)
        return Frame(self.name, self.color[part], depth, self.near, self.far, self.mode)

    def for_training(self) -> NDArray[np.float32]:
        """(H, W, 5): colour and depth in 0..1 as `RgbdCodec` gives them to the networks, and 1 where depth was
        measured."""
        depth = to_network(self.depth, self.mode, self.near, self.far)
        return np.dstack([self.color / np.float32(255), depth, ~self.depth.holes]).astype(np.float32)


def load_frames(sources: Iterable[Path], config: TrainingConfig) -> list[Frame]:
    """All frames of folders and CSV lists (`find_frames`), decoded, with names that differ; without those that hold
    no measurement.

    Raises what `find_frames` and `FrameFiles.load` raise: InvalidInput, which names the source or the file.
    """
    frames = [_load(files, config) for files in find_all(find_frames, sources)]
    return [frame for frame in frames if frame is not None]


def _load(files: FrameFiles, config: TrainingConfig) -> Frame | None:
    """A frame with the range that is coded; None where nothing was measured."""
    color, depth = files.load(config.depth_unit or None, config.invalid)
    measured = depth.samples[~depth.holes]
    if not measured.size:
        return None
    mode = DepthMode[config.depth_mode.upper()]
    near, far = int(measured.min()), int(measured.max())
    if config.depth_range:
        near, far = (round(limit / depth.metres_per_step) for limit in config.depth_range)
        near, far = max(near, int(mode is DepthMode.INVERSE)), min(far, 2**depth.bits - 1)
    # Copied: what Pillow hands out may not be written to, of which PyTorch warns.
    return Frame(files.name, color.copy(), depth, near, max(near + 1, far), mode)


def rendered_frame() -> Frame:
    """Texture whose brightness tells its depth, with a hole."""
    texture = rendered_texture(256, 256)
    samples = (1000 + 8 * texture[..., 0].astype(np.uint16)).astype(np.uint16)
    samples[40:80, 100:140] = 0
    measured = samples[samples > 0]
    limits = int(measured.min()), int(measured.max())
    return Frame("a rendered frame", texture, DepthMap(samples, 0.001), *limits, DepthMode.LINEAR)

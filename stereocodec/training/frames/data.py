"""Frames of colour and depth in memory, and random crops of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...container.depth import DepthMode
from ...datasets.frames import FrameFiles, find_frames
from ...datasets.sources import find_all
from ...errors import TrainingError
from ...pictures.depth import DepthMap, to_network
from ..config import TrainingConfig
from ..pairs.data import area_probabilities


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

    def central(self, max_side: int, multiple: int = 64) -> Frame:
        """The middle, sides the largest multiples of `multiple` up to `max_side`."""
        height, width = (min(side, max_side) // multiple * multiple for side in self.size)
        return self.crop((self.size[0] - height) // 2, (self.size[1] - width) // 2, height, width)

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


class FrameSampler:
    """Random crops of frames, mirrored or flipped at random.

    Frames are drawn by `area_probabilities`. What is drawn depends on `generator` alone, whose state may be kept and
    set. Raises TrainingError when no frame is large enough.
    """

    def __init__(self, frames: Sequence[Frame], config: TrainingConfig, device: torch.device, seed: int) -> None:
        height, width = config.crop_height, config.crop_width
        self._frames = [f for f in frames if f.size[0] >= height and f.size[1] >= width]
        if not self._frames:
            raise TrainingError(f"no frame is as large as a crop of {width}x{height}; use smaller crops")
        self._probabilities = area_probabilities(self._frames)
        self._size, self._augmentation, self._device = (height, width), config.augmentation, device
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def batch(self, size: int) -> Tensor:
        """(size, height, width, 5) float32, see `Frame.for_training`."""
        return torch.from_numpy(np.stack([self._crop() for _ in range(size)])).to(self._device)

    def _crop(self) -> NDArray[np.float32]:
        frame = self._frames[self.generator.choice(len(self._frames), p=self._probabilities)]
        top, left = (int(self.generator.integers(a - b + 1)) for a, b in zip(frame.size, self._size, strict=True))
        crop = frame.crop(top, left, *self._size).for_training()
        across, down = self.generator.random(2)
        if self._augmentation == "none":
            return crop
        # Rooms upside down are rarer in what will be coded than mirrored ones.
        chosen = across < 0.5, down < (0.5 if self._augmentation == "flips-and-swaps" else 0.1)
        return np.flip(crop, tuple(axis for axis, is_chosen in zip((1, 0), chosen, strict=True) if is_chosen))

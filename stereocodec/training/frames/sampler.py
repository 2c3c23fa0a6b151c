"""Random crops of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..config import TrainingConfig
from ..random_crops import AreaWeighted, large_enough, random_place
from .data import Frame

LEAST_SIDE = 128  # of crops, and of frames that are held out: what the networks take


class FrameSampler:
    """Random crops of frames, mirrored or flipped at random.

    Frames are drawn as `AreaWeighted` says. What is drawn depends on `generator` alone, whose state may be kept and
    set. Raises TrainingError when no frame is large enough.
    """

    def __init__(self, frames: Sequence[Frame], config: TrainingConfig, device: torch.device, seed: int) -> None:
        self._size = config.crop_height, config.crop_width
        self._frames = AreaWeighted(large_enough(frames, self._size, "frame", LEAST_SIDE))
        self._augmentation, self._device = config.augmentation, device
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def batch(self, size: int) -> Tensor:
        """Draws crops: (size, height, width, 5) float32, see `Frame.for_training`."""
        return torch.from_numpy(np.stack([self._crop() for _ in range(size)])).to(self._device)

    def _crop(self) -> NDArray[np.float32]:
        frame = self._frames.draw(self.generator)
        place = random_place(self.generator, frame.size, self._size)
        crop = frame.crop(*place, *self._size).for_training()
        across, down = self.generator.random(2)
        if self._augmentation == "none":
            return crop
        # Rooms upside down are rarer in what will be coded than mirrored ones.
        chosen = across < 0.5, down < (0.5 if self._augmentation == "flips-and-swaps" else 0.1)
        return np.flip(crop, tuple(axis for axis, is_chosen in zip((1, 0), chosen, strict=True) if is_chosen))

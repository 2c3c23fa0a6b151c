"""Reading pairs back for training: `.bsc` files as a data set of PyTorch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .batch.naming import decode_jobs
from .codec import StereoCodec
from .container import Container
from .container.bounded import MAX_FILE_BYTES
from .regular_files import read_regular

Transform = Callable[[Tensor, Tensor], Any]


class PairDataset(Dataset[Any]):
    """The pairs of `.bsc` files, decoded when they are asked for.

    Each item is the left and the right view, two (3, H, W) uint8 tensors on `device`, or (H, W) of grey pairs; upright.
    Workers of a `DataLoader` may be forked or spawned: each process loads the networks for itself, once, when it
    decodes first. On a GPU use no workers.
    """

    def __init__(
        self,
        sources: str | Path | Sequence[str | Path],
        *,
        model: str | Path | None = None,
        device: str | torch.device = "cpu",
        max_pixels: int | None = None,
        transform: Transform | None = None,
    ) -> None:
        """Finds the files; nothing is read yet.

        sources: files, and folders with all below, sorted. model: as of `StereoCodec.for_file`. max_pixels: as of
        `decompress`. transform: called with both views; what it returns is the item.
        Raises InvalidInput for a folder without files.
        """
        named = [sources] if isinstance(sources, str | Path) else list(sources)
        self.files = [job.file for job in decode_jobs([os.fspath(source) for source in named], None)]
        self._model, self._device = model, torch.device(device)
        self._max_pixels, self._transform = max_pixels, transform
        self._codec: StereoCodec | None = None

    def __len__(self) -> int:
        """The number of files."""
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        """Reads and decodes a pair; raises what `StereoCodec.for_file` and `decompress` raise, and IndexError."""
        container = Container.from_bytes(read_regular(self.files[index], MAX_FILE_BYTES))
        codec = self._codec_of(container)
        views = codec.decompress(container, output="torch", max_pixels=self._max_pixels)
        left, right = (view.to(self._device) for view in views)
        return (left, right) if self._transform is None else self._transform(left, right)

    def __getstate__(self) -> dict[str, Any]:
        """Without the networks, which a spawned process loads itself."""
        return {**self.__dict__, "_codec": None}

    def _codec_of(self, container: Container) -> StereoCodec:
        """The codec of a file: that of the last one, where the same weights wrote both."""
        if self._codec is None or self._codec.model_id != container.model_id:
            self._codec = StereoCodec.for_file(container, self._model, device=self._device)
        return self._codec
